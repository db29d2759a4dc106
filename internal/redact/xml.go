package redact

import (
	"bytes"
	"strings"
)

// xmlWalk follows the elements of an XML text.
type xmlWalk struct {
	f     *finder
	at    int
	stack []string
	named suspicion // what a name attribute of the open element says
	pairs []pairs   // of each open element: its name, its value
}

// walkXML judges the attributes and texts of an XML text. It returns false if
// elements do not close as they open.
func (f *finder) walkXML() bool {
	w := xmlWalk{f: f}
	ok := true
	for w.at < len(f.text) {
		i := bytes.IndexByte(f.text[w.at:], '<')
		if i < 0 {
			break
		}
		w.content(w.at, w.at+i)
		w.at += i
		ok = w.tag() && ok
	}
	return ok && len(w.stack) == 0
}

// content judges the text of an element.
func (w *xmlWalk) content(start, end int) {
	start, end = trimmed(w.f.text, start, end)
	if start >= end || len(w.stack) == 0 {
		return
	}
	w.f.leaf(leaf{path: w.stack, start: start, end: end, quoted: true})
	if w.named != none {
		w.f.judge(value{start: start, end: end}, w.named)
	}
	w.sibling(leaf{start: start, end: end})
}

// sibling feeds the text of an element to the pair of its parent:
// <name>password</name><value>x</value>, <param-name> and <param-value>.
func (w *xmlWalk) sibling(l leaf) {
	n := len(w.pairs)
	if n < 2 {
		return
	}
	own := w.stack[n-1]
	w.f.pair(&w.pairs[n-2], own[strings.LastIndexAny(own, "-:")+1:], l)
}

// tag reads what stands between < and >.
func (w *xmlWalk) tag() bool {
	rest := w.f.text[w.at:]
	for _, skip := range []struct{ open, shut string }{{"<!--", "-->"}, {"<?", "?>"}} {
		if bytes.HasPrefix(rest, []byte(skip.open)) {
			return w.skipTo(skip.shut)
		}
	}
	if bytes.HasPrefix(rest, []byte("<![CDATA[")) {
		return w.cdata()
	}
	shut := bytes.IndexByte(rest, '>')
	if shut < 0 {
		w.at = len(w.f.text)
		return false
	}
	start, end := w.at+1, w.at+shut
	w.at = end + 1
	switch {
	case start < end && w.f.text[start] == '/':
		return w.leave(w.f.text[start+1 : end])
	case start < end && w.f.text[start] == '!':
		return true
	}
	w.enter(start, end)
	return true
}

func (w *xmlWalk) skipTo(shut string) bool {
	i := bytes.Index(w.f.text[w.at:], []byte(shut))
	if i < 0 {
		w.at = len(w.f.text)
		return false
	}
	w.at += i + len(shut)
	return true
}

func (w *xmlWalk) cdata() bool {
	start := w.at + len("<![CDATA[")
	if !w.skipTo("]]>") {
		return false
	}
	w.content(start, w.at-len("]]>"))
	return true
}

func (w *xmlWalk) leave(name []byte) bool {
	w.named = none
	n := len(w.stack)
	if n == 0 {
		return false
	}
	same := w.stack[n-1] == string(bytes.TrimSpace(name))
	w.stack, w.pairs = w.stack[:n-1], w.pairs[:n-1]
	return same
}

// enter opens an element and judges its attributes.
func (w *xmlWalk) enter(start, end int) {
	empty := end > start && w.f.text[end-1] == '/'
	if empty {
		end--
	}
	stop := start
	for stop < end && !isSpace(w.f.text[stop]) {
		stop++
	}
	path := push(w.stack, string(w.f.text[start:min(stop, start+maxName)]))
	p := w.attributes(path, stop, end)
	w.named = p.name
	if !empty {
		w.stack, w.pairs = path, append(w.pairs[:min(len(w.pairs), len(path)-1)], p)
	}
}

// attributes judges the attributes between at and end, and returns what a
// name and a value among them say.
func (w *xmlWalk) attributes(path []string, at, end int) pairs {
	var p pairs
	for at < end {
		eq := bytes.IndexByte(w.f.text[at:end], '=')
		if eq < 0 {
			break
		}
		name := string(bytes.TrimSpace(w.f.text[at : at+min(eq, maxName)]))
		at = w.f.blanks(at + eq + 1)
		if at >= end || w.f.text[at] != '"' && w.f.text[at] != '\'' {
			continue
		}
		shut := bytes.IndexByte(w.f.text[at+1:end], w.f.text[at])
		if shut < 0 {
			break
		}
		l := leaf{path: push(path, name), start: at + 1, end: at + 1 + shut, quoted: true}
		w.f.leaf(l)
		w.f.pair(&p, name, l)
		at = l.end + 1
	}
	return p
}
