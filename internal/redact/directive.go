package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// argument says which words of a directive are secret.
type argument struct {
	at    int    // its place, counted from 1; -1 is the last
	after string // it follows this word, behind qualifiers
	named bool   // it follows the name of a secret, or of a header that holds one
	login bool   // of the word only what follows a colon
}

// directives are commands, in small letters, whose arguments are secrets by their
// place or by a word before them. They are read only.
var directives = map[string][]argument{
	"createuser": {{at: 3}, {at: 5}},
	"com2sec":    {{at: -1}}, "com2sec6": {{at: -1}},
	"trapsink": {{at: 2}}, "trap2sink": {{at: 2}}, "informsink": {{at: 2}}, "authcommunity": {{at: 2}},
	// Routers and switches.
	"enable":        {{after: "password"}, {after: "secret"}},
	"username":      {{after: "password"}, {after: "secret"}, {after: "sha512-password"}, {after: "nt-encrypted"}},
	"snmp-server":   {{after: "community"}, {after: "2c"}, {after: "1"}, {after: "md5"}, {after: "sha"}, {after: "des"}, {after: "aes"}, {after: "128"}, {after: "192"}, {after: "256"}},
	"tacacs-server": {{after: "key"}}, "radius-server": {{after: "key"}}, "aaa-server": {{after: "key"}}, "radius": {{after: "key"}, {after: "shared-key"}}, "tacacs": {{after: "key"}},
	"ip":     {{after: "md5"}, {after: "authentication-key"}, {after: "password"}, {after: "community"}},
	"ipv6":   {{after: "md5"}, {after: "authentication-key"}, {after: "sha1"}},
	"ntp":    {{after: "md5"}, {after: "sha1"}, {after: "sha2-256"}, {after: "cmac-aes-128"}},
	"crypto": {{after: "key"}, {after: "pre-shared-key"}, {after: "secret"}},
	"isakmp": {{after: "key"}}, "ikev1": {{after: "pre-shared-key"}}, "ikev2": {{after: "pre-shared-key"}},
	"failover": {{after: "key"}}, "key-string": {{after: "key-string"}}, "key-chain": {{after: "key-string"}},
	"neighbor": {{after: "password"}}, "standby": {{after: "authentication"}}, "vrrp": {{after: "authentication"}, {after: "authentication-key"}}, "glbp": {{after: "authentication"}},
	"isis": {{after: "password"}, {after: "md5"}, {after: "authentication-key"}}, "area": {{after: "md5"}, {after: "authentication-key"}, {after: "message-digest-key"}},
	"ppp": {{after: "password"}}, "server-private": {{after: "key"}}, "wpa-psk": {{after: "wpa-psk"}},
	"area-password": {{after: "area-password"}}, "domain-password": {{after: "domain-password"}}, "auth-password": {{after: "auth-password"}},
	"set": {{named: true}}, "local-user": {{after: "password"}, {after: "cipher"}}, "super": {{after: "password"}}, "cipher": {{after: "cipher"}},
	"snmp-agent": {{after: "read"}, {after: "write"}, {after: "cipher"}}, "add": {{named: true}}, "bind": {{named: true}},
	"peer": {{after: "password"}}, "ospf": {{after: "md5"}, {after: "simple"}}, "authentication-mode": {{after: "md5"}, {after: "cipher"}, {after: "simple"}, {after: "hmac-sha256"}},
	"pre-shared-key": {{after: "pre-shared-key"}}, "security-mode": {{after: "psk"}}, "wpa-passphrase": {{after: "wpa-passphrase"}},
	// Services.
	"sentinel": {{after: "auth-pass+1"}, {after: "sentinel-pass"}}, "monitor": {{at: 4}},
	"incominguser": {{at: 2}}, "outgoinguser": {{at: 2}}, "sqlconnectinfo": {{at: 3}}, "sqlnamedconnectinfo": {{at: 4}}, "cachemgr_passwd": {{at: 1}},
	"setenv": {{named: true}}, "fastcgi_param": {{named: true}}, "uwsgi_param": {{named: true}}, "proxy_set_header": {{named: true}}, "add_header": {{named: true}},
	"header": {{named: true}}, "requestheader": {{named: true}}, "http-request": {{named: true}}, "http-response": {{named: true}}, "grpc_set_header": {{named: true}},
	"option": {{named: true}}, "header_up": {{named: true}}, "header_down": {{named: true}}, "env": {{named: true}}, "arg": {{named: true}}, "map": {{named: true}},
	"request_header": {{named: true}}, "more_set_headers": {{named: true}}, "more_set_input_headers": {{named: true}}, "reqadd": {{named: true}}, "define": {{named: true}},
	"d-i": {{named: true}}, "rootpw": {{at: -1}}, "password_pbkdf2": {{at: 2}}, "dns": {{after: "dns+1"}}, "acme_dns": {{after: "acme_dns+1"}},
	"poll": {{after: "password"}, {after: "pass"}}, "user": {{after: "pass"}},
	"stats": {{after: "auth", login: true}}, "register": {{at: 2, login: true}}, "mailserver": {{named: true}}, "proxy": {{after: "-c"}},
	"sqluserinfo": {}, "sqluserwhereclause": {}, "nickserv": {{after: "identify"}},
	"requirepass": {{at: 1}}, "masterauth": {{at: 1}},
	"trapsess": {{after: "-A"}, {after: "-X"}, {after: "-c"}}, "xauth": {{after: "password"}}, "ipsec": {{after: "secret"}},
	"alias": {{named: true}}, "export": {{named: true}}, "prop": {{named: true}}, "property": {{named: true}}, "var": {{named: true}},
}

