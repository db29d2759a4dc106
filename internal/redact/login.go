package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// logins end the names of settings that hold an account and its password in one:
// user:password, or several of them. They are read only.
var logins = []string{"auth", "authentication", "credentials", "creds", "userpass", "userpwd", "users", "login", "basicauth", "proxyauth", "userpw", "rpcauth", "htpasswd", "user", "ident"}

// isLogins says whether a name is that of accounts with their passwords.
func isLogins(name string) bool {
	low := strings.ToLower(name)
	for _, l := range logins {
		if strings.HasSuffix(low, l) {
			return true
		}
	}
	return false
}

// loginsIn masks the passwords of a value that holds accounts: user:password, parted
// by semicolons or commas. Every part has to have that shape.
func (f *finder) loginsIn(s syntax.Span) bool {
	v := f.text[s.Start:s.End]
	if bytes.IndexByte(v, ':') <= 0 || bytes.ContainsAny(v, "/{}[]()<>") && !bytes.Contains(v, []byte("$apr1$")) && !bytes.Contains(v, []byte("$2")) || bytes.Contains(v, []byte("://")) {
		return false
	}
	var found []syntax.Span
	for at := s.Start; at < s.End; {
		at = syntax.Blanks(f.text[:s.End], at)
		end := f.loginEnd(at, s.End)
		colon := bytes.IndexByte(f.text[at:end], ':')
		if colon <= 0 || !isAccount(f.text[at:at+colon]) {
			return false
		}
		pass := f.text[at+colon+1 : end]
		if len(pass) == 0 || pass[0] == ':' || ascii.IsBlank(pass[0]) || isPort(pass) || lexicon.IsPlain(pass) {
			return false
		}
		found = append(found, syntax.Span{Start: at + colon + 1, End: end})
		at = end + 1
	}
	for _, p := range found {
		f.add(p.Start, p.End)
	}
	return len(found) > 0
}

// loginEnd is where an account and its password end: at a sign with another account
// and a colon behind it, or at stop.
func (f *finder) loginEnd(at, stop int) int {
	for i := at; i < stop; i++ {
		if f.text[i] != ';' && f.text[i] != ',' {
			continue
		}
		n := syntax.Blanks(f.text[:stop], i+1)
		name := n
		for n < stop && n < name+64 && isAccount(f.text[n:n+1]) {
			n++
		}
		if n > name && n+1 < stop && f.text[n] == ':' && !ascii.IsBlank(f.text[n+1]) || i+1 == stop {
			return i
		}
	}
	return stop
}

// isAccount says whether a word can be the name of an account.
func isAccount(v []byte) bool {
	for _, c := range v {
		if !ascii.IsName(c) && c != '@' && c != '+' && c != '%' {
			return false
		}
	}
	return len(v) > 0 && len(v) < 64
}

// accountLines masks the passwords of a text of several lines that is a table of
// accounts: the list of chpasswd, an inline htpasswd.
func (f *finder) accountLines(l syntax.Leaf) bool {
	if !isAccounts(l.Path) {
		return false
	}
	done := false
	for at := l.Start; at < l.End; {
		line, next := syntax.LineAt(f.text[:l.End], at)
		done = f.loginsIn(line) || done
		at = next
	}
	return done
}

func isAccounts(path []string) bool {
	for _, name := range path {
		switch low := strings.ToLower(name); {
		case strings.Contains(low, "htpasswd"), strings.Contains(low, "chpasswd"), low == "basicauth", low == "basic_auth", low == "auth_users", low == "userlist":
			return true
		}
	}
	return false
}

// scalar judges what the content of a value shows by itself, whatever it is called:
// a header with its value, an assignment, a JWK.
func (f *finder) scalar(l syntax.Leaf) {
	v := f.text[l.Start:l.End]
	if len(v) < 3 || len(v) > assignment.MaxValue {
		return
	}
	if f.accountLines(l) || f.dense(l) {
		return
	}
	end := 0
	for end < len(v) && end < 64 && ascii.IsName(v[end]) {
		end++
	}
	if end == 0 || end >= len(v)-1 {
		return
	}
	if v[end] == ':' && bytes.Contains(bytes.ToLower([]byte(l.Path[len(l.Path)-1])), []byte("header")) {
		if at := syntax.Blanks(f.text, l.Start+end+1); lexicon.LooksRandom(f.text[at:l.End]) {
			f.add(at, l.End)
		}
	}
	switch v[end] {
	case ' ', ':':
		f.headerIn(l.Start, l.Start+end, l.End)
	case '=':
		if isLogins(string(v[:end])) && f.names.Class(v[:end]) == lexicon.Weak {
			f.judge(assignment.Value{Start: l.Start + end + 1, End: l.End}, lexicon.Strong)
		} else if lexicon.IsHeader(string(v[:end])) {
			f.judge(assignment.Value{Start: l.Start + end + 1, End: l.End}, lexicon.Strong)
		}
	}
}

// dense masks a long value of letters of both cases and digits under a name that does
// not say that it is public: nobody writes such words but to keep them.
func (f *finder) dense(l syntax.Leaf) bool {
	v := f.text[l.Start:l.End]
	if len(v) < 32 || !isDense(v) || lexicon.IsOpen(l.Path[len(l.Path)-1]) || notions.IsDigestName(strings.ToLower(l.Path[len(l.Path)-1])) || lexicon.IsPlain(v) {
		return false
	}
	f.add(l.Start, l.End)
	return true
}

// headerIn masks the value of a header in one string: NAME VALUE, NAME: VALUE.
func (f *finder) headerIn(start, end, stop int) {
	name := string(f.text[start:end])
	if !lexicon.IsHeader(name) || strings.IndexByte(name, '-') < 0 && name != "Authorization" {
		return
	}
	at := syntax.Blanks(f.text, end)
	if at < stop && f.text[at] == ':' {
		at = syntax.Blanks(f.text, at+1)
	} else if bytes.Count(f.text[at:stop], []byte(" ")) > 1 && lexicon.SchemeLen(f.text[at:stop]) == 0 {
		return
	}
	if at < stop && !notions.IsProse(f.text[at:stop]) {
		f.headerSpan(at, stop)
	}
}
