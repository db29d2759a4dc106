package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// line judges a line that the syntax of one product makes mean something: IPsec
// secrets, logins of SASL, authenticators of Exim, a register of Asterisk.
func (f *finder) productLine(at int, line []byte) bool {
	switch {
	case bytes.HasPrefix(line, []byte("AuthInfo:")):
		return f.authInfo(at, line)
	case bytes.HasPrefix(line, []byte("hide ")), bytes.HasPrefix(line, []byte("client_send")), bytes.HasPrefix(line, []byte("server_prompts")):
		return f.exim(at, line)
	case bytes.HasPrefix(line, []byte("register =>")), bytes.HasPrefix(line, []byte("register=>")):
		return f.register(at, line)
	case line[0] == '$' && bytes.HasPrefix(line, []byte("$USER")):
		return f.macro(at, line)
	}
	return f.tacacs(at, line) || f.ipsec(at, line)
}

// tacacs masks what a user of TACACS+ logs in with: login = cleartext SECRET.
func (f *finder) tacacs(at int, line []byte) bool {
	eq := bytes.IndexByte(line, '=')
	if eq < 0 || eq > 16 || !bytes.Contains(line, []byte(" cleartext ")) && !bytes.Contains(line, []byte(" des ")) && !bytes.Contains(line, []byte(" crypt ")) {
		return false
	}
	ws := command.Split(line[eq+1:], at+eq+1)
	if len(ws) < 2 {
		return false
	}
	f.addWord(ws[1])
	return true
}

// authInfo masks P:SECRET in the table of Sendmail.
func (f *finder) authInfo(at int, line []byte) bool {
	for _, w := range command.Split(line, at) {
		if len(w.Text) > 2 && w.Text[0] == 'P' && (w.Text[1] == ':' || w.Text[1] == '=') {
			f.add(w.Start+2, w.Start+len(w.Text))
		}
	}
	return true
}

// exim masks the last part of a hidden option, host/database/user/SECRET, and of a
// client's answer, ^user^SECRET.
func (f *finder) exim(at int, line []byte) bool {
	eq := bytes.IndexByte(line, '=')
	if eq < 0 {
		return false
	}
	sign := bytes.LastIndexByte(line, '^')
	if line[0] == 'h' {
		sign = max(bytes.LastIndexByte(line, '/'), eq)
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + sign + 1, End: at + len(line)})
	if sign > 0 && s.Start < s.End && !lexicon.IsPlain(f.text[s.Start:s.End]) {
		f.add(s.Start, s.End)
	}
	return sign > 0
}

// register masks the password of user:SECRET@host.
func (f *finder) register(at int, line []byte) bool {
	colon, end := bytes.IndexByte(line, ':'), bytes.LastIndexByte(line, '@')
	if colon > 0 && end > colon+1 {
		f.add(at+colon+1, at+end)
	}
	return true
}

// macro masks a macro of Nagios, which is there to hold a secret, unless it is a
// path.
func (f *finder) macro(at int, line []byte) bool {
	eq := bytes.IndexByte(line, '=')
	if eq < 0 || !bytes.HasSuffix(bytes.TrimRight(line[:eq], " \t"), []byte("$")) {
		return false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + eq + 1, End: at + len(line)})
	if v := f.text[s.Start:s.End]; len(v) > 0 && !lexicon.IsTyped(v) {
		f.add(s.Start, s.End)
	}
	return true
}

// ipsec masks the secret of a line of ipsec.secrets: who : KIND [file] SECRET.
func (f *finder) ipsec(at int, line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 || colon+1 >= len(line) || !ascii.IsBlank(line[colon+1]) || colon > 0 && !ascii.IsBlank(line[colon-1]) {
		return false
	}
	ws := command.Split(line[colon+1:], at+colon+1)
	if len(ws) < 2 || !notions.IPsecKinds[string(bytes.ToLower(ws[0].Text))] || !ascii.IsUpper(ws[0].Text[0]) {
		return false
	}
	last := ws[len(ws)-1]
	if string(ws[0].Text) != "PSK" && len(ws) == 2 && lexicon.IsPlain(last.Text) || string(last.Text) == "%prompt" {
		return true
	}
	f.addWord(last)
	return true
}

// isJWK says whether a text holds keys of JOSE, whose parts have names of a letter.
func isJWK(text []byte) bool { return bytes.Contains(text, []byte(`"kty"`)) }

// jwk judges a part of a key of JOSE: says whether the name is one, and whether the
// part is private.
func jwk(name string) (is, private bool) {
	switch name {
	case "d", "p", "q", "dp", "dq", "qi", "k":
		return true, true
	case "n", "e", "x", "y", "kid", "x5c", "x5t", "kty", "alg", "use", "crv", "x5t#S256":
		return true, false
	}
	return false, false
}

// identity judges an identifier that is all a client shows to a proxy of the kinds
// VMess and VLESS.
func (f *finder) identity(l syntax.Leaf) bool {
	own := strings.ToLower(l.Path[len(l.Path)-1])
	return (own == "id" || own == "uuid") && lexicon.IsUUID(f.text[l.Start:l.End]) && f.proxied()
}

func (f *finder) proxied() bool {
	if !f.looked {
		f.looked = true
		low := f.text[:min(len(f.text), 1<<16)]
		f.vmess = bytes.Contains(low, []byte("vmess")) || bytes.Contains(low, []byte("vless")) || bytes.Contains(low, []byte("tuic"))
		f.jose = isJWK(f.text)
		f.jaas = bytes.Contains(low, []byte("LoginModule"))
	}
	return f.vmess
}
