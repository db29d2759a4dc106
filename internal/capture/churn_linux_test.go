package capture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Act 68: a user who changes more than can be followed is named; what she changed
// in the end is found, what others change is not held up, and once she stops that
// is over.
func TestChurn(t *testing.T) {
	needRoot(t)
	needTool(t, "python3")
	h := newHost(t)
	var told troubles
	parts := make(chan *shares, 1)
	w := watch(t, Config{
		Paths: h.paths(), Want: isConf, ScanEvery: time.Second, canaryEvery: -1, Tell: told.tell, began: func(s *shares) { parts <- s },
	})
	s := <-parts
	hers, held := s.of(mallory), make(chan struct{})
	hers.in.Post(func() { <-held })
	hers.in.Bound(100)
	const files = 1000
	if err := h.as(mallory, fmt.Sprintf(`exec python3 -c '
for i in range(%d): open("c%%d.conf"%%i,"w").write(str(i))'`, files)).Wait(); err != nil {
		t.Fatal(err)
	}
	others(t, w, h)
	if told.ever(Churn) {
		t.Error("told before her notifications were looked at")
	}
	close(held)
	w.eventually("named", func() bool { return told.ever(Churn) })
	w.eventually("all texts", func() bool { return w.c.Status().Watched == files+5 })
	found := false
	for _, g := range w.gapsSoFar() {
		found = found || g.Cause == causeChurn
	}
	if !found || w.c.Status().Counters.Churned == 0 {
		t.Errorf("gaps %v, %d counted", w.gapsSoFar(), w.c.Status().Counters.Churned)
	}
	w.eventually("over", func() bool { return len(told.standing(Churn)) == 0 })
	for _, r := range told.told {
		if !r.Over && !strings.Contains(r.Detail, "user 1001") {
			t.Errorf("named: %s", r.Detail)
		}
	}
}

// The gap of a difference begins with the scan before the first that found it,
// also if another scan comes before it is told.
func TestGapOfTwoScans(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle})
	if err != nil {
		t.Fatal(err)
	}
	l := loopOf(t.Context(), c)
	l.shares.first++
	l.start()
	before := l.began
	write(t, path, "other")
	l.reconcile(causeMounts)
	l.reconcile(causeMounts)
	l.finish(l.pending[path])
	for _, i := range l.out.items {
		if i.gap != nil && !i.gap.Since.Equal(before) {
			t.Errorf("the gap begins at %s, the scan before the first that found it was at %s", i.gap.Since, before)
		}
	}
	if last := l.out.items[len(l.out.items)-1]; last.obs == nil || last.obs.Action != "modify" || !strings.Contains(line(*last.obs), "other") {
		t.Errorf("told %+v", last)
	}
	if n := len(l.out.items); n != 3 { // the first sight, a gap, the change
		t.Errorf("%d items", n)
	}
}

// Of a user no more files are followed than a bound: those that are go on being told,
// and the others are named once. Root has none.
func TestFilesOfAUserAreBounded(t *testing.T) {
	dir := t.TempDir()
	var told troubles
	c, err := New(Config{Paths: []string{dir}, DigestKey: []byte("k"), Handle: (&watched{}).handle, Tell: told.tell})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.conf", i)), "one")
	}
	for uid, want := range map[uint32]int{mallory: 4, 0: 6} {
		told.told = nil
		s := newShares(c, deaf{}, time.Hour)
		s.ctx = t.Context()
		l := newLoop(s, uid, nil)
		l.most = 4
		for i := range 6 {
			l.firstSight(filepath.Join(dir, fmt.Sprintf("%d.conf", i)))
		}
		for _, p := range l.byAge(all) {
			l.finish(p)
		}
		if len(l.recorded) != want || told.ever(Churn) != (want < 6) || len(told.told) > 1 {
			t.Errorf("user %d: %d files followed, want %d; told %v", uid, len(l.recorded), want, told.told)
		}
		if uid == 0 {
			continue
		}
		l.scan = &scan{told: true}
		before := len(l.out.items)
		write(t, filepath.Join(dir, "1.conf"), "two "+fmt.Sprint(uid))
		l.suspect(filepath.Join(dir, "1.conf"))
		l.suspect(filepath.Join(dir, "5.conf"))
		if len(l.pending) != 1 {
			t.Errorf("%d paths are looked at, want the one that is followed", len(l.pending))
		}
		for _, p := range l.byAge(all) {
			l.finish(p)
		}
		if len(l.out.items) != before+1 {
			t.Errorf("%d changes of a file that is followed, want 1", len(l.out.items)-before)
		}
		delete(l.recorded, filepath.Join(dir, "1.conf"))
		l.unpacked()
		if len(told.standing(Churn)) != 0 {
			t.Error("there is room again, and that is not told")
		}
	}
}
