package watcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/record"
)

// handle takes what capture saw. From here on no text holds a secret, and no
// command line one that can be told by itself.
//
// It does not heed the context: what capture hands over while it ends must be
// recorded too, and collect takes it until there is no more.
func (w *Watcher) handle(_ context.Context, b capture.Batch) error {
	if b.Gap != nil {
		w.heed(b.Gap)
		if b.Gap.Cause != capture.CauseDown || !w.cfg.Unended { // else it is told
			w.intake <- change{gap: b.Gap}
		}
	}
	for i := range b.Observations {
		w.intake <- w.observe(&b.Observations[i])
	}
	return nil
}

// observe redacts an observation and words it as a change.
func (w *Watcher) observe(o *capture.Observation) change {
	c := change{
		path: o.Path, who: w.clean(o.Who), confidence: o.Confidence, layer: o.Layer, known: o.Known, found: o.Found, detail: w.sentence(o.Mount),
		gone: o.Action == body.Delete, why: w.reasons.of(o.Who, o.Line, w.cfg.Now()),
	}
	c.pkg = w.packageOf(o)
	if pkg := w.unpacked(o); pkg != nil {
		root := uint32(0)
		c.pkg, c.who, c.confidence = pkg, &body.Who{User: "root", UID: &root, Exe: dpkg}, body.Likely
	}
	match := w.match(o.Path)
	agent := match.Agent
	if o.Real != "" {
		match = match.And(w.match(o.Real))
	}
	c.what = body.What{
		Action: o.Action, Time: body.FormatTime(o.Time), Digest: o.Digest, Marks: slices.Clone(o.Marks), Observed: folded(o.Events),
	}
	if !o.Since.IsZero() {
		c.what.Since = body.FormatTime(o.Since)
	}
	if agent != nil {
		c.what.Agent = agent.ID
	}
	c.what.Path, c.what.Path64 = record.Encode(o.Path)
	c.what.From, c.what.From64 = record.Encode(o.From)
	stat := o.Action != body.Delete && o.Mode != 0 // else it was gone before it was looked at
	if stat {
		size, owner := o.Size, o.Owner
		c.what.Size, c.what.Owner, c.what.Mode = &size, &owner, octal(o.Mode)
	}
	slices.Sort(c.what.Marks)
	c.what.Marks = slices.Compact(c.what.Marks)
	if o.HasContent {
		redacted := record.Change{What: c.what}
		redacted.SetText(w.cfg.Redactor, match, o.Real, o.Content)
		c.what, c.text = redacted.What, redacted.Text
	}
	switch {
	case stat:
		w.setBeside(&c, o, match.Opaque)
	case c.gone:
		delete(w.besides, c.path)
	default:
		c.beside = w.besides[c.path]
	}
	return c
}

// match is what the catalogue knows of a path, or of one that ends like it.
func (w *Watcher) match(path string) catalogue.Match {
	m, claimed := w.cfg.Catalogue.Match(path)
	if !claimed {
		m, _ = w.cfg.Catalogue.MatchSuffix(path)
	}
	return m
}

// words say why there is a gap.
func (w *Watcher) words(g capture.Gap) string {
	g.Detail = w.sentence(g.Detail)
	return g.Words()
}

// sentence masks in words of the host's what looks like a secret, and bytes that are
// not text.
func (w *Watcher) sentence(text string) string { return w.command([]string{text})[0] }

// packageOf is what dpkg was doing where it, or a script of a package that it ran,
// made a change.
func (w *Watcher) packageOf(o *capture.Observation) *body.Package {
	if o.Who == nil {
		return nil
	}
	if o.Who.Container != "" { // its dpkg has a log of its own
		return nil
	}
	if isDpkg(o.Who.Exe, o.Who.UID) {
		since, err := time.Parse(body.TimeFormat, o.Who.Started)
		if err != nil {
			return nil
		}
		return w.dpkg.At(o.Path, since, o.Time)
	}
	if slices.ContainsFunc(o.Who.Ancestors, func(a body.Process) bool { return isDpkg(a.Exe, a.UID) }) {
		return w.dpkg.At(o.Path, time.Time{}, o.Time)
	}
	return nil
}

