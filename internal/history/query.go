package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/wire"
)

// Filter says which entries are asked for. A zero field asks for all.
type Filter struct {
	Since, Until time.Time // when it happened
	Host         string    // * stands for anything
	Agent        string
	Actor        string
	Path         string // exact, below it, or with *
	Kinds        []string
	Limit        int // newest so many; 0: all
	Told         int // of how many changes of each entry it is told what they mean
}

// Log yields entries that match, newest first. The signatures of the first
// checked of them are tried, and it is told what they mean; those of the rest are not.
func (r *Reader) Log(ctx context.Context, f Filter, checked int) iter.Seq2[*View, error] {
	return r.log(ctx, f.index(), checked, f.Told)
}

func (r *Reader) log(ctx context.Context, asked index.Filter, checked, told int) iter.Seq2[*View, error] {
	return func(yield func(*View, error) bool) {
		n := 0
		for i, err := range r.Entries(ctx, asked) {
			if err != nil {
				yield(nil, fmt.Errorf("ask the index: %w", err))
				return
			}
			v, err := r.hit(ctx, i, asked, n < checked)
			if v != nil && n < checked {
				err = r.Tell(ctx, v, told)
			}
			if v == nil && err == nil {
				continue
			}
			if !yield(v, err) || err != nil {
				return
			}
			n++
		}
	}
}

// hit shows one entry the index named; one beyond the checkpoint is pending. It
// shows nil where the entry, all of it read, does not say what was asked for.
func (r *Reader) hit(ctx context.Context, i uint64, f index.Filter, check bool) (*View, error) {
	if i >= r.size {
		return &View{Index: i, Proof: Proof{State: Pending}}, nil
	}
	l, err := r.look(ctx, i, check)
	if err != nil {
		return nil, err
	}
	if o := &l.opened; l.entry == nil || o.erased || len(o.findings) > 0 {
		return l.view, nil // what cannot be read may be what was asked for
	}
	rec := index.From(i, l.entry, l.opened.bodies.forIndex())
	if by := (index.Enrolled{Source: l.entry.Source, Role: l.by.role, Host: l.by.name()}); !f.Meets(&rec, by) {
		r.diag.Warn("index named an entry that was not asked for", "index", i)
		return nil, nil
	}
	return l.view, nil
}

// Asks reports whether Path asks for a change: the others of its entry are shown
// along with it or not, as there is room.
func (f Filter) Asks(c Change) bool {
	asked := f.index()
	return asked.MeetsPath(body.Text(c.Path, c.Path64)) || c.From+c.From64 != "" && asked.MeetsPath(body.Text(c.From, c.From64))
}

func (f Filter) index() index.Filter {
	kinds := make([]entry.Kind, len(f.Kinds))
	for i, k := range f.Kinds {
		kinds[i] = entry.Kind(k)
	}
	return index.Filter{
		Since: f.Since, Until: f.Until, Host: f.Host, Agent: f.Agent, Actor: f.Actor, Path: f.Path, Kinds: kinds,
		NewestFirst: true, Limit: f.Limit,
	}
}

// Question asks a server for what [Reader.Log] looks at.
func (f Filter) Question(checked int) wire.Question {
	return wire.Question{Ask: wire.AskLog, Filter: toWire(f.index()), Checked: checked, Told: f.Told}
}

// Version is one change of a subject.
type Version struct {
	Index uint64
	K     int

	subject index.Subject // that the index takes it for; zero: named by the reader
}

// Line is one line of a text, with the entry it came with.
type Line struct {
	Text  string
	Index uint64
}

// Blame follows the lines of a subject through its versions up to last.
func (r *Reader) Blame(ctx context.Context, vs []Version, last Version) ([]Line, error) {
	var lines []Line
	text := ""
	for _, v := range vs {
		if v.Index > last.Index || v.Index == last.Index && v.K > last.K {
			break
		}
		b, err := r.TextOf(ctx, v)
		if errors.Is(err, errOther) {
			r.diag.Warn("index named a change of another subject", "index", v.Index)
			continue
		}
		if errors.Is(err, errGone) {
			lines, text = nil, ""
			continue
		}
		if errors.Is(err, ErrNoText) {
			continue // what it left of the lines before is not known, and the next text tells
		}
		if err != nil {
			return nil, err
		}
		if string(b) != text {
			lines, text = carry(lines, text, string(b), v.Index), string(b)
		}
	}
	return lines, nil
}

// errOther says that a change is not one of the subject it was taken for.
var errOther = errors.New("the change is of another subject")

// errGone says that the subject was deleted, or went on under another name.
var errGone = fmt.Errorf("it was gone then: %w", ErrNoText)

// TextOf is the text of a version. Where that was named by a path, it must be one
// of that subject; [ErrNoText] also where the subject had gone by it.
func (r *Reader) TextOf(ctx context.Context, v Version) ([]byte, error) {
	c, err := r.change(ctx, v.Index, v.K)
	if err != nil {
		return nil, err
	}
	if s := v.subject; s != (index.Subject{}) {
		path, from := body.Text(c.what.Path, c.what.Path64), body.Text(c.what.From, c.what.From64)
		if s.Told == (c.by.role == entry.Watcher) || s.Host != c.by.hostOf(c.what) || s.Path != path && s.Path != from {
			return nil, errOther
		}
		if s.Path != path {
			return nil, errGone
		}
	}
	if c.what.Action == body.Delete {
		return nil, errGone
	}
	return r.text(ctx, c)
}

// carry moves the origin of unchanged lines over to the next text.
func carry(old []Line, before, after string, index uint64) []Line {
	edits := udiff.Lines(before, after)
	var out []Line
	at, from := 0, 0 // byte in before, line in old
	keep := func(upto int) {
		n := countLines(before[at:upto])
		out = append(out, old[from:from+n]...)
		at, from = upto, from+n
	}
	for _, e := range edits {
		keep(e.Start)
		from += countLines(before[e.Start:e.End])
		at = e.End
		for _, l := range splitLines(e.New) {
			out = append(out, Line{l, index})
		}
	}
	keep(len(before))
	return out
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

func countLines(s string) int { return len(splitLines(s)) }
