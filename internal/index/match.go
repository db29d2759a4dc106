package index

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/stele-log/stele/entry"
)

// A pattern decides by name. Stars stand for any bytes, nothing else is
// special.
type pattern struct {
	text  string
	tree  bool // without a star, what lies below text matches too
	loose bool // case does not matter
}

func (p pattern) starred() bool { return strings.Contains(p.text, "*") }

func (p pattern) match(s string) bool {
	text := p.text
	if p.loose {
		text, s = strings.ToLower(text), strings.ToLower(s)
	}
	if p.starred() {
		return glob(text, s)
	}
	if p.tree {
		below := strings.TrimRight(text, "/") + "/"
		return s == text || strings.HasPrefix(s, below)
	}
	return s == text
}

// literal is what every matching name begins with.
func (p pattern) literal() string {
	if p.loose {
		return ""
	}
	before, _, found := strings.Cut(p.text, "*")
	if !found && p.tree {
		return strings.TrimRight(before, "/")
	}
	return before
}

// Meets reports whether an entry meets every condition of a filter but From, To
// and Limit: by what the entry says, and the log of its source. It agrees with
// [Index.Entries] of a sound index, and is for those who do not believe that
// theirs is.
func (f Filter) Meets(r *Record, by Enrolled) bool {
	at := fromNanos(nanos(r.Happened))
	switch {
	case !f.Since.IsZero() && at.Before(f.Since),
		!f.Until.IsZero() && !at.Before(f.Until),
		f.Source != nil && *f.Source != r.Source,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.Kind),
		f.Actor != "" && !slices.ContainsFunc(r.Actors, pattern{text: f.Actor, loose: true}.match):
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
	return f.Path == "" || pattern{text: f.Path, tree: true}.match(path)
}

func is(wanted, name string) bool { return wanted == "" || pattern{text: wanted}.match(name) }

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

// matchNames returns the numbers of the names of a dimension that match.
func (x *Index) matchNames(ctx context.Context, d dim, p pattern) ([]int64, error) {
	if !p.starred() && !p.tree && !p.loose {
		return collect[int64](ctx, x.db, `SELECT id FROM names WHERE dim = ? AND name = ?`, int64(d), []byte(p.text))
	}
	query := `SELECT id, name FROM names WHERE dim = ? AND name >= ?`
	args := []any{int64(d), []byte(p.literal())}
	if end, ok := after(p.literal()); ok {
		query += ` AND name < ?`
		args = append(args, []byte(end))
	}
	var ids []int64
	err := each(ctx, x.db, func(rows *sql.Rows) error {
		var id int64
		var name sql.RawBytes
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if p.match(string(name)) {
			ids = append(ids, id)
		}
		return nil
	}, query, args...)
	return ids, err
}

// after returns the least string above all that begin with prefix, if any is.
func after(prefix string) (string, bool) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1}), true
		}
	}
	return "", false
}

// matchActors returns the actors one of whose names matches.
func (x *Index) matchActors(ctx context.Context, actor string) ([]int64, error) {
	p := pattern{text: actor, loose: true}
	var ids []int64
	err := each(ctx, x.db, func(rows *sql.Rows) error {
		var id int64
		var packed string
		if err := rows.Scan(&id, &packed); err != nil {
			return err
		}
		for _, n := range unpackNames(packed) {
			if p.match(n) {
				ids = append(ids, id)
				break
			}
		}
		return nil
	}, `SELECT id, name FROM names WHERE dim = ?`, int64(dimActors))
	return ids, err
}

// matchSources returns the sources enrolled on a host that matches. What a
// source of another role recorded is no statement about its own host.
func (x *Index) matchSources(ctx context.Context, host string) ([]int64, error) {
	hosts, err := x.matchNames(ctx, dimHost, pattern{text: host})
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	return collect[int64](ctx, x.db, `SELECT id FROM sources WHERE role = 1 AND host IN (SELECT value FROM json_each(?))`, jsonList(hosts))
}

// matchSubjects returns the subjects that meet the conditions on changes.
func (x *Index) matchSubjects(ctx context.Context, f Filter) ([]int64, error) {
	var where []string
	var args []any
	condition := func(column, text string, tree bool, dims ...dim) error {
		if text == "" {
			return nil
		}
		var ids []int64
		for _, d := range dims {
			more, err := x.matchNames(ctx, d, pattern{text: text, tree: tree})
			if err != nil {
				return err
			}
			ids = append(ids, more...)
		}
		where = append(where, column+` IN (SELECT value FROM json_each(?))`)
		args = append(args, jsonList(ids))
		return nil
	}
	if err := condition("path", f.Path, true, dimPath); err != nil {
		return nil, err
	}
	if err := condition("host", f.Host, false, dimHost, dimToldHost); err != nil {
		return nil, err
	}
	if err := condition("agent", f.Agent, false, dimAgent); err != nil {
		return nil, err
	}
	if where == nil {
		where = []string{"true"}
	}
	ids, err := collect[int64](ctx, x.db, `SELECT id FROM subjects WHERE `+strings.Join(where, " AND "), args...)
	slices.Sort(ids)
	return ids, err
}
