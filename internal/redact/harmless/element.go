package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/syntax"
)

// IsXML says whether a text is one of elements.
func IsXML(text []byte, format string) bool {
	text = bytes.TrimSpace(text[:min(len(text), 1<<16)])
	return format == "xml" || bytes.HasPrefix(text, []byte("<?xml")) ||
		len(text) > 1 && text[0] == '<' && ascii.IsLetter(text[1]) && bytes.Contains(text, []byte("/>"))
}

// elements reads a text of elements: attributes and what stands between tags.
func (r *reader) elements() {
	for at := 0; at < len(r.text); {
		open := at + bytes.IndexByte(r.text[at:], '<')
		if open < at {
			return
		}
		r.content(at, open)
		switch rest := r.text[open:]; {
		case bytes.HasPrefix(rest, []byte("<!--")):
			at = r.remark(open + len("<!--"))
		case bytes.HasPrefix(rest, []byte("<?")), bytes.HasPrefix(rest, []byte("<!")), bytes.HasPrefix(rest, []byte("</")):
			end := bytes.IndexByte(rest, '>')
			if end < 0 {
				return
			}
			at = open + end + 1
		default:
			at = r.tag(open + 1)
		}
	}
}

// remark reads a comment that begins at at and says where it ends.
func (r *reader) remark(at int) int {
	end := at + bytes.Index(r.text[at:], []byte("-->"))
	if end < at {
		end = len(r.text)
	}
	if bytes.IndexByte(r.text[at:end], '<') >= 0 {
		inner := &reader{text: r.text[:end], yield: func(c Cell) { c.Comment = true; r.yield(c) }}
		inner.elementsFrom(at)
		return min(end+3, len(r.text))
	}
	for start := at; start < end; {
		stop := start + bytes.IndexByte(r.text[start:end], '\n')
		if stop < start {
			stop = end
		}
		s := syntax.Trim(r.text, syntax.Span{Start: start, End: stop})
		if s.End-s.Start <= maxLine {
			r.read(s.Start, s.End, 0, true)
		}
		start = stop + 1
	}
	return min(end+3, len(r.text))
}

// elementsFrom reads the elements of a comment.
func (r *reader) elementsFrom(at int) {
	for at < len(r.text) {
		open := at + bytes.IndexByte(r.text[at:], '<')
		if open < at {
			return
		}
		r.content(at, open)
		if at = open + 1; at < len(r.text) && r.text[at] != '/' && r.text[at] != '!' {
			at = r.tag(at)
		} else if shut := bytes.IndexByte(r.text[at:], '>'); shut >= 0 {
			at += shut + 1
		}
	}
}

// content yields what stands between two tags.
func (r *reader) content(start, end int) {
	s := syntax.Trim(r.text, syntax.Span{Start: start, End: end})
	if s.Start == s.End {
		return
	}
	if string(r.element) == "key" {
		r.element = r.text[s.Start:s.End]
		r.block = "key"
		return
	}
	r.yield(Cell{Span: s, Name: r.element, Quoted: true})
	r.block = ""
}

// tag reads the attributes of the tag whose name begins at at, and says where it
// ends.
func (r *reader) tag(at int) int {
	end := at
	for end < len(r.text) && !ascii.IsSpace(r.text[end]) && r.text[end] != '>' && r.text[end] != '/' {
		end++
	}
	tag := r.text[at:end]
	if r.block != "key" || string(tag) == "key" || string(tag) == "dict" {
		r.element, r.block = tag, ""
	}
	r.named = nil
	for end < len(r.text) && r.text[end] != '>' {
		end = r.attribute(tag, end)
	}
	if len(r.named) > 0 {
		r.element = r.named
	}
	return min(end+1, len(r.text))
}

// attribute reads one attribute, or passes to the end of the tag.
func (r *reader) attribute(tag []byte, at int) int {
	eq := at
	for eq < len(r.text) && r.text[eq] != '=' && r.text[eq] != '>' {
		eq++
	}
	if eq == len(r.text) || r.text[eq] == '>' {
		return eq
	}
	name := bytes.TrimSpace(r.text[at:eq])
	for eq++; eq < len(r.text) && ascii.IsSpace(r.text[eq]); eq++ {
	}
	if eq == len(r.text) || r.text[eq] != '"' && r.text[eq] != '\'' {
		return eq
	}
	shut := bytes.IndexByte(r.text[eq+1:], r.text[eq])
	if shut < 0 {
		return len(r.text)
	}
	c := Cell{Span: syntax.Span{Start: eq + 1, End: eq + 1 + shut}, Name: name, First: tag, Quoted: true}
	switch string(name) {
	case "name", "key", "id":
		r.named = r.text[c.Start:c.End]
	case "value":
		if r.named != nil {
			c.Name = r.named
		}
	}
	r.yield(c)
	return eq + shut + 2
}
