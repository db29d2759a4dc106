package notions

import (
	"path"
	"strings"
)

// Table says where the secrets stand in a file whose lines have no keys: in
// which field, parted by what.
type Table struct {
	Sep   byte // : parts fields, a blank parts words, = ends a key; 0: the whole line
	At    int  // which field, from 0; -1 is the last
	After byte // within the field the secret follows the last of these; 0: it is the field
	Rest  bool // the field goes on to the end of the line
	From  int  // lines before are none
	Every int  // only every so manieth line from there; 0: each
	One   bool // the file is one secret
}

// fileTables are globs of names of files, in small letters, and what the files
// hold. A glob with a slash also asks for the directory. The first match counts.
// They are read only.
var fileTables = []struct {
	globs string
	table Table
}{
	{`.google_authenticator google_authenticator .erlang.cookie *.cookie .vault-token .vault_pass* vault_pass* *vault-password* authtoken.secret
		identity.secret authd.pass *enroll_secret* *enroll-secret* varnish/secret *_secret_key *.secret secret.key secret_key secrets/*_password
		secrets/*_token secrets/*_secret credstore/* credstore.encrypted/* run/secrets/* *-token.txt *_token.txt token.txt *.token .token
		*password.txt *passphrase.txt *.passphrase keyfile *.keyfile mongo-keyfile mongodb-keyfile *.psk psk.key cookie master.key
		.rpcauth auth_token agent-token node-token join_token cluster.key shared.key munge.key authkey authkeys.secret
		homeserver.signing.key *.signing.key luks.key *.bindpw ldap.secret pam_ldap.secret libnss-ldap.secret nslcd.secret *.vaultpass
		.rnd-key .slack-token .pgpass.key password passwd.txt secret.txt passphrase ldappassword rootpassword *apikey *.apikey *api_key *_secret *-secret *.pwd ssh_password bootstrap-password api_key api-key apikey api.key`, Table{One: true}},
	{`sasl_passwd* *sasl_passwd* *sasl-passwd* relay_passwd* smtp_passwd* saslpass* relaypasswd* smtp_auth_passwd* relay_creds* mail/secrets smtpd/secrets opensmtpd/secrets`, Table{Sep: ' ', At: -1, After: ':'}},
	{`passwd.client`, Table{Sep: ':', At: 2, Rest: true}},
	{`userlist.txt`, Table{Sep: ' ', At: 1}},
	{`.pgpass pgpass pgpass.conf *.pgpass`, Table{Sep: ':', At: 4, Rest: true}},
	{`chap-secrets pap-secrets srp-secrets`, Table{Sep: ' ', At: 2}},
	{`users.oath`, Table{Sep: ' ', At: 3}},
	{`psk.txt psk.keys psk-*.txt *-psk.txt *.psks`, Table{Sep: ' ', At: -1, After: ':'}},
	{`*htdigest* *.digest .htdigest digest_pw`, Table{Sep: ':', At: 2, Rest: true}},
	{`smbpasswd`, Table{Sep: ':', At: 2, Rest: true}},
	{`dma/auth.conf`, Table{Sep: ':', At: 1, Rest: true}},
	{`deluge*/auth config/auth`, Table{Sep: ':', At: 1}},
	{`davfs2/secrets .davfs2/secrets`, Table{Sep: ' ', At: -1}},
	{`*_secrets *_passwords *-passwords`, Table{Sep: ':', At: 1, Rest: true}},
	{`amandapass *.smbpass *.cifspass`, Table{Sep: ' ', At: 1, After: '%'}},
	{`rsyncd.secrets rsync.secrets *rsync*.secrets rsync*.scrt memcached-sasl* *sasl-pwdb* .passwd-s3fs passwd-s3fs *.s3fs pwfile* userpass.txt credentials.txt
		*.userpass cvs/passwd cvsroot/passwd unicorn.passwd`, Table{Sep: ':', At: 1, Rest: true}},
	{`*htpasswd* passwd passwd.* *.passwd passwd- shadow shadow- gshadow gshadow- *.pwfile mosquitto/passwords dovecot/users dovecot/passwd* proftpd/ftpd.passwd ftpd.passwd
		imap.passwd cyrus/passwd squid/passwords squid/users`, Table{Sep: ':', At: 1}},
	{`*realm.properties`, Table{Sep: '=', At: 1, After: ','}},
	{`users.properties *-users.properties *groups-users.properties`, Table{Sep: '=', At: 1, After: ','}},
	{`openvpn/auth* openvpn/*.auth client/auth* openvpn/*pass* openvpn/*login* *.up auth-user-pass* userpass *.vpnauth`, Table{From: 1}},
	{`virtual_users.txt vusers.txt logins.txt vsftpd_login* vsftpd/login*`, Table{From: 1, Every: 2}},
	{`voicemail.conf`, Table{Sep: '>', At: 1, After: ','}},
	{`.cvspass`, Table{Sep: ' ', At: -1}},
	{`cram-md5.pwd apop.pwd`, Table{Sep: ' ', At: 1}},
}

