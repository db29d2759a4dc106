package spool_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/verify"
)

// checkpoint is one of a log in which nobody checks signatures.
func checkpoint(size uint64) verify.Checkpoint {
	root := entry.Hash{byte(size)}
	return verify.Checkpoint{
		Origin: "example.org/log", Size: size, Root: root,
		Note: fmt.Appendf(nil, "example.org/log\n%d\n%s\n\n— example.org/log AAAA\n", size, root),
	}
}

// see has entries name checkpoints, each its own and every third an older one, over
// a restart in between, and says which were named by an entry that was put.
func see(d *faultdisk.Disk) (named []verify.Checkpoint, err error) {
	s, err := spool.Open(spool.Config{Dir: "/watch", FS: d})
	if err != nil {
		return nil, err
	}
	for n := range uint64(9) {
		if n == 5 {
			if err := s.Close(); err != nil {
				return named, err
			}
			if s, err = spool.Open(spool.Config{Dir: "/watch", FS: d}); err != nil {
				return named, err
			}
		}
		saw := checkpoint(10*n + 1)
		if err := s.Believe(saw, when); err != nil {
			return named, err
		}
		if n%3 == 2 { // another one is believed meanwhile
			if err := s.Believe(checkpoint(10*n+2), when); err != nil {
				return named, err
			}
		}
		if err := errors.Join(s.Keep(saw, when), s.Put(item(n))); err != nil {
			return named, err
		}
		named = append(named, saw)
	}
	return named, s.Close()
}

// TestSeenIsKept fails each call to the disk in turn, in each way, then cuts the
// power: whatever checkpoint an entry that was put names is kept.
func TestSeenIsKept(t *testing.T) {
	for _, outcome := range []faultdisk.Outcome{faultdisk.Lost, faultdisk.Done, faultdisk.Torn} {
		for _, keep := range []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered} {
			for n := 1; ; n++ {
				d := faultdisk.New(uint64(n))
				d.FailAt(n, outcome, false)
				named, err := see(d)
				d.Crash(keep)
				open(t, d)
				d.Crash(keep) // what opening kept survives too
				s := open(t, d)
				for _, cp := range named {
					if !s.Kept().Has(cp.Size, cp.Root) {
						t.Fatalf("call %d, outcome %d, keep %d: an entry names a tree of %d leaves, whose checkpoint is lost", n, outcome, keep, cp.Size)
					}
				}
				if err == nil {
					break // more calls than there were
				}
			}
		}
	}
}

// TestSeenBeforeCompaction: a checkpoint that the spool, written anew meanwhile, tells
// no more of survives as well as the entry that names it.
func TestSeenBeforeCompaction(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	large := item(0)
	large.Submission.Texts[0].Body = make([]byte, 5<<20)
	saw := checkpoint(1)
	if err := errors.Join(
		s.Keep(checkpoint(3), when), s.Believe(saw, when), s.Put(large), s.Forget(0, checkpoint(2), when), // the file is written anew
		s.Keep(saw, when), s.Put(item(1)),
	); err != nil {
		t.Fatal(err)
	}
	d.Crash(faultdisk.Nothing)
	if s := open(t, d); !s.Kept().Has(saw.Size, saw.Root) {
		t.Error("an entry names a checkpoint that is lost")
	}
}

// TestSeenOnFullDisk: a full disk does not end a watcher for the sake of its
// checkpoints.
func TestSeenOnFullDisk(t *testing.T) {
	d := faultdisk.New(1)
	s := open(t, d)
	d.SetRoom(10)
	if err := s.Keep(checkpoint(7), time.Now()); err != nil {
		t.Fatal(err)
	}
	if !s.Kept().Has(7, checkpoint(7).Root) {
		t.Error("it is not even remembered")
	}
	d.SetRoom(1 << 20)
	if err := errors.Join(s.Keep(checkpoint(8), time.Now()), s.Put(item(0)), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s := open(t, d); !s.Kept().Has(8, checkpoint(8).Root) {
		t.Error("it is not kept when there is room again")
	}
}
