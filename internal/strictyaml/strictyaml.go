// Package strictyaml reads YAML that people write and that must mean what it says:
// settings and catalogues.
//
// It gives nodes with their places, and a [Report] that collects everything that
// is wrong, so that one run names it all. It promises that the faults of a report
// stand in the order of the text, each in one line of bounded length.
//
// It does not know what may stand in a file: which keys there are, of which types,
// and how a refusal is worded is for those who read it. It opens nothing.
package strictyaml

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// MaxDetail is how many bytes of what one fault says are kept.
const MaxDetail = 300

// Fault is one thing wrong with a text.
type Fault struct {
	Name   string // of the file; empty: the line is all that is told of the place
	Line   int    // from 1; 0 where the text could not be read at all
	Column int    // from 1, where Name is told
	Detail string // one line
}

// Error names the place first, as compilers do.
func (f *Fault) Error() string {
	switch {
	case f.Name != "":
		return fmt.Sprintf("%s:%d:%d: %s", f.Name, f.Line, f.Column, f.Detail)
	case f.Line == 0:
		return f.Detail
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.Detail)
}

// Report collects what is wrong with one text.
type Report struct {
	name   string
	most   int
	faults []*Fault
}

// NewReport returns an empty report on the file of that name, which may be empty
// (see [Fault]). Its error joins the first so many faults.
func NewReport(name string, most int) *Report { return &Report{name: name, most: most} }

// Fault adds a fault at a node.
func (r *Report) Fault(n *yaml.Node, format string, args ...any) {
	r.FaultAt(n.Line, n.Column, format, args...)
}

// FaultAt adds a fault at a place.
func (r *Report) FaultAt(line, column int, format string, args ...any) {
	detail := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
	if len(detail) > MaxDetail {
		detail = strings.ToValidUTF8(detail[:MaxDetail], "") + "…" // it quotes the text, of any length
	}
	f := &Fault{Name: r.name, Line: max(line, 1), Detail: detail}
	if r.name != "" {
		f.Column = max(column, 1)
	}
	r.faults = append(r.faults, f)
}

// Count is how many faults there are.
func (r *Report) Count() int { return len(r.faults) }

// Err joins the faults in the order of the text; nil: there are none.
func (r *Report) Err() error {
	slices.SortStableFunc(r.faults, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for _, f := range r.faults[:min(len(r.faults), r.most)] {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// Loader reads the documents of a text.
type Loader struct{ documents *yaml.Loader }

// NewLoader returns a loader of data.
func NewLoader(data []byte) (*Loader, error) {
	l, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return &Loader{l}, nil
}

// Next returns the next document, nil after the last. Of what is no YAML the error
// is a [*Fault] with the place and what the parser said.
func (l *Loader) Next() (*yaml.Node, error) {
	var doc yaml.Node
	err := l.documents.Load(&doc)
	var at *yaml.LoadError
	switch {
	case err == nil:
		return &doc, nil
	case errors.Is(err, io.EOF):
		return nil, nil
	case errors.As(err, &at):
		return nil, &Fault{Line: at.Mark.Line, Column: at.Mark.Column, Detail: at.Message}
	}
	return nil, err
}

// Keys yields each key of a mapping with its value.
func Keys(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// IsNull says whether nothing is written where a value could be.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// KindOf says in words what a node is.
func KindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("the text %q", n.Value)
	}
	return n.Value
}

// Legible says why a text is not one that is read as it is shown, in one line.
func Legible(s string) error {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q does not print", s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%q begins or ends with space", s)
	}
	return nil
}
