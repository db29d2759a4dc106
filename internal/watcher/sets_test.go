package watcher

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
)

func by(pid int, path string) change {
	return change{path: path, who: &body.Who{PID: pid, Started: "s"}, confidence: body.Certain, layer: "fanotify"}
}

func paths(sets []*set) (out [][]string) {
	for _, s := range sets {
		var l []string
		for _, c := range s.changes {
			l = append(l, c.path)
		}
		out = append(out, l)
	}
	return out
}

// quiet and long are when a set is complete.
var (
	quiet = Pace{}.orDefault().Quiet
	long  = Pace{}.orDefault().Long
)

func TestSets(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSets(Pace{}.orDefault())
	for _, p := range []string{"a", "b", "c"} {
		if due := s.add(now, by(1, p)); due != nil {
			t.Fatalf("closed too soon: %v", paths(due))
		}
	}
	s.add(now, by(2, "d"))
	if due := s.due(now.Add(quiet/2), false); due != nil {
		t.Fatalf("closed while the actor may go on: %v", paths(due))
	}
	due := s.due(now.Add(quiet), false)
	if got := paths(due); len(got) != 2 || len(got[0])+len(got[1]) != 4 {
		t.Fatalf("two actors, four changes: %v", got)
	}
}

// TestSetsKeepOrder: what another actor does to the same subject is recorded
// after what the first one did.
func TestSetsKeepOrder(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSets(Pace{}.orDefault())
	s.add(now, by(1, "a"))
	due := s.add(now, by(2, "a"))
	if got := paths(due); len(got) != 1 || due[0].who.PID != 1 {
		t.Fatalf("the first actor's set stays open: %v", got)
	}
	due = s.add(now, by(1, "a"))
	if len(due) != 1 || due[0].who.PID != 2 {
		t.Fatalf("the second actor's set stays open: %v", paths(due))
	}
}

// TestSetsHaveOneActor: what another process, another program or another user did
// is not told of the first one, though they came by one login and the process has
// one number.
func TestSetsHaveOneActor(t *testing.T) {
	jane, root := uint32(1000), uint32(0)
	vim := body.Who{PID: 1, Started: "s", UID: &jane, LoginUID: &jane, Exe: "/bin/vim", Session: &body.Session{ID: "5"}}
	other, program, user := vim, vim, vim
	other.PID, other.UID = 2, &root
	program.Exe = "/bin/sed"
	user.UID = &root
	for name, who := range map[string]body.Who{"process": other, "program": program, "user": user} {
		s := newSets(Pace{}.orDefault())
		now := time.Unix(0, 0)
		for path, w := range map[string]body.Who{"a": vim, "b": who} {
			c := by(0, path)
			c.who = &w
			s.add(now, c)
		}
		if due := s.due(now, true); len(due) != 2 {
			t.Errorf("another %s: %d sets", name, len(due))
		}
	}
}

