package capture

import (
	"fmt"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
)

// What goes below which several users keep something is for each of their loops once:
// none asks the others in its turn.
func TestBelowIsAskedOnce(t *testing.T) {
	c, err := New(Config{Paths: []string{"/home"}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	root := loopOf(t.Context(), c)
	s := root.shares
	users := map[uint32]*loop{}
	for i, uid := range []uint32{1001, 1002, 1003} {
		users[uid] = newLoop(s, uid, nil)
		s.loops[uid] = users[uid]
		s.keepers[fmt.Sprintf("/home/%d", i)] = uid
	}
	root.below("/home", fanotify.Happening{Kind: fanotify.Removed})
	for uid, l := range users {
		_, jobs, _ := l.in.Take()
		if len(jobs) != 1 {
			t.Errorf("user %d was asked %d times", uid, len(jobs))
		}
		for _, do := range jobs {
			do()
		}
	}
	for uid, l := range users {
		if _, jobs, _ := l.in.Take(); len(jobs) > 0 {
			t.Errorf("user %d was asked again %d times", uid, len(jobs))
		}
	}
	if _, jobs, _ := root.in.Take(); len(jobs) > 0 {
		t.Errorf("root's loop was asked %d times", len(jobs))
	}
}

// A user's directories are noted up to a bound of that user.
func TestKeepersAreBounded(t *testing.T) {
	s := loopOfNothing(t).shares
	for i := range maxDirectories {
		if fresh, room := s.learn(fmt.Sprint("/d", i), 1001); !fresh || !room {
			t.Fatalf("directory %d: %t, %t", i, fresh, room)
		}
	}
	if fresh, room := s.learn("/d", 1001); fresh || room {
		t.Error("there is room for one more than there is")
	}
	if fresh, room := s.learn("/d0", 1001); fresh || !room {
		t.Error("one that is known is not")
	}
	if fresh, room := s.learn("/other", 1002); !fresh || !room {
		t.Error("another user has none")
	}
}

func loopOfNothing(t *testing.T) *loop {
	t.Helper()
	c, err := New(Config{Paths: []string{"/nothing"}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	return loopOf(t.Context(), c)
}

// While nothing is taken out of the box one user fills a part of it, several half,
// and root has the rest.
func TestOutboxIsShared(t *testing.T) {
	b := newOutbox()
	fill := func(uid uint32) (n int) {
		for ; !b.full(uid); n++ {
			b.put(item{obs: &Observation{Content: make([]byte, 1<<20)}, uid: uid})
		}
		return n
	}
	one := fill(1001)
	if most := maxWaitingBytes / userPart >> 20; one != most {
		t.Errorf("one user puts %d MiB, want %d", one, most)
	}
	users := one
	for uid := uint32(1002); uid < 1010; uid++ {
		users += fill(uid)
	}
	if most := maxWaitingBytes / usersPart >> 20; users != most {
		t.Errorf("all users put %d MiB, want %d", users, most)
	}
	if rest := fill(0); rest != maxWaitingBytes>>20-users {
		t.Errorf("root puts %d MiB", rest)
	}
	for len(b.items) > 0 {
		b.take()
	}
	if b.all != (load{}) || b.users != (load{}) || len(b.of) > 0 {
		t.Errorf("empty, and it holds %v, %v, %v", b.all, b.users, b.of)
	}
}

// Texts that cannot be handed over are held up to a bound; what is beyond it is told
// as unread, and the newest of a path last.
func TestHeldTextsAreBounded(t *testing.T) {
	l := loopOfNothing(t)
	const texts, size = 40, 4 << 20
	var all []*pending
	for i := range texts {
		p := l.pendingOf(fmt.Sprint("/nothing/", i))
		for v := range 2 {
			p.push(sight{exists: true, known: inode.Known{Ino: uint64(v + 1), Size: size}, content: make([]byte, size), has: true}, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 1}})
			l.weigh(p)
		}
		all = append(all, p)
	}
	if l.held > maxHeld {
		t.Errorf("%d bytes are held, at most %d may be", l.held, maxHeld)
	}
	kept, sum := 0, 0
	for _, p := range all {
		for i, s := range p.sights {
			sum += len(s.content)
			if !s.has && !s.unread {
				t.Errorf("%s: text %d is neither there nor told as unread", p.path, i)
			}
		}
		if p.sights[len(p.sights)-1].has {
			kept++
		}
	}
	if sum != l.held || kept == 0 {
		t.Errorf("%d bytes are there and %d counted; of %d paths the newest text is there", sum, l.held, kept)
	}
}

// One user with more due than her part hands over that, and no more.
func TestSettleStopsWhenFull(t *testing.T) {
	root := loopOfNothing(t)
	l := newLoop(root.shares, 1001, nil)
	const files = maxWaiting
	for i := range files {
		p := l.pendingOf(fmt.Sprint("/nothing/", i))
		p.push(sight{exists: true, known: inode.Known{Ino: uint64(i + 1)}, has: true}, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 1}})
		p.first, p.last = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour)
	}
	l.settle(time.Now())
	if most := maxWaiting / userPart; len(root.shares.out.items) != most || len(l.pending) != files-most {
		t.Errorf("%d handed over, want %d; %d are pending", len(root.shares.out.items), most, len(l.pending))
	}
	if root.shares.out.full(0) {
		t.Error("there is no room for root")
	}
}

// Directories that are gone at two scans make room for others.
func TestAbsentDirectoriesAreForgotten(t *testing.T) {
	root := loopOfNothing(t)
	s := root.shares
	l := newLoop(s, 1001, nil)
	there := t.TempDir()
	s.learn(there, 1001)
	s.learn("/nothing/gone", 1001)
	for scan, want := range []int{2, 1, 1} {
		l.forgetAbsent()
		if got := s.keeps[1001]; got != want || len(s.keepers) != want {
			t.Errorf("after scan %d: %d and %d, want %d", scan+1, got, len(s.keepers), want)
		}
	}
	if s.keeper(there) != 1001 {
		t.Error("one that is there was forgotten")
	}
}

// A canary that /proc alone named is one of two in a row before the programs in the
// kernel are said to be silent, and only while they are said to be live.
func TestPlainCanary(t *testing.T) {
	root := loopOfNothing(t)
	c, p := root.shares.canary, &perch{}
	byProc, byPrograms := &body.Who{NamedBy: LayerProc}, &body.Who{NamedBy: LayerBPF}
	layer := func(live bool) {
		root.c.count(func(s *Status) { s.Layers = []Layer{{LayerBPF, live, ""}} })
	}
	layer(true)
	for i, step := range []struct {
		who  *body.Who
		live bool
		lost bool
	}{
		{byProc, true, false},
		{byPrograms, true, false},
		{byProc, true, false},
		{byProc, true, true},
		{byProc, false, false},
		{byProc, true, false},
	} {
		layer(step.live)
		if got := c.plain(p, step.who) != ""; got != step.lost {
			t.Errorf("step %d: lost %t", i, got)
		}
	}
}
