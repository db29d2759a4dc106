package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// record makes an entry of a change set and spools it.
func (w *Watcher) record(s *set) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := record.Draft{
		Kind: entry.Change, Time: w.cfg.Now(), Who: s.who, Why: s.why,
		How: body.How{Layer: s.layer, Confidence: s.confidence, Version: w.cfg.Version},
	}
	latest := make(map[string]int) // of this very entry
	for k := range s.changes {
		c := &s.changes[k]
		if err := w.before(c, latest); err != nil {
			return err
		}
		latest[c.path] = k
		if c.what.Action == body.Rename {
			latest[body.Text(c.what.From, c.what.From64)] = k
		}
		d.Changes = append(d.Changes, record.Change{What: c.what, Text: c.text})
	}
	sub, e, err := w.chain.Sign(d)
	if err != nil {
		return fmt.Errorf("record %d changes: %w", len(s.changes), err)
	}
	var states []spool.State
	for path, k := range latest {
		c := &s.changes[k]
		known, err := json.Marshal(c.known)
		if err != nil {
			return err
		}
		st := spool.State{Path: []byte(path), Entry: e.ID(), What: k, Known: known, Gone: c.gone || path != c.path}
		w.refs[path] = ref{st.Entry, st.What}
		states = append(states, st)
	}
	return w.put(sub, e, states)
}

// before links a change to the one it follows.
func (w *Watcher) before(c *change, latest map[string]int) error {
	path := c.path
	if c.what.Action == body.Rename {
		path = body.Text(c.what.From, c.what.From64)
	}
	if k, ok := latest[path]; ok {
		c.what.Before = &body.Ref{What: k}
		return nil
	}
	if r, ok := w.refs[path]; ok {
		c.what.Before = &body.Ref{Entry: r.id.String(), What: r.what}
		return nil
	}
	id, what, ok, err := w.cfg.Server.Latest(context.Background(), w.cfg.Host, path)
	if err != nil {
		return fmt.Errorf("find the latest change of a path: %w", err)
	}
	if ok {
		c.what.Before = &body.Ref{Entry: id.String(), What: what}
	}
	return nil
}

// put spools an entry: once it returns a crash loses nothing. After an error
// nothing is known of the disk, and the watcher must end.
func (w *Watcher) put(sub *wire.Submission, e *entry.Entry, states []spool.State) error {
	if err := w.cfg.Spool.Put(spool.Item{Seq: e.Seq, ID: e.ID(), Submission: *sub, States: states, Time: e.At()}); err != nil {
		return fmt.Errorf("spool entry %d: %w", e.Seq, err)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// gap records a hole in what was captured.
func (w *Watcher) gap(cause string, since time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since.IsZero() {
		since = w.cfg.Now()
	}
	sub, e, err := w.chain.Sign(record.Draft{
		Kind: entry.Gap, Time: w.cfg.Now(), Open: entry.Open{Since: body.FormatTime(since)},
		How: body.How{Layer: "watcher", Version: w.cfg.Version, Detail: cause},
	})
	if err != nil {
		return fmt.Errorf("record a gap: %w", err)
	}
	return w.put(sub, e, nil)
}

func remarkDraft(about entry.ID, peer *body.Who, why body.Why) record.Draft {
	return record.Draft{
		Kind: entry.Remark, Open: entry.Open{About: []entry.ID{about}, Says: "reason"},
		Who: *peer, Why: why, How: body.How{Layer: "socket", Confidence: body.Certain},
	}
}

// sign records a draft and waits until the log has proved to hold it.
func (w *Watcher) sign(ctx context.Context, d record.Draft) (entry.ID, uint64, error) {
	w.mu.Lock()
	d.Time, d.How.Version = w.cfg.Now(), w.cfg.Version
	sub, e, err := w.chain.Sign(d)
	if err != nil {
		w.mu.Unlock()
		return entry.ID{}, 0, err
	}
	done := make(chan acknowledged, 1)
	w.waitMu.Lock()
	w.waiting[e.Seq] = done
	w.waitMu.Unlock()
	err = w.put(sub, e, nil)
	w.mu.Unlock()
	if err != nil {
		return entry.ID{}, 0, err
	}
	select {
	case a := <-done:
		return e.ID(), a.index, a.err
	case <-ctx.Done():
		return entry.ID{}, 0, ctx.Err()
	}
}

// Pauses between tries to ship.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 30 * time.Second
	shipMost   = 256 // entries at once
)

// ship hands in what is spooled, verifies the receipts, and lets the spool
// forget. It tries for ever; only an unusable spool ends it.
func (w *Watcher) ship(ctx context.Context) error {
	pause := retryFirst
	for {
		items := w.cfg.Spool.Pending(shipMost)
		if len(items) == 0 {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		err := w.shipBatch(ctx, items)
		if err == nil {
			pause = retryFirst
			continue
		}
		var broken *spool.Broken
		if errors.As(err, &broken) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		w.cfg.Diag.Warn("entries not acknowledged", "entries", len(items), "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, retryMost)
	}
}

func (w *Watcher) shipBatch(ctx context.Context, items []spool.Item) error {
	subs := make([]wire.Submission, len(items))
	for i := range items {
		subs[i] = items[i].Submission
	}
	answers, err := w.cfg.Server.Submit(ctx, subs)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	indexes := make([]uint64, len(items))
	for i, a := range answers {
		if a.Refused != nil {
			return fmt.Errorf("the server refused entry %d: %w", items[i].Seq, a.Refused)
		}
		indexes[i] = a.Index
	}
	r, err := w.cfg.Server.Receipt(ctx, w.believed.Size, indexes)
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	notes := make([][]byte, len(subs))
	for i := range subs {
		notes[i] = subs[i].Note
	}
	cp, err := r.Check(w.cfg.LogKey, w.believed, indexes, notes) // nothing the server says is taken on trust
	if err != nil {
		return err
	}
	return w.acknowledge(cp, items, indexes)
}

func (w *Watcher) acknowledge(cp verify.Checkpoint, items []spool.Item, indexes []uint64) error {
	w.believed = cp
	w.mu.Lock()
	w.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	w.mu.Unlock()
	if err := w.cfg.Spool.Forget(items[len(items)-1].Seq, cp, w.cfg.Now()); err != nil {
		return err
	}
	w.waitMu.Lock()
	defer w.waitMu.Unlock()
	for i := range items {
		if done, ok := w.waiting[items[i].Seq]; ok {
			done <- acknowledged{index: indexes[i]}
			delete(w.waiting, items[i].Seq)
		}
	}
	return nil
}
