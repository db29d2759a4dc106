package lexicon

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/scout"
)

// plainValues are words that are settings, not secrets, under any name.
var plainValues = words(`true false yes no y n on off none null nil ~ undef undefined required requisite sufficient
	optional include substack enabled disabled enable disable prompt default auto absent present never
	always any all empty unset ask inherit md5 bcrypt argon2 argon2i argon2id scrypt pbkdf2 sha256 sha512 crypt ssha {ssha} {crypt} {sha} scram-sha-256 trust | |- |+ > >- >+ |2 >2 \ { [ ( {} [] () '' ""
	files compat sss \s+ \s* \w+ \d+ .* .+
	read-only read-write ro rw string str int bool boolean bytes bearer basic plain text required, optional( = == != =~ !~ => -> | || && :`)

// referencePrefixes begin a value that says where the secret is kept.
var referencePrefixes = prefixesOf([]string{
	"[success=", "[default=", "[user_unknown=", "unix:/", "!vault", "!secret", "!env", "!ref", "!sub", "!getatt", "!file", "!reference", "!lookup", "!encrypted",
	"enc[aes256_gcm,", "lookup(", "hiera(", "scope['", "scope[\"", "node['", "node[\"",
	"os.environ", "os.getenv", "process.env", "getenv(", "sys.env(", "convert.nonsensitive(", "env('", "env(\"",
	"sensitive($", "<%", "{{", "{credential ", "argument.", "$__file{", "$__env{", "$__vault{",
	"data_bag", "pillar[", "grains[", "salt[", "random_password.", "base64encode(", "ENV[", "ENV.fetch", "$(", "@Microsoft.KeyVault(",
})

// locators begin a value that says where the secret is kept if a place follows:
// vault:secret/db, env:DB_PASSWORD, but not vault:hunter2.
var locators = prefixesOf([]string{
	"env:", "env.", "env/", "file:", "file/", "vault:", "secret:", "secret/", "secrets:", "secrets.", "ssm:",
	"op://", "kv:", "arn:", "keyring:", "ref+", "sops:", "cmd:", "exec:", "vault/", "vault.", "credstash:",
	"aws-sm:", "awssm:", "gcp-sm:", "azure-kv:", "akv:", "systemd:", "credential:", "fd:", "keychain:", "pass://",
	"scope.", "data.", "var.", "local.", "module.", "local.file.", "remote.", "prometheus.", "file://", "env://", "awssm://", "sm://", "aws_secrets:",
	"resolve:", "bitwarden:", "bws:", "keepass:", "doppler:", "infisical:", "gopass:", "secretref:", "secretref+", "kms:", "kms/", "projects/",
})

// isLocator says whether v names a place: a path of several parts, the name of a
// variable, or two names joined by a dot.
func isLocator(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	for _, p := range locators.of(v) {
		if len(v) <= len(p) || !bytes.EqualFold(v[:len(p)], []byte(p)) {
			continue
		}
		if rest := v[len(p):]; isPlace(rest, p) {
			return true
		}
	}
	return false
}

// isPlace judges what follows a locator.
func isPlace(rest []byte, locator string) bool {
	if bytes.ContainsAny(rest, " \t!$%^&*") || LooksRandom(rest) {
		return false
	}
	if i := bytes.IndexAny(rest, "/#"); i >= 0 {
		return i > 0 && i < len(rest)-1 || rest[0] == '/' && len(rest) > 4
	}
	if IsNumber(rest) && locator == "fd:" || isVariableName(rest) {
		return true
	}
	dotted := locator[len(locator)-1] == '.'
	return dotted && isLowerName(rest) && (bytes.ContainsAny(rest, "._") || Classify(string(rest)) != None) ||
		!dotted && isLowerName(rest) && bytes.ContainsAny(rest, "._-:") && Classify(string(rest)) != None
}

