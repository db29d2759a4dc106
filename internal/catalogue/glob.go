package catalogue

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Bounds of one pattern, so that no catalogue makes matching slow.
const (
	maxGlob         = 256 // bytes after expansion
	maxAlternatives = 64  // expansions of one pattern
)

// deep is the element that stands for any number of elements.
const deep = "**"

// anchor says where a glob begins.
type anchor int

const (
	atRoot   anchor = iota // at /
	atHome                 // below a home directory
	anywhere               // below any directory
)

// glob is a parsed pattern.
type glob struct {
	anchor  anchor
	elems   []string // below the anchor
	prefix  string   // longest literal directory or file, "" unless atRoot
	literal int      // bytes that match only themselves
}

// parseGlob checks a pattern without braces.
func parseGlob(s string) (glob, error) {
	g := glob{}
	var rest string
	switch {
	case len(s) > maxGlob:
		return g, fmt.Errorf("longer than %d bytes", maxGlob)
	case strings.HasPrefix(s, "~/"):
		g.anchor, rest = atHome, s[2:]
	case strings.HasPrefix(s, deep+"/"):
		g.anchor, rest = anywhere, s[3:]
	case strings.HasPrefix(s, "/"):
		rest = s[1:]
	default:
		return g, errors.New("must begin with /, ~/ or **/")
	}
	g.elems = strings.Split(rest, "/")
	if err := checkElements(g.elems); err != nil {
		return g, err
	}
	switch {
	case g.anchor == atRoot && wild(g.elems[0]):
		return g, errors.New("the first element must be literal")
	case g.anchor == anywhere && g.elems[0] == deep:
		return g, errors.New("** after **")
	}
	g.measure()
	return g, nil
}

// checkElements refuses what would match nothing, or everything.
func checkElements(elems []string) error {
	named := false
	for i, e := range elems {
		if e == deep {
			if i+1 == len(elems) {
				return errors.New("** must not be last: write **/*")
			}
			if elems[i+1] == deep {
				return errors.New("** after **")
			}
			continue
		}
		if err := checkElement(e); err != nil {
			return err
		}
		named = named || !wild(e)
	}
	if !named {
		return errors.New("no literal element")
	}
	return nil
}

// checkElement refuses, beside what path.Match cannot read, what other
// matchers read in another way.
func checkElement(e string) error {
	switch {
	case e == "":
		return errors.New("empty element")
	case e == "." || e == "..":
		return fmt.Errorf("element %q", e)
	case strings.Contains(e, deep):
		return fmt.Errorf("%q: ** must stand alone in its element", e)
	case strings.ContainsAny(e, `\{}`):
		return fmt.Errorf("%q: none of \\ { } may stand here", e)
	case strings.Contains(e, "[!"):
		return fmt.Errorf("%q: negate a class with ^", e)
	}
	if _, err := path.Match(e, ""); err != nil {
		return fmt.Errorf("%q: bad character class", e)
	}
	return nil
}

// measure computes what precedence between patterns rests on.
func (g *glob) measure() {
	fixed := true
	for _, e := range g.elems {
		fixed = fixed && !wild(e)
		if fixed && g.anchor == atRoot {
			g.prefix += "/" + e
		}
		g.literal += literalBytes(e)
	}
}

// literalBytes counts what in an element matches only itself.
func literalBytes(elem string) int {
	n, class := 0, false
	for i := range len(elem) {
		switch b := elem[i]; {
		case class:
			class = b != ']'
		case b == '[':
			class = true
		case b != '*' && b != '?':
			n++
		}
	}
	return n
}

// exact reports whether the glob names one path.
func (g *glob) exact() bool {
	return g.anchor == atRoot && !wild(strings.Join(g.elems, "/"))
}

// match reports whether the glob matches the elements of an absolute path.
func (g *glob) match(name []string) bool {
	if g.anchor == atRoot {
		return matchElements(g.elems, name)
	}
	for i := range name {
		if matchElements(g.elems, name[i:]) {
			return true
		}
	}
	return false
}

// matchElements goes back to the last ** only: what came before it is matched
// as early as possible, and that is never worse. So the work is bounded by the
// product of the lengths.
func matchElements(pattern, name []string) bool {
	p, n, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == deep:
			star, from = p, n
			p++
		case p < len(pattern) && matchElement(pattern[p], name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return p == len(pattern)
}

// matchElement decides most cases by the first byte: it is asked for every
// event on the host.
func matchElement(elem, name string) bool {
	if c := elem[0]; c != '*' && c != '?' && c != '[' && (name == "" || name[0] != c) {
		return false
	}
	ok, err := path.Match(elem, name)
	return err == nil && ok
}

func wild(s string) bool { return strings.ContainsAny(s, "*?[") }

// expand writes out every {a,b} of s, in order; {a} alone is refused, because
// it would be a variable nobody knows. Braces do not nest.
func expand(s string) ([]string, error) {
	before, rest, ok := strings.Cut(s, "{")
	if !ok {
		if strings.Contains(s, "}") {
			return nil, errors.New("} without {")
		}
		return []string{s}, nil
	}
	inner, after, ok := strings.Cut(rest, "}")
	alternatives := strings.Split(inner, ",")
	switch {
	case strings.Contains(before, "}"):
		return nil, errors.New("} without {")
	case !ok || strings.Contains(inner, "{"):
		return nil, errors.New("{ without its }")
	case len(alternatives) < 2:
		return nil, fmt.Errorf("{%s} is neither a choice nor a known variable", inner)
	}
	tails, err := expand(after)
	if err != nil {
		return nil, err
	}
	if len(alternatives)*len(tails) > maxAlternatives {
		return nil, fmt.Errorf("more than %d alternatives", maxAlternatives)
	}
	var all []string
	for _, a := range alternatives {
		for _, t := range tails {
			all = append(all, before+a+t)
		}
	}
	return all, nil
}
