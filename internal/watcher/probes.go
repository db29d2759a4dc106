package watcher

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/probe"
	"github.com/stele-log/stele/internal/record"
)

// layerProbe is the layer of what was asked for.
const layerProbe = "probe"

// probes are what is asked for, and what was last recorded of each.
type probes struct {
	cfg   probe.Config
	hints chan string            // programs that were run
	ready chan struct{}          // closed once all were asked
	known map[string]inode.Known // by subject; of the goroutine that asks
	dumb  map[string]bool        // those that do not answer, which is told; likewise
}

// maxHints bounds the hints that wait: one is as good as many.
const maxHints = 64

func newProbes(list []catalogue.Probe, every time.Duration, now func() time.Time) *probes {
	p := &probes{hints: make(chan string, maxHints), ready: make(chan struct{}), known: map[string]inode.Known{}, dumb: map[string]bool{}}
	p.cfg = probe.Config{Probes: list, Every: every, Hints: p.hints, Now: now}
	return p
}

// load takes over what the spool keeps of a probe.
func (p *probes) load(path string, raw json.RawMessage) error {
	var k known
	if err := json.Unmarshal(raw, &k); err != nil {
		return err
	}
	p.known[path] = k.Known
	return nil
}

// notable says whether a program changes what a probe shows, and takes it for a hint.
func (p *probes) notable(exe string) bool {
	for i := range p.cfg.Probes {
		if p.cfg.Probes[i].ChangedBy(exe) {
			select {
			case p.hints <- exe:
			default:
			}
			return true
		}
	}
	return false
}

// ask asks for the settings in force until the context ends.
func (w *Watcher) ask(ctx context.Context) error {
	select {
	case <-w.capture.Ready():
	case <-ctx.Done():
		return nil
	}
	probe.Run(ctx, w.probes.cfg, func(a probe.Answer) {
		if c, changed := w.answered(&a); changed {
			w.intake <- c
		}
	}, func() { close(w.probes.ready) })
	<-ctx.Done()
	return nil
}

// answered words an answer as a change, if it is another one than was recorded. Nobody
// saw who made it so: who ran a program that can is likely, and else nobody is named.
func (w *Watcher) answered(a *probe.Answer) (change, bool) {
	path := probe.Path(a.Probe)
	before, recorded := w.probes.known[path]
	c := change{
		path: path, confidence: body.Unknown, layer: layerProbe, detail: probe.Says(a.Probe),
		what: body.What{Path: path, Action: body.Modify, Time: body.FormatTime(a.At)},
	}
	if since := w.since(a); recorded && !since.IsZero() {
		c.what.Since = body.FormatTime(since)
	}
	if a.Probe.Agent != nil {
		c.what.Agent = a.Probe.Agent.ID
	}
	if a.Err != nil {
		w.cfg.Diag.Info("probe not answered", "probe", a.Probe.Name, "error", a.Err)
		if !recorded || w.probes.dumb[path] {
			return c, false
		}
		w.probes.dumb[path] = true
		c.known, c.what.Marks = before, []string{body.MarkUnread}
		return c, true
	}
	m := hmac.New(sha256.New, w.cfg.DigestKey)
	m.Write(a.Text)
	m.Sum(c.known.Digest[:0])
	c.known.Size = int64(len(a.Text))
	if recorded && before.Digest == c.known.Digest && !w.probes.dumb[path] {
		return c, false
	}
	delete(w.probes.dumb, path)
	w.probes.known[path] = c.known
	if !recorded {
		c.what.Action = body.Baseline
	} else if by := w.ran(a); by.Who != nil {
		c.who, c.confidence = w.clean(by.Who), by.Certainty()
		c.why = w.reasons.of(by.Who, by.Line, w.cfg.Now())
	}
	redacted := record.Change{What: c.what}
	known := catalogue.Match{Format: a.Probe.Format}
	if a.Probe.Agent != nil {
		known.Secrets = a.Probe.Agent.Secrets
	}
	redacted.SetText(w.cfg.Redactor, known, "", a.Text)
	size := c.known.Size
	c.what, c.text = redacted.What, redacted.Text
	c.what.Size = &size
	return c, true
}

// since is when the answer before was given, by an earlier run at the latest when that
// was last known to run.
func (w *Watcher) since(a *probe.Answer) time.Time {
	if a.Since.IsZero() {
		return w.found
	}
	return a.Since
}

// ran is who ran a program since the last answer that changes what a probe shows.
func (w *Watcher) ran(a *probe.Answer) actor.Actor {
	if a.Since.IsZero() {
		return actor.Actor{}
	}
	return w.capture.Ran(func(by actor.Actor, exe string) bool {
		return a.Probe.ChangedBy(exe) && by.Who != nil && !shows(exe, by.Who.Command)
	}, a.Since)
}
