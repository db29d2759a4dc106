package semdiff

import (
	"encoding/json"

	"github.com/stele-log/stele/internal/syntax/tree"
)

// Found is a value of a text and its path.
type Found struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Find gives the values of a text whose paths match, not what lies below those. The
// error says that the text is not of its format.
func Find(text, format string, match func(path string) bool) ([]Found, error) {
	root, err := tree.Parse(text, format)
	if err != nil {
		return nil, err
	}
	f := finder{match: match}
	f.in = inside{c: &comparison{single: values(root) == 1}}
	f.node(root, nil)
	return f.all, nil
}

type finder struct {
	in    inside
	match func(string) bool
	all   []Found
}

func (f *finder) node(n *tree.Node, at *place) {
	in := inside{c: f.in.c, at: at, a: n}
	for i, c := range n.Nodes {
		if c.Kind == tree.Comment {
			continue
		}
		p := in.place(i)
		if path := p.path(); path != "" && f.match(path) {
			f.all = append(f.all, Found{path, data(c)})
			continue
		}
		f.node(c, p)
	}
}
