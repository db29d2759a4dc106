package vault

import (
	"slices"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable/faultdisk"
)

const dedupPath = "/store/keyring/dedup"

// lostDigests are the ways in which the key of digests can be of no use.
func lostDigests(t *testing.T) map[string][]byte {
	t.Helper()
	other := faultdisk.New(2)
	if err := open(t, config(other)).Close(); err != nil {
		t.Fatal(err)
	}
	foreign := other.Files()[dedupPath]
	return map[string][]byte{"gone": nil, "emptied": {}, "flipped": append(slices.Clone(foreign[:20]), 1), "of another keyring": foreign}
}

// namedAlone demands that the key of digests is named and everything can be read.
func namedAlone(t *testing.T, name string, s *story) {
	t.Helper()
	r, err := OpenReader(config(s.disk))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer r.Close()
	for _, d := range s.all {
		if err := d.check(r, s.erased); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var found []Damage
	if _, err := r.check(func(d Damage) { found = append(found, d) }); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Path != dedupPath || found[0].Torn {
		t.Errorf("%s: found %+v", name, found)
	}
}

// TestLostDigests: without the key of digests all can be read; that it is lost is
// named, alone, and the next writer makes one anew, by which equal texts are known
// again.
func TestLostDigests(t *testing.T) {
	for name, content := range lostDigests(t) {
		disk, s := tampered(t)
		disk.Put(dedupPath, content)
		namedAlone(t, name, s)
		v := open(t, config(disk))
		sound(t, v, s.all, s.erased)
		before := len(v.digests)
		again := *s.all[len(s.all)-1]
		texts := slices.Clone(again.o.Texts)
		b := s.m.batch(1, len(texts))
		for i := range texts {
			b[0].o.Texts[i].Body = texts[i].Body
		}
		if err := store(v, b); err != nil {
			t.Fatal(err)
		}
		if len(v.digests) != before || before == 0 {
			t.Errorf("%s: %d texts were known, now %d", name, before, len(v.digests))
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDigestsAnewMayBeCut: whatever fails while the key of digests is made anew,
// the next writer begins again, and nothing is lost.
func TestDigestsAnewMayBeCut(t *testing.T) {
	for _, content := range lostDigests(t) {
		for n := 1; n < 40; n++ {
			disk, s := tampered(t)
			disk.Put(dedupPath, content)
			disk.FailAt(n, faultdisk.Done, true)
			if v, err := Open(config(disk)); err == nil {
				_ = v.Close() // the fault comes late
			}
			disk.Crash(faultdisk.Scattered)
			v := open(t, config(disk))
			sound(t, v, s.all, s.erased)
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCopiedSegment: a segment that stands twice is named as a copy, and nothing
// else is; the disclosures stay where they were.
func TestCopiedSegment(t *testing.T) {
	for _, run := range []string{disclosuresName, textsName} {
		disk, s := tampered(t)
		first, last := "/store/vault/"+segmentName(run, 1), ""
		for n := uint32(1); disk.Files()["/store/vault/"+segmentName(run, n)] != nil; n++ {
			last = "/store/vault/" + segmentName(run, n+1)
		}
		disk.Put(last, disk.Files()[first])
		r, err := OpenReader(config(disk))
		if err != nil {
			t.Fatal(err)
		}
		var found []Damage
		if _, err := r.check(func(d Damage) { found = append(found, d) }); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0].Path != last || !found[0].Extra {
			t.Errorf("%s: found %+v", run, found)
		}
		places := map[Loc]bool{}
		if err := r.Places(func(_ entry.ID, at Loc) { places[at] = true }); err != nil {
			t.Fatal(err)
		}
		for _, d := range s.all {
			if err := d.check(r, s.erased); err != nil || !places[d.at.Loc] {
				t.Errorf("%s: %v; placed: %v", run, err, places[d.at.Loc])
			}
		}
		if len(places) != len(s.all) {
			t.Errorf("%s: %d places of %d entries", run, len(places), len(s.all))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
