package history_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// ofOneEntry are the findings that can be told of one entry without the rest of
// the log. Every reading command must tell them as verify does.
var ofOneEntry = []verify.Code{
	verify.Malformed, verify.BadGenesis, verify.BadKey, verify.UnknownKey, verify.BadSignature, verify.WrongRole, verify.BadEnrolment,
	verify.ForkedSource, verify.AfterRevoke, verify.MissingDisclosure, verify.SealMismatch, verify.Unerased, verify.MalformedBody,
}

// TestOneJudge: over each kind of log, what a reader says of every entry is what
// verify says of it, and nobody calls verified what it does not.
func TestOneJudge(t *testing.T) { both(t, testOneJudge) }

func testOneJudge(t *testing.T, open opener) {
	for name, c := range map[string]struct {
		act  func(*testing.T, *filled) (last uint64) // the entry that has to be judged
		want verify.Code                             // empty: its source's word
	}{
		"the source's word":                      {func(t *testing.T, st *filled) uint64 { return forge(t, st.Store, signed(t, entry.Watcher, 1)) }, ""},
		"of nobody known":                        {func(t *testing.T, st *filled) uint64 { return forge(t, st.Store, signed(t, entry.Watcher, 99)) }, verify.UnknownKey},
		"enrolled by a watcher":                  {enrolledBy(entry.Watcher, 1, false), verify.UnknownKey},
		"enrolled by a broken signature":         {enrolledBy(entry.Watcher, 1, true), verify.UnknownKey},
		"enrolled twice":                         {enrolledAgain, verify.WrongRole},
		"signed after its source was revoked":    {afterRevoke, verify.AfterRevoke},
		"signed before its source was revoked":   {beforeRevoke, ""},
		"revoked by a watcher":                   {revokedByWatcher, ""},
		"another entry with its number":          {forkOf, verify.ForkedSource},
		"the same entry again":                   {againTheSame, ""},
		"erased":                                 {erasedEntry, ""},
		"destroyed without a word":               {destroyedEntry, verify.MissingDisclosure},
		"erased on the record, and still opens":  {voidedEntry, verify.Unerased},
		"erased by somebody who is no person":    {erasedByWatcher, verify.MissingDisclosure},
		"erased by a person who was revoked":     {erasedByRevoked, verify.MissingDisclosure},
		"a remark of a source that was revoked":  {remarkAfterRevoke, verify.AfterRevoke},
		"a change after one by a revoked source": {changeAfterRevoked, ""},
	} {
		t.Run(name, func(t *testing.T) {
			st := fill(t)
			last := c.act(t, st)
			catchUp(t, st)
			r := reader(t, open, st.Store)
			agree(t, st, r)
			v := entryOf(t, r, last)
			var codes []string
			for _, f := range v.Findings {
				codes = append(codes, f.Code)
			}
			if got := strings.Join(slices.Compact(codes), " "); got != string(c.want) {
				t.Errorf("entry %d: %q, want %q", last, got, c.want)
			}
		})
	}
}

// catchUp has the index hear of what was forged, where a writer opens such a log
// at all: it refuses one that holds what intake would have refused.
func catchUp(t *testing.T, st *filled) {
	t.Helper()
	srv, err := store.Open(t.Context(), store.Config{Layout: st.Layout, Trust: st.Trust, Version: "test"})
	if errors.As(err, new(*verify.Finding)) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	steletest.Stop(t, srv)
}

// agree holds every entry that a reader shows against the verdict on the whole.
func agree(t *testing.T, st *filled, r *history.Reader) {
	t.Helper()
	rep, err := examine.Run(t.Context(), examine.Config{Layout: st.Layout, Trust: st.Trust})
	if err != nil {
		t.Fatal(err)
	}
	want, bad := make(map[uint64][]string), make(map[uint64]bool)
	for _, f := range rep.Findings {
		if slices.Contains(ofOneEntry, f.Code) && !slices.Contains(want[f.Index], string(f.Code)) {
			want[f.Index] = append(want[f.Index], string(f.Code))
			bad[f.Index] = bad[f.Index] || f.Accused != verify.TheSource
		}
	}
	for i := range r.Checkpoint().Size {
		v := entryOf(t, r, i)
		var got []string
		for _, f := range v.Findings {
			if !slices.Contains(got, f.Code) {
				got = append(got, f.Code)
			}
		}
		slices.Sort(got)
		slices.Sort(want[i])
		if d := cmp.Diff(want[i], got); d != "" || (v.Proof.State == history.Bad) != bad[i] {
			t.Errorf("entry %d is %s with %v; verify says %v", i, v.Proof.State, got, want[i])
		}
		if len(v.Changes) > 0 {
			_, err := r.Text(t.Context(), i, 0)
			said := slices.ContainsFunc(r.Odd(), func(o history.Odd) bool { return o.Index == i })
			if onlySource := len(want[i]) > 0 && !bad[i]; err == nil && onlySource && !said {
				t.Errorf("the text of entry %d is read, and nobody is told %v", i, want[i])
			}
		}
	}
}

