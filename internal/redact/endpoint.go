package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// endpoint masks what stands behind a host and its port in the address of a server
// or a proxy: Server = irc.example.net +6697 x, host:6379:0:x, host:6667:x, and with
// RADIUS address,x.
func (f *finder) endpoint(at int, line []byte) bool {
	s := f.valuePart(at, line)
	v := f.text[s.Start:s.End]
	if len(v) > assignment.MaxDoubtful || bytes.IndexByte(v, '.') < 0 && !bytes.HasPrefix(v, []byte("localhost")) {
		return false
	}
	ws := command.Split(v, s.Start)
	for i := 0; i+2 < len(ws) && i < 3; i++ {
		if isDotted(ws[i].Text) && ascii.IsNumber(bytes.TrimPrefix(ws[i+1].Text, []byte("+"))) && len(ws) <= i+4 && notions.IsEndpoint(f.text[at:s.Start]) {
			f.addLast(ws[len(ws)-1])
			return true
		}
	}
	if bytes.IndexByte(v, ' ') >= 0 {
		return false
	}
	return f.colonEndpoint(s) || f.commaEndpoint(at, s)
}

// valuePart is what stands behind the name of a line.
func (f *finder) valuePart(at int, line []byte) syntax.Span {
	s := syntax.Span{Start: at, End: at + len(line)}
	n := 0
	for n < len(line) && (ascii.IsName(line[n]) || line[n] == '_') {
		n++
	}
	rest := bytes.TrimLeft(line[n:], " \t")
	if n == 0 || n == len(line) || len(rest) == 0 || rest[0] != '=' && !ascii.IsBlank(line[n]) {
		return s
	}
	s.Start = at + len(line) - len(rest)
	if rest[0] == '=' {
		s.Start++
	}
	s = syntax.Trim(f.text, s)
	if v := f.text[s.Start:s.End]; len(v) > 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		s.Start, s.End = s.Start+1, s.End-1
	}
	return s
}

