package watcher

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/probe"
)

// someoneRan is a capture that knows who ran a program.
type someoneRan struct {
	Capture
	exe string
	by  actor.Actor
}

func (s someoneRan) Ran(kind func(actor.Actor, string) bool, _ time.Time) actor.Actor {
	if kind(s.by, s.exe) {
		return s.by
	}
	return actor.Actor{}
}

var _ Capture = (*capture.Capture)(nil)

// What a probe shows is recorded when it is another than before, by whoever ran a
// program that makes it so, and by nobody else.
func TestAnswered(t *testing.T) {
	p := catalogue.Probe{Name: "nft", Run: []string{"/usr/sbin/nft", "list", "ruleset"}, By: []string{"nft"}}
	w := observing(t)
	w.cfg.DigestKey = []byte("k")
	w.cfg.Diag = slog.New(slog.DiscardHandler)
	w.probes = newProbes([]catalogue.Probe{p}, 0, time.Now)
	ran := someoneRan{exe: "/usr/sbin/nft", by: actor.Actor{Who: &body.Who{PID: 7, Exe: "/usr/sbin/nft", Command: []string{"nft", "flush"}}, Confidence: body.Likely}}
	asks, other := ran, ran
	asks.by.Who = &body.Who{PID: 8, Command: []string{"nft", "list", "ruleset"}}
	other.exe = "/usr/bin/vi"
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	failed := errors.New("exit status 1")
	for _, step := range []struct {
		name, text string
		err        error
		ran        someoneRan
		action     body.Action // empty: none
		confidence body.Confidence
		marks      string
	}{
		{name: "fails from the start", err: failed},
		{name: "first", text: "one", ran: ran, action: body.Baseline, confidence: body.Unknown},
		{name: "the same", text: "one", ran: ran},
		{name: "another", text: "two", ran: ran, action: body.Modify, confidence: body.Likely},
		{name: "nobody", text: "three", ran: other, action: body.Modify, confidence: body.Unknown},
		{name: "who only asked", text: "four", ran: asks, action: body.Modify, confidence: body.Unknown},
		{name: "fails", err: failed, ran: ran, action: body.Modify, confidence: body.Unknown, marks: body.MarkUnread},
		{name: "fails still", err: failed, ran: ran},
		{name: "answers again", text: "four", ran: other, action: body.Modify, confidence: body.Unknown},
		{name: "a secret", text: "password = Tr0ub4dor&3xyz", ran: other, action: body.Modify, confidence: body.Unknown, marks: "redacted"},
	} {
		w.capture = step.ran
		a := probe.Answer{Probe: &p, Text: []byte(step.text), Err: step.err, Since: at, At: at.Add(time.Minute)}
		c, changed := w.answered(&a)
		if changed != (step.action != "") {
			t.Errorf("%s: told %v", step.name, changed)
		}
		if !changed {
			continue
		}
		marks := slices.DeleteFunc(c.what.Marks, func(m string) bool { return m == body.MarkUnparsed && !strings.Contains(step.marks, m) })
		if c.what.Action != step.action || c.confidence != step.confidence || (c.who != nil) != (step.confidence == body.Likely) || strings.Join(marks, " ") != step.marks {
			t.Errorf("%s: %+v by %v, %s", step.name, c.what, c.who, c.confidence)
		}
		if c.path != "stele:probe/nft" || c.layer != "probe" || !strings.Contains(c.detail, "nft list ruleset") || strings.Contains(string(c.text), "Tr0ub4dor") {
			t.Errorf("%s: %+v %q", step.name, c, c.text)
		}
		if step.action == body.Modify && c.what.Since == "" {
			t.Errorf("%s: no interval", step.name)
		}
	}
}

// After a restart what was recorded before is not told again.
func TestAnsweredAfterRestart(t *testing.T) {
	p := catalogue.Probe{Name: "nft", Run: []string{"/usr/sbin/nft"}, By: []string{"nft"}}
	a := probe.Answer{Probe: &p, Text: []byte("one"), At: time.Now()}
	w := observing(t)
	w.cfg.DigestKey, w.cfg.Diag, w.capture = []byte("k"), slog.New(slog.DiscardHandler), someoneRan{}
	w.probes = newProbes([]catalogue.Probe{p}, 0, time.Now)
	c, _ := w.answered(&a)
	kept, err := json.Marshal(known{c.known, c.beside})
	if err != nil {
		t.Fatal(err)
	}
	w.probes = newProbes([]catalogue.Probe{p}, 0, time.Now)
	if err := w.probes.load(c.path, kept); err != nil {
		t.Fatal(err)
	}
	if c, changed := w.answered(&a); changed {
		t.Errorf("told again: %+v", c)
	}
	a.Text = []byte("two")
	if c, changed := w.answered(&a); !changed || c.what.Action != body.Modify || c.confidence != body.Unknown {
		t.Errorf("%+v", c)
	}
}
