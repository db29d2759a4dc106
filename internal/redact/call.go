package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// call masks the argument of a function that is a secret by its place:
// new PDO(dsn, user, SECRET), smtp.login(user, SECRET).
func (f *finder) call(at, place int) {
	if f.Enter(at).Comment {
		return
	}
	limit := min(len(f.text), at+assignment.MaxExpression)
	for n := 1; at < limit; n++ {
		for at < limit && (ascii.IsSpace(f.text[at]) || f.text[at] == '[') {
			at++
		}
		if at >= limit {
			return
		}
		if q := f.Prefixed(at); f.OpenQuote(q) > 0 {
			s, next := syntax.Quoted(f.text[:limit], q)
			if v := f.text[s.Start:s.End]; n == place || place < 0 && f.closes(next, limit) {
				if s.End < next && !lexicon.IsPlain(v) && !notions.IsSample(v) {
					f.add(s.Start, s.End)
				}
				return
			}
			at = next
		} else if n == place {
			return
		}
		i := bytes.IndexAny(f.text[at:limit], ",;)\n")
		if i < 0 || f.text[at+i] != ',' {
			return
		}
		at += i + 1
	}
}

// closes says whether the arguments of a function end at at.
func (f *finder) closes(at, limit int) bool {
	at = syntax.Blanks(f.text, at)
	return at < limit && f.text[at] == ')'
}

// sent masks what a script of expect types where it is asked for a password.
func (f *finder) sent(end int) {
	l := f.Enter(end)
	at := syntax.Blanks(f.text, end)
	if bytes.HasPrefix(f.text[at:l.End], []byte("-- ")) {
		at = syntax.Blanks(f.text, at+len("-- "))
	}
	if n := f.OpenQuote(at); n != 1 && n != 2 {
		return
	}
	before := bytes.ToLower(f.text[max(0, end-maxUnescaped):end])
	if !bytes.Contains(before, []byte("assword")) && !bytes.Contains(before, []byte("assphrase")) && !bytes.Contains(before, []byte("expect -c")) {
		return
	}
	v := f.QuotedValue(at, f.OpenQuote(at))
	v.End = v.Start + len(bytes.TrimSuffix(bytes.TrimSuffix(f.text[v.Start:v.End], []byte("\\n")), []byte("\\r")))
	if content := f.text[v.Start:v.End]; !v.Unsure && !lexicon.IsPlain(content) && content[0] != '$' && !notions.IsOrdinary(content) {
		f.add(v.Start, v.End)
	}
}