// isDotted says whether a word is the name or the address of a host.
func isDotted(w []byte) bool {
	if bytes.IndexByte(w, '.') <= 0 && string(w) != "localhost" {
		return false
	}
	for _, c := range w {
		if !ascii.IsAlnum(c) && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// addLast masks a word that no type and no switch explains.
func (f *finder) addLast(w command.Word) {
	if v := w.Text; len(v) > 2 && !lexicon.IsTyped(v) && !notions.IsLevel(v) && bytes.IndexByte(v, '=') < 0 {
		f.add(w.Start, w.Start+len(v))
	}
}

// colonEndpoint masks SECRET of host:port:SECRET and host:port:number:SECRET.
func (f *finder) colonEndpoint(s syntax.Span) bool {
	parts := bytes.SplitN(f.text[s.Start:s.End], []byte(":"), 4)
	if len(parts) < 3 || !isDotted(parts[0]) || !ascii.IsNumber(parts[1]) || len(parts[1]) == 0 || len(parts[1]) > 5 {
		return false
	}
	last := parts[2]
	if len(parts) == 4 {
		if !ascii.IsNumber(parts[2]) {
			return false
		}
		last = parts[3]
	}
	if len(last) < 4 || bytes.ContainsAny(last, "/,") || bytes.IndexByte(last, ':') >= 0 {
		return false
	}
	f.addLast(command.Word{Text: last, Start: s.End - len(last)})
	return true
}

// commaEndpoint masks SECRET of address,SECRET and address:port,SECRET,name=value.
func (f *finder) commaEndpoint(at int, s syntax.Span) bool {
	parts := bytes.SplitN(f.text[s.Start:s.End], []byte(","), 3)
	if len(parts) < 2 || s.Start == at || bytes.IndexByte(parts[0], '.') < 0 {
		return false
	}
	host, port, _ := bytes.Cut(parts[0], []byte(":"))
	if !isAddressDigits(host) || len(parts) == 2 && len(port) == 0 || len(port) > 0 && !ascii.IsNumber(port) || isAddressDigits(parts[1]) || bytes.IndexByte(parts[1], '.') > 0 && isDotted(parts[1]) || bytes.ContainsAny(parts[1], ":/=") {
		return false
	}
	f.addLast(command.Word{Text: parts[1], Start: s.Start + len(parts[0]) + 1})
	return true
}

func isAddressDigits(v []byte) bool {
	for _, c := range v {
		if !ascii.IsDigit(c) && c != '.' {
			return false
		}
	}
	return len(v) > 6
}

// userinfo masks SECRET of user=NAME%SECRET and user=NAME:SECRET, with a backslash
// before the colon where a table has one.
func (f *finder) userinfo(start, end int) {
	if start > 0 && (ascii.IsAlnum(f.text[start-1]) || f.text[start-1] == '_' || f.text[start-1] == '-') && f.text[start-1] != '-' {
		return
	}
	l := f.Enter(start)
	stop := end
	for stop < min(l.End, end+assignment.MaxDoubtful) && !ascii.IsSpace(f.text[stop]) && bytes.IndexByte([]byte("\"'<>,;&|`"), f.text[stop]) < 0 {
		stop++
	}
	if start == l.First && !l.Comment && !f.plan.Shell {
		stop = f.LineEnd(end)
	}
	v := f.text[end:stop]
	i := bytes.IndexAny(v, ":%")
	if i <= 0 || i+1 >= len(v) || !isAccount(bytes.TrimSuffix(v[:i], []byte("\\"))) || bytes.HasPrefix(v[i:], []byte("://")) || ascii.IsBlank(v[i+1]) || v[i] == '%' && v[i+1] == '%' {
		return
	}
	if pass := v[i+1:]; !bytes.Equal(pass, v[:i]) && !lexicon.IsTyped(pass) && !notions.IsSample(pass) {
		f.add(end+i+1, stop)
	}
}

// hereString masks what <<< gives to a program: user:SECRET, or all of it.
func (f *finder) hereString(end int) {
	at := syntax.Blanks(f.text, end)
	if at >= len(f.text) || f.text[at] != '\'' && f.text[at] != '"' {
		return
	}
	v := f.QuotedValue(at, 1)
	content := f.text[v.Start:v.End]
	if i := bytes.IndexByte(content, ':'); i > 0 && isAccount(content[:i]) {
		v.Start += i + 1
	}
	if content = f.text[v.Start:v.End]; !v.Unsure && !lexicon.IsPlain(content) && bytes.IndexByte(content, '$') < 0 {
		f.add(v.Start, v.End)
	}
}

// clear masks the word behind the keyword cleartext.
func (f *finder) clear(start, end int) {
	before := bytes.TrimRight(f.text[max(0, start-24):start], " \t")
	if i := bytes.LastIndexAny(before, " \t\n{"); i >= 0 {
		before = before[i+1:]
	}
	if len(before) == 0 || !notions.TakesClear(string(bytes.ToLower(before))) {
		return
	}
	at := syntax.Blanks(f.text, end)
	if at >= len(f.text) {
		return
	}
	if n := f.OpenQuote(at); n > 0 {
		f.judge(f.QuotedValue(at, n), lexicon.Strong)
		return
	}
	f.judge(assignment.Value{Start: at, End: f.StatementWord(at)}, lexicon.Strong)
}

// digest masks the hash of user:realm:hash, and what is 16 bytes or more in
// hexadecimal behind 0x in a statement.
func (f *finder) digest(at int, line []byte) bool {
	if bytes.Count(line, []byte(":")) == 2 {
		hash := line[bytes.LastIndexByte(line, ':')+1:]
		if isAccount(line[:bytes.IndexByte(line, ':')]) && (len(hash) == 32 || len(hash) == 64) && isHex(hash) {
			f.add(at+len(line)-len(hash), at+len(line))
			return true
		}
	}
	if w := bytes.Trim(line, "\"';, \t"); len(w) >= 32 && isDense(w) {
		f.add(at+bytes.Index(line, w), at+bytes.Index(line, w)+len(w))
		return true
	}
	if !bytes.HasPrefix(line, []byte("usmUser")) {
		return false
	}
	for _, w := range command.Split(line, at) {
		if len(w.Text) >= 34 && bytes.HasPrefix(w.Text, []byte("0x")) && !bytes.HasPrefix(w.Text, []byte("0x80001f88")) {
			f.add(w.Start, w.Start+len(w.Text))
		}
	}
	return true
}
