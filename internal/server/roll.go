package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// When a source is missed, and when numbers are.
const (
	silentAfter = 65 * time.Second // three beats of 20 s and some
	callEvery   = 5 * time.Second
	settleFor   = 5 * time.Second  // batches may overtake each other, and beats them
	comeWithin  = 10 * time.Minute // what a beat says still waits
	namedMost   = 10               // sources that fell silent at once, each told by itself
)

// announced is what the beats of a source say must be in the log, or come.
type announced struct {
	proved uint64    // all below were proved to the source, it says
	next   uint64    // all below it has signed
	since  time.Time // that next has been ahead of the log
	lost   uint64    // all below were announced once, and are no longer
	at     time.Time // of what was said last
	level  uint64    // the next number of the source in the log, when it was looked at
}

// says takes in a beat.
func (a *announced) says(b *entry.Beat, now time.Time) {
	if b.Next < a.next {
		a.lost = max(a.lost, a.next)
	}
	if b.Next > a.next || a.since.IsZero() {
		a.since = now
	}
	a.proved, a.next, a.at = max(a.proved, b.Next-b.Kept), b.Next, now
}

// open reports whether the log has to be looked at: it may lack something.
func (a *announced) open(now time.Time) bool {
	return max(a.proved, a.next, a.lost) > a.level && now.Sub(a.at) >= settleFor
}

// missing says what the log lacks, given the next number of the source in it. It
// is said once.
func (a *announced) missing(level uint64, now time.Time) (first, last uint64, is bool) {
	if level > a.level {
		a.level, a.since = level, now
	}
	upto := max(a.proved, a.lost)
	if a.next > upto && now.Sub(a.since) >= comeWithin {
		upto = a.next
	}
	if upto <= level {
		return 0, 0, false
	}
	a.level = upto
	return level, upto - 1, true
}

// beats takes the beat of a source, which is its signed word.
func (s *Server) beats(ctx context.Context, p *peer, note []byte) error {
	b, err := entry.ParseBeat(note)
	if err != nil {
		return refuseBeat("%w", err)
	}
	var strange *oddity
	err = s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
		en, ok := srv.Enrolment(p.source)
		switch {
		case !ok || b.Source != p.source || b.Verify(en.Key) != nil:
			return refuseBeat("the beat is not signed by source %s", p.source)
		case b.Origin != srv.LogKey().Origin():
			return refuseBeat("the beat is for the log %s", b.Origin)
		}
		strange = believes(ctx, srv, b)
		return nil
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.beat = b
	p.announced.says(b, s.cfg.Now())
	p.mu.Unlock()
	if strange != nil {
		s.found(*strange)
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
	now := s.cfg.Now()
	return s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
		for _, f := range srv.Gaps(now.Add(-settleFor)) {
			s.found(oddity{code: f.Code, source: f.Source, detail: fmt.Sprintf("entry %d: %s", f.Index, f.Detail)})
		}
		s.lookForAnnounced(srv, now)
		return s.callNames(ctx, srv, now)
	})
}

// lookForAnnounced names numbers that a source announced and that are not there.
func (s *Server) lookForAnnounced(srv *store.Store, now time.Time) {
	for _, p := range s.peers.all() {
		p.mu.Lock()
		open := p.announced.open(now)
		p.mu.Unlock()
		if !open {
			continue
		}
		next := srv.Next(p.source)
		p.mu.Lock()
		first, last, is := p.announced.missing(next, now)
		p.mu.Unlock()
		if is {
			f := verify.Missing(srv.Size(), p.source, first, last)
			s.found(oddity{code: f.Code, source: p.source, detail: "announced by a beat: " + f.Detail})
		}
	}
}

// callNames tells the recorder who came and who went.
func (s *Server) callNames(ctx context.Context, srv *store.Store, now time.Time) error {
	came, went := s.changes(srv, now)
	beats := make([]*entry.Beat, len(came))
	for i, p := range came {
		beats[i] = p.lastBeat()
	}
	gone := make([]store.Gone, len(went))
	for i, p := range went {
		gone[i] = store.Gone{Source: p.source, Last: p.lastBeat()}
	}
	if len(came)+len(went) == 0 {
		return nil
	}
	if err := srv.Presence(ctx, beats, gone); err != nil {
		return err
	}
	for _, p := range came {
		p.setPresent(true)
	}
	for _, p := range went {
		p.setPresent(false)
	}
	s.silent(went)
	return nil
}

// silent tells of sources that fell silent. Their absence is on the record. When
// many fall silent at once something else is the matter, and that is one alert.
func (s *Server) silent(went []*peer) {
	for i, p := range went {
		s.metrics.findings.WithLabelValues(string(finding.SilentSource)).Inc()
		if i < namedMost {
			s.alert(oddity{code: finding.SilentSource, source: p.source, detail: "nothing was heard from this source for " + silentAfter.String()})
		}
	}
	if more := len(went) - namedMost; more > 0 {
		s.alert(oddity{code: finding.SilentSource, detail: fmt.Sprintf("nothing was heard from %d sources more for %s; the roll call names them", more, silentAfter)})
	}
}

// changes lists who came and who went since the last roll call. A source that
// has not sent a beat is not expected to be heard.
func (s *Server) changes(srv *store.Store, now time.Time) (came, went []*peer) {
	for _, p := range s.peers.all() {
		p.mu.Lock()
		here, present, beat := now.Sub(p.heard) < silentAfter, p.present, p.beat
		p.mu.Unlock()
		switch {
		case here && !present && beat != nil && srv.Fresh(beat):
			came = append(came, p)
		case !here && present:
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
		p.setPresent(false)
	}
	for _, src := range srv.Roll() {
		p := s.peers.of(src)
		p.hears(s.cfg.Now())
		p.setPresent(true)
	}
}

func (p *peer) setPresent(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.present = is
}

func (p *peer) lastBeat() *entry.Beat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.beat
}

func refuseBeat(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "", format, args...)
}
