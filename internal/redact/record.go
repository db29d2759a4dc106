package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// record masks the secret of a line of a file that has no keys, only fields:
// user:password, a pgpass, the keys of chrony, ntp and Wazuh.
func (f *finder) record(at int, line []byte) bool {
	if len(line) > maxBare {
		return false
	}
	if f.directive(at, line) || f.oldOutput(at, line) {
		return true
	}
	for _, read := range []func([]byte) int{userRecord, pgpassRecord, agentRecord, clockRecord} {
		if n := read(line); n > 0 && !lexicon.IsPlain(line[n:]) {
			f.add(at+n, at+len(line))
			return true
		}
	}
	return false
}

// directives are the commands whose arguments are secrets by their place,
// counted from 1; -1 is the last. They are read only.
var directives = map[string][]int{
	"createuser": {3, 5},
	"com2sec":    {-1},
	"com2sec6":   {-1},
	"trapsink":   {2},
	"trap2sink":  {2},
	"informsink": {2},
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
	places := directives[string(bytes.ToLower(ws[0].text))]
	for _, p := range places {
		if p < 0 {
			p += len(ws)
		}
		if p > 0 && p < len(ws) {
			f.addWord(ws[p])
		}
	}
	return len(places) > 0
}

// mayBeDirective is a cheap test, for most lines are none.
func mayBeDirective(line []byte) bool {
	end := bytes.IndexAny(line, " \t")
	if end <= 0 || end > 64 {
		return false
	}
	switch first := string(bytes.ToLower(line[:end])); {
	case directives[first] != nil, first == "stats", first == "user", first == "allow":
		return true
	}
	rest := bytes.TrimLeft(line[end:], " \t")
	return bytes.HasPrefix(rest, []byte("* ")) || bytes.HasPrefix(rest, []byte("*\t")) ||
		bytes.IndexByte(line[:end], '.') > 0 && bytes.IndexByte(rest, ':') > 0 && len(rest) < 256 ||
		bytes.HasPrefix(line, []byte("user")) || bytes.Contains(line, []byte(" insecure-password "))
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

// output masks the password of a database that rsyslog writes to, in what follows
// the name of the module: server,database,user,password;template. The password
// may hold commas. In a comment it has to look like one.
func (f *finder) output(at, end int, comment bool) {
	if i := bytes.IndexByte(f.text[at:end], ';'); i >= 0 {
		end = at + i
	}
	for range 3 {
		i := bytes.IndexByte(f.text[at:end], ',')
		if i < 0 {
			return
		}
		at += i + 1
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at, End: end})
	f.judge(value{start: s.Start, end: s.End, doubt: comment}, lexicon.Strong)
}

// oldOutput masks the same in the oldest way to write it: a selector, then
// >server,database,user,password.
func (f *finder) oldOutput(at int, line []byte) bool {
	i := bytes.IndexByte(line, '>')
	if f.plan.format != "rsyslog" || i <= 0 || !ascii.IsBlank(line[i-1]) || bytes.Count(line[i:], []byte(",")) < 3 ||
		bytes.ContainsAny(bytes.TrimSpace(line[:i]), " \t\"'(") {
		return false
	}
	f.output(at+i+1, at+len(line), false)
	return true
}

// userWord masks the password of user:password.
func (f *finder) userWord(w word) {
	if i := bytes.IndexByte(w.text, ':'); i > 0 && !lexicon.IsPlain(w.text[i+1:]) {
		f.add(w.start+i+1, w.start+len(w.text))
	}
}

func (f *finder) addWord(w word) {
	if !lexicon.IsPlain(w.text) {
		f.add(w.start, w.start+len(w.text))
	}
}

// userRecord reads user:password, where the password looks like one.
func userRecord(line []byte) int {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.ContainsAny(line, " \t/=\"'<>()[]{},") || !ascii.IsLetter(line[0]) {
		return 0
	}
	if pass := line[colon+1:]; !lexicon.LooksChosen(pass) || bytes.IndexByte(pass, ':') >= 0 {
		return 0
	}
	return colon + 1
}

// pgpassRecord reads host:port:database:user:password.
func pgpassRecord(line []byte) int {
	if bytes.Count(line, []byte(":")) < 4 || bytes.IndexByte(line, ' ') >= 0 || bytes.IndexByte(line, '\t') >= 0 {
		return 0
	}
	parts := bytes.SplitN(line, []byte(":"), 5)
	if !ascii.IsNumber(parts[1]) && string(parts[1]) != "*" {
		return 0
	}
	for _, p := range parts {
		if len(p) == 0 {
			return 0
		}
	}
	if ascii.IsNumber(parts[2]) || looksLikeShadow(parts) {
		return 0
	}
	return len(line) - len(parts[4])
}

// looksLikeShadow says whether the fields are those of passwd or group.
func looksLikeShadow(parts [][]byte) bool {
	return bytes.IndexByte(parts[4], ':') >= 0 && !lexicon.LooksChosen(parts[4])
}

// agentRecord reads number, name, address, key: the agents of Wazuh.
func agentRecord(line []byte) int {
	if !ascii.IsDigit(line[0]) {
		return 0
	}
	fields := bytes.Fields(line)
	if len(fields) != 4 || !ascii.IsNumber(fields[0]) || len(fields[3]) < 32 || !lexicon.LooksRandom(fields[3]) {
		return 0
	}
	return len(line) - len(fields[3])
}

// clockRecord reads number, algorithm, key: the keys of chrony and ntp.
func clockRecord(line []byte) int {
	if !ascii.IsDigit(line[0]) {
		return 0
	}
	fields := bytes.Fields(line)
	if len(fields) < 3 || !ascii.IsNumber(fields[0]) || len(fields[0]) > 5 || !isMAC(fields[1]) {
		return 0
	}
	if i := bytes.Index(line, fields[2]); i > 0 && (len(fields) == 3 || fields[3][0] == '#') {
		return i
	}
	return 0
}

// isMAC says whether a word names an algorithm of message authentication.
func isMAC(w []byte) bool {
	switch string(bytes.ToUpper(w)) {
	case "M", "MD5", "SHA", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3-256", "AES128", "AES256", "AES128CMAC", "RMD160":
		return true
	}
	return false
}
