# What a developer runs. CI runs .ci/run, which runs the same things as root.
TOOL = go tool -modfile=tools/go.mod

.PHONY: build package check test fmt lint bench bpf vectors mutants long clean

build: ## one static binary
	CGO_ENABLED=0 go build -trimpath -o stele ./cmd/stele

# A tag names a release; between releases the version is that of the next one.
VERSION ?= $(or $(patsubst v%,%,$(shell git describe --tags --exact-match --match 'v*' 2>/dev/null)),0.1.0-dev)

package: ## dist/stele_VERSION_ARCH.deb and .rpm
	packaging/build $(VERSION) dist

check: lint test ## before every commit; needs no root

test:
	go test ./...

long: mutants ## the suites in full, which take hours; CI runs a short form of each
	go test ./internal/examine -run TestTamper -tamper-table -timeout 2h
	STELE_CI=1 go test ./internal/cli -run TestWays -all-ways
	cd tools/semdiff && go run .
	go test ./internal/rescan -run TestKilled -texts 100000 -timeout 1h -v
	.ci/loaded

fmt:
	$(TOOL) gofumpt -w .

lint:
	@test -z "$$($(TOOL) gofumpt -l .)" || { $(TOOL) gofumpt -l .; echo "run make fmt"; exit 1; }
	go vet ./...
	GOOS=darwin go vet ./...
	$(TOOL) staticcheck ./...
	go mod tidy -diff

bench: ## the table of what it costs, beside what the machine can do
	go test ./internal/bench -run TestTable -bench-table -v -timeout 60m

bpf: ## the programs for the kernel, compiled anew; needs clang 14, llvm and libbpf-dev
	go generate ./internal/capture/bpf

vectors: ## write the test vectors of docs/format anew
	go test ./verify -run TestVectors -update

mutants: ## break the verifiers one line at a time: which breakages do the vectors miss? needs node and npm
	cd tools && go run ./mutants -root .. -update

clean:
	rm -rf stele dist
