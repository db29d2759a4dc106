package lexicon

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// bracket is a pair that encloses a reference.
type bracket struct{ open, shut string }

// brackets are the pairs that enclose a reference.
var brackets = []bracket{
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

// opening are the brackets by the first byte of what opens them, in their order.
// Read only.
var opening = func() (by [256][]bracket) {
	for _, b := range brackets {
		by[b.open[0]] = append(by[b.open[0]], b)
	}
	return by
}()

// StripReferences removes references and templates from a value and says
// whether there were any. A default that stands inside a reference stays: it
// is a literal.
func StripReferences(v []byte) (rest []byte, any bool) {
	from := 0 // of what is not in rest yet
	for at := 0; at < len(v); {
		n := referenceAt(v[at:])
		if n > 0 && at > 0 && ascii.IsAlnum(v[at-1]) && ascii.IsAlnum(v[at+1]) {
			n = 0 // the sign is part of a word: pa$word
		}
		if n == 0 {
			at++
			continue
		}
		any = true
		rest = append(append(rest, v[from:at]...), defaultIn(v[at:at+n])...)
		at += n
		from = at
	}
	if !any {
		return v, false
	}
	return append(rest, v[from:]...), true
}

// referenceAt returns the length of the reference that v begins with, or 0.
func referenceAt(v []byte) int {
	switch v[0] {
	case '$', '{', '<', '%', '@', '#', 'E', '(', '[', '`', '_', Mark[0]:
	default:
		return 0
	}
	for _, b := range opening[v[0]] {
		if !bytes.HasPrefix(v, []byte(b.open)) {
			continue
		}
		window := v[len(b.open):min(len(v), 4096)]
		if i := bytes.Index(window, []byte(b.shut)); i >= 0 {
			return closing(v, len(b.open)+i, b.shut)
		}
	}
	if n := braced(v); n > 0 {
		return n
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
	case n < 3 || ascii.IsDigit(v[1]) || upper && lower && digit, !isVariable(v[1:n], upper):
		return 0
	case n < len(v) && v[n] == '$' && n+1 == len(v): // nagios: $USER1$
		return n + 1
	case v[0] == '@' && n < len(v):
		return 0
	}
	return n
}

// isVariable says whether what follows a $ or @ is the name of a variable rather
// than the rest of a password: capitals, words joined by underscores or colons, or
// a word for a secret.
func isVariable(name []byte, upper bool) bool {
	word := strings.TrimRight(string(name), "0123456789")
	return upper && !strings.ContainsAny(word, "0123456789") || bytes.ContainsAny(name, "_:") || variables[word] || names.secret[word]
}

// variables are names of variables that are one small word. Read only.
var variables = words(`pass user host uri args scheme body arg value var val key auth hash salt port url dir path name conf db input opt opts secrets config http cookie`)

// braced returns the length of {NAME}.
func braced(v []byte) int {
	if v[0] != '{' {
		return 0
	}
	i := bytes.IndexByte(v[:min(len(v), 64)], '}')
	if i < 4 || !isVariableName(v[1:i]) || bytes.IndexByte(v[1:i], '_') < 0 {
		return 0
	}
	return i + 1
}

// percentVariable returns the length of %NAME%.
func percentVariable(v []byte) int {
	n := 1
	dots := 0
	for n < len(v) && (ascii.IsUpper(v[n]) || ascii.IsDigit(v[n]) || v[n] == '_') {
		n++
	}
	if n == 1 {
		for n < len(v) && (ascii.IsLower(v[n]) || v[n] == '_' || v[n] == '.') {
			if v[n] == '.' {
				dots++
			}
			n++
		}
	}
	if n > 2 && n < len(v) && v[n] == '%' && (dots > 0 || ascii.IsUpper(v[1])) {
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
	if i := bytes.IndexByte(ref, ':'); i > 2 && bytes.HasPrefix(ref, []byte("${")) && i+1 < len(ref) && isDefaulted(ref[2:i]) &&
		bytes.IndexByte([]byte("?+:/"), ref[i+1]) < 0 {
		return secretDefault(bytes.TrimSuffix(ref[i+1:], []byte("}")))
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

// isDefaulted says whether the name before a colon is that of a variable, whose
// default follows, rather than that of a store: ${DB_PW:fallback}, ${env:DB_PW}.
func isDefaulted(name []byte) bool {
	low := strings.ToLower(string(name))
	return isVariableName(name) || bytes.IndexByte(name, '.') > 0 && !strings.HasPrefix(low, "env.") && !strings.HasPrefix(low, "secrets.")
}

func secretDefault(v []byte) []byte {
	if len(v) < 3 || v[0] == '$' || has(plainValues, v) || isPath(v) || IsFiller(v) {
		return nil
	}
	return v
}
