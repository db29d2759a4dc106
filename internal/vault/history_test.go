package vault

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable/faultdisk"
)

// TestHistories does what comes to mind, in any order, and then demands that
// every line opens its seal, or is erased and gone.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory(rapid.Uint64().Draw(rt, "seed"))
		f := failer{t, rt}
		v := open(f, config(s.disk))
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0, 1:
				if err := s.put(v, rapid.IntRange(1, 3).Draw(rt, "entries"), rapid.IntRange(0, 4).Draw(rt, "whats")); err != nil {
					rt.Fatal(err)
				}
			case 2:
				if err := s.erase(v, s.draw(rt)); err != nil {
					rt.Fatal(err)
				}
			case 3:
				if err := v.Close(); err != nil {
					rt.Fatal(err)
				}
				v = open(f, config(s.disk))
			}
		}
		sound(f, v, s.all, s.erased)
	})
}

// draw chooses some lines, texts more often than not.
func (s *story) draw(rt *rapid.T) []Void {
	var voids []Void
	for range min(len(s.all), rapid.IntRange(1, 4).Draw(rt, "voids")) {
		d := s.all[rapid.IntRange(0, len(s.all)-1).Draw(rt, "entry")]
		lines := d.o.lines()
		if n := len(d.o.Texts); n > 0 && rapid.Bool().Draw(rt, "of texts") {
			lines = lines[len(lines)-n:]
		}
		voids = append(voids, Void{d.at.Loc, rapid.SampledFrom(lines).Draw(rt, "line")})
	}
	return voids
}

func TestReadingGoesOnWhileWriting(t *testing.T) {
	v := open(t, config(faultdisk.New(1)))
	m := newMaker(6)
	all := m.batch(6, 3)
	if err := store(v, all); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := all[i%len(all)].check(v.Reader, nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		b := m.batch(2, 3)
		if err := store(v, b); err != nil {
			t.Error(err)
		}
		if err := v.Erase([]Void{{b[0].at.Loc, entry.LineWho}, {b[1].at.Loc, b[1].o.lines()[len(b[1].o.lines())-1]}}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestReaderReportsDamageThatStays(t *testing.T) {
	disk, s := tampered(t)
	path := fmt.Sprintf("/store/vault/%s-000001.seg", disclosuresName)
	data := disk.Files()[path]
	data[len(data)/2] ^= 1
	disk.Put(path, data)
	r, err := OpenReader(config(s.disk))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if _, err := r.Check(func(Damage) { found++ }); err != nil || found == 0 {
		t.Errorf("%d places, %v", found, err)
	}
}
