package redact

import (
	"bytes"
	"path"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// table says where the secrets stand in a file whose lines have no keys: in
// which field, parted by what.
type table struct {
	sep   byte // : parts fields, a blank parts words, = ends a key; 0: the whole line
	at    int  // which field, from 0; -1 is the last
	after byte // within the field the secret follows the last of these; 0: it is the field
	rest  bool // the field goes on to the end of the line
	from  int  // lines before are none
	every int  // only every so manieth line from there; 0: each
	one   bool // the file is one secret
}

// fileTables are globs of names of files, in small letters, and what the files
// hold. A glob with a slash also asks for the directory. The first match counts.
// They are read only.
var fileTables = []struct {
	globs string
	table table
}{
	{`.google_authenticator google_authenticator .erlang.cookie *.cookie .vault-token .vault_pass* vault_pass* *vault-password* authtoken.secret
		identity.secret authd.pass *enroll_secret* *enroll-secret* varnish/secret *_secret_key *.secret secret.key secret_key secrets/*_password
		secrets/*_token secrets/*_secret credstore/* credstore.encrypted/* run/secrets/* *-token.txt *_token.txt token.txt *.token .token
		*password.txt *passphrase.txt *.passphrase keyfile *.keyfile mongo-keyfile mongodb-keyfile *.psk psk.key cookie master.key
		.rpcauth auth_token agent-token node-token join_token cluster.key shared.key munge.key authkey authkeys.secret
		homeserver.signing.key *.signing.key luks.key *.bindpw ldap.secret pam_ldap.secret libnss-ldap.secret nslcd.secret *.vaultpass
		.rnd-key .slack-token .pgpass.key password passwd.txt secret.txt passphrase *.pwd ssh_password bootstrap-password api_key api-key apikey api.key`, table{one: true}},
	{`sasl_passwd* *sasl_passwd* *sasl-passwd* relay_passwd* smtp_passwd* saslpass* relaypasswd* smtp_auth_passwd* relay_creds* mail/secrets smtpd/secrets opensmtpd/secrets`, table{sep: ' ', at: -1, after: ':'}},
	{`passwd.client`, table{sep: ':', at: 2, rest: true}},
	{`userlist.txt`, table{sep: ' ', at: 1}},
	{`.pgpass pgpass pgpass.conf *.pgpass`, table{sep: ':', at: 4, rest: true}},
	{`chap-secrets pap-secrets srp-secrets`, table{sep: ' ', at: 2}},
	{`users.oath`, table{sep: ' ', at: 3}},
	{`psk.txt psk.keys psk-*.txt *-psk.txt *.psks`, table{sep: ' ', at: -1, after: ':'}},
	{`*htdigest* *.digest .htdigest digest_pw`, table{sep: ':', at: 2, rest: true}},
	{`smbpasswd`, table{sep: ':', at: 2, rest: true}},
	{`dma/auth.conf`, table{sep: ':', at: 1, rest: true}},
	{`deluge*/auth config/auth`, table{sep: ':', at: 1}},
	{`davfs2/secrets .davfs2/secrets`, table{sep: ' ', at: 2}},
	{`rsyncd.secrets rsync.secrets *rsync*.secrets rsync*.scrt memcached-sasl* *sasl-pwdb* .passwd-s3fs passwd-s3fs *.s3fs pwfile* userpass.txt credentials.txt
		*.userpass cvs/passwd cvsroot/passwd unicorn.passwd`, table{sep: ':', at: 1, rest: true}},
	{`*htpasswd* passwd passwd.* *.passwd passwd- shadow shadow- gshadow gshadow- *.pwfile mosquitto/passwords dovecot/users dovecot/passwd* proftpd/ftpd.passwd ftpd.passwd
		imap.passwd cyrus/passwd squid/passwords squid/users`, table{sep: ':', at: 1}},
	{`*realm.properties`, table{sep: '=', at: 1, after: ','}},
	{`users.properties *-users.properties *groups-users.properties`, table{sep: '=', at: 1, after: ','}},
	{`openvpn/auth* openvpn/*.auth client/auth* openvpn/*pass* openvpn/*login* *.up auth-user-pass* userpass *.vpnauth`, table{from: 1}},
	{`virtual_users.txt vusers.txt logins.txt vsftpd_login* vsftpd/login*`, table{from: 1, every: 2}},
	{`voicemail.conf`, table{sep: '>', at: 1, after: ','}},
	{`cram-md5.pwd apop.pwd`, table{sep: ' ', at: 1}},
}

// copies end the names of copies of files.
var copies = []string{"~", ".bak", ".old", ".orig", ".save", ".erb", ".j2", ".tpl", ".tmpl", ".tmp", ".dist", ".local"}

// tableOf returns the table that a file of that name is, or nil.
func tableOf(name string) *table {
	if name == "" {
		return nil
	}
	name = strings.ToLower(strings.ReplaceAll(name, "\\", "/"))
	base, dir := path.Base(name), path.Base(path.Dir(name))
	for _, c := range copies {
		base = strings.TrimSuffix(base, c)
	}
	for i := range fileTables {
		for glob := range strings.FieldsSeq(fileTables[i].globs) {
			if ok, _ := path.Match(glob, base); ok {
				return &fileTables[i].table
			}
			if ok, _ := path.Match(glob, dir+"/"+base); ok && strings.Contains(glob, "/") {
				return &fileTables[i].table
			}
		}
	}
	return nil
}

// readTable masks the secrets of a table.
func (f *finder) readTable(t *table) {
	if t.one {
		f.oneSecret()
		return
	}
	n := 0
	for at := 0; at < len(f.text); {
		var line syntax.Span
		line, at = syntax.LineAt(f.text, at)
		if line.Start == line.End {
			continue
		}
		if content := f.text[line.Start:line.End]; content[0] == '#' || content[0] == ';' {
			line = f.uncommented(line)
			if t.sep == 0 || bytes.Contains(f.text[line.Start:line.End], []byte(" ")) {
				continue
			}
		} else if n++; n <= t.from || t.every > 0 && (n-1-t.from)%t.every != 0 {
			continue
		}
		f.field(t, line)
	}
}

func (f *finder) uncommented(line syntax.Span) syntax.Span {
	for line.Start < line.End && bytes.IndexByte([]byte("#; \t"), f.text[line.Start]) >= 0 {
		line.Start++
	}
	return line
}

// oneSecret masks the whole text, unless it is made of settings or of PEM, which
// the other readers know better.
func (f *finder) oneSecret() {
	s := syntax.Trim(f.text, syntax.Span{Start: 0, End: len(f.text)})
	text := f.text[s.Start:s.End]
	if len(text) == 0 || text[0] == '{' || text[0] == '[' || text[0] == '<' || bytes.HasPrefix(text, []byte("-----BEGIN ")) || f.areSettings(text) {
		return
	}
	for len(text) > 0 && text[0] == '#' {
		line, next := syntax.LineAt(f.text, s.Start)
		if s.Start = min(next, s.End); line.End >= s.End {
			return
		}
		s = syntax.Trim(f.text, s)
		text = f.text[s.Start:s.End]
	}
	f.add(s.Start, s.End)
}

// areSettings says whether the first lines of a text assign values to names.
func (f *finder) areSettings(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	i := bytes.IndexAny(line, "=:")
	if i <= 0 || i > 40 || i+1 >= len(bytes.TrimSpace(line)) {
		return false
	}
	for _, c := range bytes.TrimRight(line[:i], " \t") {
		if !ascii.IsName(c) {
			return false
		}
	}
	return line[i] == '=' && len(bytes.Trim(line[i:], "= \t\r")) > 0 || i+1 < len(line) && line[i+1] == ' '
}

// field masks one field of a line.
func (f *finder) field(t *table, line syntax.Span) {
	s := line
	switch t.sep {
	case ' ':
		ws := splitCommand(f.text[line.Start:line.End], line.Start)
		i := t.at
		if i < 0 {
			i = len(ws) - 1
		}
		if i < 1 || i >= len(ws) {
			return
		}
		s = syntax.Span{Start: ws[i].start, End: ws[i].start + len(ws[i].text)}
	case '=', '>':
		i := bytes.IndexAny(f.text[line.Start:line.End], "=:")
		if i <= 0 {
			return
		}
		s.Start += i + 1
		if s.Start < s.End && f.text[s.Start] == '>' {
			s.Start++
		}
		if comma := bytes.IndexByte(f.text[s.Start:s.End], ','); comma >= 0 {
			s.End = s.Start + comma
		}
	case ':':
		s = f.colonField(t, line)
	}
	if t.after == ':' {
		if i := bytes.IndexByte(f.text[s.Start:s.End], ':'); i >= 0 {
			s.Start += i + 1
		}
	}
	f.cell(syntax.Trim(f.text, s))
}

// colonField is a field of a line whose fields colons part; a backslash makes a
// colon part of one.
func (f *finder) colonField(t *table, line syntax.Span) syntax.Span {
	s, n := syntax.Span{Start: line.Start, End: line.End}, 0
	for i := line.Start; i < line.End; i++ {
		switch f.text[i] {
		case '\\':
			i++
		case ':':
			if n == t.at && !t.rest {
				s.End = i
				return s
			}
			if n < t.at {
				s.Start = i + 1
			}
			n++
		}
	}
	if n < t.at {
		s.Start = s.End
	}
	return s
}

// cell masks a field, unless it says that there is no password.
func (f *finder) cell(s syntax.Span) {
	v := f.text[s.Start:s.End]
	if len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		s, v = syntax.Span{Start: s.Start + 1, End: s.End - 1}, v[1:len(v)-1]
	}
	switch string(v) {
	case "", "*", "!", "!!", "x", "!*", "*LK*", "NP":
		return
	}
	if !lexicon.IsReference(v) && string(v) != Mark {
		f.add(s.Start, s.End)
	}
}
