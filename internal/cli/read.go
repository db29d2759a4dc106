package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

// filterFlags are the flags every reading command shares.
type filterFlags struct {
	since, until, host, agent, actor, path string
	kinds                                  []string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.since, "since", "", "from this time on: 10:05, yesterday, 2h, 2026-01-31, RFC 3339")
	fl.StringVar(&f.until, "until", "", "before this time")
	fl.StringVar(&f.host, "host", "", "host name; * matches anything")
	fl.StringVar(&f.agent, "agent", "", "agent, by its id in the catalogue")
	fl.StringVar(&f.actor, "actor", "", "user, login user or author")
	fl.StringVar(&f.path, "path", "", "path, or a directory above it; * matches anything")
	fl.StringSliceVar(&f.kinds, "kind", nil, "kinds of entries: "+strings.Join(allKinds, ", "))
}

// allKinds are the kinds of entry there are.
var allKinds = []string{
	string(entry.Change), string(entry.Gap), string(entry.Remark), string(entry.Finding), string(entry.Access),
	string(entry.Enrol), string(entry.Revoke), string(entry.RollCall), string(entry.Erase),
}

func (f *filterFlags) filter(now time.Time) (history.Filter, error) {
	out := history.Filter{Host: f.host, Agent: f.agent, Actor: f.actor, Path: f.path, Kinds: f.kinds}
	for _, k := range f.kinds {
		if !slices.Contains(allKinds, k) {
			return out, usagef("--kind: %.40q is none of %s", k, strings.Join(allKinds, ", "))
		}
	}
	var err error
	if f.since != "" {
		if out.Since, err = asking.When(f.since, now); err != nil {
			return out, usagef("--since: %w", err)
		}
	}
	if f.until != "" {
		if out.Until, err = asking.When(f.until, now); err != nil {
			return out, usagef("--until: %w", err)
		}
	}
	return out, nil
}

// withReader hands do a reader for that question: of the store on this machine, or
// of the server that is named.
func (a *app) withReader(ctx context.Context, q wire.Question, do func(*history.Reader) error) error {
	ask := func(r *history.Reader) error {
		err := do(r)
		a.tellOdd(r)
		return err
	}
	if a.isRemote() {
		return a.withRemote(ctx, q, func(_ *login.Remote, r *history.Reader) error { return ask(r) })
	}
	r, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	return errors.Join(ask(r), r.Close())
}

// tellOdd tells of entries that were read and of which their source is accused.
func (a *app) tellOdd(r *history.Reader) {
	for _, o := range r.Odd() {
		a.talk("entry %d: %s accuses its source: %s; `stele show %d` shows it", o.Index, o.Code, terminal.Escape(o.Detail), o.Index)
	}
}

// openStore opens the store on this machine for reading. An index of another version,
// or none, is rebuilt by itself where no writer is at work.
func (a *app) openStore(ctx context.Context) (*history.Reader, error) {
	l, err := a.layout()
	if err != nil {
		return nil, err
	}
	file, err := a.belief(l)
	if err != nil {
		return nil, err
	}
	r, err := history.Open(ctx, l, file, a.diag())
	switch {
	case errors.Is(err, index.ErrVersion), errors.Is(err, index.ErrDamaged), errors.Is(err, index.ErrMissing):
		if err := a.reindex(ctx, l, file); err != nil {
			return nil, err
		}
		return history.Open(ctx, l, file, a.diag())
	}
	if at := joinedHere(l); at != "" && errors.Is(err, layout.ErrNoStore) {
		return nil, hint.With(err, "this machine records in the log of %s: read it with --server; `stele status` shows the watcher", at)
	}
	return r, hintRead(err)
}

// hintRead puts into words what can be wrong with a store that is to be read.
func hintRead(err error) error {
	switch {
	case errors.Is(err, layout.ErrNoStore):
		return hint.With(err, "start one with `stele up`, name another with --data DIR, or ask a server with --server URL")
	case errors.Is(err, believed.ErrNothing):
		return hint.With(err, "the first start was cut short; start again what began this store")
	case errors.Is(err, fs.ErrPermission):
		return hint.With(err, "run this as the user who owns the store, or ask its server with --server URL")
	}
	return err
}

// resolve reads a reference to an entry.
func resolve(ctx context.Context, r *history.Reader, ref string) (uint64, error) {
	i, _, err := r.Resolve(ctx, ref)
	return i, hintName(err, ref)
}

// hintName puts into words what can be wrong with a name, and what to do.
func hintName(err error, name string) error {
	var many *history.AmbiguousError
	switch {
	case errors.Is(err, history.ErrNoReference):
		return usagef("%.80q is not an index or an entry id", name)
	case errors.Is(err, history.ErrNotRecorded):
		return hint.With(fmt.Errorf("%s is not recorded", name), "paths are absolute, or begin with ./ or ../; `stele log --path '*/%s'` searches", path.Base(name))
	case errors.Is(err, history.ErrNotByThen):
		return hint.With(fmt.Errorf("%s was not recorded at that time", name), "`stele log --path %s` lists its changes", name)
	case errors.As(err, &many):
		return hint.With(usagef("%s is recorded %d times", name, len(many.Subjects)), "say which with --host: %s", someOf(many.Subjects))
	}
	return err
}

// someOf lists a few subjects.
func someOf(subs []index.Subject) string {
	var names []string
	for i, s := range subs {
		if i == 8 {
			names = append(names, "…")
			break
		}
		names = append(names, s.Host+":"+s.Path)
	}
	return strings.Join(names, ", ")
}

// moment reads the time that a flag gives; the zero time where it is not given.
func moment(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := asking.When(value, time.Now())
	if err != nil {
		return t, usagef("--%s: %w", flag, err)
	}
	return t, nil
}
