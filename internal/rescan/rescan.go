// Package rescan tries the rules of now on what was recorded by the rules of then:
// every text, command and reason in a store. What would be masked today and was
// not is listed by its place, never by its value.
//
// It promises that an interrupted rescan, killed too, goes on where it was last
// saved: at most [saveEvery] of work is done twice, nothing is left out and nothing
// is listed twice. It alters nothing of what is recorded: that takes an erasure.
//
// It has not the keys of hosts: what their rescan would find by a fingerprint
// alone it does not. Nor does it judge seals.
package rescan

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/trust"
)

// Place is where a value stands that would be masked today.
type Place struct {
	Index  uint64 `json:"index"`
	Entry  string `json:"entry"`
	Source string `json:"source"`
	Line   string `json:"line"`           // who, why or text and the number of the change
	Path   string `json:"path,omitempty"` // of the file
	At     int    `json:"at,omitempty"`   // line of the text, from 1
	Key    string `json:"key,omitempty"`  // key path in the text, or the field and its number
	Why    string `json:"why,omitempty"`
}

// saveEvery is how often it is saved how far a rescan has come.
const saveEvery = 5 * time.Second

// Config says what is rescanned, and by what.
type Config struct {
	Layout   layout.Store
	Trust    trust.File
	Rules    string                // names the rules of now; others begin from the first entry
	Again    bool                  // begin from the first entry in any case
	Diag     *slog.Logger          // nil: none
	Progress func(done, of uint64) // nil: nobody looks on
	Rest     func(context.Context) // between two entries; nil: none
}

// Run rescans what came since it was last done, and returns all that was found.
// Where another process does it at the same time, or the store cannot be written,
// it is not saved.
func Run(ctx context.Context, cfg Config) (s State, err error) {
	lock, err := durable.LockFile(cfg.Layout.RescanLock())
	saves := err == nil
	if saves {
		defer func() { err = errors.Join(err, lock.Release()) }()
	}
	if s, err = Read(cfg.Layout); err != nil {
		return s, err
	}
	if cfg.Again || s.Rules != cfg.Rules {
		s = State{Rules: cfg.Rules}
	}
	known, err := catalogue.Builtin()
	if err != nil {
		return s, err
	}
	sc := scanner{rules: redact.New(redact.Config{}), known: known, seen: map[text][]Place{}}
	saved := time.Now()
	save := func() error {
		if saved = time.Now(); !saves {
			return nil
		}
		return s.write(cfg.Layout)
	}
	err = history.All(ctx, cfg.Layout, cfg.Trust, s.Next, cfg.Diag, func(e history.Everything) error {
		s.add(sc.entry(&e))
		s.Texts += sc.take()
		s.Next = e.Index + 1
		if cfg.Progress != nil {
			cfg.Progress(s.Next, e.Size)
		}
		if cfg.Rest != nil {
			cfg.Rest(ctx)
		}
		if time.Since(saved) < saveEvery {
			return nil
		}
		return save()
	})
	return s, errors.Join(err, save())
}
