package capture

import (
	"maps"
	"slices"

	"github.com/stele-log/stele/internal/capture/scope"
)

// Add watches more paths, as Config.Paths has them, from now on. What is found
// there, once the first scan is done, is told with Found set: as made since, with
// whoever made it if that is known, or as there before. It may be called at any time,
// and again with paths that are watched.
func (c *Capture) Add(paths []string) error {
	fresh, err := c.set.Add(paths)
	if err != nil || len(fresh) == 0 {
		return err
	}
	c.mu.Lock()
	s := c.shares
	c.mu.Unlock()
	if s != nil { // else Run finds them
		s.add(fresh)
	}
	return nil
}

// add has the loops of whoever keeps what lies at new roots look there.
func (s *shares) add(fresh []scope.Root) {
	s.mu.Lock()
	s.added = append(s.added, fresh...)
	surveyed := map[string]bool{}
	for _, r := range fresh {
		s.survey(r.Path, surveyed)
	}
	s.mu.Unlock()
	uids := map[uint32]bool{0: true}
	for _, r := range fresh {
		uids[s.keeper(r.Path)] = true
	}
	for uid := range uids {
		l := s.of(uid)
		l.in.Post(func() { l.extend(fresh) })
	}
}

// extend attaches roots that came later and tells what is there.
func (l *loop) extend(fresh []scope.Root) {
	found := map[string]bool{}
	v := visitor{func(path string) { found[path] = true }, func(string, *loop) {}} // others are asked by themselves
	for _, r := range fresh {
		if l.uid == 0 || l.shares.keeper(r.Path) == l.uid {
			l.attach(r, v)
		}
	}
	maps.DeleteFunc(found, func(path string, _ bool) bool {
		_, told := l.recorded[path]
		return told || l.pending[path] != nil
	})
	l.firstSights(found)
}

// addedLater says whether path lies at a root that was added.
func (s *shares) addedLater(path string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.added, func(r scope.Root) bool { return r.Holds(path) })
}
