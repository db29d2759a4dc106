package lexicon

import (
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// ListName judges a value's own name: whether it is that of a list of secrets, or
// of the names of secrets; and whether its last word, by itself, names a list of
// secrets only.
func ListName(path []string) (is, only bool) {
	if len(path) == 0 {
		return false, false
	}
	own := path[len(path)-1]
	if len(own) < 2*maxWords && !endsInPlural(own) {
		return false, false
	}
	ws := splitWords(own)
	if len(ws) == 0 {
		return false, false
	}
	last := ws[len(ws)-1]
	if last == "keys" && len(ws) > 1 && names.owners[ws[len(ws)-2]] {
		return true, true
	}
	if last == "secrets" && strings.EqualFold(path[0], "services") {
		return false, false // of a stack of containers: their names
	}
	return names.plurals[last] && !anyIn(ws, names.heads), names.lists[last]
}

// endsInPlural says whether the last word of a name ends as plurals do.
func endsInPlural(name string) bool {
	end := len(name)
	for end > 0 && !ascii.IsAlnum(name[end-1]) {
		end--
	}
	return end > 0 && (name[end-1] == 's' || name[end-1] == 'S')
}

// bearers are maps in whose values random strings are secrets.
var bearers = words(`headers http_headers request_headers custom_headers extra_headers auths
	httpheaders requestheaders env_http_headers set_headers proxy_headers`)

// safes are maps and lists of which every value is a secret, whatever the keys
// are called; written without dashes and underscores. Read only.
var safes = words(`githuboauth gitlaboauth gitlabtoken bitbucketoauth bearer additionalendpoints apikeys authtokens accesstokens vpnsecrets secretvalues securesettings secureenv secretenv privatekeys authkeys presharedkeys
	userpasswords authusers tokens keystorepasswords securestring secretstrings securefields oauthtokens bottokens`)

// accounts are maps from the names of accounts, hosts or settings to nothing but
// secrets. Read only.
var accounts = words(`basic_auth_users basicauthusers admins auth_users user_passwords securejsondata secure_json_data
	securesettings secure_settings`)

// signs joins the words of a name.
var signs = strings.NewReplacer("-", "", "_", "")

func isSafe(name string) bool { return len(name) < 32 && safes[strings.ToLower(signs.Replace(name))] }

// Path judges a key path: by its own name, and by its parents where the
// name says nothing.
func (n *Names) Path(path []string) Suspicion {
	if len(path) == 0 {
		return None
	}
	own := path[len(path)-1]
	c := n.Class([]byte(own))
	if c == Strong || has(headers, own) {
		return Strong
	}
	if len(path) < 2 {
		return c
	}
	at := inside{path[len(path)-2], own}
	if p, ok := n.paths[at]; ok {
		return p
	}
	c = n.inside(at.parent, own, c)
	if len(n.paths) < maxClasses {
		n.paths[at] = c
	}
	return c
}

// inside judges a name that is not plainly that of a secret, and what is further out.
func (n *Names) inside(parent, own string, c Suspicion) Suspicion {
	if has(accounts, parent) || n.isKeyOf(parent, own) {
		return Strong
	}
	if (isSafe(parent) || n.isStore(parent)) && !isBeside(splitWords(own)) {
		return Likely
	}
	if c == Weak && has(names.neutral, own) && n.Class([]byte(parent)) == Strong && strings.HasSuffix(strings.ToLower(parent), "key") {
		return Strong
	}
	if strings.EqualFold(own, "auth") && has(names.logged, parent) {
		return Likely
	}
	if c != None {
		return c
	}
	if has(bearers, parent) {
		return Weak
	}
	return n.below(parent, own)
}

// isKeyOf says whether parent and name together name a secret: api, key.
func (n *Names) isKeyOf(parent, own string) bool {
	switch strings.ToLower(own) {
	case "key", "salt", "code", "pin":
	default:
		return false
	}
	ws := splitWords(parent)
	if strings.EqualFold(own, "salt") && n.Class([]byte(parent)) == Strong {
		return true
	}
	return len(ws) > 0 && names.owners[ws[len(ws)-1]] && !names.secret[ws[len(ws)-1]] && n.Class([]byte(parent+"_"+own)) == Strong
}

// below judges a name that says nothing by its parent.
func (n *Names) below(parent, own string) Suspicion {
	pc := n.Class([]byte(parent))
	ws := splitWords(own)
	switch {
	case pc == Strong && has(names.neutral, own):
		return Strong
	case pc != None && !anyIn(ws, names.tails) && !anyIn(ws, names.open):
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

// IsUnnamed says whether a name in a file of secrets tells nothing harmless about
// its value.
func IsUnnamed(name string) bool { return !isBeside(splitWords(name)) }