// isVariableName says whether v is a name as variables of an environment have:
// capitals and underscores.
func isVariableName(v []byte) bool {
	letters := 0
	for _, c := range v {
		if ascii.IsUpper(c) {
			letters++
		} else if c != '_' && !ascii.IsDigit(c) {
			return false
		}
	}
	return letters > 2
}

// isLowerName says whether v is small letters joined by dots, dashes and the like.
func isLowerName(v []byte) bool {
	for _, c := range v {
		if !ascii.IsLetter(c) && bytes.IndexByte([]byte("._-:[]\"'"), c) < 0 {
			return false
		}
	}
	return len(v) > 0
}

// fillers are what documentation writes where a secret is to be put.
var fillers = scout.New([]string{
	"redacted", "replace_", "replace-", "replaceme", "placeholder", "change_me", "change-me", "changeme", "your_", "your-", "your ",
	"<your", "_here", "-here", " here", "...", "todo", "insert_", "insert-", "xxxx", "****",
})

// IsPlain says whether a value is plainly no secret: nothing, a reference, a
// template, a path, a boolean, a blank to be filled in. It says nothing about
// values that merely look harmless.
func IsPlain(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || len(v) <= 24 && has(plainValues, v) {
		return true
	}
	if IsReference(v) && !hasDefault(v) {
		return true
	}
	if isRoot(v) || isSwitch(v) || isPath(v) || fileExtension(v) || isAddress(v) || isCall(v) || IsFiller(v) || isEmptyComment(v) || isBareOpen(v) || isNegative(v) || isService(v) {
		return true
	}
	rest, any := StripReferences(v)
	return any && (isTrifle(rest) || isPath(rest))
}

// roots are directories that stand right below the root. Read only.
var roots = words(`/ /root /home /tmp /var /etc /usr /opt /srv /data /run /dev /mnt /app /proc /sys /bin /sbin /lib /boot /media /workspace /config /backup /secrets`)

func isRoot(v []byte) bool { return v[0] == '/' && has(roots, v) }

// services are the words of a line of nsswitch.conf. Read only.
var services = words(`files compat db sss ldap nis systemd winbind dns extrausers vas4 centrifydc`)

// isSwitch says whether the value is a list of services that know accounts.
func isSwitch(v []byte) bool {
	for w := range bytes.FieldsSeq(v) {
		if !services[string(w)] {
			return false
		}
	}
	return true
}

// isNegative says whether the value is a number below zero: a sign that there is
// none, or a place on a ring.
func isNegative(v []byte) bool { return len(v) > 1 && v[0] == '-' && IsNumber(v[1:]) }

// isService says whether the value is a port with its protocol: 464/tcp.
func isService(v []byte) bool {
	port, protocol, ok := bytes.Cut(v, []byte("/"))
	return ok && IsNumber(port) && (string(protocol) == "tcp" || string(protocol) == "udp")
}

// IsNumber says whether v is nothing but digits.
func IsNumber(v []byte) bool { return len(v) > 0 && ascii.IsNumber(v) }

// isAddress says whether the value is a URL in which nothing looks secret.
func isAddress(v []byte) bool {
	i := bytes.Index(v[:min(len(v), 16)], []byte("://"))
	if i <= 0 || bytes.IndexByte(v, '@') >= 0 || bytes.IndexByte(v, ' ') >= 0 {
		return false
	}
	return !LooksRandom(v[i+3:])
}

// isCall says whether the value is the call of a function, of whose arguments
// none looks like a secret.
func isCall(v []byte) bool {
	n := 0
	for n < len(v) && (ascii.IsAlnum(v[n]) || v[n] == '_' || v[n] == '.' || v[n] == ':') {
		n++
	}
	if n == 0 || n >= len(v) || v[n] != '(' || v[len(v)-1] != ')' && n != len(v)-1 {
		return false
	}
	if name := v[:n]; n < len(v)-1 && !bytes.ContainsAny(name, "._:") && !has(calls, name) {
		return false
	}
	return !LooksChosen(bytes.Trim(v[n:], "()\"' "))
}

