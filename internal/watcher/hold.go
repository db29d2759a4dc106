package watcher

import (
	"fmt"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/finding"
)

// held is what could not be spooled because there was no room: the latest
// change of each path, not signed yet. It is in memory only; a crash here loses
// what was in between, which a gap on the record says, and the scan at the next
// start finds how things stand.
type held struct {
	since   time.Time
	latest  map[string]change
	order   []string // of the paths' latest changes
	changes int      // folded in
	bytes   int      // of texts
}

// holdBytes bounds the texts held in memory; beyond it a change is held without.
const holdBytes = 32 << 20

// roomAgain is how much room there must be before what is held is recorded; half
// of it all in a spool that is smaller.
const roomAgain = 2 << 20

// size is how much room the entry of a set takes in the spool, at the most.
func (s *set) size() int64 {
	n := int64(64 << 10) // who, how and the entry itself
	for i := range s.changes {
		n += int64(len(s.changes[i].text)) + 4*int64(len(s.changes[i].path)) + 4096
	}
	return n
}

// hold folds a set into what waits for room. The caller holds mu.
func (w *Watcher) hold(s *set) error {
	if w.held == nil {
		if err := w.beginHolding(w.cfg.Now(), "the spool is full: from here on only the latest change of each path is kept"); err != nil {
			return err
		}
	}
	for _, c := range s.changes {
		c.why, c.who, c.confidence, c.layer = s.why, &s.who, s.confidence, s.layer
		w.held.fold(c)
	}
	return nil
}

// beginHolding says on the record, in the space kept back, that not every change
// is recorded from now on. The caller holds mu.
func (w *Watcher) beginHolding(since time.Time, cause string) error {
	w.held = &held{since: since, latest: make(map[string]change)}
	w.raise(finding.SpoolFull, "the spool is full; the latest change of each path is kept in memory")
	if err := w.gapLocked(cause, since); err != nil {
		w.cfg.Diag.Error("the gap could not be recorded yet", "error", err)
	}
	return nil
}

func (h *held) fold(c change) {
	h.changes++
	if old, ok := h.latest[c.path]; ok {
		h.left(&old)
		c.what.Observed = max(old.what.Observed, 1) + max(c.what.Observed, 1)
		if old.what.Action == body.Create && c.what.Action == body.Modify {
			c.what.Action = body.Create
		}
		if c.what.Was = earlier(old.what.Was, c.what.Was, &c.what); c.what.Action == body.Create || c.gone {
			c.what.Was = nil
		}
		h.bytes -= len(old.text)
		h.order = slices.DeleteFunc(h.order, func(p string) bool { return p == c.path })
	}
	if c.text != nil && h.bytes+len(c.text) > holdBytes {
		c.text = nil
		c.what.Secrets = nil
		c.what.Marks = append(slices.DeleteFunc(slices.Clone(c.what.Marks), func(m string) bool { return m == body.MarkRedacted }), body.MarkUnread)
		slices.Sort(c.what.Marks)
		c.what.Marks = slices.Compact(c.what.Marks)
	}
	h.bytes += len(c.text)
	h.latest[c.path] = c
	h.order = append(h.order, c.path)
}

// left: that a path is gone by which a file was known before it was renamed is
// told by itself, once the rename is folded into a later change, unless something
// happened to that path since.
func (h *held) left(c *change) {
	from := c.origin()
	since := h.order[slices.Index(h.order, c.path):]
	if from == c.path || slices.Contains(since, from) {
		return
	}
	gone := *c
	gone.path, gone.gone, gone.text, gone.known, gone.beside = from, true, nil, inode.Known{}, nil
	gone.what = body.What{Action: body.Delete, Agent: c.what.Agent, Path: c.what.From, Path64: c.what.From64, Time: c.what.Time}
	h.fold(gone)
	h.changes-- // it was counted as the rename
}

// holds reports whether changes wait for room in the spool.
func (w *Watcher) holds() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held != nil
}

// release records what was held once there is room again.
func (w *Watcher) release(now time.Time) error {
	w.mu.Lock()
	h := w.held
	if h == nil || w.cfg.Spool.Room() < min(roomAgain, w.cfg.Spool.Limit()/2) {
		w.mu.Unlock()
		return nil
	}
	w.held = nil
	err := w.gapLocked(fmt.Sprintf("the spool was full: %d changes were folded into the latest of each of %d paths", h.changes, len(h.order)), h.since)
	again := w.held != nil // there was no room after all
	if again {
		w.held = h
	}
	w.mu.Unlock()
	if err != nil || again {
		return err
	}
	w.over(finding.SpoolFull)
	if err := w.cfg.Spool.Recover(); err != nil {
		return err
	}
	sets := newSets(w.cfg.Pace)
	var all []*set
	for _, path := range h.order {
		all = append(all, sets.add(now, h.latest[path])...)
	}
	return w.recordAll(append(all, sets.due(now, true)...))
}
