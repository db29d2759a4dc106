package vault

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/internal/keyring"
)

// tampered builds a store in which there is some of everything.
func tampered(t *testing.T) (*faultdisk.Disk, *story) {
	t.Helper()
	s := newStory(5)
	v := open(t, config(s.disk))
	for range 3 {
		if err := s.put(v, 2, 2); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range s.all[:2] {
		if err := s.erase(v, []Void{{d.at.Loc, d.o.lines()[len(d.o.lines())-1]}}); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, v, s.all, s.erased)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return s.disk, s
}

// noticed reports whether somebody who reads the vault, or opens it, is told.
func (s *story) noticed(t *testing.T) bool {
	t.Helper()
	r, err := OpenReader(config(s.disk))
	if err != nil {
		return true
	}
	defer r.Close()
	found := false
	if _, err := r.check(func(Damage) { found = true }); err != nil {
		t.Errorf("check gave up: %v", err)
	}
	return found
}

// TestDamagedListIsNoLeftover: salts that an entry needs are not dropped, though they
// look as a crash leaves them; once the byte is mended all is well.
func TestDamagedListIsNoLeftover(t *testing.T) {
	disk, s := tampered(t)
	for _, path := range paths(disk) {
		if !strings.HasPrefix(filepath.Base(path), "salts-") {
			continue
		}
		data := slices.Clone(disk.Files()[path])
		data[len(data)-1] ^= 1
		disk.Put(path, data)
		v := open(t, config(disk))
		if needs, err := v.NeedsTorn(s.all[len(s.all)-1].at.Loc); !needs || err != nil {
			t.Errorf("%s: needed: %t, %v", path, needs, err)
		}
		data[len(data)-1] ^= 1
		disk.Put(path, data)
		sound(t, reopen(t, v, disk), s.all, s.erased)
	}
}

// TestLostFilesAreNamed: of a file that is gone, all that is said is that it is.
func TestLostFilesAreNamed(t *testing.T) {
	disk, _ := tampered(t)
	for _, path := range paths(disk) {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if strings.HasPrefix(name, "openings") {
			continue // only the log can miss them
		}
		data := disk.Files()[path]
		disk.Put(path, nil)
		r, err := OpenReader(config(disk))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		if _, err := r.Check(func(d Damage) {
			file, _, _ := strings.Cut(filepath.Base(d.Path), ".")
			found[filepath.Join(filepath.Dir(d.Path), file)] = true
		}); err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(filepath.Dir(path), name); len(found) != 1 || !found[want] {
			t.Errorf("%s is gone, and %v are named", path, slices.Collect(maps.Keys(found)))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		disk.Put(path, data)
	}
}

func paths(disk *faultdisk.Disk) []string {
	var ps []string
	for p := range disk.Files() {
		ps = append(ps, p)
	}
	slices.Sort(ps)
	return ps
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	disk, s := tampered(t)
	kinds := map[string]int{}
	for _, path := range paths(disk) {
		data := disk.Files()[path]
		kinds[strings.Split(filepath.Base(path), "-")[0]+filepath.Base(filepath.Dir(path))]++
		for i := range data {
			if testing.Short() && i%11 != 0 {
				continue
			}
			bad := slices.Clone(data)
			bad[i] ^= 1 << (i % 8)
			disk.Put(path, bad)
			if !s.noticed(t) {
				t.Errorf("%s: byte %d of %d flipped, nobody noticed", path, i, len(data))
			}
		}
		disk.Put(path, data)
	}
	if s.noticed(t) {
		t.Fatal("damage is seen where there is none")
	}
	if len(kinds) != 6 {
		t.Errorf("kinds of file in the test: %v, want 6", kinds)
	}
}

func TestMissingAndShortFilesAreNoticed(t *testing.T) {
	disk, s := tampered(t)
	for _, path := range paths(disk) {
		data := disk.Files()[path]
		disk.Put(path, nil)
		if !s.noticed(t) {
			t.Errorf("%s is gone, nobody noticed", path)
		}
		for _, cut := range []int{1, 7, 8, 16, len(data) / 2, len(data) - 1} {
			disk.Put(path, data[:len(data)-min(cut, len(data))])
			if !s.noticed(t) {
				t.Errorf("%s is %d bytes shorter, nobody noticed", path, cut)
			}
		}
		disk.Put(path, append(slices.Clone(data), 1, 2, 3))
		if !s.noticed(t) {
			t.Errorf("%s is longer, nobody noticed", path)
		}
		disk.Put(path, data)
	}
}

func TestSwappedFramesDoNotOpen(t *testing.T) {
	disk, s := tampered(t)
	v := open(t, config(disk))
	defer v.Close()
	for i, d := range s.all[1:] {
		swapped := *d
		swapped.at.Loc = s.all[i].at.Loc
		if err := swapped.check(v.Reader, s.erased); err == nil {
			t.Errorf("entry %d passes for another", i)
		}
	}
}

func TestTextsDoNotPassForOthers(t *testing.T) {
	v := open(t, config(faultdisk.New(1)))
	all := chain(t, v, newMaker(3), 2)
	a, _ := v.texts.place(all[0].at.Texts[0])
	st, err := v.stored(a)
	if err != nil {
		t.Fatal(err)
	}
	k, err := v.keys.Text(a.slot)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.open(k.Key, nil); err != nil {
		t.Fatal(err)
	}
	st.head = append(slices.Clone(st.head), 0) // another head: bound, so refused
	if _, err := st.open(k.Key, nil); !errors.Is(err, keyring.ErrDecrypt) {
		t.Errorf("want %v, got %v", keyring.ErrDecrypt, err)
	}
}
