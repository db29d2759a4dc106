module github.com/stele-log/stele/tools/semdiff

go 1.26.0

require (
	github.com/aymanbagabas/go-udiff v0.4.1
	github.com/stele-log/stele v0.0.0
	github.com/wI2L/jsondiff v0.7.1
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/tidwall/gjson v1.18.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/mod v0.42.0 // indirect
)

replace github.com/stele-log/stele => ../..
