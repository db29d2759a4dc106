package capture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
	"github.com/stele-log/stele/internal/capture/inode"
)

// P7 as a property: folding keeps the last state, every state of another
// process, and every text that stood for 50 ms; it invents and reorders nothing.
func TestFoldKeepsWhatStood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sights := rapid.SliceOfN(rapid.Custom(drawSight), 1, 12).Draw(t, "sights")
		at := time.Unix(0, 0)
		for i := range sights {
			at = at.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "ms")) * time.Millisecond)
			sights[i].at, sights[i].events = at, 1
		}
		kept := fold(slices.Clone(sights), false)
		if len(kept) == 0 || !kept[len(kept)-1].at.Equal(sights[len(sights)-1].at) {
			t.Fatal("the last state is gone")
		}
		events := 0
		for _, k := range kept {
			events += k.events
		}
		if events != len(sights) {
			t.Fatalf("%d events became %d", len(sights), events)
		}
		for i, s := range sights[:len(sights)-1] {
			next := sights[i+1]
			stood := s.exists && !s.unread && !s.provisional && next.at.Sub(s.at) >= quiet
			other := s.by.PID != next.by.PID
			if (stood || other) && !tells(kept, s) {
				t.Fatalf("sight %d of %+v is not told by %+v", i, sights, kept)
			}
		}
	})
}

func drawSight(t *rapid.T) sight {
	s := sight{by: actor.Actor{PID: rapid.IntRange(1, 2).Draw(t, "pid")}}
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
	case 1:
		s.unread = true
	default:
		s.exists = true
		s.known.Mode = unix.S_IFREG
		s.known.Size = int64(rapid.IntRange(0, 3).Draw(t, "text"))
		s.known.Digest[0] = 1 + byte(s.known.Size)
	}
	return s
}

// tells: this text by this process, or its unread trace, is among the kept.
func tells(kept []sight, s sight) bool {
	return slices.ContainsFunc(kept, func(k sight) bool {
		return k.by.PID == s.by.PID && k.exists == s.exists && k.unread == s.unread && k.known.Digest == s.known.Digest
	})
}

// A second name is a step of the process that then replaced the file, and no step of
// another.
func TestFoldSecondName(t *testing.T) {
	old := inode.Known{Ino: 1, Mode: unix.S_IFREG, Links: 2, Digest: [32]byte{1}}
	linked := sight{exists: true, known: old, linked: true, by: actor.Actor{PID: 1}}
	replaced := sight{exists: true, known: inode.Known{Ino: 2, Mode: unix.S_IFREG, Links: 1, Digest: [32]byte{2}}, by: actor.Actor{PID: 1}, at: time.Unix(1, 0)}
	if kept := fold([]sight{linked, replaced}, false); len(kept) != 1 || kept[0].known != replaced.known {
		t.Errorf("by one process: %+v, want what it replaced the file by", kept)
	}
	replaced.by.PID = 2
	if kept := fold([]sight{linked, replaced}, false); len(kept) != 2 {
		t.Errorf("by two processes: %+v, want both", kept)
	}
}

// What was read after two processes wrote is the work of the second.
func TestReassign(t *testing.T) {
	p := &pending{path: "/x", events: 1}
	text := sight{exists: true, known: inode.Known{Ino: 1, Mode: unix.S_IFREG, CtimeNs: 5, Digest: [32]byte{1}}}
	p.push(text, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 1}})
	p.events = 1
	p.push(text, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 2}})
	if len(p.sights) != 2 || !p.sights[0].unread || p.sights[0].by.PID != 1 || p.sights[1].by.PID != 2 || !p.sights[1].exists {
		t.Errorf("%+v", p.sights)
	}
	listed := &pending{path: "/x"}
	listed.push(text, fanotify.Happening{Kind: fanotify.Created, Layer: LayerScan})
	listed.push(text, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 2}})
	if len(listed.sights) != 1 || listed.sights[0].by.PID != 2 {
		t.Errorf("listed, then closed: %+v", listed.sights)
	}
	later := text
	later.known.CtimeNs = 6 // the second wrote the same text after the first was read
	q := &pending{path: "/x"}
	q.push(text, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 1}})
	q.push(later, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: 2}})
	if len(q.sights) != 1 || q.sights[0].by.PID != 1 {
		t.Errorf("benign twin: %+v", q.sights)
	}
}

func TestTextsOfAPathAreBounded(t *testing.T) {
	p := &pending{path: "/x"}
	for i := range 3 * maxTexts {
		s := sight{exists: true, has: true, content: []byte{byte(i)}, known: inode.Known{Mode: unix.S_IFREG, Digest: [32]byte{1, byte(i)}}}
		p.push(s, fanotify.Happening{Kind: fanotify.Written, By: actor.Actor{PID: i}})
	}
	held := 0
	for _, s := range p.sights {
		if s.has {
			held++
		}
	}
	if len(p.sights) != 3*maxTexts || held != maxTexts {
		t.Errorf("%d sights hold %d texts, want %d and %d", len(p.sights), held, 3*maxTexts, maxTexts)
	}
}

// A directory is removed by one process and made again by another before the
// removal is looked at: the remover is not accused of what the other wrote.
func TestRemoverDidNotWriteTheSuccessor(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "a.conf")
	for _, k := range []fanotify.Kind{fanotify.Self, fanotify.Removed, fanotify.Created} {
		c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
		if err != nil {
			t.Fatal(err)
		}
		l := loopOf(t.Context(), c)
		write(t, path, "successor")
		l.onDirectory(fanotify.Happening{Path: filepath.Dir(path), Kind: k | fanotify.Directory, By: actor.Actor{PID: 1}, Layer: LayerFanotify})
		l.onFile(fanotify.Happening{Path: path, Kind: fanotify.Written, By: actor.Actor{PID: 2}, Layer: LayerFanotify})
		p := l.pending[path]
		if p == nil || len(p.sights) != 1 || p.sights[0].by.PID != 2 || p.sights[0].unread {
			t.Errorf("kind %b: %+v", k, p)
		}
	}
}

