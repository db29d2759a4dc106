package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
)

// story does to a vault what is done in a life: puts, erasures, disclosures.
type story struct {
	disk   *faultdisk.Disk
	m      *maker
	all    []*made       // acknowledged
	erased map[Void]bool // likewise
	doubt  []Void        // of an Erase that failed
}

func newStory(seed uint64) *story {
	return &story{disk: faultdisk.New(seed), m: newMaker(seed), erased: map[Void]bool{}}
}

// run goes through a fixed life until something fails.
func (s *story) run() error {
	for i := range 3 {
		v, err := Open(config(s.disk))
		if err != nil {
			return err
		}
		if err := s.live(v, i); err != nil {
			return errors.Join(err, v.Close())
		}
		if err := v.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) live(v *Vault, i int) error {
	for range 2 {
		if err := s.put(v, 2, 2); err != nil {
			return err
		}
	}
	if i == 0 {
		return nil
	}
	d := s.all[s.m.rnd.IntN(len(s.all))]
	var voids []Void
	for _, l := range d.o.lines()[2:] {
		voids = append(voids, Void{d.at.Loc, l})
	}
	return s.erase(v, voids[:1+s.m.rnd.IntN(len(voids))])
}

func (s *story) put(v *Vault, n, whats int) error {
	b := s.m.batch(n, whats)
	if err := store(v, b); err != nil {
		return err
	}
	s.all = append(s.all, b...)
	return nil
}

func (s *story) erase(v *Vault, voids []Void) error {
	if err := v.Erase(voids); err != nil {
		s.doubt = voids
		return err
	}
	for _, void := range voids {
		s.erased[void] = true
	}
	return nil
}

// unaccused examines the vault as the crash has left it, before anybody opens it
// for writing: all that is not as it should be is called torn.
func (s *story) unaccused(t testing.TB) {
	t.Helper()
	r, err := OpenReader(config(s.disk))
	if errors.Is(err, fs.ErrNotExist) {
		return // nothing was ever put
	}
	if err != nil {
		t.Fatalf("read after the crash: %v", err)
	}
	defer r.Close()
	if _, err := r.check(func(d Damage) {
		if !d.Torn {
			t.Errorf("the crash looks like damage: %v", &d)
		}
	}); err != nil {
		t.Fatalf("check after the crash: %v", err)
	}
}

// recovered opens the vault after a crash, finishes what was under way, and
// demands that all that was promised is there and nothing is damaged.
func (s *story) recovered(t testing.TB) {
	t.Helper()
	v, err := Open(config(s.disk))
	if err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	if len(s.all) > 0 {
		if needs, err := v.NeedsTorn(s.all[len(s.all)-1].at.Loc); needs || err != nil {
			t.Fatalf("needs what is torn: %v, %v", needs, err)
		}
	}
	for _, d := range s.all {
		for _, torn := range v.leftovers() {
			if torn.Path == v.disclosures.path(d.at.Loc.segment()) && d.at.Loc.offset() >= torn.Offset {
				t.Fatalf("what was acknowledged is called torn: %v", &torn)
			}
		}
	}
	if err := s.put(v, 1, 2); err != nil { // before the leftovers are gone
		t.Fatalf("put after the crash: %v", err)
	}
	if err := v.Erase(s.doubt); err != nil {
		t.Fatalf("erase again after the crash: %v", err)
	}
	for _, void := range s.doubt {
		s.erased[void] = true
	}
	if err := v.DropTorn(); err != nil {
		t.Fatalf("drop what is torn: %v", err)
	}
	if err := s.put(v, 2, 2); err != nil {
		t.Fatalf("put after the crash: %v", err)
	}
	sound(t, v, s.all, s.erased)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, config(s.disk))
	if torn := again.leftovers(); len(torn) > 0 {
		t.Fatalf("torn after a clean close: %v", torn)
	}
	if err := s.put(again, 1, 1); err != nil {
		t.Fatalf("put after opening again: %v", err)
	}
	sound(t, again, s.all, s.erased)
}

// TestEveryWriteMayFail fails each write in turn, in each way, goes on or not,
// cuts the power in each way, and reads everything again.
func TestEveryWriteMayFail(t *testing.T) {
	whole := newStory(1)
	if err := whole.run(); err != nil {
		t.Fatal(err)
	}
	calls := whole.disk.Calls()
	step := 3 // STELE_CI: every one
	if os.Getenv("STELE_CI") == "1" {
		step = 1
	}
	keeps := []faultdisk.Keep{faultdisk.Nothing, faultdisk.Prefix, faultdisk.Everything, faultdisk.Scattered}
	for n := 1; n <= calls; n += step {
		for _, outcome := range []faultdisk.Outcome{faultdisk.Lost, faultdisk.Done, faultdisk.Torn} {
			keep := keeps[(n+int(outcome))%len(keeps)]
			for _, stops := range []bool{true, false} {
				t.Run(fmt.Sprintf("%d-%d-%d-%v", n, outcome, keep, stops), func(t *testing.T) {
					s := newStory(1)
					s.disk.FailAt(n, outcome, stops)
					if err := s.run(); err == nil && stops {
						t.Fatalf("call %d of %d failed and nobody noticed", n, calls)
					}
					s.disk.Crash(keep)
					s.unaccused(t)
					s.recovered(t)
				})
			}
		}
	}
}

func TestPowerCutsAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory(rapid.Uint64().Draw(rt, "seed"))
		for range rapid.IntRange(1, 3).Draw(rt, "lives") {
			v, err := Open(config(s.disk))
			if err != nil {
				rt.Fatal(err)
			}
			if err := v.DropTorn(); err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(0, 4).Draw(rt, "puts") {
				if err := s.put(v, rapid.IntRange(1, 3).Draw(rt, "entries"), rapid.IntRange(0, 3).Draw(rt, "whats")); err != nil {
					rt.Fatal(err)
				}
			}
			s.disk.FailAt(rapid.IntRange(1, 12).Draw(rt, "fails at"), faultdisk.Outcome(rapid.IntRange(0, 2).Draw(rt, "outcome")), true)
			err = s.put(v, 2, 2)
			if d := len(s.all); err == nil && d > 0 {
				err = s.erase(v, []Void{{s.all[d-1].at.Loc, s.all[d-1].o.lines()[rapid.IntRange(0, 2).Draw(rt, "line")]}})
			}
			s.disk.Crash(faultdisk.Keep(rapid.IntRange(0, 3).Draw(rt, "keep")))
			if len(s.doubt) > 0 && err != nil {
				break
			}
		}
		s.unaccused(failer{t, rt})
		s.recovered(failer{t, rt})
	})
}

// failer reports to rapid what a helper finds.
type failer struct {
	testing.TB
	rt *rapid.T
}

func (f failer) Fatal(args ...any)                 { f.rt.Fatal(args...) }
func (f failer) Fatalf(format string, args ...any) { f.rt.Fatalf(format, args...) }
func (f failer) Errorf(format string, args ...any) { f.rt.Errorf(format, args...) }

func TestFullDiskIsSurvived(t *testing.T) {
	for room := int64(0); room < 3000; room += 97 {
		s := newStory(uint64(room))
		v := open(t, config(s.disk))
		if err := s.put(v, 3, 3); err != nil {
			t.Fatal(err)
		}
		s.disk.SetRoom(room)
		for err := error(nil); err == nil; {
			if err = s.put(v, 2, 3); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("want ENOSPC, got %v", err)
			}
		}
		sound(t, v, s.all, nil)
		s.disk.SetRoom(-1)
		if err := s.put(v, 2, 3); err != nil {
			t.Fatalf("there is room again: %v", err)
		}
		sound(t, v, s.all, nil)
		s.disk.Crash(faultdisk.Prefix)
		s.recovered(t)
	}
}

func TestFailedSyncIsNotTriedAgain(t *testing.T) {
	poisoned := 0
	for n := 1; ; n++ {
		s := newStory(1)
		v := open(t, config(s.disk))
		if err := s.put(v, 1, 1); err != nil {
			t.Fatal(err)
		}
		s.disk.FailAt(n, faultdisk.Lost, false)
		err := s.put(v, 1, 1)
		if err == nil {
			break // the put has fewer calls than n
		}
		again := s.put(v, 1, 1)
		if errors.Is(err, durable.ErrPoisoned) {
			poisoned++
		}
		if errors.Is(err, ErrRefused) {
			t.Errorf("call %d failed, and the batch is called refused: %v", n, err)
		}
		if errors.Is(err, durable.ErrPoisoned) != errors.Is(again, durable.ErrPoisoned) {
			t.Errorf("call %d: first %v, then %v", n, err, again)
		}
		s.disk.Crash(faultdisk.Nothing)
		s.recovered(t)
	}
	if poisoned < 2 { // vault and keyring at least
		t.Errorf("%d failures poisoned the vault, want one for each file", poisoned)
	}
}

// TestSaltsOfLostBatch: of a batch that never became whole salts arrived, and its
// slots did not. Whoever takes the place of that batch must not read them. In which
// order a batch reaches its files is for chance: one life in four is such a one.
func TestSaltsOfLostBatch(t *testing.T) {
	for range 40 {
		s := newStory(0xe)
		for _, life := range []struct {
			puts, n, whats, fails int
			outcome               faultdisk.Outcome
			keep                  faultdisk.Keep
		}{
			{1, 1, 1, 9, faultdisk.Torn, faultdisk.Scattered},
			{0, 0, 0, 1, faultdisk.Lost, faultdisk.Prefix},
			{1, 3, 0, 3, faultdisk.Torn, faultdisk.Prefix},
		} {
			v := open(t, config(s.disk))
			if err := v.DropTorn(); err != nil {
				t.Fatal(err)
			}
			for range life.puts {
				if err := s.put(v, life.n, life.whats); err != nil {
					t.Fatal(err)
				}
			}
			s.disk.FailAt(life.fails, life.outcome, true)
			if err := s.put(v, 2, 2); err == nil {
				t.Fatal("a put whose disk fails is acknowledged")
			}
			s.disk.Crash(life.keep)
		}
		s.unaccused(t)
		s.recovered(t)
	}
}
