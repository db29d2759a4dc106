package verify

import (
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// Standing is how an entry stands to what its source signed before.
type Standing int

// The ways an entry can stand.
const (
	Fresh     Standing = iota // the first entry of its seq
	Duplicate                 // the same entry again
	Forked                    // another entry of the same seq
)

// Link is one entry of a source, as others of that source are held against it.
type Link struct {
	ID    entry.ID
	Index uint64
	Saw   uint64 // size of the tree it saw; 0 where that is not known
}

// Past is what a source signed that stands in the log before an entry. Neither
// question may take longer for a source that has forked often.
type Past interface {
	// First is the first entry with that seq in log order.
	First(seq uint64) (Link, bool)
	// Has reports whether the entry of that name is one of those with that seq. It
	// is asked only where the first is another.
	Has(seq uint64, id entry.ID) bool
}

// StandingOf is step 12.
func StandingOf(past Past, seq uint64, id entry.ID) Standing {
	first, known := past.First(seq)
	switch {
	case !known:
		return Fresh
	case first.ID == id || past.Has(seq, id):
		return Duplicate
	}
	return Forked
}

// Root is the root of the log's tree at the size an entry saw; Known is false
// where it was not looked up, and nothing is then said about it.
type Root struct {
	Hash  entry.Hash
	Known bool
}

// Chain judges how an admitted entry that stands, or is to stand, at index
// follows what its source signed before: steps 12, 13 and 15 to 18. Verifier and
// intake both ask it; en is the enrolment of the source and late says that it
// was revoked below the entry's seq when the entry came.
func Chain(index uint64, e *entry.Entry, id entry.ID, en *Enrolment, late bool, past Past, root Root) (Standing, []*Finding) {
	standing := StandingOf(past, e.Seq, id)
	switch standing {
	case Duplicate:
		return standing, nil
	case Forked:
		return standing, []*Finding{forkedSource(index, e)}
	}
	var fs []*Finding
	add := func(f *Finding) {
		if f != nil {
			fs = append(fs, f)
		}
	}
	var before Link
	known := false
	if e.Seq > 0 {
		before, known = past.First(e.Seq - 1)
	}
	switch {
	case e.Seq == 0 && index > 0 && e.Prev != en.ID:
		add(found(BadChain, index, e.Source, "first entry of source %s does not name its enrolment", e.Source))
	case known && before.ID != e.Prev && !past.Has(e.Seq-1, e.Prev):
		add(found(BadChain, index, e.Source, "seq %d of source %s does not name the entry before it", e.Seq, e.Source))
	}
	if late {
		add(afterRevoke(index, e, en))
	}
	add(saw(index, e, root))
	if known && e.Saw.Size < before.Saw {
		add(found(SawRollback, index, e.Source, "saw size %d after size %d", e.Saw.Size, before.Saw))
	}
	return standing, fs
}

// forkedSource is step 12.
func forkedSource(index uint64, e *entry.Entry) *Finding {
	return found(ForkedSource, index, e.Source, "source %s signed another entry with seq %d", e.Source, e.Seq)
}

// afterRevoke is step 15.
func afterRevoke(index uint64, e *entry.Entry, en *Enrolment) *Finding {
	return found(AfterRevoke, index, e.Source, "source %s was revoked after seq %d", e.Source, en.Last)
}

func saw(index uint64, e *entry.Entry, root Root) *Finding {
	switch {
	case e.Saw.Size > index:
		return found(SawFuture, index, e.Source, "saw a tree of %d leaves, which holds this one", e.Saw.Size)
	case root.Known && root.Hash != e.Saw.Root:
		return found(SawMismatch, index, e.Source, "saw another tree of %d leaves", e.Saw.Size)
	}
	return nil
}

// Missing is step 14 for one hole: entries that nobody has although one beyond
// them stands at index, or a beat of their source has announced them.
func Missing(index uint64, src entry.Source, first, last uint64) *Finding {
	if first == last {
		return found(SequenceGap, index, src, "source %s: seq %d is not here", src, first)
	}
	return found(SequenceGap, index, src, "source %s: seq %d to %d are not here", src, first, last)
}

// Ahead is step 19 as far as it can be judged before a recorder has signed: the
// clock of an entry against that of whoever takes it in.
func Ahead(index uint64, e *entry.Entry, now time.Time) *Finding {
	if !e.At().After(now.Add(maxSkew)) {
		return nil
	}
	return found(ClockSkew, index, e.Source, "signed at %s, recorded before %s", e.Time, body.FormatTime(now))
}

// Malformation is step 24 for one line.
func Malformation(index uint64, src entry.Source, line entry.Line) *Finding {
	return found(MalformedBody, index, src, "%s: the body is not canonical or a field has the wrong type", line)
}