// copies end the names of copies of files.
var copies = []string{"~", ".bak", ".old", ".orig", ".save", ".erb", ".j2", ".tpl", ".tmpl", ".tmp", ".dist", ".local"}

// TableOf returns the table that a file of that name is, or nil.
func TableOf(name string) *Table {
	if name == "" {
		return nil
	}
	name = strings.ToLower(strings.ReplaceAll(name, "\\", "/"))
	base, dir := path.Base(name), path.Base(path.Dir(name))
	for _, c := range copies {
		base = strings.TrimSuffix(base, c)
	}
	first, whole := tables.whole[base]
	if !whole {
		first.at = len(tables.rest)
	}
	for i := range tables.rest[:first.at] {
		if g := &tables.rest[i]; g.matches(base, dir) {
			return g.table
		}
	}
	return first.table
}

// tableGlob is one glob and what the files of that name hold.
type tableGlob struct {
	fileGlob
	table *Table
	at    int // how many globs of the rest stand before it
}

// tables are the globs of fileTables one by one: names without a star, and the rest
// in their order. Read only.
var tables = func() (all struct {
	whole map[string]tableGlob
	rest  []tableGlob
},
) {
	all.whole = make(map[string]tableGlob)
	for i := range fileTables {
		for _, glob := range globsOf(fileTables[i].globs) {
			g := tableGlob{glob, &fileTables[i].table, len(all.rest)}
			if _, earlier := all.whole[g.text]; g.stars > 0 || g.dir {
				all.rest = append(all.rest, g)
			} else if !earlier {
				all.whole[g.text] = g
			}
		}
	}
	return all
}()

// fileGlob is a glob for the name of a file, made ready for use.
type fileGlob struct {
	text   string
	before string // its first star
	after  string
	stars  int
	dir    bool // it asks for the directory, too
}

// globsOf makes a list of globs ready for use.
func globsOf(list string) (all []fileGlob) {
	for glob := range strings.FieldsSeq(list) {
		g := fileGlob{text: glob, stars: strings.Count(glob, "*"), dir: strings.IndexByte(glob, '/') >= 0}
		g.before, g.after, _ = strings.Cut(glob, "*")
		all = append(all, g)
	}
	return all
}

// matches says whether the name of a file, or that and its directory, matches a
// glob. Most globs have one star or none.
func (g *fileGlob) matches(base, dir string) bool {
	switch {
	case g.dir && g.stars == 0:
		return len(g.text) == len(dir)+1+len(base) && strings.HasPrefix(g.text, dir) && strings.HasSuffix(g.text, base) && g.text[len(dir)] == '/'
	case g.dir && !strings.Contains(g.before, "/"): // the star is one of the directory's
		ok, _ := path.Match(g.text, dir+"/"+base)
		return ok
	case g.dir:
		under, ok := strings.CutPrefix(g.text, dir)
		if ok = ok && under[0] == '/'; ok {
			ok, _ = path.Match(under[1:], base)
		}
		return ok
	case g.stars == 0:
		return g.text == base
	case !strings.HasPrefix(base, g.before):
		return false
	case g.stars == 1:
		return len(base) >= len(g.before)+len(g.after) && strings.HasSuffix(base, g.after)
	}
	if middle, last := strings.CutSuffix(g.after, "*"); last && g.stars == 2 {
		return strings.Contains(base[len(g.before):], middle)
	}
	ok, _ := path.Match(g.text, base)
	return ok
}

// accountFiles are parts of names of files that hold accounts and what they log in
// with. Read only.
var accountFiles = []string{"passw", "passwd", "secret", "credential", "accounts", "logins", "htpass", "userpass"}

// TellsOfAccounts says whether the name of a file tells that it holds accounts and
// what they log in with.
func TellsOfAccounts(path string) bool {
	base := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	for _, part := range accountFiles {
		if strings.Contains(base, part) {
			return true
		}
	}
	return false
}
