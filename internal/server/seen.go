package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// keepSeen keeps the checkpoints that a source hands on, and returns what is odd
// about them. Before the beat is answered they are durable: the source hands each on
// once. A full disk keeps nobody from living.
func (s *Server) keepSeen(ctx context.Context, srv *store.Store, src entry.Source, notes [][]byte) (odd []oddity) {
	for _, note := range notes {
		cp, err := verify.ReadCheckpoint(note)
		if err == nil && s.seen.Has(cp.Size, cp.Root) {
			continue
		}
		if cp, err = verify.OpenCheckpoint(srv.LogKey(), note); err != nil {
			odd = append(odd, oddity{
				code: verify.BadCheckpoint, source: src, accused: verify.TheSource,
				detail: fmt.Sprintf("this source hands on a checkpoint that is not one of this log: %v", err),
			})
			continue
		}
		o := contradicts(ctx, srv, src, cp)
		if o != nil {
			odd = append(odd, *o)
		}
		if _, err := s.seen.Add(cp, s.cfg.Now(), o != nil); err != nil {
			s.cfg.Diag.Warn("a checkpoint that a source handed on is kept in memory alone", "source", src, "error", err)
		}
	}
	if err := s.seen.Sync(); err != nil {
		s.cfg.Diag.Warn("checkpoints that sources handed on may be lost", "error", err)
	}
	return odd
}

// contradicts holds a checkpoint that the log's key signed against this log. Who
// shows one of another tree is believed: the log is accused, its own server's.
func contradicts(ctx context.Context, srv *store.Store, src entry.Source, cp verify.Checkpoint) *oddity {
	if size := srv.Published(); cp.Size > size {
		return &oddity{
			code:   verify.Shrunk,
			detail: fmt.Sprintf("source %s shows a checkpoint of %d leaves that this log's key signed, and this log has shown %d: it was rolled back, or another server has its key", src, cp.Size, size),
		}
	}
	if root, known := srv.RootAt(ctx, cp.Size); known && root != cp.Root {
		return &oddity{
			code:   verify.Fork,
			detail: fmt.Sprintf("source %s shows a checkpoint of %d leaves that this log's key signed, with root %s, where this log has %s: it was written anew, or another server has its key", src, cp.Size, cp.Root, root),
		}
	}
	return nil
}

// handedAtOnce bounds the answers with checkpoints under way: each takes a MiB, and
// anybody may ask.
const handedAtOnce = 4

// handCheckpoints shows everybody the checkpoints that sources handed on, whether
// they agree with this log or not.
func (s *Server) handCheckpoints(w http.ResponseWriter, _ *http.Request) error {
	if !s.handing.TryAcquire(1) {
		return errBusy
	}
	defer s.handing.Release(1)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	w.Write(checkpoints.Join(s.seen.Notes())) // if this fails nobody is there any more
	return nil
}
