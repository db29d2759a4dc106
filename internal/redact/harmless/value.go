package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

// isCommand says whether a string is a command or a statement with strings of its
// own.
func (s *statement) isCommand(start, shut int) bool {
	v := s.text[start:shut]
	if bytes.IndexByte(v, '\\') >= 0 {
		return false
	}
	if eq := bytes.IndexByte(v, '='); eq > 0 && eq+1 < len(v) && ascii.IsAlnum(v[eq-1]) && ascii.IsAlnum(v[eq+1]) && bytes.IndexAny(v, ";,&") > 0 && !isDistinguished(v) {
		return true
	}
	if bytes.IndexByte(v, ' ') < 0 {
		return false
	}
	if s.text[start-1] == '`' && !s.comment {
		return true
	}
	return bytes.IndexAny(v, "\"'") > 0 && bytes.Contains(v, []byte(" ")) && (bytes.Contains(v, []byte(" \"")) || bytes.Contains(v, []byte(" '")) || bytes.Contains(v, []byte("=\"")) || bytes.Contains(v, []byte("='"))) ||
		bytes.Contains(v, []byte(" -")) && bytes.IndexByte(v, '/') >= 0
}

// separator is where reading goes on behind a separator of key and value at at, or 0.
func (s *statement) separator(at int) int {
	for at < s.end && (ascii.IsBlank(s.text[at]) || s.text[at] == ']') {
		at++
	}
	rest := s.text[at:s.end]
	switch {
	case len(rest) == 0:
		return 0
	case bytes.HasPrefix(rest, []byte("=>")), bytes.HasPrefix(rest, []byte(":=")), bytes.HasPrefix(rest, []byte("+=")), bytes.HasPrefix(rest, []byte("?=")), bytes.HasPrefix(rest, []byte("->")):
		return at + 2
	case bytes.HasPrefix(rest, []byte("==")), bytes.HasPrefix(rest, []byte("=~")), bytes.HasPrefix(rest, []byte("::")), bytes.HasPrefix(rest, []byte("://")):
		return 0
	case rest[0] == '=', rest[0] == ':':
		return at + 1
	}
	return 0
}

// isPlainRest says whether what follows a separator is one value rather than an
// expression, a list or other settings.
func (s *statement) isPlainRest(at int) bool {
	rest := s.text[at:min(s.end, at+maxItem)]
	if bytes.IndexByte([]byte("\"'`[{(<$"), rest[0]) >= 0 || bytes.HasPrefix(rest, []byte(lexicon.Mark)) {
		return false
	}
	if s.comment && bytes.Count(rest, []byte(" ")) > 5 || isMade(rest) {
		return false
	}
	for i, c := range rest {
		if c == '"' || c == '(' && i > 0 && ascii.IsAlnum(rest[i-1]) {
			return false
		}
		if c == '=' && i > 0 && ascii.IsAlnum(rest[i-1]) && i+1 < len(rest) && !ascii.IsBlank(rest[i+1]) && rest[i+1] != '=' {
			return false
		}
	}
	return true
}

// isMade says whether a value of several words, or of parts behind a number, is
// made of parts with a meaning each: one of them is a place.
func isMade(v []byte) bool {
	if bytes.IndexByte(v, ' ') < 0 {
		i := bytes.IndexByte(v, ',')
		return i > 0 && i+1 < len(v) && Typed(v[:i])
	}
	for w := range bytes.FieldsSeq(v) {
		if len(w) > 6 && (bytes.IndexByte(w, ':') > 0 || bytes.ContainsAny(w, "/\\")) && Typed(w) {
			return true
		}
	}
	return false
}

// restEnd is where a value ends that goes on to the end of its line or to a comment.
func (s *statement) restEnd(at int) int {
	end := s.end
	for _, sign := range []string{" #", "\t#", " // ", " ; "} {
		if i := bytes.Index(s.text[at:end], []byte(sign)); i > 0 {
			end = at + i
		}
	}
	for end > at && bytes.IndexByte([]byte(" \t,;\\"), s.text[end-1]) >= 0 {
		end--
	}
	return max(end, at+1)
}
