// Package rescan tries the rules of now on what was recorded by the rules of then:
// every text, command and reason in a store. What would be masked today and was
// not is listed by its place, never by its value.
//
// It promises that an interrupted rescan, killed too, goes on where it was last
// saved: at most [Config].SaveEvery of work is done twice, nothing is left out and nothing
// is listed twice. It alters nothing of what is recorded: that takes an erasure.
//
// It has not the keys of hosts: what their rescan would find by a fingerprint
// alone it does not. Nor does it judge seals.
package rescan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// Place is where a value stands that would be masked today.
type Place struct {
	Index  uint64 `json:"index"`
	Entry  string `json:"entry"`
	Source string `json:"source"`
	Host   string `json:"host,omitempty"` // of the source
	Line   string `json:"line"`           // who, why or text and the number of the change
	Path   string `json:"path,omitempty"` // of the file
	At     int    `json:"at,omitempty"`   // line of the text, from 1
	Key    string `json:"key,omitempty"`  // key path in the text, or the field and its number
	Why    string `json:"why,omitempty"`
}

// Config says what is rescanned, and by what.
type Config struct {
	Layout   layout.Store
	Trust    trust.File
	Rules    string                // names the rules of now; others begin from the first entry
	Again    bool                  // begin from the first entry in any case
	Diag     *slog.Logger          // nil: none
	Progress func(done, of uint64) // nil: nobody looks on
	Rest     func(context.Context) // between two entries; nil: none
	// Tell is asked to tell of what was found and not told yet, the last so many, and
	// says whether it did. A crash behind it has them told again. Nil: nobody is told.
	Tell func(s *State, fresh uint64) bool

	SaveEvery time.Duration // 0: every 5 s
}

// Run rescans what came since it was last done, and returns all that was found.
// Where another process does it at the same time, or the store cannot be written,
// it is not saved.
func Run(ctx context.Context, cfg Config) (s State, err error) {
	lock, err := durable.LockFile(cfg.Layout.RescanLock())
	saves := err == nil
	if saves {
		defer func() { err = errors.Join(err, lock.Release()) }()
		if err := sweep(cfg.Layout); err != nil {
			return s, err
		}
	}
	if s, err = Read(cfg.Layout); err != nil {
		return s, err
	}
	if cfg.Again || s.Rules != cfg.Rules {
		s = s.anew(cfg.Rules)
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
		found, err := sc.within(ctx, &e)
		if err != nil {
			return err
		}
		s.add(found)
		s.Texts += sc.take()
		s.Next = e.Index + 1
		if cfg.Progress != nil {
			cfg.Progress(s.Next, e.Size)
		}
		if cfg.Rest != nil {
			cfg.Rest(ctx)
		}
		if time.Since(saved) < cmp.Or(cfg.SaveEvery, 5*time.Second) {
			return nil
		}
		return save()
	})
	if named := s.name(ctx, cfg); named != nil {
		err = errors.Join(err, named)
	}
	if err == nil {
		s.Told = min(s.Told, s.Found()) // some may have been erased
	}
	if cfg.Tell != nil && ctx.Err() == nil && s.Found() > s.Told && cfg.Tell(&s, s.Found()-s.Told) {
		s.Told = s.Found()
	}
	return s, errors.Join(err, save())
}

// name says of what was found on which hosts it is.
func (s *State) name(ctx context.Context, cfg Config) (err error) {
	if !slices.ContainsFunc(s.Places, func(p Place) bool { return p.Host == "" }) {
		return nil
	}
	p, err := history.OpenParts(ctx, cfg.Layout, cfg.Diag)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	f, err := p.Ask(ctx, wire.Lookup{Counts: true})
	if err != nil {
		return err
	}
	hosts := map[string]string{}
	for _, c := range f.Counts.Sources {
		hosts[c.Source] = string(c.Host)
	}
	for i := range s.Places {
		s.Places[i].Host = hosts[s.Places[i].Source]
	}
	return nil
}

// Rules names the rules of this program: by its own bytes, since they are part of
// it.
func Rules() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
