package semdiff

import (
	"strings"

	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/syntax/tree"
)

// marked finds, for each node with masked values among its own bytes, their
// fingerprints. Where marks and fingerprints do not agree in number, none are known.
func marked(root *tree.Node, t Text) map[*tree.Node]string {
	if len(t.Secrets) == 0 || strings.Count(t.Text, redact.Mark) != len(t.Secrets) {
		return nil
	}
	m := marks{left: t.Secrets, of: make(map[*tree.Node]string)}
	m.node(root)
	return m.of
}

type marks struct {
	left []string
	of   map[*tree.Node]string
}

func (m *marks) node(n *tree.Node) {
	m.own(n, n.Lead+n.Label+n.Text)
	for _, c := range n.Nodes {
		m.node(c)
	}
	m.own(n, n.End+n.Tail)
}

func (m *marks) own(n *tree.Node, text string) {
	count := min(strings.Count(text, redact.Mark), len(m.left))
	if count > 0 {
		m.of[n] += strings.Join(m.left[:count], " ") + " "
		m.left = m.left[count:]
	}
}
