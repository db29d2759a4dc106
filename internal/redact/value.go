package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// plainValues are words that are settings, not secrets, under any name.
var plainValues = words(`true false yes no on off none null nil ~ undef undefined required requisite sufficient
	optional include substack enabled disabled enable disable prompt default auto absent present never
	always any all empty unset ask inherit md5 scram-sha-256 trust | |- |+ > >- >+ |2 >2 \ { [ ( {} [] () '' ""
	files compat sss \s+ \s* \w+ \d+ .* .+
	string str int bool boolean bytes secret password token bearer basic plain text optional( = == != =~ !~ => -> | || && :`)

// referencePrefixes begin a value that says where the secret is kept.
var referencePrefixes = []string{
	"env:", "env.", "env/", "file:", "file/", "vault:", "secret:", "secret/", "secrets:", "secrets.", "ssm:",
	"op://", "kv:", "arn:", "keyring:", "ref+", "sops:", "cmd:", "exec:", "vault/", "vault.", "credstash:",
	"aws-sm:", "awssm:", "gcp-sm:", "azure-kv:", "akv:", "systemd:", "credential:", "fd:", "keychain:", "pass://",
	"[success=", "[default=", "[user_unknown=", "unix:/", "files ", "compat ", "!vault", "!secret", "!env", "!ref", "!sub", "!getatt", "!file", "!reference", "!lookup", "!encrypted",
	"enc[", "pkcs7[", "gpg[", "lookup(", "hiera(", "scope.", "scope[", "node[", "data.", "var.", "local.", "module.",
	"os.environ", "os.getenv", "process.env", "getenv(", "local.file.", "remote.", "sys.env(", "convert.nonsensitive(",
	"sensitive($", "<%", "{{", "{credential ", "prometheus.", "argument.", "$__file{", "$__env{", "$__vault{",
	"data_bag", "pillar[", "grains[", "salt[", "random_password.",
}

// fillers are what documentation writes where a secret is to be put.
var fillers = []string{
	"redacted", "replace_", "replace-", "replaceme", "placeholder", "change_me", "change-me", "your_", "your-",
	"<your", "_here", "-here", "...", "todo", "insert_", "insert-", "xxxx", "****", "dummy",
}

// isPlain says whether a value is plainly no secret: nothing, a reference, a
// template, a path, a boolean, a blank to be filled in. It says nothing about
// values that merely look harmless.
func isPlain(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || len(v) <= 24 && plainValues[strings.ToLower(string(v))] {
		return true
	}
	if hasPrefixFold(v, referencePrefixes) && !hasDefault(v) {
		return true
	}
	if isPath(v) || isAddress(v) || isCall(v) || isFiller(v) || isEmptyComment(v) || isBareOpen(v) {
		return true
	}
	rest, any := stripReferences(v)
	return any && (isTrifle(rest) || isPath(rest))
}

// isAddress says whether the value is a URL in which nothing looks secret.
func isAddress(v []byte) bool {
	i := bytes.Index(v[:min(len(v), 16)], []byte("://"))
	if i <= 0 || bytes.IndexByte(v, '@') >= 0 || bytes.IndexByte(v, ' ') >= 0 {
		return false
	}
	return !looksRandom(v[i+3:])
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
	return !looksChosen(bytes.Trim(v[n:], "()\"' "))
}

