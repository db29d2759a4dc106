package rescan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
)

// State is how far the rules of now were tried. It is derived: without it, or
// where it is damaged, they are tried again from the first entry.
type State struct {
	Rules  string  `json:"rules"`
	Next   uint64  `json:"next"`  // the first entry that was not looked at
	Texts  uint64  `json:"texts"` // so many texts, commands and reasons were
	Places []Place `json:"places"`
	More   uint64  `json:"more,omitempty"` // places beyond those that are listed
	Told   uint64  `json:"told,omitempty"` // places that somebody was told of

	size int // of the places
}

// Bounds of the places that are listed: paths and keys are as long as who sent them
// likes. The file has room for what JSON makes of them, and for the hosts.
const (
	maxPlaces = 100_000
	maxKey    = 512
	maxBytes  = 8 << 20
	maxFile   = 128 << 20
)

// Read returns what was saved last; the zero State where nothing was.
func Read(l layout.Store) (s State, err error) {
	b, err := durable.ReadSmall(durable.OS, l.Rescan(), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read how far the last rescan came: %w", err)
	}
	if json.Unmarshal(b, &s) != nil {
		return State{}, nil
	}
	for i := range s.Places {
		s.size += s.Places[i].size()
	}
	return s, nil
}

// write replaces what was saved before: a crash leaves the one or the other.
func (s *State) write(l layout.Store) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, l.Rescan(), b, 0o600); err != nil {
		return fmt.Errorf("save how far the rescan came: %w", err)
	}
	return nil
}

// sweep removes what a crash has left of a state that was being written. The caller
// holds the lock.
func sweep(l layout.Store) error {
	dir, name := filepath.Split(l.Rescan())
	return durable.SweepOf(durable.OS, dir, func(of string) bool { return of == name })
}

// anew is the state from which all is tried again. By other rules all is told again.
func (s *State) anew(rules string) State {
	if s.Rules != rules {
		return State{Rules: rules}
	}
	return State{Rules: rules, Told: s.Told}
}

// add lists what was found, as far as there is room.
func (s *State) add(found []Place) {
	for _, p := range found {
		if len(p.Key) > maxKey {
			p.Key = strings.ToValidUTF8(p.Key[:maxKey], "") + "…"
		}
		if len(s.Places) == maxPlaces || s.size+p.size() > maxBytes {
			s.More++
			continue
		}
		s.size += p.size()
		s.Places = append(s.Places, p)
	}
}

// size is how many bytes of a place somebody else decides.
func (p *Place) size() int { return len(p.Path) + len(p.Key) }

// Found is how many places there are in all.
func (s *State) Found() uint64 { return uint64(len(s.Places)) + s.More }
