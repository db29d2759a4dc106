package index

import (
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/entry"
)

// Filter says which entries are asked for: those that meet every condition
// that is set. Host, Agent and Path must be met by one and the same change;
// with Host alone, what a watcher of that host recorded besides changes meets
// it too. In Host, Agent, Actor and Path a * stands for any bytes.
type Filter struct {
	Since time.Time // happened then or later
	Until time.Time // happened before
	Host  string
	Agent string
	Actor string // user, login user or author; case does not matter
	Path  string // without *: the path, or all below it

	Kinds  []entry.Kind
	Source *entry.Source
	From   uint64 // first index
	To     uint64 // first index beyond; 0: no end

	NewestFirst bool // in log order otherwise
	Limit       int  // 0: none
}

// A Pattern decides by name. Stars stand for any bytes, nothing else is
// special.
type Pattern struct {
	Text  string
	Tree  bool // without a star, what lies below Text matches too
	Loose bool // case does not matter
}

// Exact reports whether no name but Text matches.
func (p Pattern) Exact() bool { return !p.starred() && !p.Tree && !p.Loose }

func (p Pattern) starred() bool { return strings.Contains(p.Text, "*") }

// Match reports whether a name matches.
func (p Pattern) Match(s string) bool {
	text := p.Text
	if p.Loose {
		text, s = strings.ToLower(text), strings.ToLower(s)
	}
	if p.starred() {
		return glob(text, s)
	}
	if p.Tree {
		below := strings.TrimRight(text, "/") + "/"
		return s == text || strings.HasPrefix(s, below)
	}
	return s == text
}

// Prefix is what every matching name begins with.
func (p Pattern) Prefix() string {
	if p.Loose {
		return ""
	}
	before, _, found := strings.Cut(p.Text, "*")
	if !found && p.Tree {
		return strings.TrimRight(before, "/")
	}
	return before
}

// Meets reports whether an entry meets every condition of a filter but From, To
// and Limit: by what the entry says, and the log of its source. It agrees with
// a sound index, and is for those who do not believe that theirs is.
func (f Filter) Meets(r *Record, by Enrolled) bool {
	at := time.Unix(0, Nanos(r.Happened))
	switch {
	case !f.Since.IsZero() && at.Before(f.Since),
		!f.Until.IsZero() && !at.Before(f.Until),
		f.Source != nil && *f.Source != r.Source,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.Kind),
		f.Actor != "" && !slices.ContainsFunc(r.Actors, Pattern{Text: f.Actor, Loose: true}.Match):
		return false
	}
	return f.meetsChange(r, by)
}

// meetsChange asks for one change that meets Host, Agent and Path.
func (f Filter) meetsChange(r *Record, by Enrolled) bool {
	if f.Host == "" && f.Agent == "" && f.Path == "" {
		return true
	}
	watcher := by.Role == entry.Watcher
	if watcher && r.Kind != entry.Change && f.Agent == "" && f.Path == "" && is(f.Host, by.Host) {
		return true
	}
	return slices.ContainsFunc(r.Changes, func(c Change) bool {
		host := c.Host
		if watcher {
			host = by.Host
		}
		return is(f.Host, host) && is(f.Agent, c.Agent) && (f.MeetsPath(c.Path) || c.From != "" && f.MeetsPath(c.From))
	})
}

// MeetsPath reports whether a path is one that Path asks for.
func (f Filter) MeetsPath(path string) bool {
	return f.Path == "" || Pattern{Text: f.Path, Tree: true}.Match(path)
}

func is(wanted, name string) bool { return wanted == "" || Pattern{Text: wanted}.Match(name) }

// glob never takes longer than the product of the two lengths.
func glob(p, s string) bool {
	star, again := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, again = i, j
			i++
		case i < len(p) && p[i] == s[j]:
			i++
			j++
		case star >= 0:
			again++
			i, j = star+1, again
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}
