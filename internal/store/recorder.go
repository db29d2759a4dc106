package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
)

// rollCallEvery bounds how long entries go without one of the recorder after
// them: received is the interval between the recorder's entries around an index.
const rollCallEvery = 60 * time.Second

// believeEvery is how often the newest checkpoint is kept outside the store.
const believeEvery = time.Second

// recorder is the server's own source: it enrols sources and calls the roll.
type recorder struct {
	s      *Store
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex // of what follows: the recorder signs one entry at a time
	chain  *record.Chain
	called uint64 // size of the log after the last entry of the recorder
	roll   *roll
}

func newRecorder(s *Store, st state) *recorder {
	return &recorder{
		s: s, chain: record.NewChain(s.keys.recorder, st.head), called: st.called,
		roll: openRoll(s.cfg.Layout.Roll(), st.next, s.cfg.Diag),
	}
}

func (r *recorder) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.wg.Go(func() { r.run(ctx) })
}

func (r *recorder) run(ctx context.Context) {
	roll, believe := time.NewTicker(rollCallEvery), time.NewTicker(believeEvery)
	defer roll.Stop()
	defer believe.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-roll.C:
			err = r.rollCall(ctx)
		case <-believe.C:
			err = r.s.believer.save(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.s.cfg.Diag.Error("recorder could not do its part", "error", err)
		}
	}
}

// stop calls the roll once more, so that everything accepted has an entry of
// the recorder after it.
func (r *recorder) stop(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.wg.Wait()
	if r.s.intake.Err() != nil {
		return nil
	}
	return r.rollCall(ctx)
}

// begin writes entry 0, which introduces the recorder.
func (r *recorder) begin(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.sign(ctx, record.Draft{
		Kind: entry.Enrol,
		Open: entry.Open{
			Log: r.s.keys.log.public, Erasers: r.s.cfg.Erasers, Succeeds: r.s.cfg.Follows,
			Key: r.s.keys.recorder.Public(), Role: entry.Recorder,
		},
		How: body.How{Layer: "recorder", Version: r.s.cfg.Version, Host: localHost()},
	})
	return err
}

// sign signs a draft and waits until it is accepted. The caller holds mu. If
// the outcome is unknown the intake has stopped, and the chain with it.
func (r *recorder) sign(ctx context.Context, d record.Draft) (*entry.Entry, error) {
	if cp, err := r.s.believer.advance(ctx); err != nil {
		return nil, err
	} else {
		r.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	}
	d.Time = r.s.cfg.Now()
	sub, e, err := r.chain.Sign(d)
	if err != nil {
		return nil, err
	}
	answers, err := r.s.intake.Submit(context.WithoutCancel(ctx), []wire.Submission{*sub})
	if err != nil {
		return nil, err
	}
	if answers[0].Refused != nil {
		return nil, fmt.Errorf("%s of the recorder refused: %w", d.Kind, answers[0].Refused)
	}
	r.called = answers[0].Index + 1
	return e, nil
}

// rollCall says which sources came and went, if anything was appended since the
// recorder's last entry.
func (r *recorder) rollCall(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.s.log.Size() == r.called && len(r.roll.changed) == 0 {
		return nil
	}
	if err := r.roll.save(); err != nil {
		return err
	}
	for {
		o, beats := r.roll.news()
		if _, err := r.sign(ctx, record.Draft{
			Kind: entry.RollCall, Open: o,
			How: body.How{Layer: "recorder", Version: r.s.cfg.Version, Beats: beats},
		}); err != nil {
			return fmt.Errorf("call the roll: %w", err)
		}
		r.roll.told(o, r.called)
		if len(r.roll.changed) == 0 {
			return r.roll.save()
		}
	}
}

// Enrol admits a source, unless it is enrolled already, and returns the head
// its chain goes on from.
func (s *Store) Enrol(ctx context.Context, key *entry.PublicKey, role entry.Role, host *body.Host) (record.Head, error) {
	return s.Replace(ctx, key, role, host, nil)
}

// Replace is Enrol for a source that takes the place of another one on its host,
// which may be of the log that this one follows.
func (s *Store) Replace(ctx context.Context, key *entry.PublicKey, role entry.Role, host *body.Host, old *entry.Source) (record.Head, error) {
	r := s.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if en := s.intake.Enrolled(key.Source()); en != nil {
		if en.Role != role {
			return record.Head{}, fmt.Errorf("source %s is enrolled as %s, not as %s", key.Source(), en.Role, role)
		}
		return s.Head(ctx, key.Source())
	}
	e, err := r.sign(ctx, record.Draft{
		Kind: entry.Enrol, Open: entry.Open{Key: key, Role: role, Follows: old},
		How: body.How{Layer: "recorder", Version: s.cfg.Version, Host: host},
	})
	if err != nil {
		return record.Head{}, err
	}
	return record.Head{Prev: e.ID()}, nil
}
