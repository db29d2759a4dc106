package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/server"
)

// filterFlags are the flags every reading command shares.
type filterFlags struct {
	since, until, host, agent, actor, path string
	kinds                                  []string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.since, "since", "", "from then on: 2h, 3d, 2026-01-31, RFC 3339")
	fl.StringVar(&f.until, "until", "", "up to then")
	fl.StringVar(&f.host, "host", "", "of hosts with this name; * stands for anything")
	fl.StringVar(&f.agent, "agent", "", "of this agent, by its id in the catalogue")
	fl.StringVar(&f.actor, "actor", "", "by this user, login user or author")
	fl.StringVar(&f.path, "path", "", "of this path, or below it; * stands for anything")
	fl.StringSliceVar(&f.kinds, "kind", nil, "entries of these kinds: change, gap, remark, …")
}

func (f *filterFlags) filter(now time.Time) (history.Filter, error) {
	out := history.Filter{Host: f.host, Agent: f.agent, Actor: f.actor, Path: f.path, Kinds: f.kinds}
	var err error
	if f.since != "" {
		if out.Since, err = parseWhen(f.since, now); err != nil {
			return out, usagef("--since: %w", err)
		}
	}
	if f.until != "" {
		if out.Until, err = parseWhen(f.until, now); err != nil {
			return out, usagef("--until: %w", err)
		}
	}
	return out, nil
}

// reader opens the store for reading. An index of another version is rebuilt by
// itself where no writer is at work.
func (a *app) reader(ctx context.Context) (*history.Reader, error) {
	l, err := a.layout()
	if err != nil {
		return nil, err
	}
	note, err := a.belief(l)
	if err != nil {
		return nil, err
	}
	r, err := history.Open(ctx, l, note, a.diag())
	switch {
	case errors.Is(err, server.ErrNoStore):
		return nil, withHint(err, "start one with `stele up`, or name another with --data DIR")
	case errors.Is(err, index.ErrVersion), errors.Is(err, index.ErrDamaged):
		if err := a.reindex(ctx, l, note); err != nil {
			return nil, err
		}
		return history.Open(ctx, l, note, a.diag())
	}
	return r, err
}

// findEntry reads a reference to an entry or a change: an index, an entry id,
// either with /<number of the change>.
func (a *app) findEntry(ctx context.Context, r *history.Reader, ref string) (i uint64, k int, err error) {
	name, change := ref, ""
	if at := strings.LastIndexByte(ref, '/'); at >= 0 && len(ref)-at <= 4 {
		if _, err := strconv.Atoi(ref[at+1:]); err == nil && (at == 44 || at < 20) {
			name, change = ref[:at], ref[at+1:]
		}
	}
	if change != "" {
		k, _ = strconv.Atoi(change)
	}
	if i, err := strconv.ParseUint(name, 10, 64); err == nil {
		return i, k, nil
	}
	id, err := entry.ParseHash(name)
	if err != nil {
		return 0, 0, usagef("%.80q is not an index or an entry id", ref)
	}
	i, err = r.Find(ctx, id)
	if err != nil {
		return 0, 0, fmt.Errorf("find entry: %w", err)
	}
	return i, k, nil
}
