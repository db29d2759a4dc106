package command

import (
	"bytes"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// longUserPass are long options whose value is user:SECRET.
var longUserPass = []string{"--user", "--proxy-user", "--userpwd", "--userpass", "--auth", "--authentication", "--http-auth", "--creds"}

// IsOption says whether a word begins as an option does: dashes, a letter,
// letters and dashes up to its end or a =.
func IsOption(v []byte) bool {
	n := 0
	for n < len(v) && v[n] == '-' {
		n++
	}
	if n == 0 || n > 2 || n == len(v) || !ascii.IsLetter(v[n]) {
		return false
	}
	for n < len(v) && ascii.IsName(v[n]) {
		n++
	}
	return n == len(v) || bytes.IndexByte([]byte("=\"' \t\r\n\\"), v[n]) >= 0
}

// longOption masks the value of --password VALUE and --user name:VALUE.
func longOption(masks map[int]*syntax.Span, ws []Word, i int) {
	w := ws[i].Text
	if len(w) < 3 || w[0] != '-' || bytes.IndexByte(w, '=') >= 0 || i+1 >= len(ws) {
		return
	}
	switch next := ws[i+1].Text; {
	case slices.Contains(longUserPass, string(w)):
		maskUserPass(masks, i+1, next, 0)
	case IsOption(next):
	case len(w) <= syntax.MaxName && (w[1] == '-' || len(w) > 4) && lexicon.Classify(string(w)) == lexicon.Strong && len(next) > 0:
		maskWhole(masks, ws, i+1)
	}
}

// option masks what a short option of the tool carries.
func (t *tool) option(masks map[int]*syntax.Span, ws []Word, i int) {
	w := ws[i].Text
	if len(w) < 2 || w[0] != '-' || w[1] == '-' {
		return
	}
	letter, alone := string(w[1:2]), len(w) == 2 && i+1 < len(ws)
	switch {
	case strings.Contains(t.UserPass, letter) && alone:
		maskUserPass(masks, i+1, ws[i+1].Text, 0)
	case strings.Contains(t.UserPass, letter):
		maskUserPass(masks, i, w, 2)
	case strings.Contains(t.Separate, letter) && alone:
		if next := ws[i+1].Text; !ascii.IsNumber(next) || !t.Blunt {
			maskWhole(masks, ws, i+1)
		}
	case strings.Contains(t.Attached+t.Separate, letter) && len(w) > 2 && !t.Blunt && !lexicon.IsPlain(w[2:]):
		masks[i] = &syntax.Span{Start: 2, End: len(w)}
		if last := len(w) - 1; last > 3 && (w[2] == '\'' || w[2] == '"') && w[last] == w[2] {
			masks[i] = &syntax.Span{Start: 3, End: last}
		}
	}
}
