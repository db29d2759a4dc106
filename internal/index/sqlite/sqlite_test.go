package sqlite

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// TestRebuildEqualsIndex: an index built from the log says what one says that
// followed it (P3).
func TestRebuildEqualsIndex(t *testing.T) {
	w := newLog(1, 5, 3000)
	whole := built(t, w.all)
	mustCheck(t, whole, w.all)

	path := filepath.Join(t.TempDir(), "index.db")
	rng := rand.New(rand.NewPCG(2, 2))
	for at := 0; at < len(w.all); {
		x := open(t, path)
		next, err := x.Next(t.Context())
		if err != nil || next != uint64(at) {
			t.Fatalf("next is %d, %v; want %d", next, err, at)
		}
		for range 3 {
			n := min(len(w.all), at+rng.IntN(300))
			add(t, x, w.all[at:n])
			at = n
		}
		if rng.IntN(2) == 0 {
			foldNow(t, x)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	pieces := open(t, path)
	mustCheck(t, pieces, w.all)
	if d := cmp.Diff(dump(t, whole), dump(t, pieces), cmp.AllowUnexported(flat{}, flatChange{}, flatSubject{})); d != "" {
		t.Errorf("index built in pieces differs: %s", d)
	}
	a, errA := whole.Status(t.Context())
	b, errB := pieces.Status(t.Context())
	if d := cmp.Diff(a, b); d != "" || errA != nil || errB != nil {
		t.Errorf("status differs: %s %v %v", d, errA, errB)
	}
}

func TestAddRefusesOtherPositions(t *testing.T) {
	w := newLog(1, 2, 20)
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	for _, wrong := range [][]index.Record{w.all[1:3], {w.all[0], w.all[2]}, {w.all[0], w.all[0]}} {
		if err := x.Add(t.Context(), wrong); !errors.Is(err, index.ErrPosition) {
			t.Errorf("add out of place: %v", err)
		}
	}
	add(t, x, w.all)
	if err := x.Add(t.Context(), w.all[:1]); !errors.Is(err, index.ErrPosition) {
		t.Errorf("add again: %v", err)
	}
	mustCheck(t, x, w.all)
}

func TestTwoWritersAreNoticed(t *testing.T) {
	w := newLog(1, 2, 30)
	path := filepath.Join(t.TempDir(), "index.db")
	a, b := open(t, path), open(t, path)
	add(t, a, w.all[:10])
	if err := b.Add(t.Context(), w.all[:10]); !errors.Is(err, index.ErrPosition) {
		t.Fatalf("second writer: %v", err)
	}
	add(t, b, w.all[10:20]) // it has read again
	add2 := a.Add(t.Context(), w.all[10:20])
	if !errors.Is(add2, index.ErrPosition) {
		t.Fatalf("first writer: %v", add2)
	}
	add(t, a, w.all[20:])
	mustCheck(t, a, w.all)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db")
	x := open(t, path)
	mode, err := os.Stat(path)
	if err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", mode.Mode(), err)
	}
	alter(t, x, `PRAGMA user_version = 99`)
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, index.ErrVersion) {
		t.Errorf("other version: %v", err)
	}
	alter(t, x, `PRAGMA user_version = 2`)
	alter(t, x, `CREATE TRIGGER evil AFTER INSERT ON entries BEGIN DELETE FROM changes; END`)
	if _, err := Open(t.Context(), Config{Path: path, ReadOnly: true}); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("a trigger: %v", err)
	}
	x.Close()
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left after Remove: %v", left)
	}
	if _, err := Open(t.Context(), Config{Path: path, ReadOnly: true}); err == nil || errors.Is(err, index.ErrDamaged) {
		t.Errorf("reading none: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("garbage: %v", err)
	}
}

func alter(t testing.TB, x *Index, query string, args ...any) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.w.exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// model answers by looking at every record.
type model struct {
	w        *world
	watchers map[entry.Source]string // hosts
}

func newModel(w *world) model {
	m := model{w, map[entry.Source]string{}}
	for _, r := range w.all {
		if r.Enrols != nil && r.Enrols.Role == entry.Watcher {
			m.watchers[r.Enrols.Source] = r.Enrols.Host
		}
	}
	return m
}

func (m model) host(r *index.Record, c index.Change) (name string, told bool) {
	if h, ok := m.watchers[r.Source]; ok {
		return h, false
	}
	return c.Host, true
}

