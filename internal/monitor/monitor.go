// Package monitor examines a store again and again for as long as it is served, so
// that what somebody altered is told within seconds or minutes and not when
// a person next verifies.
//
// A pass is what stele verify does. Passes take one in so many of the time, so that
// a small store is examined every ten seconds and a large one seldom, once a day at
// the least. Where a file is touched that nothing touches any more, such as a full
// tile, the next pass begins at once.
//
// It promises that nobody is accused by one pass: what it finds must be found by
// a second one too, since a writer is at work meanwhile. A finding is told when it
// comes, and a code when nothing of it is left. It sees what this machine shows it: whoever owns the
// kernel is for witnesses and readers elsewhere to find out.
package monitor

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Config says which store, and how often.
type Config struct {
	Layout layout.Store
	Trust  trust.File
	Tell   func(finding.Finding) // what was found, or is over
	Passed func(Pass)            // each pass; nil: nobody counts
	Diag   *slog.Logger          // nil: none

	Soonest time.Duration // between two passes; 0: 10 s
	Latest  time.Duration // 0: a day
	Share   int           // passes take one in so many of the time; 0: 200
}

// Pass is how one pass went.
type Pass struct {
	Ended    time.Time     `json:"ended"`
	Took     time.Duration `json:"took"` // nanoseconds, without its rests
	Entries  uint64        `json:"entries"`
	Findings int           `json:"findings"` // that stand now
}

// maxTold bounds the findings of one code that a pass tells one by one.
const maxTold = 3

// A pass that nothing sets off works for so long and rests three times as long, so
// that whoever writes to the store does not wait for it.
const (
	work = 10 * time.Millisecond
	rest = 3 * work
)

// Run examines until the context ends.
func Run(ctx context.Context, cfg Config) {
	cfg.Soonest, cfg.Latest = cmp.Or(cfg.Soonest, 10*time.Second), cmp.Or(cfg.Latest, 24*time.Hour)
	cfg.Share = cmp.Or(cfg.Share, 200)
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	m := &monitor{cfg: cfg, standing: map[key]finding.Finding{}}
	m.sweep()
	touched := m.touched(ctx)
	timer := time.NewTimer(cfg.Soonest)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			m.rests = true
		case path := <-touched:
			cfg.Diag.Warn("a file of the store was touched that nothing should touch", "path", path)
			m.rests = false
		}
		took := m.pass(ctx)
		timer.Reset(min(max(cfg.Soonest, took*time.Duration(cfg.Share)), cfg.Latest))
	}
}

type monitor struct {
	cfg      Config
	standing map[key]finding.Finding // found, told, and not over
	noted    Pass
	rests    bool          // this pass does
	rested   time.Duration // it did, in all
}

// key tells findings apart from pass to pass.
type key struct {
	code  verify.Code
	where string
	index uint64
	about string
}

func keyOf(f *finding.Finding) key {
	k := key{code: f.Code, where: f.Where, about: f.About}
	if f.Index != nil {
		k.index = *f.Index
	}
	return k
}

// pass examines the store, twice where something is wrong, and tells what is new.
func (m *monitor) pass(ctx context.Context) time.Duration {
	began := time.Now()
	m.rested = 0
	size, found, err := m.examine(ctx)
	if err == nil && len(found) > 0 {
		m.rests = false
		var again []finding.Finding
		if size, again, err = m.examine(ctx); err == nil {
			found = both(found, again)
		}
	}
	took := time.Since(began) - m.rested
	if err != nil {
		if ctx.Err() == nil {
			m.cfg.Diag.Warn("the store could not be examined", "error", err)
		}
		return took
	}
	p := Pass{time.Now(), took, size, len(found)}
	m.note(p)
	m.tell(found)
	if m.cfg.Passed != nil {
		m.cfg.Passed(p)
	}
	return took
}

// breather rests now and then, where this pass does.
func (m *monitor) breather() func(done, of uint64) {
	began := time.Now()
	return func(uint64, uint64) {
		if m.rests && time.Since(began) > work {
			time.Sleep(rest)
			m.rested += rest
			began = time.Now()
		}
	}
}

// both are the findings of one pass that another had too.
func both(found, again []finding.Finding) []finding.Finding {
	twice := make(map[key]bool, len(again))
	for i := range again {
		twice[keyOf(&again[i])] = true
	}
	return slices.DeleteFunc(found, func(f finding.Finding) bool { return !twice[keyOf(&f)] })
}

// examine is one pass: how many entries there were, and what it accuses the log,
// the vault or the store of, files first. Sources are for the intake to accuse, when
// their entries come.
func (m *monitor) examine(ctx context.Context) (size uint64, found []finding.Finding, err error) {
	r, err := examine.Run(ctx, examine.Config{Layout: m.cfg.Layout, Trust: m.cfg.Trust, Progress: m.breather(), Diag: m.cfg.Diag})
	if err != nil {
		return 0, nil, err
	}
	for _, f := range r.Verdict.Findings {
		if f.Accused != verify.TheSource {
			found = append(found, finding.Of(f))
		}
	}
	return r.Size, append(r.Problems, found...), nil
}

// tell tells what is new and what is over. Of each code a few are told, and how many
// more there are: one damaged file has many consequences.
func (m *monitor) tell(found []finding.Finding) {
	standing, stands := map[key]finding.Finding{}, map[verify.Code]bool{}
	fresh := map[verify.Code][]finding.Finding{}
	var codes []verify.Code // of what is fresh, in order
	for _, f := range found {
		k := keyOf(&f)
		standing[k], stands[f.Code] = f, true
		if _, ok := m.standing[k]; ok {
			continue
		}
		if len(fresh[f.Code]) == 0 {
			codes = append(codes, f.Code)
		}
		fresh[f.Code] = append(fresh[f.Code], f)
	}
	for _, code := range codes {
		m.tellFresh(fresh[code])
	}
	for _, f := range m.standing {
		if !stands[f.Code] {
			stands[f.Code] = true // once
			over := finding.New(f.Code, "")
			over.Time, over.Over = time.Now(), true
			m.cfg.Tell(over)
		}
	}
	m.standing = standing
}

func (m *monitor) tellFresh(all []finding.Finding) {
	for i, f := range all[:min(len(all), maxTold)] {
		if more := len(all) - maxTold; i == maxTold-1 && more > 0 {
			f.Detail += fmt.Sprintf(" (and %d more of this kind)", more)
		}
		f.Time = time.Now()
		m.cfg.Tell(f)
	}
}
