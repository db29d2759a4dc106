package redact

import (
	"bytes"
	"strings"
)

// leaf is a value met by a walk of the syntax.
type leaf struct {
	path       []string // names of its ancestors and its own; list items have none
	start, end int      // its content, without quotes
	quoted     bool
}

// walk reads the text by its syntax and judges every leaf. It returns false
// where the syntax is unknown or was not followed to the end; what it found
// until then stays.
func (f *finder) walk() bool {
	if f.plan.prose || f.plan.bare || f.plan.shell {
		return true
	}
	switch f.plan.format {
	case "yaml":
		return f.walkYAML()
	case "json", "jsonc":
		return f.walkJSON()
	case "toml":
		return f.walkTOML()
	case "xml":
		return f.walkXML()
	case "ini", "conf", "sshd", "sudoers", "crontab", "rsyslog", "env", "rules":
		return f.walkConf()
	}
	if isMarkup(f.text) {
		f.walkXML()
	}
	f.walkConf()
	return false
}

// isMarkup says whether a text of unknown format begins as XML does.
func isMarkup(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 1 && text[0] == '<' && (isLetter(text[1]) || text[1] == '?' || text[1] == '!')
}

// leaf judges one value by its path.
func (f *finder) leaf(l leaf) {
	if l.start, l.end = trimmed(f.text, l.start, l.end); l.start == l.end {
		return
	}
	if f.declared(l.path) {
		f.declaredLeaf(l)
		return
	}
	v := value{start: l.start, end: l.end}
	if last, is := listName(l.path); is {
		v.doubt = !names.lists[last]
		f.judge(v, strong)
		return
	}
	if c := f.pathClass(l.path); c != none {
		f.judge(v, c)
	}
}

// listName is the last word of a value's own name, and whether the name is that
// of a list of secrets.
func listName(path []string) (last string, is bool) {
	if len(path) == 0 {
		return "", false
	}
	ws := splitWords(path[len(path)-1])
	if len(ws) == 0 {
		return "", false
	}
	last = ws[len(ws)-1]
	return last, names.plurals[last] && !anyIn(ws, names.heads)
}

func (f *finder) declared(path []string) bool {
	if len(f.plan.paths) == 0 {
		return false
	}
	low := make([]string, 0, len(path))
	for _, p := range path {
		low = append(low, strings.Split(strings.ToLower(p), ".")...)
	}
	for _, p := range f.plan.paths {
		if p.matches(low) {
			return true
		}
	}
	return false
}

// declaredLeaf masks a value the catalogue calls secret: also a number or an
// ordinary word, but no reference.
func (f *finder) declaredLeaf(l leaf) {
	content := f.text[l.start:l.end]
	if n := schemeLen(content); n > 0 {
		l.start += n
		content = content[n:]
	}
	if !isPlain(content) {
		f.add(l.start, l.end)
	}
}

// bearers are maps in whose values random strings are secrets.
var bearers = words(`headers http_headers request_headers custom_headers extra_headers auths
	httpheaders requestheaders env_http_headers set_headers proxy_headers`)

// pathClass judges a key path: by its own name, and by its parents where the
// name says nothing.
func (f *finder) pathClass(path []string) suspicion {
	if len(path) == 0 {
		return none
	}
	own := path[len(path)-1]
	c := f.classOf([]byte(own))
	if c == strong || len(path) < 2 {
		return c
	}
	parent := path[len(path)-2]
	if strings.EqualFold(parent, "basic_auth_users") || f.isStore(parent) && !isBeside(splitWords(own)) {
		return strong
	}
	if c != none {
		return c
	}
	if bearers[strings.ToLower(parent)] {
		return weak
	}
	pc := f.classOf([]byte(parent))
	switch {
	case pc == strong && names.neutral[strings.ToLower(own)]:
		return strong
	case pc != none && !anyIn(splitWords(own), names.tails) && !anyIn(splitWords(own), names.open):
		return weak
	}
	return none
}

// isStore says whether a map of that name holds a secret under each key, whatever
// the keys are called.
func (f *finder) isStore(name string) bool {
	if f.classOf([]byte(name)) == none {
		return false
	}
	ws := splitWords(name)
	return len(ws) > 0 && names.stores[ws[len(ws)-1]] && !anyIn(ws, names.heads) && !anyIn(ws, names.products)
}

// isBeside says whether a key in a map of secrets tells something about them. A
// key of the name key often says where the secret is found.
func isBeside(ws []string) bool {
	return len(ws) == 0 || len(ws) == 1 && strings.TrimSuffix(ws[0], "s") == "key" || anyIn(ws, names.tails) || anyIn(ws, names.open) || anyIn(ws, names.beside)
}

// pairs remembers, for one map, the name of a name/value pair.
type pairs struct {
	name  suspicion
	value leaf
}

// isPairName says whether the key of a map holds the name of what stands under
// the key value.
func isPairName(key string) bool {
	switch strings.ToLower(key) {
	case "name", "key", "variable", "parameter", "env", "field", "property":
		return true
	}
	return false
}

// pair feeds one leaf of a map to its name/value pair.
func (f *finder) pair(p *pairs, key string, l leaf) {
	switch {
	case isPairName(key):
		p.name = f.classOf([]byte(keyName(f.text[l.start:l.end])))
	case strings.EqualFold(key, "value") || strings.EqualFold(key, "content"):
		p.value = l
	default:
		return
	}
	if p.name != none && p.value.end > p.value.start {
		f.judge(value{start: p.value.start, end: p.value.end}, p.name)
	}
}

// manifest remembers the data of a document that may turn out to be a
// Kubernetes Secret.
type manifest struct {
	secret bool
	data   []leaf
}

// observe feeds one leaf of a document.
func (f *finder) observe(m *manifest, l leaf) {
	own := l.path[len(l.path)-1]
	if own == "kind" {
		m.secret = m.secret || string(f.text[l.start:l.end]) == "Secret"
		return
	}
	if n := len(l.path); n >= 2 && (l.path[n-2] == "data" || l.path[n-2] == "stringData") {
		m.data = append(m.data, l)
	}
}

// settleManifest masks the data if the document was a Secret.
func (f *finder) settleManifest(m *manifest) {
	for _, l := range m.data {
		if m.secret && !isPlain(f.text[l.start:l.end]) {
			f.add(l.start, l.end)
		}
	}
	*m = manifest{}
}

// push adds a name to a path without sharing memory with other paths.
func push(path []string, name string) []string {
	if len(path) >= maxDepth {
		path = path[:maxDepth]
	}
	return append(path[:len(path):len(path)], name)
}

// trimmed narrows a range to what is not white space.
func trimmed(text []byte, start, end int) (int, int) {
	for start < end && isSpace(text[start]) {
		start++
	}
	for end > start && isSpace(text[end-1]) {
		end--
	}
	return start, end
}

func indentOf(line []byte) int {
	return len(line) - len(bytes.TrimLeft(line, " "))
}
