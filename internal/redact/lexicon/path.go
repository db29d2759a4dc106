package lexicon

import "strings"

// ListName judges a value's own name: whether it is that of a list of secrets, or
// of the names of secrets; and whether its last word, by itself, names a list of
// secrets only.
func ListName(path []string) (is, only bool) {
	if len(path) == 0 {
		return false, false
	}
	ws := splitWords(path[len(path)-1])
	if len(ws) == 0 {
		return false, false
	}
	last := ws[len(ws)-1]
	return names.plurals[last] && !anyIn(ws, names.heads), names.lists[last]
}

// bearers are maps in whose values random strings are secrets.
var bearers = words(`headers http_headers request_headers custom_headers extra_headers auths
	httpheaders requestheaders env_http_headers set_headers proxy_headers`)

// Path judges a key path: by its own name, and by its parents where the
// name says nothing.
func (n *Names) Path(path []string) Suspicion {
	if len(path) == 0 {
		return None
	}
	own := path[len(path)-1]
	c := n.Class([]byte(own))
	if c == Strong || len(path) < 2 {
		return c
	}
	parent := path[len(path)-2]
	if strings.EqualFold(parent, "basic_auth_users") || n.isStore(parent) && !isBeside(splitWords(own)) {
		return Strong
	}
	if c != None {
		return c
	}
	if bearers[strings.ToLower(parent)] {
		return Weak
	}
	pc := n.Class([]byte(parent))
	switch {
	case pc == Strong && names.neutral[strings.ToLower(own)]:
		return Strong
	case pc != None && !anyIn(splitWords(own), names.tails) && !anyIn(splitWords(own), names.open):
		return Weak
	}
	return None
}

// isStore says whether a map of that name holds a secret under each key, whatever
// the keys are called.
func (n *Names) isStore(name string) bool {
	if n.Class([]byte(name)) == None {
		return false
	}
	ws := splitWords(name)
	return len(ws) > 0 && names.stores[ws[len(ws)-1]] && !anyIn(ws, names.heads) && !anyIn(ws, names.products)
}

// isBeside says whether a key in a map of secrets tells something about them. A
// key of the name key often says where the secret is found.
func isBeside(ws []string) bool {
	return len(ws) == 0 || len(ws) == 1 && strings.TrimSuffix(ws[0], "s") == "key" || anyIn(ws, names.tails) || anyIn(ws, names.open) || anyIn(ws, names.beside)
}
