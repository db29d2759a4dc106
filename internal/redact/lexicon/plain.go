package lexicon

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

// IsPlain says whether a value is plainly no secret: nothing, a reference, a
// template, a path, a boolean, a blank to be filled in. It says nothing about
// values that merely look harmless.
func IsPlain(v []byte) bool {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || len(v) <= 24 && plainValues[strings.ToLower(string(v))] {
		return true
	}
	if IsReference(v) && !hasDefault(v) {
		return true
	}
	if isPath(v) || isAddress(v) || isCall(v) || IsFiller(v) || isEmptyComment(v) || isBareOpen(v) {
		return true
	}
	rest, any := StripReferences(v)
	return any && (isTrifle(rest) || isPath(rest))
}

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
	return !LooksChosen(bytes.Trim(v[n:], "()\"' "))
}

// IsReference says whether v begins as a value does that says where the secret is
// kept.
func IsReference(v []byte) bool { return hasPrefixFold(v, referencePrefixes) }

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

// IsFiller says whether the value is a blank to be filled in.
func IsFiller(v []byte) bool {
	if len(v) > 64 {
		return false
	}
	low := strings.ToLower(string(v))
	for _, f := range fillers {
		if strings.Contains(low, f) && !LooksChosen(v) {
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
		if strings.ContainsRune(part, '+') || LooksRandom([]byte(part)) && !IsUUID([]byte(part)) {
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

// published are values from the sample files that agents are shipped with. In
// a comment they are no secret.
var published = words(`s.CDDrgg5zPv5ssI0Z2P4qxJj2 superSecret1234= p@ssw0rd eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9`)

func IsPublished(v []byte) bool { return published[string(v)] }