// calls are functions that fetch a value. Read only.
var calls = words(`env getenv file read lookup get var config secret hiera decrypt ref value concat join format parameters variables fn sub import random
	generate cfg getattr trim vault ssm fromjson replace coalesce default templatefile sensitive optional print`)

// IsFetcher says whether a function of that name fetches a value that its argument
// names.
func IsFetcher(name string) bool {
	low := strings.ToLower(name)
	if i := strings.LastIndexByte(low, '.'); i >= 0 && calls[low[i+1:]] {
		return true
	}
	return calls[low] || strings.Contains(low, "env") || strings.Contains(low, "get") || strings.Contains(low, "read") || strings.Contains(low, "lookup") || strings.Contains(low, "vault")
}

// IsVariableName says whether v is the name of a variable of an environment.
func IsVariableName(v []byte) bool { return isVariableName(v) && !LooksRandom(v) }

// IsReference says whether v begins as a value does that says where the secret is
// kept.
func IsReference(v []byte) bool { return hasPrefixFold(v, referencePrefixes) || isLocator(v) }

func hasPrefixFold(v []byte, all *prefixes) bool {
	if len(v) == 0 {
		return false
	}
	for _, p := range all.of(v) {
		if len(v) > len(p) && bytes.EqualFold(v[:len(p)], []byte(p)) {
			return true
		}
	}
	return false
}

// isEmptyComment says whether what follows the separator is a comment: the
// value is empty.
func isEmptyComment(v []byte) bool {
	for _, p := range []string{"# ", "## ", "; ", "// ", "/* ", "<!--"} {
		if bytes.HasPrefix(v, []byte(p)) {
			return true
		}
	}
	return len(v) == 1 && (v[0] == '#' || v[0] == ';')
}

// isBareOpen says whether the value is the beginning of a map or list, which
// the walk of the syntax looks into.
func isBareOpen(v []byte) bool {
	if v[0] != '{' && v[0] != '[' {
		return false
	}
	last := v[len(v)-1]
	return len(v) == 1 || ascii.IsBlank(v[1]) || v[1] == '"' || v[1] == '\'' || last == '}' && bytes.IndexByte(v, ':') > 0 ||
		last == ']' && bytes.IndexByte(v, ',') > 0
}

// IsFiller says whether the value is a blank to be filled in: the words of
// documentation, without digits.
func IsFiller(v []byte) bool {
	if len(v) == 0 || len(v) > 64 {
		return false
	}
	low := v
	if !isASCII(v) {
		low = bytes.ToLower(v)
	}
	if len(v) > 2 && isOneByte(low) && !ascii.IsDigit(v[0]) {
		return true
	}
	if bytes.ContainsAny(v, "0123456789!#%&;@,") {
		return false
	}
	if v[0] == '<' && v[len(v)-1] == '>' {
		return true
	}
	found := false
	fillers.Scan(low, func(int, int) { found = true })
	return found
}

func isASCII(v []byte) bool {
	for _, c := range v {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// isOneByte says whether a value is one character of ASCII again and again, in
// whatever case, or nothing but bytes that are no characters.
func isOneByte(v []byte) bool {
	if v[0] >= 0x80 {
		return len(bytes.Trim(v, string(v[:1]))) == 0
	}
	for _, c := range v {
		if c != v[0] && !(ascii.IsLetter(c) && c^v[0] == 'a'-'A') {
			return false
		}
	}
	return true
}

// isPath says whether the value is an absolute or relative file name.
func isPath(v []byte) bool {
	s := string(v)
	switch {
	case len(v) > 512 || strings.ContainsAny(s, " \t=,;$!@#%^&*"):
		return false
	case strings.HasPrefix(s, "/"), strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"), strings.HasPrefix(s, "~/"):
	case len(s) > 3 && ascii.IsLetter(s[0]) && s[1] == ':' && s[2] == '\\':
	default:
		return false
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == '\\' || r == '.' }) {
		if strings.ContainsRune(part, '+') || LooksRandom([]byte(part)) && !IsUUID([]byte(part)) {
			return false
		}
	}
	return len(strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '\\' })) >= 2 || fileExtension(v)
}

