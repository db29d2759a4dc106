package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
)

// Line is one line of the text and what has been seen of it.
type Line struct {
	Start, End int
	First      int  // first byte that is neither blank nor a comment sign
	Comment    bool // starts with a comment sign
	Quote      byte // the quote open at the place that was entered, or 0
	Opened     int  // where Quote was opened
	at         int  // quotes are known up to here
}

// Enter makes the line that holds pos the current one, and reads its quotes up
// to pos. Positions come in rising order.
func (r *Reader) Enter(pos int) *Line {
	l := &r.Line
	if pos > l.End {
		from := max(l.End, 0)
		start := from + bytes.LastIndexByte(r.text[from:pos], '\n') + 1
		if l.End < 0 && start == from {
			start = 0
		}
		end := pos + bytes.IndexByte(r.text[pos:], '\n')
		if end < pos {
			end = len(r.text)
		}
		*l = r.newLine(start, end)
	}
	for ; l.at < pos; l.at++ {
		r.quoteAt(l)
	}
	return l
}

func (r *Reader) newLine(start, end int) Line {
	l := Line{Start: start, End: end, First: start, at: start}
	for l.First < end && bytes.IndexByte([]byte(" \t#;*/!-'"), r.text[l.First]) >= 0 {
		switch c := r.text[l.First]; {
		case c == '#' || c == ';' || c == '!', c == '/' && l.First+1 < end && r.text[l.First+1] == '/' && !IsShare(r.text[l.First+2:end]):
			l.Comment = true
		}
		l.First++
	}
	if bytes.HasPrefix(r.text[l.First:end], []byte("export ")) {
		l.First += len("export ")
	}
	return l
}

// IsShare says whether what follows two slashes is the name of a share or a
// registry, //host/path, rather than a comment.
func IsShare(v []byte) bool {
	word := v[:min(len(v), 128)]
	if i := bytes.IndexAny(word, " \t="); i >= 0 {
		word = word[:i]
	}
	slash := bytes.IndexByte(word, '/')
	return slash > 0 && bytes.IndexByte(word, '<') < 0
}

// quoteAt notes the quote at l.at, if there is one. An apostrophe inside a word
// is none.
func (r *Reader) quoteAt(l *Line) {
	c := r.text[l.at]
	if c != '"' && c != '\'' && c != '`' {
		return
	}
	if l.at > l.Start && r.text[l.at-1] == '\\' {
		return
	}
	switch {
	case l.Quote == c:
		l.Quote = 0
	case l.Quote == 0 && (c == '"' || l.at == l.Start || !ascii.IsAlnum(r.text[l.at-1])):
		l.Quote, l.Opened = c, l.at
	}
}

// LineEnd returns the end of the text on the line of at.
func (r *Reader) LineEnd(at int) int {
	end := r.Line.End
	if at > end || at < r.Line.Start {
		if end = at + bytes.IndexByte(r.text[at:], '\n'); end < at {
			end = len(r.text)
		}
	}
	for end > at && ascii.IsSpace(r.text[end-1]) {
		end--
	}
	return end
}
