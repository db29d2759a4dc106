package verify

import (
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// subject is one configuration with a history.
type subject struct {
	host host
	path string
}

// host is a host as an enrolment names it, or as a receiver or importer told.
type host struct {
	told bool
	name string
}

// place is one change in the log.
type place struct {
	id    entry.ID
	k     int
	index uint64
}

// subjects follows the history of every subject, for step 25.
type subjects struct {
	hosts     map[entry.Source]host
	last      map[subject]place
	blind     map[host]bool
	blindTold bool
	gaps      map[entry.Source]uint64 // index of the source's latest gap
}

func newSubjects() subjects {
	return subjects{
		hosts: make(map[entry.Source]host),
		last:  make(map[subject]place),
		blind: make(map[host]bool),
		gaps:  make(map[entry.Source]uint64),
	}
}

func (s *subjects) enrol(src entry.Source, h *body.Host) {
	if h != nil {
		s.hosts[src] = host{name: h.Name}
	}
}

// take judges the k-th change of a leaf and makes it its subject's latest.
func (s *subjects) take(lf *leaf, role entry.Role, k int) *Finding {
	w := lf.opened.whats[k]
	told := role != entry.Watcher
	on, known := s.hosts[lf.entry.Source]
	if w == nil {
		switch {
		case told:
			s.blindTold = true
		case known:
			s.blind[on] = true
		}
		return nil
	}
	if told {
		on, known = host{true, w.Host}, true
	}
	path := body.Text(w.Path, w.Path64)
	if !known || path == "" {
		return nil
	}
	is := subject{on, path}
	judged := is
	if w.Action == body.Rename && w.From+w.From64 != "" {
		judged.path = body.Text(w.From, w.From64)
	}
	before, ok := s.last[judged]
	here := place{lf.id, k, lf.index}
	s.keep(is, here)
	if judged != is {
		s.keep(judged, here)
	}
	if s.blind[on] || told && s.blindTold || s.agrees(lf, w.Before, before, ok) {
		return nil
	}
	return found(BeforeMismatch, lf.index, lf.entry.Source, "what %d does not follow the latest change of its subject", k)
}

// keep makes a change its subject's latest. The name of a subject is kept to
// the end and must not keep the body it was read from, which is much longer.
func (s *subjects) keep(is subject, latest place) {
	if _, known := s.last[is]; !known {
		is.host.name, is.path = strings.Clone(is.host.name), strings.Clone(is.path)
	}
	s.last[is] = latest
}

// agrees reports whether a change names the one before it.
func (s *subjects) agrees(lf *leaf, ref *body.Ref, before place, exists bool) bool {
	if ref == nil {
		gap, ok := s.gaps[lf.entry.Source]
		return !exists || ok && gap > before.index
	}
	id := lf.id
	if ref.Entry != "" {
		id, _ = entry.ParseHash(ref.Entry) // checked when the body was read
	}
	return exists && before.id == id && before.k == ref.What
}