// extensions are those of files that values name. They are read only.
var extensions = words(`key pem crt cert cer der p12 pfx jks jceks keystore truststore json jsonc yaml yml toml txt conf cfg cnf ini gpg asc pub csr
	env sh py pl rb php js lua secret secrets passwd pass psk keytab kdb kdbx db sock service xml html properties cred credentials enc age tpl tmpl j2 token pw`)

// fileExtension says whether the value is a file name that ends as those of
// configurations, keys and certificates do.
func fileExtension(v []byte) bool {
	dot := bytes.LastIndexByte(v, '.')
	if dot <= 0 || len(v) > 128 || !has(extensions, v[dot+1:]) {
		return false
	}
	for _, c := range v {
		if !ascii.IsName(c) && c != '/' {
			return false
		}
	}
	return !LooksRandom(v)
}

// isTrifle says whether what is left of a value after its references is too
// little to be a secret.
func isTrifle(rest []byte) bool {
	rest = bytes.Trim(rest, " \t\"'`.,:;_-/+|()[]{}<>@=%")
	return len(rest) == 0 || has(schemes, rest)
}

// published are values from the sample files that agents are shipped with. In
// a comment they are no secret.
var published = words(`s.CDDrgg5zPv5ssI0Z2P4qxJj2 superSecret1234= pa$$word barfoo storageaccountaccesskey some-long-shared-secret-token
	s3cret s#cr@t% password123456 my-xauth-token my-server-key invalidAuthToken USER@REALM!TOKENID=UUID DUMMY_TOKEN pass123 cisco root topSecret puppet ubuntu
	a1234567-40c7-9048-7bae-378687048181 eyJhbGc...Qssw5c SW2YcwTIb9zpOOhoPsMm <pw> u-b02f6261c8 p@ssw0rd eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9`)

// IsPublished says whether a value is one that a sample file ships with.
func IsPublished(v []byte) bool { return published[string(v)] }

// IsTyped says whether the type of a value is one of harmless things: a number, a
// boolean, a duration, a size, an address, a name of a file.
func IsTyped(v []byte) bool {
	v = bytes.TrimSpace(v)
	n := 0
	for n < len(v) && (ascii.IsDigit(v[n]) || v[n] == '.' || v[n] == '-' || v[n] == ':') {
		n++
	}
	if n == len(v) || n > 0 && has(units, bytes.TrimSpace(v[n:])) {
		return true
	}
	return IsPlain(v) || isHostPort(v) || bytes.HasPrefix(v, []byte("http://")) && !bytes.Contains(v, []byte("@"))
}

// units are those of numbers. Read only.
var units = words(`s ms us ns m h d w y b k kb kib m mb mib g gb gib t tb % sec secs second seconds min mins minute minutes hour hours day days week weeks bytes px`)

// isHostPort says whether v is a name of a host with dots, or a port behind one.
func isHostPort(v []byte) bool {
	host, port, colon := bytes.Cut(v, []byte(":"))
	return bytes.IndexByte(host, '.') > 0 && isLowerName(bytes.Trim(host, "0123456789")) && (!colon || IsNumber(port)) && !LooksRandom(v)
}

// IsAccessKeyID says whether a value names an access key of a cloud, and is none: AKIA
// and sixteen capitals and digits.
func IsAccessKeyID(v []byte) bool {
	if len(v) != 20 || !bytes.HasPrefix(v, []byte("AKIA")) && !bytes.HasPrefix(v, []byte("ASIA")) {
		return false
	}
	for _, c := range v {
		if !ascii.IsUpper(c) && !ascii.IsDigit(c) {
			return false
		}
	}
	return true
}