func (m model) enrolled(s entry.Source) index.Enrolled {
	if h, ok := m.watchers[s]; ok {
		return index.Enrolled{Source: s, Role: entry.Watcher, Host: h}
	}
	return index.Enrolled{Source: s}
}

func (m model) find(f index.Filter) []index.Hit {
	var out []index.Hit
	for i := range m.w.all {
		r := &m.w.all[i]
		if h, ok := m.meets(f, r); ok {
			out = append(out, h)
		}
	}
	if f.NewestFirst {
		slices.Reverse(out)
	}
	if f.Limit > 0 {
		out = out[:min(len(out), f.Limit)]
	}
	return out
}

func (m model) meets(f index.Filter, r *index.Record) (index.Hit, bool) {
	h := index.Hit{Ref: index.Ref{Index: r.Index, ID: r.ID}, Kind: r.Kind, Source: r.Source, Seq: r.Seq, Loc: r.Loc}
	h.Recorded, h.Happened = fromNanos(index.Nanos(r.Recorded)), fromNanos(index.Nanos(r.Happened))
	switch {
	case !f.Since.IsZero() && h.Happened.Before(f.Since), !f.Until.IsZero() && !h.Happened.Before(f.Until),
		f.Source != nil && *f.Source != r.Source, f.Kinds != nil && !slices.Contains(f.Kinds, r.Kind),
		r.Index < f.From, f.To != 0 && r.Index >= f.To,
		f.Actor != "" && !slices.ContainsFunc(r.Actors, func(a string) bool { return like(strings.ToLower(f.Actor), strings.ToLower(a)) }):
		return h, false
	}
	if f.Host == "" && f.Agent == "" && f.Path == "" {
		return h, true
	}
	host, told := m.host(r, index.Change{})
	for k, c := range r.Changes {
		on, _ := m.host(r, c)
		if (f.Host == "" || like(f.Host, on)) && (f.Agent == "" || like(f.Agent, c.Agent)) &&
			(f.Path == "" || under(f.Path, c.Path) || c.From != "" && under(f.Path, c.From)) {
			h.Changes = append(h.Changes, k)
		}
	}
	control := f.Path == "" && f.Agent == "" && r.Kind != entry.Change && !told && like(f.Host, host)
	return h, h.Changes != nil || control
}

// like is a glob, the slow way.
func like(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		return like(p[1:], s) || s != "" && like(p, s[1:])
	}
	return s != "" && p[0] == s[0] && like(p[1:], s[1:])
}

func under(p, s string) bool {
	if strings.Contains(p, "*") {
		return like(p, s)
	}
	return s == p || strings.HasPrefix(s, strings.TrimRight(p, "/")+"/")
}