func hasPrefixFold(v []byte, prefixes []string) bool {
	for _, p := range prefixes {
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

// isFiller says whether the value is a blank to be filled in.
func isFiller(v []byte) bool {
	if len(v) > 64 {
		return false
	}
	low := strings.ToLower(string(v))
	for _, f := range fillers {
		if strings.Contains(low, f) && !looksChosen(v) {
			return true
		}
	}
	if v[0] == '<' && v[len(v)-1] == '>' {
		return true
	}
	return len(v) > 2 && strings.Count(low, low[:1]) == len(low) && !ascii.IsDigit(v[0])
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
		if strings.ContainsRune(part, '+') || looksRandom([]byte(part)) && !isUUID([]byte(part)) {
			return false
		}
	}
	return strings.Count(s, "/") >= 1
}

// isTrifle says whether what is left of a value after its references is too
// little to be a secret.
func isTrifle(rest []byte) bool {
	rest = bytes.Trim(rest, " \t\"'`.,:;_-/+|()[]{}<>@=")
	return len(rest) == 0 || schemes[strings.ToLower(string(rest))]
}

// schemes are the words that stand before the secret in a header.
var schemes = words(`bearer basic token digest negotiate apikey api-key splunk geniekey key aws4-hmac-sha256 bot
	zabbix sharedaccesssignature nrak ns1 sentry`)

// brackets are the pairs that enclose a reference.
var brackets = []struct{ open, shut string }{
	{"${", "}"},
	{"$(", ")"},
	{"{{", "}}"},
	{"{%", "%}"},
	{"<%", "%>"},
	{"%{", "}"},
	{"@{", "}"},
	{"#{", "}"},
	{"@@", "@@"},
	{"ENC[", "]"},
	{"((", "))"},
	{"[[", "]]"},
	{"`", "`"},
	{"%(", ")s"},
	{"{credential ", "}"},
	{"__", "__"},
	{"$__file{", "}"},
	{"$__env{", "}"},
	{Mark, ""},
}

// stripReferences removes references and templates from a value and says
// whether there were any. A default that stands inside a reference stays: it
// is a literal.
func stripReferences(v []byte) (rest []byte, any bool) {
	for whole := v; len(v) > 0; {
		n := referenceAt(v)
		if at := len(whole) - len(v); n > 0 && at > 0 && ascii.IsAlnum(whole[at-1]) && ascii.IsAlnum(v[1]) {
			n = 0 // the sign is part of a word: pa$word
		}
		if n == 0 {
			rest = append(rest, v[0])
			v = v[1:]
			continue
		}
		any = true
		rest = append(rest, defaultIn(v[:n])...)
		v = v[n:]
	}
	return rest, any
}

// referenceAt returns the length of the reference that v begins with, or 0.
func referenceAt(v []byte) int {
	switch v[0] {
	case '$', '{', '<', '%', '@', '#', 'E', '(', '[', '`', '_', Mark[0]:
	default:
		return 0
	}
	for _, b := range brackets {
		if !bytes.HasPrefix(v, []byte(b.open)) {
			continue
		}
		window := v[len(b.open):min(len(v), 4096)]
		if i := bytes.Index(window, []byte(b.shut)); i >= 0 {
			return closing(v, len(b.open)+i, b.shut)
		}
	}
	if v[0] == '%' {
		return max(percentVariable(v), fieldVariable(v))
	}
	return variable(v)
}

// closing extends a reference over nested braces: ${A:-${B}}.
func closing(v []byte, at int, shut string) int {
	end := at + len(shut)
	for shut == "}" && bytes.Count(v[:end], []byte("{")) > bytes.Count(v[:end], []byte("}")) {
		i := bytes.IndexByte(v[end:min(len(v), 4096)], '}')
		if i < 0 {
			break
		}
		end += i + 1
	}
	return end
}

// variable returns the length of $NAME, $name, $::scope::name or @name.
func variable(v []byte) int {
	if v[0] != '$' && v[0] != '@' || len(v) < 2 {
		return 0
	}
	n, upper, lower, digit := 1, false, false, false
	for ; n < len(v) && (ascii.IsAlnum(v[n]) || v[n] == '_' || v[n] == ':'); n++ {
		upper, lower, digit = upper || ascii.IsUpper(v[n]), lower || ascii.IsLower(v[n]), digit || ascii.IsDigit(v[n])
	}
	switch {
	case n < 3 || ascii.IsDigit(v[1]) || upper && lower && digit:
		return 0
	case n < len(v) && v[n] == '$' && n+1 == len(v): // nagios: $USER1$
		return n + 1
	case v[0] == '@' && n < len(v):
		return 0
	}
	return n
}

// percentVariable returns the length of %NAME%.
func percentVariable(v []byte) int {
	n := 1
	for n < len(v) && (ascii.IsUpper(v[n]) || ascii.IsDigit(v[n]) || v[n] == '_') {
		n++
	}
	if n > 2 && n < len(v) && v[n] == '%' {
		return n + 1
	}
	return 0
}

// fieldVariable returns the length of %field.name.
func fieldVariable(v []byte) int {
	n, dots := 1, 0
	for n < len(v) && (ascii.IsLower(v[n]) || v[n] == '_' || v[n] == '.' && n > 1) {
		if v[n] == '.' {
			dots++
		}
		n++
	}
	if dots == 0 {
		return 0
	}
	return n
}

// hasDefault says whether a reference carries a literal to fall back on.
func hasDefault(v []byte) bool { return len(defaultIn(v)) > 0 }

// defaultIn returns the literal a reference falls back on: ${X:-literal},
// {{ x | default('literal') }}.
func defaultIn(ref []byte) []byte {
	if i := bytes.Index(ref, []byte(":-")); i > 0 && ref[0] == '$' {
		return secretDefault(bytes.TrimRight(ref[i+2:], "}"))
	}
	i := bytes.Index(ref, []byte("default("))
	if i < 0 {
		i = bytes.Index(ref, []byte("default "))
	}
	if i < 0 {
		return nil
	}
	ref = bytes.TrimLeft(ref[i+len("default("):], " ")
	if len(ref) == 0 || ref[0] != '"' && ref[0] != '\'' {
		return nil
	}
	end := bytes.IndexByte(ref[1:], ref[0])
	if end < 0 {
		return nil
	}
	return secretDefault(ref[1 : 1+end])
}

func secretDefault(v []byte) []byte {
	if len(v) < 3 || v[0] == '$' || plainValues[strings.ToLower(string(v))] || isPath(v) || isFiller(v) {
		return nil
	}
	return v
}

// looksRandom says whether a value looks made by a machine: long, and mixing
// letters and digits as names do not.
func looksRandom(v []byte) bool {
	if len(v) < 12 || len(v) > 4096 || isUUID(v) || hasPrefixFold(v, digestPrefixes) {
		return false
	}
	start := 0
	for i := 0; i <= len(v); i++ {
		if i < len(v) && (ascii.IsAlnum(v[i]) || v[i] == '+' || v[i] == '=') {
			continue
		}
		if i < len(v) && (ascii.IsSpace(v[i]) || v[i] >= 0x80 || v[i] == '(' || v[i] == '{') {
			return false
		}
		if isRandomRun(v[start:i]) {
			return true
		}
		start = i + 1
	}
	return false
}

var digestPrefixes = []string{
	"sha256:", "sha512:", "sha1:", "sha384:", "md5:", "sha256-", "sha384-", "sha512-", "sha512 ",
	"http://", "https://", "arn:", "ssh-", "ecdsa-",
}

// isRandomRun judges letters and digits without punctuation.
func isRandomRun(run []byte) bool {
	if len(run) < 10 {
		return false
	}
	digits, turns, hex := 0, 0, true
	for i, c := range run {
		hex = hex && ascii.IsHex(c)
		if ascii.IsDigit(c) {
			digits++
		}
		if i > 0 && charClass(c) != charClass(run[i-1]) {
			turns++
		}
	}
	if digits == len(run) || digits == 0 && turns < len(run)/2 {
		return false
	}
	if hex {
		return len(run) >= 16 && digits > 1 && digits < len(run)
	}
	return turns*4 >= len(run) && turns >= 4
}

func charClass(c byte) int {
	switch {
	case ascii.IsDigit(c):
		return 1
	case ascii.IsUpper(c):
		return 2
	case ascii.IsLower(c):
		return 3
	}
	return 4
}

// looksChosen says whether a word looks like a password a person made up: no
// ordinary word has these kinds of characters together.
func looksChosen(v []byte) bool {
	if len(v) < 6 || len(v) > 256 {
		return false
	}
	if looksRandom(v) {
		return true
	}
	var has [5]bool
	for i, c := range v {
		switch {
		case ascii.IsSpace(c) || c == '(' || c == ')' || c == '/' || c == '<' || c == '{' || c == '=':
			return false
		case charClass(c) < 4:
			has[charClass(c)] = true
		case c != '-' && c != '_' && c != '.' && c != ':' && i < len(v)-1, c == '!':
			has[4] = true
		}
	}
	return has[1] && (has[4] && (has[2] || has[3]) || has[2] && has[3])
}

func isUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !ascii.IsHex(c) {
			return false
		}
	}
	return true
}

// published are values from the sample files that agents are shipped with. In
// a comment they are no secret.
var published = words(`s.CDDrgg5zPv5ssI0Z2P4qxJj2 superSecret1234= p@ssw0rd eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9`)

func isPublished(v []byte) bool { return published[string(v)] }
