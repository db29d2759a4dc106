package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

// roll is who is present and who is absent, as the record says or is about to
// say. Only sources that send beats are on it: whoever does not promise to be
// heard is not missed.
//
// What the record says survives a restart in a file, so that a source that fell
// silent while nobody listened is missed all the same, and one that did not is
// not listed again. The file is written before a roll call with everybody who is
// present before or after it, and again behind it: a crash in between leaves
// somebody listed whom the next roll call can miss, never the contrary.
type roll struct {
	path    string
	base    uint64                       // size of the log at the start
	present map[entry.Source]bool        // now
	changed map[entry.Source]*entry.Beat // since the last roll call, with the newest beat; nil where none is known
	gone    map[entry.Source]uint64      // size of the log behind the roll call that listed it absent
	saved   []byte
}

// rollFile is the file of a roll.
type rollFile struct {
	Present []string `json:"present"`
}

// maxRoll bounds the file of a roll: 40 bytes a source.
const maxRoll = 64 << 20

// openRoll reads who was present. A file that cannot be used is not needed.
func openRoll(path string, size uint64, diag *slog.Logger) *roll {
	r := &roll{
		path: path, base: size, present: make(map[entry.Source]bool),
		changed: make(map[entry.Source]*entry.Beat), gone: make(map[entry.Source]uint64),
	}
	data, err := durable.ReadSmall(durable.OS, path, maxRoll)
	if err != nil {
		return r // there is none before the first roll call that names somebody
	}
	var f rollFile
	if err := json.Unmarshal(data, &f); err != nil {
		diag.Warn("who was present is not known", "error", err)
		return r
	}
	for _, s := range f.Present {
		if src, err := entry.ParseSource(s); err == nil {
			r.present[src] = true
		}
	}
	r.saved = data
	return r
}

// fresh reports whether a beat proves that its source lived after it was listed
// absent: the tree it saw holds that roll call. One that may have been listed by
// an earlier run must have seen the log as this one found it.
func (r *roll) fresh(b *entry.Beat, published uint64) bool {
	floor, ok := r.gone[b.Source]
	if !ok {
		floor = r.base
	}
	return b.Saw.Size >= floor && b.Saw.Size <= published
}

// came notes that a source is present.
func (r *roll) came(b *entry.Beat) {
	if !r.present[b.Source] {
		r.present[b.Source], r.changed[b.Source] = true, b
	}
}

// went notes that a source is absent.
func (r *roll) went(src entry.Source, last *entry.Beat) {
	if r.present[src] {
		delete(r.present, src)
		r.changed[src] = last
	}
}

// maxCalled is how many sources one roll call names: an entry has its limit.
const maxCalled = 1000

// news lists sources that came or went since the last roll call, as many as one
// entry holds, and what they said last.
func (r *roll) news() (o entry.Open, beats []string) {
	sources := slices.SortedFunc(maps.Keys(r.changed), func(a, b entry.Source) int { return bytes.Compare(a[:], b[:]) })
	for _, src := range sources[:min(len(sources), maxCalled)] {
		if r.present[src] {
			o.Present = append(o.Present, src)
		} else {
			o.Absent = append(o.Absent, src)
		}
		if b := r.changed[src]; b != nil {
			beats = append(beats, string(b.Note()))
		}
	}
	return o, beats
}

// told notes what a roll call has said, behind which the log has that size.
func (r *roll) told(o entry.Open, size uint64) {
	for _, src := range o.Present {
		delete(r.changed, src)
		delete(r.gone, src)
	}
	for _, src := range o.Absent {
		delete(r.changed, src)
		r.gone[src] = size
	}
}

// save writes down who is present, those included whose going is still to be
// told.
func (r *roll) save() error {
	f := rollFile{Present: []string{}}
	for src := range r.present {
		f.Present = append(f.Present, src.String())
	}
	for src := range r.changed {
		if !r.present[src] {
			f.Present = append(f.Present, src.String())
		}
	}
	if len(f.Present) == 0 && r.saved == nil {
		return nil
	}
	slices.Sort(f.Present)
	data, err := json.Marshal(f)
	if err != nil || bytes.Equal(data, r.saved) {
		return err
	}
	if err := durable.WriteFile(durable.OS, r.path, data, 0o600); err != nil {
		return fmt.Errorf("write down who is present: %w", err)
	}
	r.saved = data
	return nil
}
