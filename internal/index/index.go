// Package index says what can be asked of the index of a log, and what an entry
// contributes to the answers: which entries and changes are of a host, an actor,
// a path, a time; the history of a subject; the state of every source.
//
// It promises that a [Record] is a function of the entry and of what its
// disclosures say ([From]), so that the same log makes the same index again, and
// that [Filter.Meets] decides as a sound index does.
//
// Nothing in an index is evidence. It gives positions, and what stands at a
// position is read from log and vault and verified there.
//
// It computes only. What keeps an index on disk is a package of its own; there is
// one, index/sqlite.
package index

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// What opening, filling or erasing from an index may end with.
var (
	// ErrVersion says that the database was not made by this version of the
	// schema. Remove it and build it again.
	ErrVersion = errors.New("index is of another version")
	// ErrDamaged says that the database is not sound. Remove it and build it again.
	ErrDamaged = errors.New("index is damaged")
	// ErrMissing says that there is no database. It can be built from the log.
	ErrMissing = errors.New("index is missing")
	// ErrPosition says that records do not continue where the index ends.
	ErrPosition = errors.New("records do not continue the index")
	// ErrHeld says that erased names are gone from the index, but not yet from
	// its write-ahead log, because a reader holds an older state of it.
	ErrHeld = errors.New("a reader holds an older state of the index")
)

// Ref names an entry by its place and its name.
type Ref struct {
	Index uint64
	ID    entry.ID
}

// Subject is one configuration with a history. Told says that a receiver or
// importer named the host; that is another host than an enrolled one.
type Subject struct {
	Host string
	Told bool
	Path string
}

// Moment is one change in the history of a subject.
type Moment struct {
	Index  uint64
	K      int
	Agent  string
	Path   string // of the change: not the subject's, where it was renamed away
	From   string // rename: the path before
	Action body.Action
	Text   uint64 // where the vault keeps the text; 0: nowhere
}

// Hit is an entry that was asked for.
type Hit struct {
	Ref
	Kind     entry.Kind
	Source   entry.Source
	Seq      uint64
	Recorded time.Time
	Happened time.Time // see Record
	Loc      uint64    // where the vault keeps its disclosures
	Changes  []int     // what lines that meet Host, Agent and Path; nil if none of these is set
}

// Head is the newest word of a source: its entry of the highest seq, the first
// of them in log order where it was forked there.
type Head struct {
	Ref
	Seq      uint64
	Recorded time.Time
}

// Status is the index at a glance.
type Status struct {
	Entries  uint64
	Changes  uint64
	Kinds    map[entry.Kind]uint64 // entries; empty kind: not understood
	Subjects uint64
	Hosts    uint64 // that a change or an enrolment names
	Agents   []string
	Sources  []SourceStatus // in the order of their enrolment
}

// SourceStatus is what the index knows of one source.
type SourceStatus struct {
	Source   entry.Source
	Role     entry.Role // empty: no enrolment was seen
	Host     string     // of its enrolment; empty: not disclosed, or none
	Enrolled uint64     // index of the enrolment
	Head     *Head      // nil: no entry of its own yet
}

// NoEntry is the index in a Mismatch that is not about one entry.
const NoEntry = math.MaxUint64

// Mismatch is a place where the index does not say what the log says.
type Mismatch struct {
	Index  uint64 // of the entry, or NoEntry
	Table  string // where in the database
	Detail string // missing, invented or altered, without any name

	// Tail says no more than that index and records do not reach equally far:
	// the entry is beyond the end of the one or the other. Where the log grows
	// meanwhile that is nothing, and the next check will tell.
	Tail bool
}

func (m Mismatch) String() string {
	if m.Index == NoEntry {
		return m.Table + ": " + m.Detail
	}
	return fmt.Sprintf("entry %d: %s: %s", m.Index, m.Table, m.Detail)
}
