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
	"github.com/stele-log/stele/internal/wire"
)

// record makes an entry of a change set and spools it, or folds it into what
// waits for room.
func (w *Watcher) record(s *set) error {
	if held, err := w.holdIfFull(s); held || err != nil {
		return err
	}
	if err := w.lockKnowing(s); err != nil {
		return err
	}
	defer w.mu.Unlock()
	d := record.Draft{
		Kind: entry.Change, Time: w.cfg.Now(), Who: w.without(s.who), Why: w.said(s.why),
		How: body.How{Layer: s.layer, Confidence: s.confidence, Version: w.cfg.Version, Detail: s.detail, Package: s.pkg},
	}
	if s.found {
		d.How.Signals = []string{body.SignalFoundLater}
	}
	latest := make(map[string]int) // of this very entry
	for k := range s.changes {
		c := &s.changes[k]
		w.before(c, latest)
		latest[c.path] = k
		if c.what.Action == body.Rename {
			latest[body.Text(c.what.From, c.what.From64)] = k
		}
		d.Changes = append(d.Changes, record.Change{What: c.what, Text: c.text})
	}
	err := w.spoolDraft(d, w.cfg.Spool.Put, func(e *entry.Entry) ([]spool.State, error) { return w.states(s, e, latest) })
	if errors.Is(err, spool.ErrFull) { // the disk, not the limit
		return w.hold(s)
	}
	return err
}

// said masks in a reason what texts keep secret.
func (w *Watcher) said(why body.Why) body.Why {
	why.Reason, why.Ticket = w.cfg.Redactor.Known(why.Reason), w.cfg.Redactor.Known(why.Ticket)
	return why
}

// lockKnowing takes mu once it is known which changes those of a set follow. It
// does not hold mu while the server is asked: nobody waits because of that.
func (w *Watcher) lockKnowing(s *set) error {
	for {
		if err := w.lookUp(s); err != nil {
			return err
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

// holdIfFull folds a set into what waits for room, if there is none for it.
func (w *Watcher) holdIfFull(s *set) (held bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil && w.cfg.Spool.Room() >= s.size() {
		return false, nil
	}
	return true, w.hold(s)
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
func (w *Watcher) spoolDraft(d record.Draft, put func(spool.Item) error, states func(*entry.Entry) ([]spool.State, error)) error {
	head := w.chain.Head()
	sub, e, err := w.chain.Sign(d)
	if err != nil {
		return fmt.Errorf("sign entry %d: %w", head.Next, err)
	}
	var known []spool.State
	if states != nil {
		if known, err = states(e); err != nil {
			return err
		}
	}
	if err = w.keepSeen(); err == nil {
		err = w.put(put, sub, e, known)
	}
	if err != nil {
		w.chain.MoveTo(head)
		return err
	}
	for _, st := range known {
		w.refs[string(st.Path)] = ref{id: st.Entry, what: st.What}
	}
	return nil
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

// put spools an entry: once it returns a crash loses nothing. After an error
// nothing is known of the disk, and the watcher must end.
func (w *Watcher) put(put func(spool.Item) error, sub *wire.Submission, e *entry.Entry, states []spool.State) error {
	it := spool.Item{Seq: e.Seq, ID: e.ID(), Submission: *sub, States: states, Time: e.At()}
	if err := put(it); err != nil {
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
	}, put, nil)
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
	head := w.chain.Head()
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
	if err = w.keepSeen(); err == nil {
		err = w.put(w.cfg.Spool.Put, sub, e, nil)
	}
	if err != nil {
		w.chain.MoveTo(head)
		w.waitMu.Lock()
		delete(w.waiting, e.Seq)
		w.waitMu.Unlock()
	}
	w.mu.Unlock()
	if err != nil {
		return entry.ID{}, 0, err
	}
	select {
	case a := <-done:
		return e.ID(), a.index, a.err
	case <-ctx.Done():
		w.waitMu.Lock()
		defer w.waitMu.Unlock()
		delete(w.waiting, e.Seq)
		return e.ID(), 0, ctx.Err()
	}
}
