package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/alert"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// Codes of what only a server can find. What a verifier finds too has the code
// that package verify gives it.
const (
	clonedKey        verify.Code = "cloned-key"        // two processes speak as one source
	flood            verify.Code = "flood"             // a source brings more than its share
	refusedEnrolment verify.Code = "refused-enrolment" // a join token that is not good, or not for this
	silentSource     verify.Code = "silent-source"     // on the record it is a roll call
	enrolled         verify.Code = "enrolled"          // told, for nobody should join unnoticed; on the record it is an enrol
)

// finding is what was found odd: about a source, or about nobody enrolled.
type finding struct {
	code   verify.Code
	source entry.Source // zero: a stranger
	detail string
	about  []entry.ID // nil: the enrolment of the source
}

// tellEvery is how often one finding about one source is told. What comes in
// between is counted.
const tellEvery = time.Hour

// findings folds what was found, so that nobody can fill the log, or a person's
// pager, with it.
type findings struct {
	queue chan finding // to be recorded

	mu   sync.Mutex
	told map[subjectOf]*telling
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
	return &findings{queue: make(chan finding, 1024), told: make(map[subjectOf]*telling)}
}

// due reports whether a finding is to be told, and how many like it were not.
func (fs *findings) due(f finding, now time.Time) (tell bool, folded int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	t := fs.told[subjectOf{f.code, f.source}]
	switch {
	case t == nil:
		t = &telling{}
		fs.told[subjectOf{f.code, f.source}] = t
	case now.Sub(t.at) < tellEvery:
		t.more++
		return false, 0
	}
	folded, *t = t.more, telling{at: now}
	return true, folded
}

// forget has a finding told again that could not be recorded.
func (fs *findings) forget(f finding) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.told, subjectOf{f.code, f.source})
}

// found counts a finding and, once in a while, tells it: to the diagnostics, to
// a person, and to the record. It never waits.
func (s *Server) found(f finding) {
	s.metrics.findings.WithLabelValues(string(f.code)).Inc()
	tell, folded := s.findings.due(f, s.cfg.Now())
	if !tell {
		return
	}
	if folded > 0 {
		f.detail += fmt.Sprintf(" (and %d times more since this was last told)", folded)
	}
	s.alert(f)
	select {
	case s.findings.queue <- f:
	default:
		s.cfg.Diag.Error("too many findings wait to be recorded", "code", f.code, "source", f.source)
		s.findings.forget(f)
	}
}

// alert tells a person, beside the record.
func (s *Server) alert(f finding) {
	a := alert.Finding{Code: string(f.code), Detail: f.detail, Time: s.cfg.Now()}
	if f.source != (entry.Source{}) {
		a.About = f.source.String()
	}
	s.cfg.Alert(a)
}

// tellOdd takes what the intake found odd about an entry.
func (s *Server) tellOdd(f *verify.Finding, about entry.ID) {
	s.found(finding{code: f.Code, source: f.Source, detail: fmt.Sprintf("entry %d: %s", f.Index, f.Detail), about: []entry.ID{about}})
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

func (s *Server) recordOne(ctx context.Context, f finding) {
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
