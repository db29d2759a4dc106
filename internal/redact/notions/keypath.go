package notions

import "strings"

// KeyPath is a secret key path of the catalogue: one element per name.
type KeyPath []pathName

// pathName is one name of a pattern.
type pathName struct {
	many  bool     // * alone: one or more names
	globs []string // alternatives, lower case, in which * is any characters
}

// CompilePath reads a pattern. Alternatives in parentheses may themselves
// hold paths: (auth.password|token) makes two patterns.
func CompilePath(s string) []KeyPath {
	s = strings.ToLower(strings.ReplaceAll(s, "[]", ""))
	open := strings.IndexByte(s, '(')
	if shut := strings.LastIndexByte(s, ')'); open >= 0 && shut > open && strings.Contains(s[open:shut], ".") {
		var all []KeyPath
		for alt := range strings.SplitSeq(s[open+1:shut], "|") {
			all = append(all, compileNames(s[:open]+alt+s[shut+1:]))
		}
		return all
	}
	return []KeyPath{compileNames(s)}
}

func compileNames(s string) KeyPath {
	var p KeyPath
	for name := range strings.SplitSeq(s, ".") {
		name = strings.Trim(name, "() ")
		if name == "" {
			continue
		}
		p = append(p, pathName{many: name == "*", globs: strings.Split(name, "|")})
	}
	return p
}

// Matches says whether path, or an ancestor of it, matches p.
func (p KeyPath) Matches(path []string) bool {
	if len(p) == 0 {
		return false
	}
	reach := make([]bool, len(p)+1) // reach[i]: the names so far match p[:i]
	reach[0] = true
	for _, name := range path {
		next := make([]bool, len(p)+1)
		for i, e := range p {
			if e.many {
				next[i+1] = reach[i] || reach[i+1]
			} else {
				next[i+1] = reach[i] && e.matches(name)
			}
		}
		if next[len(p)] {
			return true
		}
		reach = next
	}
	return false
}

func (e pathName) matches(name string) bool {
	for _, g := range e.globs {
		if g == name || strings.Contains(g, "*") && glob(g, name) {
			return true
		}
	}
	return false
}

// glob matches a name against a pattern in which * is any characters.
func glob(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}
