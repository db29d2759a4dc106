package watcher

import (
	"fmt"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
)

// batch is entries that are signed and spooled with one sync. Until that is done
// nothing of them has left the watcher, so that all can be undone: the chain is
// then where it was, and so is what it knows of paths. Whoever has one holds mu.
type batch struct {
	w     *Watcher
	head  record.Head
	items []spool.Item
	refs  map[string]ref // of the paths that the batch changed, before it; the zero ref: none
}

func (w *Watcher) newBatch() *batch {
	return &batch{w: w, head: w.chain.Head(), refs: make(map[string]ref)}
}

// add signs the entry of a change set.
func (b *batch) add(s *set) error {
	w := b.w
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
	return b.sign(d, func(e *entry.Entry) ([]spool.State, error) { return w.states(s, e, latest) })
}

// sign signs a draft; states, if any, are what paths are known by after it.
func (b *batch) sign(d record.Draft, states func(*entry.Entry) ([]spool.State, error)) error {
	next := b.w.chain.Head().Next
	sub, e, err := b.w.chain.Sign(d)
	if err != nil {
		return fmt.Errorf("sign entry %d: %w", next, err)
	}
	var known []spool.State
	if states != nil {
		if known, err = states(e); err != nil {
			return err
		}
	}
	b.items = append(b.items, spool.Item{Seq: e.Seq, ID: e.ID(), Submission: *sub, States: known, Time: e.At()})
	for _, st := range known {
		path := string(st.Path)
		if _, ok := b.refs[path]; !ok {
			b.refs[path] = b.w.refs[path]
		}
		b.w.refs[path] = ref{id: st.Entry, what: st.What}
	}
	return nil
}

// put spools what was signed: once it returns a crash loses nothing of it. After
// an error all is undone; but for [spool.ErrFull] nothing is known of the disk,
// and the watcher must end.
func (b *batch) put(put func(...spool.Item) error) error {
	err := b.w.keepSeen()
	if err == nil {
		err = put(b.items...)
	}
	if err != nil {
		b.undo()
		return fmt.Errorf("spool entries from %d on: %w", b.head.Next, err)
	}
	select {
	case b.w.wake <- struct{}{}:
	default:
	}
	return nil
}

// undo forgets what was signed.
func (b *batch) undo() {
	b.w.chain.MoveTo(b.head)
	for path, r := range b.refs {
		if b.w.refs[path] = r; r == (ref{}) {
			delete(b.w.refs, path)
		}
	}
}
