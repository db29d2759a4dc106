package verify_test

import (
	"fmt"
	"strings"
)

// bodyVector is one element of bodies.json. Canonical says that the body is one
// of its kind: in canonical form, with its known fields of the right type.
type bodyVector struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Body      []byte `json:"body"`
	Canonical bool   `json:"canonical"`
}

// bodyVectors collects them.
type bodyVectors []bodyVector

func (v *bodyVectors) good(kind, name, content string) {
	*v = append(*v, bodyVector{kind + ": " + name, kind, []byte(content), true})
}

func (v *bodyVectors) bad(kind, name, content string) {
	*v = append(*v, bodyVector{kind + ": " + name, kind, []byte(content), false})
}

// makeBodyVectors is bodies.json.
func makeBodyVectors() []bodyVector {
	var v bodyVectors
	v.complete()
	v.canonicalForm()
	v.types()
	v.bytes()
	v.references()
	v.sort()
	return v
}

// complete has every field of every body.
func (v *bodyVectors) complete() {
	for _, kind := range []string{"who", "why", "how"} {
		v.good(kind, "empty", `{}`)
	}
	v.good("what", "least", `{"action":"delete"}`)
	v.good("who", "all fields", `{"ancestors":[{"command":["bash","-l"],"exe":"/bin/bash","pid":2,"uid":1000},{"exe64":"/w==","pid":1}],`+
		`"author":"joe","claimed":true,"command":["vi","/etc/a"],"container":"c0ffee","euid":0,"exe":"/usr/bin/vi","gid":0,`+
		`"login_uid":1000,"login_user":"jane","pid":4711,"session":{"address":"192.0.2.1","id":"12","kind":"ssh"},`+
		`"started":"2026-01-02T03:04:05.000000006Z","tty":"pts/0","uid":0,"unit":"session-12.scope","user":"root"}`)
	v.good("why", "all fields", `{"given_by":{"uid":1000,"user":"jane"},"learnt":"run","reason":"less noise","ticket":"OPS-1"}`)
	v.good("how", "all fields", `{"claimed":{"author_time":"2020-01-01T00:00:00Z","commit":"abc","repository":"https://git.example/r","time":"2020-01-02T00:00:00+01:00"},`+
		`"confidence":"certain","detail":"One sentence.","host":{"machine":"f00d","name":"web-1","os":"linux"},`+
		`"import":{"file":"00ff","first":0,"rows":3},"layer":"fanotify","set":{"id":"s","of":2,"part":1},"signals":["dpkg"],"version":"0.1.0"}`)
	v.good("what", "all fields", `{"action":"rename","after":"`+digest("after")+`","agent":"telegraf","before":{"entry":"`+digest("before")+`","what":3},`+
		`"digest":"00ff","format":"toml","from":"/etc/a","host":"web-1","marks":["redacted","torn"],"mode":"0644","observed":2,`+
		`"owner":{"gid":0,"group":"root","uid":4294967295,"user":"root"},"path":"/etc/b","secrets":["abc_-"],"size":9007199254740991,"time":"any string"}`)
	v.good("what", "unknown fields of any type", `{"Path":7,"action":"create","new":[null,true,false,-1,{"a":{}},[],""]}`)
	v.good("what", "unknown action", `{"action":"levitate"}`)
	v.good("who", "unknown field in a session", `{"session":{"color":7}}`)
}

