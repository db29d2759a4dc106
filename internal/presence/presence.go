// Package presence keeps what the requests of a source tell of it while a server
// runs: when it was heard, what its beats announced, how its clock runs, and
// whether one process or two speak as it. It computes; whom to tell is the
// server's business, and so is the time.
package presence

import (
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/patience"
)

// SilentAfter is for how long a source may say nothing before it is missed:
// three beats of 20 s and some.
const SilentAfter = 65 * time.Second

// Source is what is known of one source. All methods may be called from any
// goroutine.
type Source struct {
	ID entry.Source

	mu        sync.Mutex
	heard     patience.Moment // zero: not since the start
	present   bool            // as the last roll call told
	beat      *entry.Beat     // the newest; nil: none yet
	announced announced
	clock     clock
	process   process
}

// New is a source of which nothing is known.
func New(id entry.Source) *Source { return &Source{ID: id} }

// Heard is when the source was heard last; zero: not since the start.
func (s *Source) Heard() patience.Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}

// Hear notes that the source spoke.
func (s *Source) Hear(now patience.Moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = now
}

// HearFrom is Hear of a request that names the process it comes from, and the
// time it was sent at; zero: it does not. It reports whether two processes speak
// as this source, and what is wrong with its clock, if anything.
func (s *Source) HearFrom(instance string, sent time.Time, now patience.Moment) (cloned bool, skew string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = now
	cloned = s.process.speaks(instance, now)
	if !sent.IsZero() {
		skew = s.clock.tells(sent, now)
	}
	return cloned, skew
}

// Say takes in a beat of the source.
func (s *Source) Say(b *entry.Beat, now patience.Moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat = b
	s.announced.says(b, now)
}

// Beat is the newest beat of the source; nil: none yet.
func (s *Source) Beat() *entry.Beat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beat
}

// Here reports whether the source was heard of late, or would not have been.
func (s *Source) Here(now patience.Moment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waited(now) != patience.Late
}

// waited is the verdict on the silence of the source. The caller holds mu.
func (s *Source) waited(now patience.Moment) patience.Verdict {
	if s.heard.IsZero() {
		return patience.Late
	}
	return now.Waited(s.heard, SilentAfter)
}

// Turn reports whether the source came or went since the last roll call. One
// that has not sent a beat is not expected to be heard. While the server could not
// hear it, it neither comes nor goes.
func (s *Source) Turn(now patience.Moment) (came, went bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited := s.waited(now)
	return waited == patience.InTime && !s.present && s.beat != nil, waited == patience.Late && s.present
}

// Present notes what a roll call told of the source.
func (s *Source) Present(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present = is
}

// Announced reports whether the log has to be looked at: it may lack something
// that the source announced.
func (s *Source) Announced(now patience.Moment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.announced.open(now)
}

// Missing says what the log lacks of what was announced, given the next number
// of the source in it. It is said once.
func (s *Source) Missing(next uint64, now patience.Moment) (first, last uint64, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.announced.missing(next, now)
}