// by signs a draft as the n-th key of a role, with a number far from others.
func by(t *testing.T, role entry.Role, n int, seq uint64, d record.Draft) *wire.Submission {
	t.Helper()
	sub, _, err := record.NewChain(steletest.Key(t, role, n), record.Head{Next: seq}).Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func enrolOf(t *testing.T, role entry.Role, n int) record.Draft {
	return record.Draft{
		Kind: entry.Enrol, Time: time.Now(), Open: entry.Open{Key: steletest.Key(t, role, n).Public(), Role: role},
		How: body.How{Layer: "recorder", Host: &body.Host{Name: fmt.Sprintf("host-%d", n)}},
	}
}

func enrolledBy(role entry.Role, n int, broken bool) func(*testing.T, *filled) uint64 {
	return func(t *testing.T, st *filled) uint64 {
		sub := by(t, role, n, 2000, enrolOf(t, entry.Watcher, 99))
		if broken {
			sub = otherSignature(sub)
		}
		forge(t, st.Store, sub)
		return forge(t, st.Store, signed(t, entry.Watcher, 99))
	}
}

func enrolledAgain(t *testing.T, st *filled) uint64 {
	return forge(t, st.Store, by(t, entry.Watcher, 1, 2000, enrolOf(t, entry.Watcher, 2)))
}

func revoke(t *testing.T, st *filled, role entry.Role, n int) {
	t.Helper()
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	if _, err := srv.Revoke(t.Context(), steletest.Key(t, role, n).Public().Source(), "scrapped"); err != nil {
		t.Fatal(err)
	}
}

func afterRevoke(t *testing.T, st *filled) uint64 {
	revoke(t, st, entry.Watcher, 1)
	return forge(t, st.Store, signed(t, entry.Watcher, 1))
}

func beforeRevoke(t *testing.T, st *filled) uint64 {
	i := forge(t, st.Store, signed(t, entry.Watcher, 2))
	revoke(t, st, entry.Watcher, 2)
	return i
}

func revokedByWatcher(t *testing.T, st *filled) uint64 {
	src := steletest.Key(t, entry.Watcher, 2).Public().Source()
	forge(t, st.Store, by(t, entry.Watcher, 1, 2000, record.Draft{Kind: entry.Revoke, Time: time.Now(), Open: entry.Open{Source: &src}}))
	return forge(t, st.Store, signed(t, entry.Watcher, 2))
}

// forkOf has the store take another entry with a number that is taken.
func forkOf(t *testing.T, st *filled) uint64 {
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	sub := by(t, entry.Watcher, 1, 0, steletest.Change("/etc/forged", "forged\n", nil))
	return steletest.Submit(t, srv, []wire.Submission{*sub})[0]
}

func againTheSame(t *testing.T, st *filled) uint64 {
	sub := signed(t, entry.Watcher, 1)
	forge(t, st.Store, sub)
	return forge(t, st.Store, sub)
}

func erasedEntry(t *testing.T, st *filled) uint64 {
	erase(t, st.Store, st.here[1], entry.LineWho)
	return st.here[1]
}

func destroyedEntry(t *testing.T, st *filled) uint64 {
	destroy(t, st.Store, st.here[1], entry.LineWho)
	return st.here[1]
}

func voidedEntry(t *testing.T, st *filled) uint64 {
	void(t, st.Store, st.here[1], entry.LineWho)
	return st.here[1]
}

func voids(st *filled) record.Draft {
	return record.Draft{
		Kind: entry.Erase, Time: time.Now(), Open: entry.Open{Voids: []entry.Void{{ID: st.ids[st.here[1]], Line: entry.LineWho}}},
	}
}

func erasedByWatcher(t *testing.T, st *filled) uint64 {
	forge(t, st.Store, by(t, entry.Watcher, 1, 2000, voids(st)))
	destroy(t, st.Store, st.here[1], entry.LineWho)
	return st.here[1]
}

func erasedByRevoked(t *testing.T, st *filled) uint64 {
	srv := st.Open(t)
	steletest.Enrol(t, srv, entry.Person, 9)
	steletest.Stop(t, srv)
	revoke(t, st, entry.Person, 9)
	forge(t, st.Store, by(t, entry.Person, 9, 2000, voids(st)))
	destroy(t, st.Store, st.here[1], entry.LineWho)
	return st.here[1]
}

// remarkAfterRevoke: what a revoked source says of an entry is not shown with it.
func remarkAfterRevoke(t *testing.T, st *filled) uint64 {
	revoke(t, st, entry.Watcher, 1)
	return forge(t, st.Store, by(t, entry.Watcher, 1, 2000, record.Draft{
		Kind: entry.Remark, Time: time.Now(), Open: entry.Open{About: []entry.ID{st.ids[st.there]}, Says: "reason"},
		Why: body.Why{Reason: "all is well", Learnt: "explain"},
	}))
}

func changeAfterRevoked(t *testing.T, st *filled) uint64 {
	afterRevoke(t, st)
	return forge(t, st.Store, signed(t, entry.Watcher, 2))
}

// TestNoWordOfTheRevoked: a reason that a source gave after it was revoked is not
// shown with the entry it is about.
func TestNoWordOfTheRevoked(t *testing.T) { both(t, testNoWordOfTheRevoked) }

func testNoWordOfTheRevoked(t *testing.T, open opener) {
	st := fill(t)
	remarkAfterRevoke(t, st)
	if v := entryOf(t, reader(t, open, st.Store), st.there); v.Reason != nil {
		t.Errorf("shown with the reason %+v", v.Reason)
	}
}