// unpacked is what dpkg was doing, by its own records, when a file came of which
// nobody saw who made it.
func (w *Watcher) unpacked(o *capture.Observation) *body.Package {
	if o.Who != nil || o.Action != body.Create || o.Known.UID != 0 {
		return nil
	}
	return w.dpkg.At(o.Path, time.Time{}, time.Unix(0, o.Known.CtimeNs))
}

const dpkg = "/usr/bin/dpkg"

// isDpkg goes by where the program lies and as whom it runs: anybody can call one so.
func isDpkg(exe string, uid *uint32) bool {
	return strings.TrimSuffix(exe, " (deleted)") == dpkg && uid != nil && *uid == 0
}

func folded(events int) int {
	if events > 1 {
		return events
	}
	return 0
}

// clean masks in command lines what looks like a secret, and bytes that are not
// text.
func (w *Watcher) clean(who *body.Who) *body.Who {
	if who == nil {
		return nil
	}
	clean := eachCommand(*who, w.command)
	return &clean
}

// without masks in command lines what texts keep secret, and cuts them: in this
// order, since half a secret is not known for one.
func (w *Watcher) without(who body.Who) body.Who {
	return eachCommand(who, func(args []string) []string {
		known := make([]string, len(args))
		for i, a := range args {
			known[i] = w.cfg.Redactor.Known(a)
		}
		return cut(known)
	})
}

// eachCommand is a copy of who with other command lines.
func eachCommand(who body.Who, do func([]string) []string) body.Who {
	who.Ancestors = slices.Clone(who.Ancestors)
	who.Command = do(who.Command)
	for i := range who.Ancestors {
		who.Ancestors[i].Command = do(who.Ancestors[i].Command)
	}
	return who
}

func (w *Watcher) command(args []string) []string {
	args = w.cfg.Redactor.Command(args)
	for i, a := range args {
		args[i] = strings.ToValidUTF8(a, "\uFFFD")
	}
	return args
}

// Limits of a recorded command line.
const (
	maxArgs = 64
	maxArg  = 1024
)

// cut fits a command line, which it may alter, into an entry.
func cut(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	if len(args) > maxArgs {
		args = append(args[:maxArgs:maxArgs], fmt.Sprintf("… %d more", len(args)-maxArgs))
	}
	for i, a := range args {
		if len(a) > maxArg {
			args[i] = strings.ToValidUTF8(a[:maxArg], "") + "…"
		}
	}
	return args
}

// aliveEvery is how often the spool is told that the watcher runs: a gap begins
// there at the latest.
const aliveEvery = 30 * time.Second

// collect gathers changes into change sets and records those that are due.
func (w *Watcher) collect() error {
	open := newSets(w.cfg.Pace)
	tick := time.NewTicker(w.cfg.Pace.lookAt())
	defer tick.Stop()
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		var due []*set
		var look <-chan time.Time // while there is nothing to look at, nothing wakes this up
		if len(open.open) > 0 || w.holds() {
			look = tick.C
		}
		select {
		case c, ok := <-w.intake:
			if !ok {
				return errors.Join(w.recordAll(open.due(time.Now(), true)), w.cfg.Spool.Alive(w.cfg.Now()))
			}
			if c.gap != nil {
				due = open.due(time.Now(), true)
				if err := w.recordAll(due); err != nil {
					return err
				}
				if err := w.gap(w.words(*c.gap), c.gap.Since); err != nil {
					return err
				}
				continue
			}
			due = open.add(time.Now(), c)
		case <-look:
			due = open.due(time.Now(), false)
			if err := w.release(time.Now()); err != nil {
				return err
			}
		case <-alive.C:
			if err := w.cfg.Spool.Alive(w.cfg.Now()); err != nil {
				return err
			}
		}
		if err := w.recordAll(due); err != nil {
			return err
		}
	}
}