// A file that one process makes and another removes, both before it is looked at,
// is not left on the record as if it were there.
func TestMadeAndRemovedByAnother(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	l := loopOf(t.Context(), c)
	l.onFile(fanotify.Happening{Path: path, Kind: fanotify.Written, By: actor.Actor{PID: 1, Who: &body.Who{PID: 1}}, Layer: LayerFanotify})
	l.onFile(fanotify.Happening{Path: path, Kind: fanotify.Removed, By: actor.Actor{PID: 2, Who: &body.Who{PID: 2}}, Layer: LayerFanotify})
	l.finish(l.pending[path])
	var got []string
	for _, i := range l.out.items {
		got = append(got, fmt.Sprintf("%s by %d", i.obs.Action, i.obs.Who.PID))
	}
	if diff := cmp.Diff([]string{"create by 1", "delete by 2"}, got); diff != "" {
		t.Error(diff)
	}
}

// What a process makes under another name is a step on the way to the name that it
// gives it, unless another text stood there for long enough to be told.
func TestOnTheWay(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "temporary")
	text := func(ms int, digest byte, mode uint32) sight {
		return sight{
			exists: true, known: inode.Known{Mode: unix.S_IFREG | mode, Size: 1, Digest: [32]byte{digest}},
			by: actor.Actor{PID: 1}, at: time.UnixMilli(int64(1000 + ms)),
		}
	}
	last := text(400, 1, 0o600)
	last.from = from
	moved := sight{by: actor.Actor{PID: 1}, at: last.at}
	for name, c := range map[string]struct {
		sights []sight
		want   bool
	}{
		"the text it got":                 {[]sight{text(0, 1, 0o600), moved}, true},
		"written in pieces":               {[]sight{text(0, 2, 0o600), text(40, 3, 0o600), text(80, 1, 0o600), moved}, true},
		"another text stood":              {[]sight{text(0, 2, 0o600), text(60, 1, 0o600), moved}, false},
		"another stood, its mode changed": {[]sight{text(0, 2, 0o600), text(40, 2, 0o644), text(80, 1, 0o600), moved}, false},
		"another stood, then it was gone": {[]sight{text(0, 2, 0o600), {by: moved.by, at: time.UnixMilli(1060)}, text(90, 1, 0o600), moved}, false},
		"another stood to the end":        {[]sight{text(0, 2, 0o600)}, false},
	} {
		c2, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
		if err != nil {
			t.Fatal(err)
		}
		l := loopOf(t.Context(), c2)
		l.pending[from] = &pending{path: from, sights: c.sights}
		if got := l.onTheWay(last); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whoever edits a file that is read while nobody can look, moves it away and puts it
// back as it was, has made no step of it by that.
func TestMovedAwayWithinTheLag(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle, Reads: func(string) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	l := loopOf(t.Context(), c)
	write(t, path, "one")
	l.recorded[path] = l.look(path).known
	write(t, path+".new", "one")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	h := fanotify.Happening{
		Path: path, By: actor.Actor{PID: 1, Who: &body.Who{PID: 1}}, Layer: LayerFanotify,
		At: time.Now(), Since: time.Now().Add(-time.Minute),
	}
	for _, k := range []fanotify.Kind{fanotify.Written, fanotify.Removed, fanotify.Arrived} {
		h.Kind, h.Moved = k, k == fanotify.Removed
		l.onFile(h)
	}
	l.finish(l.pending[path])
	if len(l.out.items) == 0 || !slices.Contains(l.out.items[0].obs.Marks, body.MarkUnread) {
		t.Errorf("%d told, want first that it was changed, unread", len(l.out.items))
	}
}

// deaf is a sensor that is live and tells nothing.
type deaf struct{ noSensor }

func (deaf) Live() bool { return true }

// loopOf is a loop that nobody runs.
func loopOf(ctx context.Context, c *Capture) *loop {
	s := newShares(c, deaf{}, time.Hour)
	s.ctx = ctx
	return newLoop(s, 0, nil)
}

// An overflow is a gap at once, and what it hid is found.
func TestOverflow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	w := &watched{t: t}
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: w.handle})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := newShares(c, deaf{}, time.Hour)
	s.begin(ctx)
	delivered := make(chan error, 1)
	go func() { delivered <- s.out.deliver(ctx, w.handle) }()
	go s.ready()
	<-c.Ready()
	w.take()
	s.dispatch(fanotify.Notice{Overflow: true})
	w.c = c
	w.eventually("a gap", func() bool { return len(w.gapsSoFar()) == 1 })
	if len(w.take()) > 0 {
		t.Error("benign twin: nothing changed, and something was told")
	}
	write(t, path, "two")
	s.dispatch(fanotify.Notice{Overflow: true})
	got := w.next(1)
	if diff := cmp.Diff([]string{"modify a.conf two"}, lines(got)); diff != "" || got[0].Layer != LayerScan || got[0].Confidence != body.Unknown {
		t.Errorf("%s %s", diff, show(got))
	}
	cancel()
	s.wait()
	s.out.close()
	if err := <-delivered; err != nil {
		t.Error(err)
	}
	if g := w.gapsSoFar(); len(g) != 2 || g[0].Cause != causeOverflow || g[1].Cause != causeOverflow {
		t.Errorf("gaps %v, want one for each overflow", g)
	}
	if n := c.Status().Counters.Overflows; n != 2 {
		t.Errorf("%d overflows counted", n)
	}
}
