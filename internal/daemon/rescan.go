package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/rescan"
)

// A server tries its rules on what is recorded, all of it after an update, what
// came since every ten minutes: hosts may mask by older rules. It takes a fifth of
// a processor at the most, and 200 entries a second.
const (
	rescanFirst = time.Minute
	rescanEvery = 10 * time.Minute
	rescanRest  = 5 * time.Millisecond
	rescanShare = 5
)

func (d *Listener) rescans(ctx context.Context) {
	rules, err := rescan.Rules()
	if err != nil {
		d.process.Diag.Error("what is recorded is not rescanned", "error", err)
		return
	}
	timer := time.NewTimer(rescanFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := d.rescan(ctx, rules); err != nil && ctx.Err() == nil {
			d.process.Diag.Warn("the rescan of what is recorded ended early", "error", err)
		}
		timer.Reset(rescanEvery)
	}
}

// rescan tells what the rules of now would mask and was not told yet.
func (d *Listener) rescan(ctx context.Context, rules string) error {
	began := time.Now()
	_, err := rescan.Run(ctx, rescan.Config{
		Layout: d.layout, Trust: d.process.Trust, Rules: rules, Diag: d.process.Diag,
		Rest: func(ctx context.Context) {
			rest(ctx, max(rescanRest, (rescanShare-1)*time.Since(began)))
			began = time.Now()
		},
		Tell: func(s *rescan.State, fresh uint64) bool {
			detail, about := told(s, fresh)
			return d.Found(finding.SecretRecorded, detail, about...)
		},
	})
	return err
}

// maxAbout is how many entries a finding names.
const maxAbout = 64

// told is how a finding says what was found last.
func told(s *rescan.State, fresh uint64) (detail string, about []entry.ID) {
	last := s.Places[len(s.Places)-int(min(fresh, uint64(len(s.Places)))):]
	entries := map[string]bool{}
	for _, p := range last {
		if entries[p.Entry] {
			continue
		}
		entries[p.Entry] = true
		if id, err := entry.ParseHash(p.Entry); err == nil && len(about) < maxAbout {
			about = append(about, id)
		}
	}
	return fmt.Sprintf("the rules of now would mask %d more values, in %d entries of those looked at last; `stele admin rescan` lists them all", fresh, len(entries)), about
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
