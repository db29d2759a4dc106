package syntax

import "strings"

// pairs remembers, for one map, the halves of its name/value pair.
type pairs struct {
	name, value Span
}

// isPairName says whether the key of a map holds the name of what stands under
// the key value.
func isPairName(key string) bool {
	switch strings.ToLower(key) {
	case "name", "key", "variable", "parameter", "env", "field", "property":
		return true
	}
	return false
}

// take takes up one leaf of a map and returns the pair that is complete by it.
func (p *pairs) take(text []byte, key string, s Span) Pair {
	switch {
	case isPairName(key):
		p.name = s
	case strings.EqualFold(key, "value") || strings.EqualFold(key, "content"):
		p.value = s
	default:
		return Pair{}
	}
	if p.name.empty() || p.value.empty() {
		return Pair{}
	}
	return Pair{keyName(text[p.name.Start:p.name.End]), p.value}
}