func TestFiltersAgreeWithModel(t *testing.T) {
	w := newLog(7, 4, 1500)
	x := built(t, w.all)
	reader, err := Open(t.Context(), Config{Path: x.cfg.Path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	some := func(t *rapid.T, label string, values ...string) string {
		if rapid.IntRange(0, 2).Draw(t, label+"?") > 0 {
			return ""
		}
		return rapid.SampledFrom(values).Draw(t, label)
	}
	hits, m := 0, newModel(w)
	rapid.Check(t, func(t *rapid.T) {
		f := index.Filter{
			Host: some(t, "host", "web-0", "web-1", "web-*", "server", "desk", "nowhere", "*"), Agent: some(t, "agent", "telegraf", "a*d", "none"),
			Actor: some(t, "actor", "jane", "ROOT", "b*", "ärger", "nobody"),
			Path:  some(t, "path", "/etc/app", "/etc/app/", "/etc/app/a.conf", "*conf", "/opt/x*y", "/etc/*", "/bad/\xff\x00bytes", "/", "/etc/%_'\"", "*", "/nowhere"),
			Limit: rapid.SampledFrom([]int{0, 1, 7, 50}).Draw(t, "limit"), NewestFirst: rapid.Bool().Draw(t, "newest"),
		}
		if rapid.Bool().Draw(t, "timed") {
			f.Since = epoch.Add(time.Duration(rapid.IntRange(-20000, 1500).Draw(t, "since")) * time.Second)
			f.Until = f.Since.Add(time.Duration(rapid.IntRange(0, 30000).Draw(t, "for")) * time.Second)
		}
		if rapid.IntRange(0, 3).Draw(t, "kinds?") == 0 {
			f.Kinds = rapid.SampledFrom([][]entry.Kind{{entry.Gap}, {entry.Change}, {entry.Finding, entry.Enrol}, {""}}).Draw(t, "kinds")
		}
		if rapid.IntRange(0, 3).Draw(t, "source?") == 0 {
			s := sourceN(rapid.SampledFrom([]int{0, 1, recorderN, 77}).Draw(t, "source"))
			f.Source = &s
		}
		if rapid.IntRange(0, 3).Draw(t, "range?") == 0 {
			f.From = uint64(rapid.IntRange(0, 1600).Draw(t, "from"))
			f.To = uint64(rapid.IntRange(0, 1600).Draw(t, "to"))
		}
		want := m.find(f)
		for _, from := range []*Index{x, reader} {
			var got []index.Hit
			for h, err := range from.Entries(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, h)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%+v: %s", f, d)
			}
		}
		hits += len(want)
		everywhere := f
		everywhere.From, everywhere.To, everywhere.Limit, everywhere.NewestFirst = 0, 0, 0, false
		var meet, told []uint64
		for _, h := range m.find(everywhere) {
			meet = append(meet, h.Index)
		}
		for _, r := range w.all {
			if everywhere.Meets(&r, m.enrolled(r.Source)) {
				told = append(told, r.Index)
			}
		}
		if d := cmp.Diff(meet, told); d != "" {
			t.Fatalf("%+v: entries that say themselves that they meet it: %s", f, d)
		}
	})
	if hits == 0 {
		t.Error("no filter found anything")
	}
}

func TestHistoryAgreesWithModel(t *testing.T) {
	w := newLog(9, 3, 1500)
	x := built(t, w.all)
	reader, err := Open(t.Context(), Config{Path: x.cfg.Path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	subjects, err := x.Subjects(t.Context(), "", "", 0)
	if err != nil || len(subjects) < 20 {
		t.Fatalf("%d subjects, %v", len(subjects), err)
	}
	m := newModel(w)
	for _, s := range subjects {
		var want []index.Moment
		for i := range w.all {
			r := &w.all[i]
			for k, c := range r.Changes {
				host, told := m.host(r, c)
				if host == s.Host && told == s.Told && (c.Path == s.Path || c.From == s.Path) {
					a := c.Action
					if a == "odd" {
						a = ""
					}
					from := c.From
					if from == c.Path {
						from = ""
					}
					want = append(want, index.Moment{Index: r.Index, K: k, Agent: c.Agent, Path: c.Path, From: from, Action: a, Text: c.Text})
				}
			}
		}
		for _, from := range []*Index{x, reader} {
			historyIs(t, from, s, want)
		}
	}
}

func historyIs(t *testing.T, x *Index, s index.Subject, want []index.Moment) {
	t.Helper()
	var text uint64
	for _, m := range want {
		if m.Text != 0 {
			text = m.Text
		}
	}
	if got, err := x.LatestText(t.Context(), s); err != nil || got != text {
		t.Errorf("%+v: latest text %d, %v; want %d", s, got, err, text)
	}
	for _, newest := range []bool{false, true} {
		var got []index.Moment
		for m, err := range x.History(t.Context(), s, newest) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m)
		}
		if newest {
			slices.Reverse(got)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v newest=%v: %s", s, newest, d)
		}
	}
	m, found, err := x.Latest(t.Context(), s)
	if err != nil || found != (len(want) > 0) || found && m != want[len(want)-1] {
		t.Errorf("%+v: latest %+v %v %v", s, m, found, err)
	}
}

func TestLookups(t *testing.T) {
	w := newLog(11, 3, 800)
	x := built(t, w.all)
	reader, err := Open(t.Context(), Config{Path: x.cfg.Path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, x := range []*Index{x, reader} {
		for i := range w.all {
			lookupsAre(t, x, w, &w.all[i])
		}
		if _, found, err := x.ByID(t.Context(), entry.ID{1}); found || err != nil {
			t.Errorf("unknown id: %v %v", found, err)
		}
		for _, file := range []string{"aa", "bb", "cc"} {
			want := 0
			for _, r := range w.all {
				if r.Import != nil && r.Import.File == file {
					want = max(want, r.Import.First+r.Import.Rows)
				}
			}
			if got, err := x.Imported(t.Context(), file); got != want || err != nil {
				t.Errorf("imported %s: %d %v, want %d", file, got, err, want)
			}
		}
		statusIs(t, x, w)
	}
}

func lookupsAre(t *testing.T, x *Index, w *world, r *index.Record) {
	t.Helper()
	var sameSeq, naming []index.Ref
	for _, o := range w.all {
		if o.Source == r.Source && o.Seq == r.Seq {
			sameSeq = append(sameSeq, index.Ref{Index: o.Index, ID: o.ID})
		}
		if slices.Contains(o.Refs, r.ID) {
			naming = append(naming, index.Ref{Index: o.Index, ID: o.ID})
		}
	}
	if r.Kind != "" {
		if i, found, err := x.ByID(t.Context(), r.ID); err != nil || !found || i != r.Index {
			t.Errorf("entry %d by id: %d %v %v", r.Index, i, found, err)
		}
		if got, err := x.Naming(t.Context(), r.ID); err != nil || !slices.Equal(got, naming) {
			t.Errorf("naming %d: %v %v, want %v", r.Index, got, err, naming)
		}
	}
	if got, err := x.BySeq(t.Context(), r.Source, r.Seq); err != nil || !slices.Equal(got, sameSeq) {
		t.Errorf("entry %d by seq: %v %v, want %v", r.Index, got, err, sameSeq)
	}
}

func statusIs(t *testing.T, x *Index, w *world) {
	t.Helper()
	s, err := x.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heads := map[entry.Source]index.Head{}
	kinds, n := map[entry.Kind]uint64{}, uint64(0)
	for _, r := range w.all {
		kinds[r.Kind]++
		n += uint64(len(r.Changes))
		if h, ok := heads[r.Source]; !ok || r.Seq > h.Seq {
			heads[r.Source] = index.Head{Ref: index.Ref{Index: r.Index, ID: r.ID}, Seq: r.Seq, Recorded: fromNanos(index.Nanos(r.Recorded))}
		}
	}
	if s.Entries != uint64(len(w.all)) || s.Changes != n || !cmp.Equal(s.Kinds, kinds) || !slices.Equal(s.Agents, []string{"auditd", "telegraf"}) {
		t.Errorf("status %+v, want %d entries, %d changes, %v", s, len(w.all), n, kinds)
	}
	if len(s.Sources) != len(heads) && len(s.Sources) != len(heads)+1 {
		t.Errorf("%d sources", len(s.Sources))
	}
	for _, src := range s.Sources {
		want, ok := heads[src.Source]
		if ok != (src.Head != nil) || ok && *src.Head != want {
			t.Errorf("source %s: head %+v, want %+v", src.Source, src.Head, want)
		}
		got, found, err := x.Head(t.Context(), src.Source)
		if err != nil || found != ok || got != want {
			t.Errorf("source %s: head %+v %v %v, want %+v", src.Source, got, found, err, want)
		}
	}
}

// Positions come in order and each once, from lists and scans alike.
func TestCursorVisitsOnce(t *testing.T) {
	w := newLog(16, 3, 600)
	x := built(t, w.all)
	all, err := collect[int64](t.Context(), x.db, `SELECT DISTINCT term FROM posts`)
	if err != nil {
		t.Fatal(err)
	}
	want, err := collect[int64](t.Context(), x.db, `SELECT at FROM (`+postsOf+`) GROUP BY at ORDER BY at`, 0, maxIndex)
	if err != nil || len(want) < len(w.all)/2 {
		t.Fatalf("%d positions, %v", len(want), err)
	}
	known := func(at int64) bool { // terms first seen in recent entries are in no list
		n, err := collect[int64](t.Context(), x.db, `SELECT count(*) FROM (`+postsOf+`) WHERE at = ?3 AND term IN (SELECT term FROM posts)`, 0, maxIndex, at)
		return err == nil && n[0] > 0
	}
	want = slices.DeleteFunc(want, func(at int64) bool { return !known(at) })
	for _, newest := range []bool{false, true} {
		c, err := x.newCursor(t.Context(), 0, maxIndex, newest)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for at, err := range c.positions(t.Context(), all) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, at)
		}
		if newest {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("newest=%v: %d positions, want %d, or others", newest, len(got), len(want))
		}
	}
}
