package watcher

import (
	"fmt"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Carry is how what waits in the spool for one log is handed to another, when
// the first was given up. The source that hands it over is another too: a key
// speaks in one log, so that nothing signed for one can be played into another.
type Carry struct {
	From, To *spool.Spool // To is new
	Log      string       // origin of the log that was given up
	Key      entry.SecretKey
	Head     record.Head       // of the new source: its enrolment
	Believed verify.Checkpoint // under which that was proved
	Version  string
	Now      func() time.Time

	chain *record.Chain
	ids   map[entry.ID]entry.ID // what each entry that was signed anew is called now
	left  int                   // remarks about entries that only the other log has
}

// Run signs everything that waits anew, in order, with the times at which it was
// first signed, and says how much that is. A gap before it says why nothing
// older is named. From is not altered.
func (c *Carry) Run() (carried, left int, err error) {
	c.chain, c.ids = record.NewChain(c.Key, c.Head), make(map[entry.ID]entry.ID)
	c.chain.Saw(entry.Saw{Size: c.Believed.Size, Root: c.Believed.Root})
	if err := c.To.Begin(c.Head, c.Believed, c.From.Latest()); err != nil {
		return 0, 0, err
	}
	if err := c.gap(); err != nil {
		return 0, 0, err
	}
	for it, err := range c.From.All() {
		if err == nil {
			err = c.again(it)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("sign entry %d anew: %w", it.Seq, err)
		}
	}
	return len(c.ids), c.left, nil
}

func (c *Carry) gap() error {
	since := c.From.Latest()
	if since.IsZero() {
		since = c.Now()
	}
	return c.put(entry.ID{}, record.Draft{
		Kind: entry.Gap, Time: c.Now(), Open: entry.Open{Since: body.FormatTime(since)},
		How: body.How{Layer: "watcher", Version: c.Version, Detail: "log " + c.Log + " was given up: what it had not proved to hold follows, signed anew"},
	}, nil)
}

// again signs one entry anew.
func (c *Carry) again(it spool.Item) error {
	e, err := entry.Parse(it.Submission.Note)
	if err != nil {
		return err
	}
	if !c.rename(e.Open.About) {
		c.left++
		return nil
	}
	d := record.Draft{Kind: e.Kind, Time: e.At(), Open: e.Open}
	for into, b := range map[any][]byte{&d.Who: it.Submission.Who, &d.Why: it.Submission.Why, &d.How: it.Submission.How} {
		if err := body.Unmarshal(b, into); err != nil {
			return err
		}
	}
	if d.Changes, err = c.changes(&it.Submission); err != nil {
		return err
	}
	return c.put(it.ID, d, it.States)
}

// changes are those of an entry, each after the one it follows in the new log.
func (c *Carry) changes(s *wire.Submission) ([]record.Change, error) {
	all := make([]record.Change, len(s.What))
	for k, b := range s.What {
		w := &all[k].What
		if err := body.Unmarshal(b, w); err != nil {
			return nil, err
		}
		if w.Before != nil && w.Before.Entry != "" {
			w.Before = c.before(*w.Before)
		}
		w.After = "" // the seal of the text: made when it is signed
	}
	for _, t := range s.Texts {
		all[t.K].Text = slices.Clone(t.Body)
	}
	return all, nil
}

// before is the change a reference names, under its new name; nil if only the
// other log has it.
func (c *Carry) before(r body.Ref) *body.Ref {
	ids := []entry.ID{{}}
	var err error
	if ids[0], err = entry.ParseHash(r.Entry); err != nil || !c.rename(ids) {
		return nil
	}
	return &body.Ref{Entry: ids[0].String(), What: r.What}
}

// rename gives entries their new names; false if one has none.
func (c *Carry) rename(ids []entry.ID) bool {
	for i, id := range ids {
		now, ok := c.ids[id]
		if !ok {
			return false
		}
		ids[i] = now
	}
	return true
}

func (c *Carry) put(was entry.ID, d record.Draft, states []spool.State) error {
	sub, e, err := c.chain.Sign(d)
	if err != nil {
		return err
	}
	if was != (entry.ID{}) {
		c.ids[was] = e.ID()
	}
	states = slices.Clone(states)
	for i := range states {
		states[i].Entry, states[i].Seq = e.ID(), e.Seq
	}
	return c.To.Put(spool.Item{Seq: e.Seq, ID: e.ID(), Submission: *sub, States: states, Time: e.At()})
}