// TestRenamesKeepOrder: a rename is recorded after what another actor did under either
// of its names, and before what comes there.
func TestRenamesKeepOrder(t *testing.T) {
	renamed := by(2, "b")
	renamed.what = body.What{Action: body.Rename, Path: "b", From: "a"}
	for name, c := range map[string]struct {
		changes []change
		want    []int // whose sets were closed on the way
	}{
		"what was made and moved":        {[]change{by(1, "a"), renamed, by(3, "b")}, []int{1, 2}},
		"what comes in the former place": {[]change{renamed, by(3, "a")}, []int{2}},
		"what stood in the new place":    {[]change{by(1, "b"), renamed}, []int{1}},
		"neither":                        {[]change{by(1, "c"), renamed, by(3, "d")}, nil},
	} {
		now, s := time.Unix(0, 0), newSets(Pace{}.orDefault())
		var got []int
		for _, c := range c.changes {
			for _, closed := range s.add(now, c) {
				got = append(got, closed.who.PID)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: closed the sets of %v, want %v", name, got, c.want)
		}
		if s.due(now, true); len(s.on) > 0 {
			t.Errorf("%s: paths of no open set: %v", name, s.on)
		}
	}
}

// TestSetsClose: a set does not stay open for ever, nor grow without end, nor
// mix reasons.
func TestSetsClose(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSets(Pace{}.orDefault())
	for n := range 40 {
		at := now.Add(time.Duration(n) * quiet / 2)
		s.add(at, by(1, "a"))
		if due := s.due(at, false); len(due) > 0 {
			if at.Sub(now) < long {
				t.Fatalf("closed after %v", at.Sub(now))
			}
			break
		}
		if n == 39 {
			t.Fatal("an actor that never rests is never recorded")
		}
	}
	s = newSets(Pace{}.orDefault())
	for range setMost {
		s.add(now, by(1, "a"))
	}
	if due := s.add(now, by(1, "a")); len(due) != 1 || len(due[0].changes) != setMost {
		t.Fatal("a full set was not closed")
	}
	s = newSets(Pace{}.orDefault())
	s.add(now, by(1, "a"))
	reasoned := by(1, "b")
	reasoned.why.Reason = "because"
	if due := s.add(now, reasoned); len(due) != 1 {
		t.Fatal("two reasons in one set")
	}
}

// TestFoldedRename: what was renamed while the spool was full is gone under its
// old name, whatever happened under the new one, unless it was made anew.
func TestFoldedRename(t *testing.T) {
	made := func(a body.Action, path, from string) change {
		return change{path: path, gone: a == body.Delete, what: body.What{Action: a, Path: path, From: from}}
	}
	for name, c := range map[string]struct {
		changes []change
		want    string
	}{
		"modified":          {[]change{made(body.Rename, "b", "a"), made(body.Modify, "b", "")}, " delete a modify b"},
		"deleted":           {[]change{made(body.Modify, "a", ""), made(body.Rename, "b", "a"), made(body.Delete, "b", "")}, " delete a delete b"},
		"renamed again":     {[]change{made(body.Rename, "b", "a"), made(body.Rename, "b", "c")}, " delete a rename b"},
		"made anew":         {[]change{made(body.Rename, "b", "a"), made(body.Create, "a", ""), made(body.Modify, "b", "")}, " create a modify b"},
		"there and back":    {[]change{made(body.Rename, "b", "a"), made(body.Rename, "a", "b"), made(body.Create, "b", "")}, " rename a create b"},
		"nothing more to b": {[]change{made(body.Rename, "b", "a"), made(body.Modify, "c", "")}, " rename b modify c"},
	} {
		h := &held{latest: make(map[string]change)}
		for _, c := range c.changes {
			h.fold(c)
		}
		got := ""
		for _, path := range h.order {
			got += fmt.Sprintf(" %s %s", h.latest[path].what.Action, path)
		}
		if got != c.want || h.changes != len(c.changes) {
			t.Errorf("%s: held%s of %d changes, want%s", name, got, h.changes, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	now := time.Unix(100, 0)
	r := newReasons()
	jane, joe, root := uint32(1000), uint32(1001), uint32(0)
	x := &run{why: body.Why{Reason: "nightly"}, giver: body.Giver{User: "jane", UID: &jane}}
	if !r.begin(actor.Ident{PID: 7, Start: time.Second}, x, now) {
		t.Fatal("not kept")
	}
	child := []actor.Ident{{PID: 9, Start: 3 * time.Second}, {PID: 8, Start: 2 * time.Second}, {PID: 7, Start: time.Second}, {PID: 1}}
	for name, c := range map[string]struct {
		who  *body.Who
		line []actor.Ident
		want string
		by   *uint32
	}{
		"a descendant":             {&body.Who{UID: &jane}, child, "nightly", nil},
		"itself":                   {&body.Who{UID: &jane}, child[2:], "nightly", nil},
		"through sudo":             {&body.Who{UID: &root, LoginUID: &jane}, child, "nightly", nil},
		"as another":               {&body.Who{UID: &root}, child, "nightly", &jane},
		"as another who logged in": {&body.Who{UID: &root, LoginUID: &joe}, child, "nightly", &jane},
		"a login of its own":       {&body.Who{UID: &root, LoginUID: &jane, Unproved: []string{body.UnprovedLogin}}, child, "nightly", &jane},
		"a process before it":      {&body.Who{UID: &jane}, child[3:], "", nil},
		"its number, given again":  {&body.Who{UID: &root}, []actor.Ident{{PID: 7, Start: time.Second + time.Second/100}}, "", nil},
		"nobody":                   {nil, nil, "", nil},
	} {
		got := r.of(c.who, c.line, now)
		if got.Reason != c.want || (got.GivenBy == nil) != (c.by == nil) || c.by != nil && *got.GivenBy.UID != *c.by {
			t.Errorf("%s: %+v, want %q by %v", name, got, c.want, c.by)
		}
	}
	r.end(x, now)
	if got := r.of(nil, child, now.Add(runGrace)).Reason; got != "nightly" {
		t.Errorf("what settles after the end: %q", got)
	}
	if got := r.of(nil, child, now.Add(runGrace+1)).Reason; got != "" {
		t.Errorf("long after the end: %q", got)
	}
}

// What one user gives reasons for, process after process, is bounded: what has ended
// counts until it is forgotten, and that is so without any change.
func TestReasonsOfOneUser(t *testing.T) {
	now, r, pid := time.Unix(100, 0), newReasons(), 0
	give := func(name string, uid uint32, now time.Time) (*run, bool) {
		pid++
		x := &run{giver: body.Giver{User: name, UID: &uid}}
		return x, r.begin(actor.Ident{PID: pid}, x, now)
	}
	for range mostOfOne {
		x, kept := give("jane", 1000, now)
		if !kept {
			t.Fatal("not kept")
		}
		r.end(x, now)
	}
	if _, kept := give("jane", 1000, now.Add(runGrace)); kept {
		t.Error("one more of the same user is kept")
	}
	for name, uid := range map[string]uint32{"joe": 1001, "root": 0, "": 100_000} {
		if _, kept := give(name, uid, now); !kept {
			t.Errorf("one of user %d is not kept", uid)
		}
	}
	if _, kept := give("jane", 1000, now.Add(runGrace+1)); !kept || len(r.runs) != 4 {
		t.Errorf("later: kept %v, %d in all", kept, len(r.runs))
	}
}

// Users without an account count as one: one person can be very many of them.
func TestAccount(t *testing.T) {
	for _, c := range []struct {
		name string
		uid  uint32
		want uint32
	}{{"jane", 1000, 1000}, {"root", 0, 0}, {"", 0, 0}, {"", 100_000, strangers}, {"", 100_001, strangers}} {
		if got := account(c.name, &c.uid); got != c.want {
			t.Errorf("user %q %d counts under %d, want %d", c.name, c.uid, got, c.want)
		}
	}
}
