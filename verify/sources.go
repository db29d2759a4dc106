package verify

import (
	"crypto/sha256"

	"github.com/stele-log/stele/entry"
)

// Enrolment is what the log says about a source.
type Enrolment struct {
	Key   *entry.PublicKey
	Role  entry.Role
	Index uint64   // of the entry that enrolled it
	ID    entry.ID // of that entry

	Follows *entry.Source // the source on the same host that it replaces, if any

	Revoked bool
	Last    uint64 // highest seq that is still its word, once revoked
}

// Sources are the sources a log has enrolled so far. It is the one gate in
// front of the log: intake asks it before it accepts an entry, a verifier asks
// it about the same entry afterwards. It is not safe for concurrent use, except
// that any number of goroutines may call Lookup while none calls Admit.
type Sources struct {
	key     *entry.LogKey
	m       map[entry.Source]*Enrolment
	early   map[entry.Source]uint64 // last, of sources revoked before they were enrolled
	erasers int
}

// NewSources returns the sources of a log that has no entries yet.
func NewSources(key *entry.LogKey) *Sources {
	return &Sources{key: key, m: make(map[entry.Source]*Enrolment), early: make(map[entry.Source]uint64)}
}

// Lookup returns the enrolment of a source, nil if there is none.
func (s *Sources) Lookup(src entry.Source) *Enrolment { return s.m[src] }

// Late reports whether an entry is no longer its source's word.
func (s *Sources) Late(e *entry.Entry) bool {
	en := s.m[e.Source]
	return en != nil && en.Revoked && e.Seq > en.Last
}

// Len is the number of sources enrolled.
func (s *Sources) Len() int { return len(s.m) }

// Erasers is how many persons an erasure needs.
func (s *Sources) Erasers() int { return s.erasers }

// Admit judges an entry that is to stand, or stands, at index: steps 6 to 11.
// If it passes, what it enrols or revokes is taken in, unless a revoked source
// signed it above what is still its word. signed says whether the
// entry verifies under the key it must verify under; e.Verify does, and so does
// whoever has tried that key before. The error is a *[Finding].
func (s *Sources) Admit(index uint64, e *entry.Entry, signed func(*entry.PublicKey) error) error {
	if f := s.examine(index, e, signed); f != nil {
		return f
	}
	if !s.Late(e) {
		s.take(index, e)
	}
	return nil
}

// examine is steps 6 to 11.
func (s *Sources) examine(index uint64, e *entry.Entry, signed func(*entry.PublicKey) error) *Finding {
	if f := s.genesis(index, e); f != nil {
		return f
	}
	if k := e.Open.Key; k != nil && !k.Sound() {
		return found(BadKey, index, e.Source, "key of source %s: %v", k.Source(), entry.ErrBadKey)
	}
	key, role := s.signer(index, e)
	if key == nil {
		return found(UnknownKey, index, e.Source, "source %s is not enrolled", e.Source)
	}
	if err := signed(key); err != nil {
		return found(BadSignature, index, e.Source, "source %s seq %d: %v", e.Source, e.Seq, err)
	}
	if !role.May(e.Kind) {
		return found(WrongRole, index, e.Source, "a %s may not sign a %s", role, e.Kind)
	}
	if e.Kind == entry.Enrol && s.enrolledBy(e.Open.Key.Source(), e.ID()) {
		return found(BadEnrolment, index, e.Source, "source %s is enrolled already", e.Open.Key.Source())
	}
	return nil
}

// enrolledBy reports whether another entry enrolled the source. The same one
// again is a duplicate, and benign.
func (s *Sources) enrolledBy(src entry.Source, id entry.ID) bool {
	en := s.m[src]
	return en != nil && en.ID != id
}

// signer returns the key an entry must verify under. Entry 0 brings its own.
func (s *Sources) signer(index uint64, e *entry.Entry) (*entry.PublicKey, entry.Role) {
	if index == 0 {
		return e.Open.Key, e.Open.Role
	}
	if en := s.m[e.Source]; en != nil {
		return en.Key, en.Role
	}
	return nil, ""
}

func (s *Sources) genesis(index uint64, e *entry.Entry) *Finding {
	o := &e.Open
	if index != 0 {
		if o.Log != nil {
			return found(BadGenesis, index, e.Source, "a log line outside entry 0")
		}
		return nil
	}
	bad := func(why string) *Finding { return found(BadGenesis, index, e.Source, "entry 0 %s", why) }
	switch {
	case e.Kind != entry.Enrol || o.Log == nil:
		return bad("is not an enrol with a log line")
	case o.Log.VKey() != s.key.VKey():
		return bad("names another log key")
	case o.Key.Source() != e.Source || o.Role != entry.Recorder:
		return bad("does not enrol its own signer as recorder")
	case e.Seq != 0 || e.Prev != sha256.Sum256([]byte(s.key.Origin())):
		return bad("is not seq 0 after the origin")
	case e.Saw.Size != 0:
		return bad("saw a checkpoint")
	}
	return nil
}

// take keeps what an admitted entry says about sources.
func (s *Sources) take(index uint64, e *entry.Entry) {
	switch e.Kind {
	case entry.Enrol:
		if src := e.Open.Key.Source(); s.m[src] == nil {
			last, revoked := s.early[src]
			s.m[src] = &Enrolment{
				Key: e.Open.Key, Role: e.Open.Role, Index: index, ID: e.ID(), Follows: e.Open.Follows,
				Revoked: revoked, Last: last,
			}
		}
		s.erasers = max(s.erasers, e.Open.Erasers)
	case entry.Revoke:
		s.revoke(*e.Open.Source, e.Open.Last)
	}
}

// revoke keeps the lowest last of a source, which may not be enrolled yet.
func (s *Sources) revoke(src entry.Source, last uint64) {
	en := s.m[src]
	switch before, revoked := s.early[src]; {
	case en == nil && (!revoked || last < before):
		s.early[src] = last
	case en != nil && (!en.Revoked || last < en.Last):
		en.Revoked, en.Last = true, last
	}
}
