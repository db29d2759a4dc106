package syntax

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// xmlWalk follows the elements of an XML text.
type xmlWalk struct {
	*walk
	at    int
	stack []string
	named string  // what a name attribute of the open element says
	key   string  // of a property list: the text of the element key before a value
	pairs []pairs // of each open element: its name, its value
}

// xml walks the attributes and texts of an XML text. It returns false if
// elements do not close as they open.
func (w *walk) xml() bool {
	x := xmlWalk{walk: w}
	ok := true
	for x.at < len(w.text) && !w.done {
		i := bytes.IndexByte(w.text[x.at:], '<')
		if i < 0 {
			break
		}
		x.content(Span{x.at, x.at + i})
		x.at += i
		ok = x.tag() && ok
	}
	return ok && len(x.stack) == 0
}

// content gives the text of an element.
func (w *xmlWalk) content(s Span) {
	s = Trim(w.text, s)
	if s.empty() || len(w.stack) == 0 {
		return
	}
	l := Leaf{Path: w.stack, Span: s, Quoted: true, Named: w.named, Pair: w.sibling(s)}
	own := w.stack[len(w.stack)-1]
	if l.Named == "" && own != "key" && len(w.stack) > 1 {
		l.Named = w.key
	}
	w.key = ""
	if own == "key" && len(w.stack) > 1 && (w.stack[len(w.stack)-2] == "dict") {
		w.key = keyName(w.text[s.Start:s.End])
	}
	w.give(l)
}

// sibling is the pair that the text of an element completes in its parent:
// <name>password</name><value>x</value>, <param-name> and <param-value>.
func (w *xmlWalk) sibling(s Span) Pair {
	n := len(w.pairs)
	if n < 2 {
		return Pair{}
	}
	own := w.stack[n-1]
	return w.pairs[n-2].take(w.text, own[strings.LastIndexAny(own, "-:")+1:], s)
}

// tag reads what stands between < and >.
func (w *xmlWalk) tag() bool {
	rest := w.text[w.at:]
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
		w.at = len(w.text)
		return false
	}
	start, end := w.at+1, w.at+shut
	w.at = end + 1
	switch {
	case start < end && w.text[start] == '/':
		return w.leave(w.text[start+1 : end])
	case start < end && w.text[start] == '!':
		return true
	}
	w.enter(start, end)
	return true
}

func (w *xmlWalk) skipTo(shut string) bool {
	i := bytes.Index(w.text[w.at:], []byte(shut))
	if i < 0 {
		w.at = len(w.text)
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
	w.content(Span{start, w.at - len("]]>")})
	return true
}

func (w *xmlWalk) leave(name []byte) bool {
	w.named = ""
	n := len(w.stack)
	if n == 0 {
		return false
	}
	same := w.stack[n-1] == string(bytes.TrimSpace(name))
	w.stack, w.pairs = w.stack[:n-1], w.pairs[:n-1]
	return same
}

// enter opens an element and gives its attributes.
func (w *xmlWalk) enter(start, end int) {
	empty := end > start && w.text[end-1] == '/'
	if empty {
		end--
	}
	stop := start
	for stop < end && !ascii.IsSpace(w.text[stop]) {
		stop++
	}
	path := push(w.stack, string(w.text[start:min(stop, start+MaxName)]))
	p := w.attributes(path, stop, end)
	w.named = keyName(w.text[p.name.Start:p.name.End])
	if !empty {
		w.stack, w.pairs = path, append(w.pairs[:min(len(w.pairs), len(path)-1)], p)
	}
}

// attributes gives the attributes between at and end, and returns what a
// name and a value among them say.
func (w *xmlWalk) attributes(path []string, at, end int) pairs {
	var p pairs
	for at < end {
		eq := bytes.IndexByte(w.text[at:end], '=')
		if eq < 0 {
			break
		}
		name := string(bytes.TrimSpace(w.text[at : at+min(eq, MaxName)]))
		at = Blanks(w.text, at+eq+1)
		if at >= end || w.text[at] != '"' && w.text[at] != '\'' {
			continue
		}
		shut := bytes.IndexByte(w.text[at+1:end], w.text[at])
		if shut < 0 {
			break
		}
		s := Span{at + 1, at + 1 + shut}
		w.give(Leaf{Path: push(path, name), Span: s, Quoted: true, Pair: p.take(w.text, name, s)})
		at = s.End + 1
	}
	return p
}
