package assignment

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// inQuote is the value of a name that a quote begins with, as a header in a
// command does: "X-Auth-Key: a b". It ends at the quote.
func (r *Reader) inQuote(l *Line, start, at int, sep separator) (Value, bool) {
	if l.Quote == 0 || start == 0 || at >= l.End || r.form.Prose {
		return Value{}, false
	}
	q := r.text[start-1]
	if q != '"' && q != '\'' || start != l.Opened+1 && q == l.Quote || bytes.IndexByte(r.text[start:at], q) >= 0 {
		return Value{}, false
	}
	colon := bytes.IndexByte(r.text[start:at], ':')
	header := colon > 0 && lexicon.IsHeader(string(r.text[start:start+colon]))
	if colon < 0 && !r.isEnvironment(l) || colon >= 0 && !header && sep == tight {
		return Value{}, false
	}
	v := Value{Start: at, End: r.LineEnd(at)}
	if i := bytes.IndexByte(r.text[at:l.End], q); i >= 0 {
		v.End = at + i
	}
	if i := bytes.IndexByte(r.text[v.Start:v.End], '\\'); i > 0 && v.Start+i+1 < v.End && bytes.IndexByte([]byte("nr\""), r.text[v.Start+i+1]) >= 0 {
		v.End = v.Start + i
	}
	v.Doubt = !header && notions.IsProse(r.text[v.Start:v.End])
	if n := lexicon.SchemeLen(r.text[v.Start:v.End]); n > 0 {
		v.Start += n
	}
	return v, true
}

// part is the value of a name in a quoted setting or list of settings:
// "host=a password=b c port=1". It ends at the quote, or before the next setting.
func (r *Reader) part(l *Line, start, at int) (Value, bool) {
	if l.Quote == 0 || r.text[at-1] != '=' || start <= l.Opened || r.form.Prose {
		return Value{}, false
	}
	q, lead := l.Quote, r.text[start-1]
	if (lead == '\'' || lead == '"') && lead != q {
		q = lead
	} else if start != l.Opened+1 && (bytes.IndexByte([]byte(" ;,&"), lead) < 0 || bytes.IndexByte(r.text[l.Opened:start], '=') < 0) {
		return Value{}, false
	}
	shut := bytes.IndexByte(r.text[at:min(l.End, at+MaxBare)], q)
	if shut <= 0 {
		return Value{}, false
	}
	end := r.PartEnd(at, at+shut, lead)
	v := r.text[at:end]
	if lead != ',' && (end == at+shut || r.text[end] != '&') && bytes.IndexByte(v, ' ') < 0 && bytes.IndexByte(v, ';') < 0 || bytes.Contains(v, []byte(" -")) || bytes.ContainsAny(v, "|/$<>`«") || command.IsProgram(firstWordAfter(v)) {
		return Value{}, false
	}
	res := Value{Start: at, End: end}
	if l.Comment {
		res = r.commented(res)
	}
	return res, true
}

// PartEnd is where a part of a list of settings ends: before a sign and NAME=, or at
// stop.
func (r *Reader) PartEnd(at, stop int, lead byte) int {
	for i := at; i < stop; i++ {
		c := r.text[i]
		if c != ';' && (lead == ';' || c != ' ' && c != '&' && c != ',') {
			continue
		}
		n := syntax.Blanks(r.text[:stop], i+1)
		name := n
		for n < stop && (ascii.IsName(r.text[n]) || r.text[n] == ' ' && lead == ';') {
			n++
		}
		if n > name+1 && n < stop && r.text[n] == '=' && ascii.IsLetter(r.text[name]) {
			return i
		}
	}
	return at + len(bytes.TrimRight(r.text[at:stop], " ;,\\"))
}

func firstWordAfter(v []byte) []byte {
	_, rest, _ := bytes.Cut(v, []byte(" "))
	w, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	return w
}

// connection is a value of a connection string, whose parts semicolons end and
// which may hold blanks: Server=db;Password=a b;App=x.
func (r *Reader) connection(l *Line, start, at int) (Value, bool) {
	before := bytes.TrimRight(r.text[max(l.Start, start-16):start], "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	part := len(before) > 0 && before[len(before)-1] == ';' && len(before)+l.Start > 1 && start-1 > l.First
	if !part && (l.Quote == 0 || start != l.Opened+1 || bytes.Count(r.text[at:min(l.End, at+MaxBare)], []byte(";")) < 1 || r.text[at-1] != '=') {
		return Value{}, false
	}
	if part && bytes.IndexByte(r.text[max(l.First, start-MaxBare):start], '=') < 0 || r.text[at-1] != '=' {
		return Value{}, false
	}
	end := at
	for end < l.End && end < at+MaxBare && (l.Quote == 0 || r.text[end] != l.Quote) && r.text[end] != '"' && !bytes.HasPrefix(r.text[end:], []byte("</")) {
		end++
	}
	v := Value{Start: at, End: r.PartEnd(at, end, ';')}
	if l.Comment {
		v = r.commented(v)
	}
	return v, end > at
}
