package watcher

import (
	"fmt"
	"time"

	"github.com/stele-log/stele/body"
)

// A change set is what one actor did in one go. It closes when the actor has
// been quiet for [Pace].Quiet, and at the latest [Pace].Long after its first
// change.
const (
	setMost  = 1000 // changes; the entry's limit
	setBytes = 16 << 20
)

// set is a change set that may still grow. What is in it is in memory only: a
// crash here loses the actor, not the change, which the scan at the next start
// finds.
type set struct {
	who        body.Who
	confidence body.Confidence
	layer      string
	why        body.Why
	pkg        *body.Package
	detail     string
	found      bool      // its changes were found in a place that was added
	first      time.Time // when the first change was taken in
	last       time.Time
	changes    []change
	bytes      int // of their texts
}

// sets are the open change sets, by actor.
type sets struct {
	pace Pace
	open map[string]*set
	on   map[string]string // path → actor whose open set changed it last
}

func newSets(p Pace) *sets { return &sets{p, make(map[string]*set), make(map[string]string)} }

// actorKey tells actors apart: by process, by the program it was and by the ids
// it acted under. A set has one who, and that must be true of each change in it.
func actorKey(w *body.Who) string {
	if w == nil || w.PID == 0 {
		return "unknown"
	}
	return fmt.Sprintf("process %d started %s as %d %d %d: %q %q %q",
		w.PID, w.Started, deref(w.UID), deref(w.EUID), deref(w.GID), w.Exe, w.Exe64, w.Command)
}

// same says whether two changes were made for one package.
func same(a, b *body.Package) bool { return a == b || a != nil && b != nil && *a == *b }

func deref(n *uint32) uint32 {
	if n == nil {
		return 0
	}
	return *n
}

// add takes a change into its actor's set and returns the sets that have to be
// recorded before it: one of another actor that changed the same subject, or
// the actor's own when it is full or was of another confidence or reason.
func (s *sets) add(now time.Time, c change) (before []*set) {
	key := actorKey(c.who)
	for _, path := range c.touches() {
		if other, ok := s.on[path]; ok && other != key {
			before = append(before, s.close(other))
		}
	}
	own := s.open[key]
	if own != nil && (len(own.changes) >= setMost || own.bytes >= setBytes || own.confidence != c.confidence || own.layer != c.layer || own.why != c.why || own.found != c.found || own.detail != c.detail || !same(own.pkg, c.pkg)) {
		before = append(before, s.close(key))
		own = nil
	}
	if own == nil {
		own = &set{confidence: c.confidence, layer: c.layer, why: c.why, pkg: c.pkg, found: c.found, detail: c.detail, first: now}
		if c.who != nil {
			own.who = *c.who
		}
		s.open[key] = own
	}
	own.last = now
	own.changes = append(own.changes, c)
	own.bytes += len(c.text)
	for _, path := range c.touches() {
		s.on[path] = key
	}
	return before
}

// touches are the paths that a change is of: a rename is one of both its names.
func (c *change) touches() []string {
	if from := body.Text(c.what.From, c.what.From64); from != "" {
		return []string{c.path, from}
	}
	return []string{c.path}
}

func (s *sets) close(key string) *set {
	closed := s.open[key]
	delete(s.open, key)
	for _, c := range closed.changes {
		for _, path := range c.touches() {
			if s.on[path] == key {
				delete(s.on, path)
			}
		}
	}
	return closed
}

// due closes the sets whose time has come, oldest first; all of them if all is
// set.
func (s *sets) due(now time.Time, all bool) (closed []*set) {
	for {
		oldest := ""
		for key, o := range s.open {
			ripe := all || now.Sub(o.last) >= s.pace.Quiet || now.Sub(o.first) >= s.pace.Long
			if ripe && (oldest == "" || o.first.Before(s.open[oldest].first)) {
				oldest = key
			}
		}
		if oldest == "" {
			return closed
		}
		closed = append(closed, s.close(oldest))
	}
}
