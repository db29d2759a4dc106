package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// record masks the secret of a line of a file that has no keys, only fields:
// user:password, a pgpass, the keys of chrony, ntp and Wazuh.
func (f *finder) record(at int, line []byte) bool {
	if len(line) > assignment.MaxBare {
		return false
	}
	if f.productLine(at, line) || f.credential(at, line) || f.directive(at, line) || f.endpoint(at, line) || f.digest(at, line) || f.oldOutput(at, line) {
		return true
	}
	for _, read := range []func([]byte) int{userRecord, pgpassRecord, agentRecord, clockRecord} {
		if n := read(line); n > 0 && !lexicon.IsPlain(line[n:]) {
			f.add(at+n, at+len(line))
			return true
		}
	}
	if bytes.Count(line, []byte(":")) >= 4 && bytes.IndexByte(line, '"') > 0 { // a row of .pgpass that a command writes
		for _, w := range command.Split(line, at) {
			if inner := bytes.Trim(w.Text, "'\""); pgpassRecord(inner) > 0 {
				n := bytes.Index(w.Text, inner) + pgpassRecord(inner)
				f.add(w.Start+n, w.Start+bytes.Index(w.Text, inner)+len(inner))
			}
		}
	}
	return false
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
	f.judge(assignment.Value{Start: s.Start, End: s.End, Doubt: comment}, lexicon.Strong)
}

// oldOutput masks the same in the oldest way to write it: a selector, then
// >server,database,user,password.
func (f *finder) oldOutput(at int, line []byte) bool {
	i := bytes.IndexByte(line, '>')
	if f.plan.Format != "rsyslog" || i <= 0 || !ascii.IsBlank(line[i-1]) || bytes.Count(line[i:], []byte(",")) < 3 ||
		bytes.ContainsAny(bytes.TrimSpace(line[:i]), " \t\"'(") {
		return false
	}
	f.output(at+i+1, at+len(line), false)
	return true
}

// userWord masks the password of user:password.
func (f *finder) userWord(w command.Word) {
	if i := bytes.IndexByte(w.Text, ':'); i > 0 && !lexicon.IsPlain(w.Text[i+1:]) {
		f.add(w.Start+i+1, w.Start+len(w.Text))
	}
}

func (f *finder) addWord(w command.Word) {
	if !lexicon.IsPlain(w.Text) {
		f.add(w.Start, w.Start+len(w.Text))
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

// credential reads what systemd hands to a unit: SetCredential=ID:SECRET, and names
// and paths that are no secrets.
func (f *finder) credential(at int, line []byte) bool {
	name, rest, ok := bytes.Cut(line, []byte("="))
	if !ok || !bytes.HasSuffix(name, []byte("Credential")) && !bytes.HasSuffix(name, []byte("CredentialEncrypted")) {
		return false
	}
	if colon := bytes.IndexByte(rest, ':'); colon > 0 && bytes.HasPrefix(name, []byte("SetCredential")) {
		f.add(at+len(name)+1+colon+1, at+len(line))
	}
	return true
}

// account masks the password of user_NAME="x", an entry of a login module of Java.
func (f *finder) account(end int) {
	if f.proxied(); !f.jaas {
		return
	}
	for end < len(f.text) && ascii.IsName(f.text[end]) {
		end++
	}
	if end+1 < len(f.text) && f.text[end] == '=' && f.text[end+1] == '"' {
		if v := f.QuotedValue(end+1, 1); v.End > v.Start && !lexicon.IsPlain(f.text[v.Start:v.End]) {
			f.add(v.Start, v.End)
		}
	}
}

// piped masks what echo gives to a program that reads a secret: echo x | sudo -S,
// echo "root:x" | chpasswd.
func (f *finder) piped(start int) {
	l := f.Enter(start)
	from := max(l.First, start-assignment.MaxDoubtful)
	if start < from {
		return
	}
	before := f.text[from:start]
	bar := bytes.LastIndexByte(before, '|')
	echo := max(bytes.LastIndex(before[:max(bar, 0)], []byte("echo ")), bytes.LastIndex(before[:max(bar, 0)], []byte("printf ")))
	if bar < 0 || echo < 0 {
		return
	}
	for _, w := range command.Split(before[echo:bar], from+echo)[1:] {
		if len(w.Text) > 1 && w.Text[0] == '-' || bytes.HasPrefix(w.Text, []byte("%")) || lexicon.IsPlain(w.Text) {
			continue
		}
		if colon := bytes.IndexByte(w.Text, ':'); colon > 0 && isAccount(w.Text[:colon]) && bytes.HasPrefix(f.text[start:], []byte("chpasswd")) {
			f.userWord(w)
		} else {
			f.addWord(w)
		}
	}
}
