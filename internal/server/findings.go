package server

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// oddity is what was found odd: about a source, or about nobody enrolled.
type oddity struct {
	code    verify.Code
	source  entry.Source // zero: a stranger, or the log
	detail  string
	about   []entry.ID   // nil: the enrolment of the source
	accused verify.Party // empty: whom the table accuses
}

// tellEvery is how often one finding about one source is told. What comes in
// between is counted.
const tellEvery = time.Hour

// findings folds what was found, so that nobody can fill the log, or a person's
// pager, with it.
type findings struct {
	queue chan oddity // to be recorded

	mu      sync.Mutex
	alerted map[subjectOf]*telling
}

type subjectOf struct {
	code   verify.Code
	source entry.Source
}

type telling struct {
	at   time.Time
	more int // since then
}

func newFindings() *findings {
	return &findings{queue: make(chan oddity, 1024), alerted: make(map[subjectOf]*telling)}
}

// due reports whether a finding is to be told, and how many like it were not.
func (fs *findings) due(f oddity, now time.Time) (tell bool, folded int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	t := fs.alerted[subjectOf{f.code, f.source}]
	switch {
	case t == nil:
		t = &telling{}
		fs.alerted[subjectOf{f.code, f.source}] = t
	case now.Sub(t.at) < tellEvery:
		t.more++
		return false, 0
	}
	folded, *t = t.more, telling{at: now}
	return true, folded
}

// forget has a finding told again that could not be recorded.
func (fs *findings) forget(f oddity) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.alerted, subjectOf{f.code, f.source})
}

// found counts a finding and, once in a while, tells it: to the diagnostics, to
// a person, and to the record; it reports whether it did. It never waits.
func (s *Server) found(f oddity) bool {
	s.metrics.findings.WithLabelValues(string(f.code)).Inc()
	tell, folded := s.findings.due(f, s.cfg.Now())
	if !tell {
		return false
	}
	if folded > 0 {
		f.detail += fmt.Sprintf(" (and %d times more since this was last told)", folded)
	}
	s.alert(f)
	s.recordSoon(f)
	return true
}

// Found takes what another part of this process found about no source: it is told
// and recorded as what the server finds itself, and as seldom: it reports whether it was.
func (s *Server) Found(code verify.Code, detail string, about ...entry.ID) bool {
	return s.found(oddity{code: code, detail: detail, about: about})
}

// Tell takes what a monitor in this process found about the store itself, or that it
// is over. The monitor tells each finding once: nothing is folded.
func (s *Server) Tell(f finding.Finding) {
	s.cfg.Alert(f)
	if f.Over {
		return
	}
	s.metrics.findings.WithLabelValues(string(f.Code)).Inc()
	detail := f.Detail
	if f.Where != "" {
		detail = f.Where + ": " + detail
	}
	s.recordSoon(oddity{code: f.Code, detail: detail, about: []entry.ID{}})
}

// recordSoon queues a finding for the record. It never waits.
func (s *Server) recordSoon(f oddity) {
	select {
	case s.findings.queue <- f:
	default:
		s.cfg.Diag.Error("too many findings wait to be recorded", "code", f.code, "source", f.source)
		s.findings.forget(f)
	}
}

// alert tells a person, beside the record.
func (s *Server) alert(f oddity) {
	a := finding.New(f.code, "%s", f.detail)
	a.Time, a.Accused = s.cfg.Now(), cmp.Or(f.accused, a.Accused)
	if f.source != (entry.Source{}) {
		a.About = f.source.String()
	}
	s.cfg.Alert(a)
}

// tellOdd takes what the intake found odd about an entry.
func (s *Server) tellOdd(f *verify.Finding, about entry.ID) {
	s.found(oddity{code: f.Code, source: f.Source, detail: fmt.Sprintf("entry %d: %s", f.Index, f.Detail), about: []entry.ID{about}})
}

// record puts findings on the record, one after the other, until the context
// ends; then what waits is put there without trying again.
func (s *Server) record(ctx context.Context) {
	for {
		select {
		case f := <-s.findings.queue:
			s.recordOne(ctx, f)
		case <-ctx.Done():
			for len(s.findings.queue) > 0 {
				s.recordOne(ctx, <-s.findings.queue)
			}
			return
		}
	}
}

// A store that is away for a while comes back.
const (
	recordTries = 60
	recordPause = time.Second
)

func (s *Server) recordOne(ctx context.Context, f oddity) {
	for try := 1; ; try++ {
		err := s.keeper.use(context.WithoutCancel(ctx), func(ctx context.Context, srv *store.Store) error {
			about := f.about
			if en, ok := srv.Enrolment(f.source); ok && about == nil {
				about = []entry.ID{en.ID}
			}
			return srv.Finding(ctx, f.code, f.detail, about...)
		})
		if err == nil {
			return
		}
		if try == recordTries || ctx.Err() != nil {
			s.cfg.Diag.Error("a finding could not be recorded", "code", f.code, "source", f.source, "error", err)
			s.findings.forget(f)
			return
		}
		select {
		case <-time.After(recordPause):
		case <-ctx.Done():
		}
	}
}
