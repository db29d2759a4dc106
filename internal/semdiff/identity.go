package semdiff

import (
	"strconv"
	"strings"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// identities are the names whose values tell items of a list apart, the strongest
// first.
var identities = []string{"name", "id", "uid", "job_name", "alert", "record", "alias", "rule", "macro", "list", "key", "host", "hostname", "address", "url", "path", "file", "dest", "device", "server", "from", "match", "@"}

// identity is what tells an item of a list from the others; empty: nothing does.
func identity(n *tree.Node) (key, value string) {
	if n.Kind != tree.Map {
		return "", ""
	}
	best := len(identities)
	kind := ""
	for _, c := range n.Nodes {
		switch {
		case c.Name == "metadata" && c.Kind == tree.Map: // of Kubernetes
			if k, v := identity(c); k == "name" {
				key, value, best = k, v, 0
			}
		case c.Name == "kind" && c.Kind == tree.Leaf:
			kind = c.Value + "/"
		case c.Name == "@" && c.Kind == tree.Map:
			if k, v := identity(c); k != "" {
				return k, v
			}
		case c.Kind == tree.Leaf && c.Value != "":
			if at := rank(c.Name); at < best {
				key, value, best = c.Name, c.Value, at
			}
		}
	}
	if key != "" && kind != "" {
		return key, kind + value
	}
	return key, value
}

// rank is how strong a name is as an identity.
func rank(name string) int {
	for i, id := range identities {
		if name == id {
			return i
		}
	}
	return len(identities)
}

// meaning is a sum over what a node means: equal for nodes that differ in comments and
// layout alone. Two different nodes may have the same; nothing but which of them are
// compared with each other hangs on it.
func meaning(n *tree.Node) uint64 {
	sum := uint64(14695981039346656037)
	add := func(s string) {
		for i := 0; i < len(s); i++ {
			sum = (sum ^ uint64(s[i])) * 1099511628211
		}
		sum = (sum ^ 0xff) * 1099511628211
	}
	add(n.Name)
	sum = (sum ^ uint64(n.Kind)<<8 ^ uint64(n.Type)) * 1099511628211
	value := n.Value
	if n.Kind == tree.Leaf && n.Type == tree.Number {
		value = decimal(value)
	}
	add(value)
	for _, c := range n.Nodes {
		if c.Kind != tree.Comment {
			sum = (sum ^ meaning(c)) * 1099511628211
		}
	}
	return sum
}

// step is the part of a path that names a node in its parent.
func step(parent, n *tree.Node, index int, repeated bool) string {
	if parent.Kind == tree.Map {
		if repeated {
			if key, value := identity(n); key != "" {
				return quotedName(n.Name) + "[" + key + "=" + value + "]"
			}
		}
		return quotedName(n.Name)
	}
	if key, value := identity(n); key != "" {
		return "[" + key + "=" + value + "]"
	}
	return "[" + strconv.Itoa(index) + "]"
}

// quotedName is a name as it stands in a path.
func quotedName(name string) string {
	if name == "" || strings.ContainsAny(name, "[]\"") {
		return strconv.Quote(name)
	}
	return name
}
