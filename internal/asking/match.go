package asking

import (
	"fmt"
	"strings"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index"
)

// Match says which of the entries that the index names are shown. A zero field asks
// for all.
type Match struct {
	Key         string // an operation on that key, or below it
	Reason      string // in the reason or the ticket
	Unexplained bool   // changes without a reason
	Not         []Exclusion
}

// Exclusion leaves out entries: of an actor, a host, an agent, a path, a kind, a reason.
type Exclusion struct{ field, pattern string }

// ParseExclusion reads field=pattern.
func ParseExclusion(s string) (Exclusion, error) {
	field, pattern, ok := strings.Cut(s, "=")
	switch field {
	case "actor", "host", "agent", "path", "kind", "reason":
		if ok && pattern != "" {
			return Exclusion{field, pattern}, nil
		}
	}
	return Exclusion{}, fmt.Errorf("%.60q: want actor=, host=, agent=, path=, kind= or reason= and a name; * matches anything", s)
}

// everything: nothing is left out that the index names.
func (m *Match) everything() bool {
	return m.Key == "" && m.Reason == "" && !m.Unexplained && len(m.Not) == 0
}

// meets says whether an entry is one that is asked for. An entry that could not be read
// may be.
func (m *Match) meets(v *history.View) bool {
	if v.Proof.State == history.Bad || v.Proof.State == history.Pending {
		return true
	}
	switch {
	case m.Unexplained && (v.Kind != "change" || explained(v)),
		m.Reason != "" && !reasonHas(v, m.Reason),
		m.Key != "" && !touches(v, m.Key):
		return false
	}
	for _, x := range m.Not {
		if x.meets(v) {
			return false
		}
	}
	return true
}

func explained(v *history.View) bool {
	return v.Reason != nil && v.Reason.Text+v.Reason.Ticket != ""
}

func reasonHas(v *history.View, text string) bool {
	return v.Reason != nil && strings.Contains(strings.ToLower(v.Reason.Ticket+" "+v.Reason.Text), strings.ToLower(text))
}

// touches says whether a change of an entry has an operation on a key.
func touches(v *history.View, key string) bool {
	for _, c := range v.Changes {
		for _, o := range c.Operations {
			if onKey(o.Path, key) {
				return true
			}
		}
	}
	return false
}

// onKey says whether a path is that of a key, of something below it, or ends in it and
// more: global.scrape_interval is on scrape_interval too.
func onKey(path, key string) bool {
	for from := 0; from <= len(path)-len(key); {
		i := strings.Index(path[from:], key)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(key)
		if (start == 0 || path[start-1] == '.' || path[start-1] == '[') && (end == len(path) || strings.IndexByte(".[]=", path[end]) >= 0) {
			return true
		}
		from = start + 1
	}
	return false
}

func (x Exclusion) meets(v *history.View) bool {
	is := func(names ...string) bool {
		for _, n := range names {
			if n != "" && (index.Pattern{Text: x.pattern, Loose: x.field == "actor", Tree: x.field == "path"}).Match(n) {
				return true
			}
		}
		return false
	}
	switch x.field {
	case "kind":
		return is(v.Kind)
	case "host":
		return is(v.Host)
	case "agent":
		return is(v.Agent)
	case "reason":
		return reasonHas(v, x.pattern)
	case "actor":
		return v.Actor != nil && is(v.Actor.User, v.Actor.LoginUser, v.Actor.Author)
	}
	for _, c := range v.Changes {
		if !is(c.Path, c.From) {
			return false
		}
	}
	return len(v.Changes) > 0
}
