package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/presence"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// How often the roll is called, and how many are named by it.
const (
	callEvery = 5 * time.Second
	namedMost = 10 // sources that fell silent at once, each told by itself
)

// beats takes the beat of a source, which is its signed word, and the checkpoints
// that came with it.
func (s *Server) beats(ctx context.Context, p *peer, w wire.Beat) error {
	b, err := entry.ParseBeat(w.Note)
	if err != nil {
		return refuseBeat("%w", err)
	}
	if len(w.Checkpoints) > wire.MaxCheckpoints {
		return refuseBeat("%d checkpoints with a beat; there can be %d", len(w.Checkpoints), wire.MaxCheckpoints)
	}
	var strange []oddity
	err = s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
		en, ok := srv.Enrolment(p.ID)
		switch {
		case !ok || b.Source != p.ID || b.Verify(en.Key) != nil:
			return refuseBeat("the beat is not signed by source %s", p.ID)
		case b.Origin != srv.LogKey().Origin():
			return refuseBeat("the beat is for the log %s", b.Origin)
		}
		strange = s.keepSeen(ctx, srv, p.ID, w.Checkpoints)
		if o := believes(ctx, srv, b); o != nil && !s.seen.Has(b.Saw.Size, b.Saw.Root) { // else the log's own key says so
			strange = append(strange, *o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Say(b, s.clock.Now())
	for _, o := range strange {
		s.found(o)
	}
	return nil
}

// believes holds what a source believes of this log against it. A checkpoint
// that this log never had is a fork, or a rollback of one of the two, or made up;
// the source, if it is honest, finds the same and keeps the evidence.
func believes(ctx context.Context, srv *store.Store, b *entry.Beat) *oddity {
	if size := srv.Published(); b.Saw.Size > size {
		return &oddity{
			code: verify.SawFuture, source: b.Source,
			detail: fmt.Sprintf("believes a tree of %d leaves and this log has shown %d: it was rolled back, another server has its key, or the source makes it up", b.Saw.Size, size),
		}
	}
	if root, known := srv.RootAt(ctx, b.Saw.Size); known && b.Saw.Size > 0 && root != b.Saw.Root {
		return &oddity{
			code: verify.SawMismatch, source: b.Source,
			detail: fmt.Sprintf("believes another tree of %d leaves: another server has the key of this log, or the source makes it up", b.Saw.Size),
		}
	}
	return nil
}

// roll looks after sources until the context ends: who came, who went, and what
// is missing of what they announced.
func (s *Server) roll(ctx context.Context) {
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.callRoll(ctx); err != nil {
			s.cfg.Diag.Warn("the roll could not be called", "error", err)
		}
	}
}

func (s *Server) callRoll(ctx context.Context) error {
	now := s.clock.Now()
	s.tellBusy(now)
	return s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
		for _, f := range srv.Gaps(s.clock.Before(presence.SettleFor)) {
			s.found(oddity{code: f.Code, source: f.Source, detail: fmt.Sprintf("entry %d: %s", f.Index, f.Detail)})
		}
		s.lookForAnnounced(srv, now)
		return s.callNames(ctx, srv, now)
	})
}

// lookForAnnounced names numbers that a source announced and that are not there.
func (s *Server) lookForAnnounced(srv *store.Store, now patience.Moment) {
	for _, p := range s.peers.all() {
		if !p.Announced(now) {
			continue
		}
		if first, last, is := p.Missing(srv.Next(p.ID), now); is {
			f := verify.Missing(srv.Size(), p.ID, first, last)
			s.found(oddity{code: f.Code, source: p.ID, detail: "announced by a beat: " + f.Detail})
		}
	}
}

// callNames tells the recorder who came and who went.
func (s *Server) callNames(ctx context.Context, srv *store.Store, now patience.Moment) error {
	came, went := s.changes(srv, now)
	beats := make([]*entry.Beat, len(came))
	for i, p := range came {
		beats[i] = p.Beat()
	}
	gone := make([]store.Gone, len(went))
	for i, p := range went {
		gone[i] = store.Gone{Source: p.ID, Last: p.Beat()}
	}
	if len(came)+len(went) == 0 {
		return nil
	}
	if err := srv.Presence(ctx, beats, gone); err != nil {
		return err
	}
	for _, p := range came {
		p.Present(true)
	}
	for _, p := range went {
		p.Present(false)
	}
	s.silent(went)
	return nil
}

// silent tells of sources that fell silent. P5: within a known time, by name. Their absence is on the record. When
// many fall silent at once something else is the matter, and that is one alert.
func (s *Server) silent(went []*peer) {
	for i, p := range went {
		s.metrics.findings.WithLabelValues(string(finding.SilentSource)).Inc()
		if i < namedMost {
			s.alert(oddity{code: finding.SilentSource, source: p.ID, detail: "nothing was heard from this source for " + presence.SilentAfter.String()})
		}
	}
	if more := len(went) - namedMost; more > 0 {
		s.alert(oddity{code: finding.SilentSource, detail: fmt.Sprintf("nothing was heard from %d sources more for %s; the roll call names them", more, presence.SilentAfter)})
	}
}

// changes lists who came and who went since the last roll call.
func (s *Server) changes(srv *store.Store, now patience.Moment) (came, went []*peer) {
	for _, p := range s.peers.all() {
		switch here, gone := p.Turn(now); {
		case here && srv.Fresh(p.Beat()):
			came = append(came, p)
		case gone:
			went = append(went, p)
		}
	}
	return came, went
}

// expect has those missed who the record says are present, unless they are heard.
// Who came and was not told of before the store stopped comes once more: a source
// that the record never lists present could not fall silent on it either.
func (s *Server) expect(srv *store.Store) {
	for _, p := range s.peers.all() {
		p.Present(false)
	}
	for _, src := range srv.Roll() {
		p := s.peers.of(src)
		p.Hear(s.clock.Now())
		p.Present(true)
	}
}

func refuseBeat(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "", format, args...)
}
