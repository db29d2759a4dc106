package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
)

const (
	// provedWithin bounds how long a server is waited for while somebody waits here.
	provedWithin = 20 * time.Second
	// loggedWithin is how long somebody waits for a remark to stand in the log. It is
	// in the spool then, and will.
	loggedWithin = 5 * time.Second
	// mostExplained bounds the remarks that one user other than root and the
	// watcher's may ask for in an hour: each is an entry for ever.
	mostExplained = 60
)

// budget counts what users asked for in an hour.
type budget struct {
	mu    sync.Mutex
	since time.Time
	spent map[uint32]int
}

// spend reports whether a user may have one more.
func (b *budget) spend(uid uint32, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if age := now.Sub(b.since); age >= time.Hour || age < 0 {
		b.since, b.spent = now, make(map[uint32]int)
	}
	b.spent[uid]++
	return b.spent[uid] <= mostExplained
}

// mayAll says whether a peer may ask for anything here: root, and whoever the
// watcher runs as.
func mayAll(peer *body.Who) bool {
	return peer.UID != nil && (*peer.UID == 0 || int(*peer.UID) == os.Geteuid())
}

// explain records a reason given afterwards, with the credentials the kernel gives
// for whoever asked.
func (w *Watcher) explain(ctx context.Context, peer *body.Who, req Request) Reply {
	if by := account(peer.User, peer.UID); !mayAll(peer) && !w.explained.spend(by, w.cfg.Now()) {
		return Reply{Error: fmt.Sprintf("remarks asked for within the hour by %s: %d; wait, or let root give the reason", userOf(by), mostExplained)}
	}
	about, err := w.about(ctx, peer, req)
	if err != nil {
		return Reply{Error: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, loggedWithin)
	defer cancel()
	id, index, err := w.sign(ctx, remarkDraft(about, peer, w.said(w.why(req, "explain"))))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Reply{ID: id.String(), Spooled: true}
	case err != nil:
		return Reply{Error: err.Error()}
	}
	return Reply{ID: id.String(), Index: index}
}

// about is the entry that a request is about. The server has to prove that it
// stands in the log: a remark about another entry than was meant could not be taken
// back. One of another source is for somebody who may.
func (w *Watcher) about(ctx context.Context, peer *body.Who, req Request) (entry.ID, error) {
	if req.Index == nil {
		return entry.ID{}, errors.New("name the entry by its index, as `stele log` shows it")
	}
	e, err := w.logged(ctx, *req.Index)
	switch {
	case err != nil:
		return entry.ID{}, err
	case req.About != "" && req.About != e.ID().String():
		return entry.ID{}, fmt.Errorf("entry %d has another id than %.80s", *req.Index, req.About)
	case e.Source != w.Source() && !mayAll(peer):
		return entry.ID{}, fmt.Errorf("entry %d was not recorded by the watcher of this host; only root may explain it here", *req.Index)
	}
	return e.ID(), nil
}

// logged is an entry that the server proves to stand in the log.
func (w *Watcher) logged(ctx context.Context, index uint64) (*entry.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, provedWithin)
	defer cancel()
	at := []uint64{index}
	note, err := w.cfg.Server.Entry(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("look up entry %d: %w", index, err)
	}
	e, err := entry.Parse(note)
	if err != nil {
		return nil, fmt.Errorf("entry %d, as the server shows it: %w", index, err)
	}
	if _, err := w.prove(ctx, at, [][]byte{note}, func(believed uint64) (*wire.Receipt, error) {
		return w.cfg.Server.Receipt(ctx, believed, at)
	}); err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, err)
	}
	return e, nil
}

func remarkDraft(about entry.ID, peer *body.Who, why body.Why) record.Draft {
	return record.Draft{
		Kind: entry.Remark, Open: entry.Open{About: []entry.ID{about}, Says: "reason"},
		Who: *peer, Why: why, How: body.How{Layer: "socket", Confidence: body.Certain},
	}
}