// qualifiers stand between the name of a secret and the secret: how it is
// written. Read only.
var qualifiers = setOf(`encrypted ascii-text hexadecimal hex ascii text clear clear-text cleartext plain plaintext md5 sha sha1 sha-1 sha256 sha-256 sha512 hmac-md5 hmac-sha-1
	hmac-sha-256 hmac-sha256 enc hash encrypted-password cipher irreversible-cipher simple type unencrypted keystring key-string des aes 3des aes128 aes256 string
	authentication-key digest secret-hash message-digest is equals raw base64 plaintext-password pwd wpa wpa2 local remote psk`)

func setOf(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// isQualifier says whether a word says how the secret behind it is written: in
// clear, under which number of a method.
func isQualifier(w []byte) bool {
	return len(w) <= 2 && ascii.IsNumber(w) && len(w) > 0 || len(w) < 24 && qualifiers[string(bytes.ToLower(w))]
}

// directive masks the secrets of a command that says by place what is secret.
func (f *finder) directive(at int, line []byte) bool {
	if !mayBeDirective(line) {
		return false
	}
	ws := splitCommand(line, at)
	if len(ws) < 2 {
		return false
	}
	if len(ws) == 4 && ascii.IsAlnum(line[0]) && string(ws[1].text) == "*" && lexicon.LooksChosen(ws[2].text) { // chap-secrets
		f.addWord(ws[2])
		return true
	}
	for i, w := range ws[1:] {
		f.argumentAfter(string(ws[0].text), string(ws[i].text), w)
	}
	if len(ws) == 2 && bytes.IndexByte(ws[0].text, '.') > 0 { // host user:password
		f.userPassword(value{start: ws[1].start, end: ws[1].start + len(ws[1].text)})
	}
	if len(ws) > 3 && string(ws[0].text) == "add" && string(ws[1].text) == "password" { // the logins of rancid
		for _, w := range ws[3:] {
			f.addWord(w)
		}
		return true
	}
	args := directives[string(bytes.ToLower(ws[0].text))]
	for _, a := range args {
		f.argument(a, withoutEngine(ws), at+len(line))
	}
	return len(args) > 0 && args[0].at != 0
}

// withoutEngine drops the option of createUser that names an engine.
func withoutEngine(ws []word) []word {
	if len(ws) > 3 && string(ws[1].text) == "-e" {
		return append([]word{ws[0]}, ws[3:]...)
	}
	return ws
}

// argument masks the words that one rule of a directive makes secret.
func (f *finder) argument(a argument, ws []word, end int) {
	switch {
	case a.named:
		f.namedArgument(ws, end)
	case a.after != "":
		f.following(a, ws)
	default:
		i := a.at
		if i < 0 {
			i += len(ws)
		}
		if i > 0 && i < len(ws) && bytes.IndexByte(ws[i].text, '=') < 0 && (len(ws[i].text) == 0 || ws[i].text[0] != '-') {
			f.secretWord(a, ws[i])
		}
	}
}

// following masks what follows a word: behind qualifiers, or so many words on.
func (f *finder) following(a argument, ws []word) {
	after, skip := strings.CutSuffix(a.after, "+1")
	for i, w := range ws[:len(ws)-1] {
		if !strings.EqualFold(string(w.text), after) && (a.after[0] != '-' || string(w.text) != a.after) || a.after[0] == '-' && string(w.text) != a.after {
			continue
		}
		i++
		if skip {
			i++
		}
		for i < len(ws)-1 && isQualifier(ws[i].text) {
			i++
		}
		if i < len(ws) && !isStop(ws[i].text) {
			f.secretWord(a, ws[i])
		}
	}
}

// secretWord masks a word, without the semicolon of its statement.
func (f *finder) secretWord(a argument, w word) {
	w.text = bytes.TrimRight(w.text, ";")
	if a.login {
		f.userWord(w)
		return
	}
	f.addWord(w)
}

// namedArgument masks what follows the name of a secret or of a header: to the
// end of its quote or of its line.
func (f *finder) namedArgument(ws []word, end int) {
	for i := 1; i < len(ws)-1; i++ {
		name := strings.TrimSuffix(string(ws[i].text), ":")
		name = name[strings.LastIndexByte(name, '/')+1:]
		if len(name) > syntax.MaxName || lexicon.Classify(name) != lexicon.Strong && !lexicon.IsHeader(name) && !isOptionKey(ws, i) {
			continue
		}
		for i+1 < len(ws)-1 && (isQualifier(ws[i+1].text) || lexicon.IsScheme(ws[i+1].text) || lexicon.IsSecretAlone(string(ws[i+1].text))) {
			i++
		}
		f.untilEnd(ws[i+1:], end, lexicon.IsHeader(name) || string(ws[0].text) == "d-i")
		return
	}
}

// isOptionKey says whether a word is the key of a network in a line of UCI.
func isOptionKey(ws []word, i int) bool {
	return i == 1 && string(ws[0].text) == "option" && strings.HasPrefix(string(ws[1].text), "key") && len(ws[1].text) < 5
}

// untilEnd masks a word, if it is quoted, or it and those behind it.
func (f *finder) untilEnd(ws []word, end int, whole bool) {
	start, stop := ws[0].start, ws[0].start+len(ws[0].text)
	if isStop(ws[0].text) || f.text[start-1] == '"' || f.text[start-1] == '\'' {
		if !isStop(ws[0].text) {
			f.headerSpan(start, stop)
		}
		return
	}
	if whole {
		stop = end
	}
	stop = start + len(bytes.TrimRight(f.text[start:stop], ";{ \t"))
	f.headerSpan(start, stop)
}

// headerSpan masks a value without the scheme that it may begin with.
func (f *finder) headerSpan(start, end int) {
	start += lexicon.SchemeLen(f.text[start:end])
	if v := f.text[start:end]; !lexicon.IsPlain(v) {
		f.add(start, end)
	}
}

// stops are words that follow the name of a secret in statements about it. Read
// only.
var stops = setOf(`{ } ( ) [ ] = == != => -> | || && ; , . - -- \ in not and or if then else with without from for to of by on at as is are was the a an this that
	required requisite sufficient optional include file files authentication encryption auth policy store manager rule rules server servers service group level
	chain only must should can may be has have been when while unless return end fi done do set unset add delete remove update list get show read write
	none null true false yes no enable enabled disable disabled default permit deny allow any all timeout lifetime rotation expired expires length minimum maximum
	generate rsa dsa ecdsa ed25519 zeroize mypubkey pubkey-chain config-key mode version host user username algorithm size bits prompt changed reset invalid wrong missing failed`)

func isStop(w []byte) bool {
	return bytes.IndexFunc(w, func(r rune) bool { return r >= 0x80 || ascii.IsAlnum(byte(r)) }) < 0 || len(w) < 20 && stops[string(bytes.ToLower(w))] || lexicon.IsPlain(w)
}

// mayBeDirective is a cheap test, for most lines are none.
func mayBeDirective(line []byte) bool {
	end := bytes.IndexAny(line, " \t")
	if end <= 0 || end > 64 {
		return false
	}
	first := bytes.ToLower(line[:end])
	if _, is := directives[string(first)]; is || string(first) == "allow" {
		return true
	}
	rest := bytes.TrimLeft(line[end:], " \t")
	return bytes.HasPrefix(rest, []byte("* ")) || bytes.HasPrefix(rest, []byte("*\t")) ||
		bytes.IndexByte(line[:end], '.') > 0 && bytes.IndexByte(rest, ':') > 0 && len(rest) < 256 ||
		bytes.Contains(line, []byte(" insecure-password "))
}

// argumentAfter masks an argument that the word before it makes secret.
func (f *finder) argumentAfter(command, prev string, w word) {
	switch {
	case prev == "insecure-password":
		f.addWord(w)
	case prev == "auth" && command == "stats", prev == "allow":
		f.userWord(w)
	case command == "user" && len(w.text) > 1 && w.text[0] == '>': // Redis
		f.add(w.start+1, w.start+len(w.text))
	}
}