// canonicalForm has faults against RFC 8785 that no field is needed for.
func (v *bodyVectors) canonicalForm() {
	v.good("why", "escapes", `{"reason":"\"\\\b\f\n\r\t\u0000\u001f/`+"\u007f\u2028é😀"+`"}`)
	v.good("why", "names by UTF-16 code units", `{"`+"😀"+`":1,"`+"\ufb33"+`":2}`)
	v.bad("why", "names by code points", `{"`+"\ufb33"+`":2,"`+"😀"+`":1}`)
	v.good("why", "a name that begins another", `{"a":1,"aa":2}`)
	v.good("why", "magnitudes", `{"a":-9007199254740991,"b":9007199254740991,"c":0}`)
	v.good("why", "32 deep", deep(32))
	v.bad("why", "33 deep", deep(33))
	v.bad("why", "33 deep in arrays", `{"a":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`}`)
	v.good("why", "32 deep in arrays", `{"a":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)+`}`)
	for name, content := range map[string]string{
		"no bytes": ``, "array": `[]`, "string": `"a"`, "null": `null`, "cut": `{"a":1`, "cut in a string": `{"a":"b`,
		"two objects": `{}{}`, "LF at the end": "{}\n", "space before": " {}", "space inside": `{ }`, "space after colon": `{"a": 1}`,
		"byte order mark": "\ufeff{}", "NUL at the end": "{}\x00", "comma at the end": `{"a":1,}`, "comma only": `{,}`,
		"names not in order": `{"b":1,"a":2}`, "name twice": `{"a":1,"a":1}`, "name twice, escaped": `{"a":1,"\u0061":1}`,
		"name twice, deep": `{"a":{"b":1,"b":1}}`, "names not in order, deep": `{"a":[{"c":1,"b":2}]}`,
		"letter escaped": `{"reason":"\u0061"}`, "solidus escaped": `{"reason":"\/"}`, "upper-case escape": `{"reason":"\u001F"}`,
		"long escape of LF": `{"reason":"\u000a"}`, "escaped surrogates": `{"reason":"\ud83d\ude00"}`, "DEL escaped": `{"reason":"\u007f"}`,
		"raw LF": "{\"reason\":\"\n\"}", "raw NUL": "{\"reason\":\"\x00\"}", "unknown escape": `{"reason":"\x"}`, "lone backslash": `{"reason":"\`,
		"not UTF-8": "{\"reason\":\"\xff\"}", "overlong": "{\"reason\":\"\xc0\xaf\"}", "surrogate": "{\"reason\":\"\xed\xa0\x80\"}",
		"not UTF-8 in a name": "{\"\xff\":1}", "not UTF-8 after an escape": "{\"reason\":\"\\n\xff\"}",
		"fraction": `{"a":1.5}`, "fraction of 0": `{"a":1.0}`, "exponent": `{"a":1e3}`, "leading zero": `{"a":01}`, "minus zero": `{"a":-0}`,
		"plus": `{"a":+1}`, "minus only": `{"a":-}`, "2^53": `{"a":9007199254740992}`, "-2^53": `{"a":-9007199254740992}`,
		"NaN": `{"a":NaN}`, "True": `{"a":True}`, "single quotes": `{'a':1}`, "name without quotes": `{a:1}`, "comment": `{"a":1/**/}`,
	} {
		v.bad("why", name, content)
	}
}

// sort gives what came out of a map an order.
func (v bodyVectors) sort() {
	byName := make(map[string]bodyVector)
	for _, b := range v {
		if _, twice := byName[b.Name]; twice {
			panic("two bodies are named " + b.Name)
		}
		byName[b.Name] = b
	}
	for i, name := range sortedKeys(byName) {
		v[i] = byName[name]
	}
}

func deep(n int) string { return strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1) }

// types has every known field with values of other types.
func (v *bodyVectors) types() {
	number, text, list, object, flag := `7`, `"s"`, `["s"]`, `{}`, `true`
	all := map[string]string{"number": number, "string": text, "array": list, "object": object, "flag": flag, "null": "null", "negative": "-1"}
	for kind, fields := range map[string]map[string]string{
		"who": {
			"user": "string", "uid": "number", "euid": "number", "gid": "number", "login_user": "string", "login_uid": "number",
			"pid": "number", "started": "string", "exe": "string", "command": "array", "tty": "string", "unit": "string",
			"container": "string", "ancestors": "", "session": "object", "author": "string", "claimed": "flag", "named_by": "string", "unproved": "array",
		},
		"why": {"reason": "string", "ticket": "string", "learnt": "string", "given_by": "object"},
		"how": {
			"layer": "string", "confidence": "string", "version": "string", "detail": "string", "set": "object",
			"claimed": "object", "import": "object", "host": "object", "signals": "array", "beats": "array", "package": "object",
		},
		"what": {
			"host": "string", "agent": "string", "path": "string", "time": "string", "since": "string", "from": "string", "format": "string",
			"mode": "string", "owner": "object", "size": "number", "digest": "string", "before": "object", "marks": "array",
			"secrets": "array", "observed": "number", "target": "string", "attributes": "", "links": "number", "names": "", "was": "object",
		},
	} {
		for field, right := range fields {
			for typ, value := range all {
				v.typed(kind, field+" is "+typ, fieldBody(kind, field, value), typ == right)
			}
		}
	}
	for _, field := range []string{"uid", "euid", "gid", "login_uid"} {
		v.good("who", field+" is 2^32-1", `{"`+field+`":4294967295}`)
		v.bad("who", field+" is 2^32", `{"`+field+`":4294967296}`)
	}
	v.good("who", "pid is 2^53-1", `{"pid":9007199254740991}`)
	v.bad("who", "ancestor's uid is 2^32", `{"ancestors":[{"pid":1,"uid":4294967296}]}`)
	for _, n := range []int{8, 9, 100} {
		v.good("who", fmt.Sprint(n, " ancestors"), `{"ancestors":[`+strings.TrimSuffix(strings.Repeat(`{"pid":1},`, n), ",")+`]}`)
	}
	v.bad("who", "ancestor is no object", `{"ancestors":[1]}`)
	v.bad("who", "ancestor's pid is negative", `{"ancestors":[{"pid":-1}]}`)
	v.bad("who", "command holds a number", `{"command":["a",1]}`)
	v.good("who", "no ancestors", `{"ancestors":[]}`)
	v.bad("who", "unproved holds a number", `{"unproved":["session.address",1]}`)
	v.bad("who", "user of an ancestor is a number", `{"ancestors":[{"pid":1,"user":7}]}`)
	v.good("who", "what the actor could have made up", `{"ancestors":[{"pid":1,"uid":1000,"user":"jane"}],"unproved":["login_uid","session.address"]}`)
	v.good("how", "what a package manager did", `{"package":{"action":"upgrade","from":"1","manager":"dpkg","name":"rsyslog","to":"2"}}`)
	v.bad("how", "name of a package is a number", `{"package":{"action":"upgrade","manager":"dpkg","name":7}}`)
	v.bad("who", "session kind is a number", `{"session":{"kind":1}}`)
	v.bad("what", "owner's uid is 2^32", `{"action":"create","owner":{"gid":0,"uid":4294967296}}`)
	v.bad("what", "action missing", `{"path":"/a"}`)
	v.bad("what", "action is null", `{"action":null}`)
	for field, right := range map[string]string{
		"claimed.time": "string", "claimed.author_time": "string", "claimed.repository": "string", "claimed.commit": "string",
		"host.name": "string", "host.machine": "string", "host.os": "string", "import.file": "string", "import.first": "number", "import.rows": "number",
		"set.id": "string", "set.part": "number", "set.of": "number",
	} {
		v.inside("how", field, all, right)
	}
	for _, field := range []string{"session.id", "session.kind", "session.address"} {
		v.inside("who", field, all, "string")
	}
	for field, right := range map[string]string{"owner.user": "string", "owner.group": "string", "owner.uid": "number", "owner.gid": "number"} {
		v.inside("what", field, all, right)
	}
	for _, field := range []string{"beats", "signals"} {
		v.bad("how", field+" hold a number", fmt.Sprintf(`{%q:["a",1]}`, field))
	}
	for _, field := range []string{"marks", "secrets"} {
		v.bad("what", field+" hold a number", fmt.Sprintf(`{"action":"create",%q:["a",1]}`, field))
	}
	v.good("what", "marks not in order", `{"action":"create","marks":["b","a"]}`)
	v.good("what", "owner's gid is 2^32-1", `{"action":"create","owner":{"gid":4294967295,"uid":0}}`)
	v.bad("what", "owner's gid is 2^32", `{"action":"create","owner":{"gid":4294967296,"uid":0}}`)
	v.beside(all)
	for _, b := range []struct{ kind, name, body string }{
		{"who", "command64", `{"command64":7}`},
		{"who", "user64 beside user", `{"user":"a","user64":"?"}`},
		{"who", "session.pid is a string", `{"session":{"pid":"1"}}`},
		{"how", "host.id is a number", `{"host":{"id":1}}`},
		{"how", "set.name is a number", `{"set":{"id":"s","name":1,"of":1,"part":1}}`},
		{"what", "agent64 not base64", `{"action":"create","agent64":"?"}`},
		{"what", "host64 beside host", `{"action":"create","host":"a","host64":7}`},
		{"what", "owner.euid is a string", `{"action":"create","owner":{"euid":"0","gid":0,"uid":0}}`},
		{"what", "before.id is a number", `{"action":"create","before":{"id":1}}`},
		{"what", "before is empty", `{"action":"create","before":{}}`},
		{"what", "empty path in base64", `{"action":"create","path64":""}`},
	} {
		v.good(b.kind, b.name, b.body)
	}
	v.bad("what", "empty path given twice", `{"action":"create","path":"","path64":""}`)
	v.bad("what", "action is empty", `{"action":""}`)
	v.bad("how", "host name is a number", `{"host":{"name":1}}`)
	v.bad("how", "part is negative", `{"set":{"id":"s","of":1,"part":-1}}`)
	v.bad("how", "rows are a string", `{"import":{"rows":"1"}}`)
}

// beside has what a change says of a file beside its text.
func (v *bodyVectors) beside(all map[string]string) {
	v.good("what", "all that is beside a text", `{"action":"attributes","attributes":[{"name":"flags","value":"immutable"},{"name":"security.capability","size":20,"value":"cap_net_raw+ep"},`+
		`{"fingerprint":"AbC_-0123456","name64":"/w==","size":0}],"links":2,"names":[{"path":"/a"},{"path64":"/w=="}],"target":"../b",`+
		`"was":{"attributes":[{"name":"flags"}],"links":1,"mode":"0644","owner":{"gid":0,"uid":0},"target64":"/w=="}}`)
	v.good("what", "was is empty", `{"action":"attributes","was":{}}`)
	v.good("what", "attributes are none", `{"action":"attributes","attributes":[],"names":[]}`)
	for field, right := range map[string]string{"was.mode": "string", "was.owner": "object", "was.target": "string", "was.attributes": "", "was.links": "number"} {
		v.inside("what", field, all, right)
	}
	for _, where := range []string{`"attributes":[%s]`, `"was":{"attributes":[%s]}`} {
		at := func(s string) string { return `{"action":"attributes",` + fmt.Sprintf(where, s) + `}` }
		name, _, _ := strings.Cut(where, "[")
		for field, right := range map[string]string{"name": "string", "value": "string", "fingerprint": "string", "size": "number"} {
			for typ, value := range all {
				v.typed("what", name+field+" is "+typ, at(fmt.Sprintf(`{%q:%s}`, field, value)), typ == right)
			}
		}
		v.bad("what", name+"a string", at(`"a"`))
		v.bad("what", name+"name given twice", at(`{"name":"a","name64":"YQ=="}`))
		v.bad("what", name+"name64 not base64", at(`{"name64":"?"}`))
	}
	v.bad("what", "name's path is a number", `{"action":"attributes","names":[{"path":1}]}`)
	v.bad("what", "name's path given twice", `{"action":"attributes","names":[{"path":"/a","path64":"L2E="}]}`)
	v.bad("what", "was.owner's uid is 2^32", `{"action":"attributes","was":{"owner":{"gid":0,"uid":4294967296}}}`)
}

// inside has a field of an object with values of every type.
func (v *bodyVectors) inside(kind, path string, values map[string]string, right string) {
	outer, field, _ := strings.Cut(path, ".")
	for typ, value := range values {
		v.typed(kind, path+" is "+typ, fieldBody(kind, outer, fmt.Sprintf(`{%q:%s}`, field, value)), typ == right)
	}
}

func (v *bodyVectors) typed(kind, name, content string, right bool) {
	if right {
		v.good(kind, name, content)
	} else {
		v.bad(kind, name, content)
	}
}

// fieldBody is the least body of a kind that has a field.
func fieldBody(kind, field, value string) string {
	if kind != "what" {
		return fmt.Sprintf(`{%q:%s}`, field, value)
	}
	return fmt.Sprintf(`{"action":"create",%q:%s}`, field, value)
}

// bytes has the fields that may hold bytes in base64.
func (v *bodyVectors) bytes() {
	for _, f := range []struct{ kind, field, with string }{
		{"who", "exe", `{"exe64":%s}`},
		{"who", "ancestor's exe", `{"ancestors":[{"exe64":%s,"pid":1}]}`},
		{"what", "path", `{"action":"create","path64":%s}`},
		{"what", "from", `{"action":"rename","from64":%s}`},
		{"what", "target", `{"action":"create","target64":%s}`},
		{"what", "former target", `{"action":"create","was":{"target64":%s}}`},
	} {
		put := func(s string) string { return fmt.Sprintf(f.with, s) }
		v.good(f.kind, f.field+" in base64", put(`"/w=="`))
		v.bad(f.kind, f.field+" in base64 with spare bits", put(`"/x=="`))
		v.bad(f.kind, f.field+" in base64 without padding", put(`"/w"`))
		v.bad(f.kind, f.field+" in the URL alphabet", put(`"_w=="`))
		v.bad(f.kind, f.field+" in base64 with LF inside", put(`"/w\n=="`))
		v.bad(f.kind, f.field+" in base64 with CR at the end", put(`"/w==\r"`))
		v.bad(f.kind, f.field+" as number 64", put(`7`))
	}
	v.bad("who", "exe given twice", `{"exe":"/a","exe64":"L2E="}`)
	v.bad("who", "ancestor's exe given twice", `{"ancestors":[{"exe":"/a","exe64":"L2E=","pid":1}]}`)
	v.bad("what", "path given twice", `{"action":"create","path":"/a","path64":"L2E="}`)
	v.bad("what", "from given twice", `{"action":"rename","from":"/a","from64":"L2E="}`)
	v.bad("what", "target given twice", `{"action":"create","target":"/a","target64":"L2E="}`)
	v.good("why", "a field 64 that is not known", `{"reason":"a","reason64":"?"}`)
}

// references has digests that name other things.
func (v *bodyVectors) references() {
	d := plusSlash()
	put := map[string]string{
		"after":        `{"action":"create","after":%q}`,
		"before.entry": `{"action":"create","before":{"entry":%q,"what":0}}`,
	}
	for _, field := range sortedKeys(put) {
		v.good("what", field, fmt.Sprintf(put[field], d))
		spellings := respelt(d)
		for _, how := range sortedKeys(spellings) {
			v.bad("what", field+" "+how, fmt.Sprintf(put[field], spellings[how]))
		}
	}
	v.good("what", "before without what", `{"action":"create","before":{"entry":"`+d+`"}}`)
	v.good("what", "before in the same entry", `{"action":"create","before":{"what":1}}`)
	v.bad("what", "before.what is negative", `{"action":"create","before":{"what":-1}}`)
	v.bad("what", "before.what is a string", `{"action":"create","before":{"what":"0"}}`)
}
