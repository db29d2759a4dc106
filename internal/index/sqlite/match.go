package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/index"
)

// matchNames returns the numbers of the names of a dimension that match.
func (x *Index) matchNames(ctx context.Context, d dim, p index.Pattern) ([]int64, error) {
	if p.Exact() {
		return collect[int64](ctx, x.db, `SELECT id FROM names WHERE dim = ? AND name = ?`, int64(d), []byte(p.Text))
	}
	query := `SELECT id, name FROM names WHERE dim = ? AND name >= ?`
	args := []any{int64(d), []byte(p.Prefix())}
	if end, ok := after(p.Prefix()); ok {
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
		if p.Match(string(name)) {
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
	p := index.Pattern{Text: actor, Loose: true}
	var ids []int64
	err := each(ctx, x.db, func(rows *sql.Rows) error {
		var id int64
		var packed string
		if err := rows.Scan(&id, &packed); err != nil {
			return err
		}
		for _, n := range unpackNames(packed) {
			if p.Match(n) {
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
	hosts, err := x.matchNames(ctx, dimHost, index.Pattern{Text: host})
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	return collect[int64](ctx, x.db, `SELECT id FROM sources WHERE role = 1 AND host IN (SELECT value FROM json_each(?))`, jsonList(hosts))
}

// matchSubjects returns the subjects that meet the conditions on changes.
func (x *Index) matchSubjects(ctx context.Context, f index.Filter) ([]int64, error) {
	var where []string
	var args []any
	condition := func(column, text string, tree bool, dims ...dim) error {
		if text == "" {
			return nil
		}
		var ids []int64
		for _, d := range dims {
			more, err := x.matchNames(ctx, d, index.Pattern{Text: text, Tree: tree})
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
