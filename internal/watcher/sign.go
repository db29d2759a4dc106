package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
)

// Bounds of what is spooled with one sync.
const (
	togetherMost  = 64      // change sets
	togetherBytes = 8 << 20 // that their entries may take
)

// recordAll makes entries of change sets and spools them, as many as there is room
// for with one sync. Those there is none for are folded into what waits for room.
func (w *Watcher) recordAll(sets []*set) error {
	for len(sets) > 0 {
		n, size := 1, sets[0].size()
		for n < min(len(sets), togetherMost) && size+sets[n].size() <= togetherBytes {
			size += sets[n].size()
			n++
		}
		err := w.record(sets[:n], size)
		if errors.Is(err, spool.ErrFull) { // for all of them, or the disk and not the limit
			err = w.recordEach(sets[:n])
		}
		if err != nil {
			return err
		}
		sets = sets[n:]
	}
	return nil
}

// recordEach records what there is room for and holds the rest.
func (w *Watcher) recordEach(sets []*set) error {
	for _, s := range sets {
		err := w.record([]*set{s}, s.size())
		if errors.Is(err, spool.ErrFull) {
			w.mu.Lock()
			err = w.hold(s)
			w.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// record spools an entry for each set, all of them or none; they take size bytes
// at the most. [spool.ErrFull]: there is no room, or something waits for room.
func (w *Watcher) record(sets []*set, size int64) error {
	if w.full(size) {
		return spool.ErrFull
	}
	if err := w.lockKnowing(sets); err != nil {
		return err
	}
	defer w.mu.Unlock()
	b := w.newBatch()
	for _, s := range sets {
		if err := b.add(s); err != nil {
			b.undo()
			return err
		}
	}
	return b.put(w.cfg.Spool.Put)
}

// said masks in a reason what texts keep secret.
func (w *Watcher) said(why body.Why) body.Why {
	why.Reason, why.Ticket = w.cfg.Redactor.Known(why.Reason), w.cfg.Redactor.Known(why.Ticket)
	return why
}

// lockKnowing takes mu once it is known which changes those of the sets follow. It
// does not hold mu while the server is asked: nobody waits because of that.
func (w *Watcher) lockKnowing(sets []*set) error {
	for {
		for _, s := range sets {
			if err := w.lookUp(s); err != nil {
				return err
			}
		}
		w.mu.Lock()
		if !w.stale {
			return nil
		}
		maps.DeleteFunc(w.refs, func(_ string, r ref) bool { return r.old })
		w.stale = false
		w.mu.Unlock()
	}
}

// full reports whether there is no room for an entry of that size, or others wait
// for room.
func (w *Watcher) full(size int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held != nil || w.cfg.Spool.Room() < size
}

// states are what the paths of a set are known by once its entry is spooled.
func (w *Watcher) states(s *set, e *entry.Entry, latest map[string]int) ([]spool.State, error) {
	var states []spool.State
	for path, k := range latest {
		c := &s.changes[k]
		kept, err := json.Marshal(known{c.known, c.beside})
		if err != nil {
			return nil, err
		}
		states = append(states, spool.State{Path: []byte(path), Entry: e.ID(), Seq: e.Seq, What: k, Known: kept, Gone: c.gone || path != c.path, Secrets: c.what.Secrets})
	}
	return states, nil
}

// spoolDraft signs a draft and spools the entry. If there is no room for it the
// chain is where it was: what was signed has not left this function.
func (w *Watcher) spoolDraft(d record.Draft, put func(...spool.Item) error) error {
	b := w.newBatch()
	if err := b.sign(d, nil); err != nil {
		return err
	}
	return b.put(put)
}

// origin is the path whose history a change goes on with.
func (c *change) origin() string {
	if c.what.Action == body.Rename {
		return body.Text(c.what.From, c.what.From64)
	}
	return c.path
}

// before links a change to the one it follows.
func (w *Watcher) before(c *change, latest map[string]int) {
	path := c.origin()
	c.what.Before = nil // it may name what was signed and undone
	if k, ok := latest[path]; ok {
		c.what.Before = &body.Ref{What: k}
	} else if r, ok := w.refs[path]; ok {
		c.what.Before = &body.Ref{Entry: r.id.String(), What: r.what}
	}
}

// lookUpAgain is how long the server is left alone after it could not be asked.
const lookUpAgain = 30 * time.Second

// lookUp asks the server about paths that this watcher has recorded nothing of:
// another source of this host may have. If it cannot be asked a gap says why
// their changes begin without the one before.
func (w *Watcher) lookUp(s *set) error {
	var paths []string
	seen := make(map[string]bool)
	for k := range s.changes {
		p := s.changes[k].origin()
		if _, ok := w.refs[p]; !ok && !seen[p] {
			paths = append(paths, p)
		}
		seen[p] = true
	}
	if len(paths) == 0 {
		return nil
	}
	if deaf := w.deafSince; !deaf.IsZero() && w.clock.Now().Waited(deaf, lookUpAgain) == patience.InTime {
		return nil // the gap is signed
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Pace.LookUp)
	defer cancel()
	found, err := w.cfg.Server.Latest(ctx, w.cfg.Host, paths)
	if err == nil {
		err = w.believeShown(ctx, paths, found)
	}
	if err != nil {
		w.failed(err, &trouble{})
		w.deafSince = w.clock.Now()
		w.cfg.Diag.Warn("the server could not be asked for the history of paths", "paths", len(paths), "error", err)
		return w.gap("the server could not be asked what was recorded of these paths before", w.cfg.Now())
	}
	return nil
}

// gap records a hole in what was captured.
func (w *Watcher) gap(cause string, since time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gapLocked(cause, since)
}

func (w *Watcher) gapLocked(cause string, since time.Time) error {
	return w.gapBy(cause, since, body.Who{}, "")
}

// gapBy is a gap that somebody made. The caller holds mu.
func (w *Watcher) gapBy(cause string, since time.Time, who body.Who, confidence body.Confidence) error {
	if since.IsZero() {
		since = w.cfg.Now()
	}
	put := w.cfg.Spool.Put
	if w.held != nil {
		put = w.cfg.Spool.PutLast
	}
	err := w.spoolDraft(record.Draft{
		Kind: entry.Gap, Time: w.cfg.Now(), Open: entry.Open{Since: body.FormatTime(since)}, Who: who,
		How: body.How{Layer: "watcher", Confidence: confidence, Version: w.cfg.Version, Detail: cause},
	}, put)
	if errors.Is(err, spool.ErrFull) && w.held == nil {
		return w.beginHolding(since, cause)
	}
	if err != nil {
		return fmt.Errorf("record a gap: %w", err)
	}
	return nil
}

// sign records a draft and waits until the log has proved to hold it. Where the
// context ends before that, the entry is in the spool.
func (w *Watcher) sign(ctx context.Context, d record.Draft) (entry.ID, uint64, error) {
	w.mu.Lock()
	d.Time, d.How.Version = w.cfg.Now(), w.cfg.Version
	b := w.newBatch()
	if err := b.sign(d, nil); err != nil {
		w.mu.Unlock()
		return entry.ID{}, 0, err
	}
	it := &b.items[0]
	done := make(chan acknowledged, 1)
	w.waitMu.Lock()
	w.waiting[it.Seq] = done
	w.waitMu.Unlock()
	err := b.put(w.cfg.Spool.Put)
	w.mu.Unlock()
	if err != nil {
		w.waitMu.Lock()
		defer w.waitMu.Unlock()
		delete(w.waiting, it.Seq)
		return entry.ID{}, 0, err
	}
	select {
	case a := <-done:
		return it.ID, a.index, a.err
	case <-ctx.Done():
		w.waitMu.Lock()
		defer w.waitMu.Unlock()
		delete(w.waiting, it.Seq)
		return it.ID, 0, ctx.Err()
	}
}
