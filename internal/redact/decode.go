package redact

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text as it is looked into: in UTF-8 and without its byte order
// mark.
type view struct {
	text  []byte
	raw   []byte
	skip  int              // bytes of the byte order mark
	units binary.ByteOrder // of UTF-16; nil: text is raw without its mark
}

var (
	markUTF8  = []byte("\xef\xbb\xbf")
	markLower = []byte("\xff\xfe")
	markUpper = []byte("\xfe\xff")
)

// look decodes what names its encoding by a byte order mark; anything else is
// looked into as it is. It returns false where raw is not text.
func look(raw []byte) (view, bool) {
	v := view{raw: raw}
	switch {
	case bytes.HasPrefix(raw, markLower):
		v.units, v.skip = binary.LittleEndian, len(markLower)
	case bytes.HasPrefix(raw, markUpper):
		v.units, v.skip = binary.BigEndian, len(markUpper)
	case bytes.HasPrefix(raw, markUTF8):
		v.skip = len(markUTF8)
	}
	v.text = raw[v.skip:]
	if v.units != nil {
		v.text = v.decode()
	}
	return v, bytes.IndexByte(v.text, 0) < 0
}

func (v *view) decode() []byte {
	text := make([]byte, 0, len(v.raw))
	for at := v.skip; at < len(v.raw); {
		var n int
		text, n = v.character(text, at)
		at += n
	}
	return text
}

// character appends the character at a place in raw and returns how many bytes
// it takes there. A [Mark], which stands in UTF-8 in every encoding, counts as
// one, so that what was masked before is known again.
func (v *view) character(text []byte, at int) ([]byte, int) {
	b := v.raw[at:]
	if len(b) < 2 {
		return utf8.AppendRune(text, utf8.RuneError), len(b)
	}
	if b[0] == Mark[0] && bytes.HasPrefix(b, []byte(Mark)) {
		return append(text, Mark...), len(Mark)
	}
	r := rune(v.units.Uint16(b))
	if utf16.IsSurrogate(r) && len(b) >= 4 {
		if pair := utf16.DecodeRune(r, rune(v.units.Uint16(b[2:]))); pair != utf8.RuneError {
			return utf8.AppendRune(text, pair), 4
		}
	}
	return utf8.AppendRune(text, r), 2 // half a pair becomes U+FFFD
}

// origin translates spans of the text into spans of raw: of whole characters.
func (v *view) origin(spans []Span) []Span {
	if len(spans) == 0 || v.skip == 0 {
		return spans
	}
	out := make([]Span, len(spans))
	if v.units == nil {
		for i, s := range spans {
			out[i] = Span{s.Start + v.skip, s.End + v.skip}
		}
		return out
	}
	var char []byte
	start, end := 0, 0 // spans whose start, whose end is found
	for at, text := v.skip, 0; at < len(v.raw) && end < len(spans); {
		var n int
		char, n = v.character(char[:0], at)
		text += len(char)
		for ; start < len(spans) && spans[start].Start < text; start++ {
			out[start].Start = at
		}
		at += n
		for ; end < start && spans[end].End <= text; end++ {
			out[end].End = at
		}
	}
	return union(out)
}
