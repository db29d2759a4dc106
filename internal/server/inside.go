package server

import (
	"context"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// Inside is the server as a watcher in the same process sees it: what a client
// does over the network, without one. The roll is called for that watcher too.
type Inside struct {
	server *Server
	peer   *peer
	host   string
}

// Inside lets a source of this process, enrolled for that host, in.
func (s *Server) Inside(src entry.Source, host string) *Inside {
	return &Inside{s, s.peers.of(src), host}
}

// use lends the store, as long as the source may come in.
func (in *Inside) use(ctx context.Context, do func(context.Context, *store.Store) error) error {
	in.peer.Hear(in.server.clock.Now())
	return in.server.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
		if _, err := in.server.letIn(srv, in.peer.ID, "the watcher of this server"); err != nil {
			return err
		}
		return do(ctx, srv)
	})
}

// Submit hands in entries.
func (in *Inside) Submit(ctx context.Context, subs []wire.Submission) (answers []wire.Answer, err error) {
	err = in.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		answers, err = srv.Submit(ctx, subs)
		return err
	})
	return answers, err
}

// Receipt proves that entries stand in the log.
func (in *Inside) Receipt(ctx context.Context, believed uint64, indexes []uint64) (r *wire.Receipt, err error) {
	err = in.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		r, err = srv.Receipt(ctx, believed, indexes)
		return err
	})
	return r, err
}

// Head is where the log sees the chain of a source, and the entry it ends with.
func (in *Inside) Head(ctx context.Context, src entry.Source) (h record.Head, note []byte, err error) {
	err = in.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		h, note, err = srv.SignedHead(ctx, src)
		return err
	})
	return h, note, err
}

// Entry is an entry by its index, not proved.
func (in *Inside) Entry(ctx context.Context, i uint64) (note []byte, err error) {
	err = in.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		note, err = srv.Entry(ctx, i)
		return err
	})
	return note, err
}

// Latest is the latest change of paths of this host, whichever host is named.
func (in *Inside) Latest(ctx context.Context, _ string, paths []string) (all []wire.Latest, err error) {
	subs := make([]index.Subject, len(paths))
	for i, p := range paths {
		subs[i] = index.Subject{Host: in.host, Path: p}
	}
	err = in.use(ctx, func(ctx context.Context, srv *store.Store) (err error) {
		all, err = srv.Show(ctx, subs, func(int) error { return nil })
		return err
	})
	return all, err
}

// Beat says that the source lives.
func (in *Inside) Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error) {
	if err := in.server.beats(ctx, in.peer, b); err != nil {
		return nil, err
	}
	return in.Receipt(ctx, b.Believed, nil)
}
