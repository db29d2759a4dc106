package asking

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/wire"
)

// CheckedAtMost is how many entries a log checks one by one; more are shown unchecked,
// and verify is the command to check them all.
const CheckedAtMost = 1000

// Bounds of how many changes of one entry are told by their texts.
const (
	toldToPeople   = 10
	toldToPrograms = 1000
)

// Log is the question which changes there were.
type Log struct {
	Filter history.Filter
	Paths  []string // as Filter.Path; an entry that meets several is shown once
	Match  Match
	Came   string // a text that came or went by the change
	JSON   bool
	Patch  bool // with the differences of the texts

	Out  io.Writer
	Talk func(format string, args ...any)
}

// Question is what the question begins with.
func (l *Log) Question() wire.Question {
	f := l.Filter
	f.Told = l.Told()
	if len(l.Paths) > 0 {
		f.Path = l.Paths[0]
	}
	return f.Question(CheckedAtMost)
}

// About asks for the subjects that paths on the command line name.
func (l *Log) About(args []string) error {
	for _, arg := range args {
		s := ParseSubject(arg, here())
		if s.Host != "" && l.Filter.Host != "" && s.Host != l.Filter.Host {
			return fmt.Errorf("%s is of another host than %s", arg, l.Filter.Host)
		}
		if s.Host != "" {
			l.Filter.Host = s.Host
		}
		l.Paths = append(l.Paths, s.Path)
		if s.Name != s.Path {
			l.Paths = append(l.Paths, s.Name)
		}
	}
	if len(l.Paths) > 0 && l.Filter.Path != "" {
		return errors.New("name paths as arguments or with --path, not both")
	}
	return nil
}

// ErrBad says that of what was shown some is not what its proof says.
var ErrBad = errors.New("the evidence is bad")

// ErrAgent says that an agent is unknown: to the catalogue, and to the record.
var ErrAgent = errors.New("unknown agent")

// unknownAgent: the id that is asked for is none of the catalogue's, and no pattern.
func (l *Log) unknownAgent() bool {
	if l.Filter.Agent == "" || strings.Contains(l.Filter.Agent, "*") {
		return false
	}
	known, err := catalogue.Builtin()
	return err == nil && known.Agent(l.Filter.Agent) == nil
}

// Told is of how many changes of an entry the texts are looked at.
func (l *Log) Told() int {
	if l.JSON || l.Match.Key != "" {
		return toldToPrograms
	}
	return toldToPeople
}

// Print answers. The error is [ErrBad] where something shown is.
func (l *Log) Print(ctx context.Context, r *history.Reader) error {
	out := bufio.NewWriter(l.Out)
	defer out.Flush()
	shown, bad, more := 0, false, false
	for v, err := range l.entries(ctx, r) {
		if err != nil {
			return err
		}
		if more = l.Filter.Limit > 0 && shown == l.Filter.Limit; more {
			break
		}
		shown++
		bad = bad || v.Proof.State == history.Bad
		if err := l.print(ctx, out, r, v); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	switch {
	case more:
		l.cut(ctx, r, shown)
	case shown == 0 && l.unknownAgent():
		return fmt.Errorf("%w: %.40q", ErrAgent, l.Filter.Agent)
	case shown == 0 && !l.JSON:
		l.Talk("no entry matches")
	}
	if bad {
		return ErrBad
	}
	return nil
}

func (l *Log) print(ctx context.Context, out *bufio.Writer, r *history.Reader, v *history.View) error {
	if l.JSON {
		return json.NewEncoder(out).Encode(v)
	}
	render.Summary(out, v, l.asks)
	if !l.Patch {
		return nil
	}
	d := Diff{Text: true, Out: out, Talk: l.Talk}
	return d.entry(ctx, r, v, l.asks)
}

// asks reports whether a change is of the paths that are asked for.
func (l *Log) asks(c history.Change) bool {
	if len(l.Paths) == 0 {
		return l.Filter.Asks(c)
	}
	return slices.ContainsFunc(l.Paths, func(p string) bool { return history.Filter{Path: p}.Asks(c) })
}

// entries are those that are asked for, newest first.
func (l *Log) entries(ctx context.Context, r *history.Reader) iter.Seq2[*history.View, error] {
	return func(yield func(*history.View, error) bool) {
		came := cameOrWent{r: r, text: l.Came, counts: make(map[string]int)}
		for v, err := range l.found(ctx, r) {
			if err == nil && !l.Match.meets(v) {
				continue
			}
			if err == nil && l.Came != "" {
				ok, found := came.by(ctx, v)
				if err = found; err == nil && !ok {
					continue
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// found are the entries that the index names for each path, newest first, each once.
func (l *Log) found(ctx context.Context, r *history.Reader) iter.Seq2[*history.View, error] {
	f, checked := l.Filter, CheckedAtMost
	if f.Limit > 0 {
		f.Limit++ // whether there is more
	}
	if !l.Match.everything() || l.Came != "" {
		f.Limit, checked = 0, 1<<30 // who knows how many of them are shown
	}
	f.Told = l.Told()
	if len(l.Paths) == 0 {
		return r.Log(ctx, f, checked)
	}
	var all []iter.Seq2[*history.View, error]
	for _, p := range l.Paths {
		f.Path = p
		all = append(all, r.Log(ctx, f, checked))
	}
	return newest(all)
}

// newest merges several answers, each newest first.
func newest(all []iter.Seq2[*history.View, error]) iter.Seq2[*history.View, error] {
	if len(all) == 1 {
		return all[0]
	}
	return func(yield func(*history.View, error) bool) {
		heads := make([]*history.View, len(all))
		next := make([]func() (*history.View, error, bool), len(all))
		for i, s := range all {
			pull, stop := iter.Pull2(s)
			defer stop()
			next[i] = pull
		}
		advance := func(i int) bool {
			v, err, ok := next[i]()
			if heads[i] = v; !ok {
				heads[i] = nil
			}
			return err == nil || yield(nil, err) && false
		}
		for i := range all {
			if !advance(i) {
				return
			}
		}
		for {
			var best *history.View
			for _, v := range heads {
				if v != nil && (best == nil || v.Index > best.Index) {
					best = v
				}
			}
			if best == nil || !yield(best, nil) {
				return
			}
			for i, v := range heads {
				if v != nil && v.Index == best.Index && !advance(i) {
					return
				}
			}
		}
	}
}

// mostCounted bounds how many entries are counted to say how many there are.
const mostCounted = 100_000

// cut says that not everything is shown.
func (l *Log) cut(ctx context.Context, r *history.Reader, shown int) {
	if !l.Match.everything() || l.Came != "" || len(l.Paths) > 1 || r.Remote() {
		l.Talk("the newest %d are shown, and there are more; -n 0 for all", shown)
		return
	}
	f := l.Filter
	f.Limit = 0
	if len(l.Paths) == 1 {
		f.Path = l.Paths[0]
	}
	n, err := r.Count(ctx, f, mostCounted)
	switch {
	case err != nil:
		l.Talk("the newest %d are shown, and there are more; -n 0 for all", shown)
	case n == mostCounted:
		l.Talk("%d of more than %d shown, -n 0 for all", shown, n)
	default:
		l.Talk("%d of %d shown, -n 0 for all", shown, n)
	}
}
