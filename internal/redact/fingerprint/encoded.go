package fingerprint

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/stele-log/stele/internal/redact/lexicon"
)

// leastEncoded is the length of what is decoded as base64, in bytes.
const leastEncoded = 6

// maskEncoded masks what is a known secret, or holds one, once it is decoded: as
// base64, as part of a URL, as a string of JSON, or with the backslashes of a shell.
func (f *search) maskEncoded(s string) string {
	for _, form := range []struct {
		next   func(s string, at int) (start, end int)
		decode func(string) []string
	}{
		{quoted, unquoted},
		{escaped, unescaped},
		{encoded, decoded},
	} {
		s = f.maskForm(s, form.next, form.decode)
	}
	return s
}

func (f *search) maskForm(s string, next func(string, int) (int, int), decode func(string) []string) string {
	var out strings.Builder
	done := 0
	for at := 0; at < len(s); {
		start, end := next(s, at)
		if start < 0 {
			break
		}
		if f.holds(decode(s[start:end])) {
			out.WriteString(s[done:start] + lexicon.Mark)
			done = end
		}
		at = max(end, at+1)
	}
	return out.String() + s[done:]
}

// holds reports whether one of several readings is a known secret, or has one in it.
func (f *search) holds(readings []string) bool {
	for _, r := range readings {
		if r = strings.TrimSpace(r); utf8.ValidString(r) && len(r) >= leastKnown && f.mask(r) != r {
			return true
		}
	}
	return false
}

// quoted finds the inside of a string in double quotes that has a backslash in it.
func quoted(s string, at int) (start, end int) {
	for at < len(s) {
		open := strings.IndexByte(s[at:], '"')
		if open < 0 {
			return -1, -1
		}
		start = at + open + 1
		slash := false
		for end = start; end < len(s) && s[end] != '"'; end++ {
			if s[end] == '\\' {
				slash = true
				end++
			}
		}
		if end >= len(s) {
			return -1, -1
		}
		if slash {
			return start, end
		}
		at = end // it may begin the next one
	}
	return -1, -1
}

func unquoted(s string) []string {
	var v string
	if json.Unmarshal([]byte(`"`+s+`"`), &v) != nil {
		return nil
	}
	return []string{v}
}

const ends = " \t\r\n\"'`&?=;,|()<>{}[]:/@"

// escaped finds a run without blanks and punctuation in which something is escaped:
// by a percent sign, or by a backslash, which may stand before any character.
func escaped(s string, at int) (start, end int) {
	for at < len(s) {
		start = at
		found := false
		for end = at; end < len(s) && strings.IndexByte(ends, s[end]) < 0; end++ {
			if s[end] == '%' || s[end] == '\\' {
				found = true
			}
			if s[end] == '\\' {
				end++
			}
		}
		if end = min(end, len(s)); found {
			return start, end
		}
		at = end + 1
	}
	return -1, -1
}

func unescaped(s string) (readings []string) {
	if strings.Contains(s, "%") {
		if r, err := url.PathUnescape(s); err == nil {
			readings = append(readings, r)
		}
		if r, err := url.QueryUnescape(s); err == nil && strings.Contains(s, "+") {
			readings = append(readings, r)
		}
	}
	if strings.Contains(s, `\`) {
		var plain strings.Builder
		for i := 0; i < len(s); i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			plain.WriteByte(s[i])
		}
		readings = append(readings, plain.String())
	}
	return readings
}

// encoded finds a run of the characters of base64, in either alphabet.
func encoded(s string, at int) (start, end int) {
	for at < len(s) {
		for start = at; start < len(s) && !isBase64(s[start]); start++ {
		}
		for end = start; end < len(s) && isBase64(s[end]); end++ {
		}
		run := end
		for end < len(s) && s[end] == '=' && end < run+2 {
			end++
		}
		if run-start >= leastEncoded {
			return start, end
		}
		if at = end; start >= len(s) {
			break
		}
	}
	return -1, -1
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

func decoded(s string) (readings []string) {
	s = strings.TrimRight(s, "=")
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(s); err == nil {
			readings = append(readings, string(b))
		}
	}
	if len(readings) == 2 && readings[0] == readings[1] {
		return readings[:1]
	}
	return readings
}
