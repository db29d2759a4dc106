package history_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func TestView(t *testing.T) { both(t, testView) }

func testView(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	v := entryOf(t, r, st.here[1])
	in := v.Received
	if in == nil || in.After == "" || in.Before == "" || in.After > v.Recorded || in.Before < in.After {
		t.Errorf("received %+v, recorded %s", in, v.Recorded)
	}
	if _, err := time.Parse(time.RFC3339Nano, v.Time); err != nil {
		t.Error(err)
	}
	uid, id := uint32(1000), st.ids[st.here[1]]
	size := v.Changes[0].Size
	want := &history.View{
		Index: st.here[1], Kind: "change", Source: steletest.Key(t, entry.Watcher, 1).Public().Source().String(), Seq: 1, ID: id.String(),
		Time: v.Time, Recorded: v.Recorded, Received: in, Host: "host-1", Agent: "test",
		Actor:  &history.Actor{Who: body.Who{User: "jane", UID: &uid, PID: 4242, Exe: "/usr/bin/vim", Command: []string{"vim", here}}, Layer: "fanotify", Confidence: "certain"},
		Reason: &history.Reason{Text: "because", Learnt: "run"},
		Changes: []history.Change{{
			Path: here, Action: "modify", Before: history.Ref(st.ids[st.here[0]], 0), After: history.Ref(id, 0), Format: "conf",
			Size: size, Digest: v.Changes[0].Digest, SecretsChanged: 1,
		}},
		Proof: history.Proof{State: history.Verified, Size: r.Checkpoint().Size},
	}
	if d := cmp.Diff(want, v); d != "" {
		t.Error(d)
	}
}

// TestReasonGivenAfterwards: a remark gives a reason to the change it is about,
// if that has none, and to no other that the index says it is about.
func TestReasonGivenAfterwards(t *testing.T) { both(t, testReasonGivenAfterwards) }

func testReasonGivenAfterwards(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	if got := entryOf(t, r, st.here[0]).Reason; got == nil || got.Text != "said afterwards" {
		t.Errorf("reason %+v", got)
	}
	if got := entryOf(t, r, st.here[1]).Reason; got == nil || got.Text != "because" {
		t.Errorf("a reason of its own became %+v", got)
	}
	if v := entryOf(t, r, st.remark); v.Kind != "remark" || !slices.Contains(v.Lines, "about "+st.ids[st.here[0]].String()) {
		t.Errorf("the remark is shown as %+v", v)
	}
	id := st.ids[st.there]
	alterIndex(t, st.Store, `UPDATE refs SET target = ?`, id[:])
	if got := once(t, open, st.Store, st.there).Reason; got != nil {
		t.Errorf("reason %+v, given for another change", got)
	}
}

func TestLog(t *testing.T) { both(t, testLog) }

func testLog(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	all := []uint64{st.import_, st.delete, st.there, st.here[2], st.here[1], st.here[0]}
	change := []string{"change"}
	for name, c := range map[string]struct {
		f    history.Filter
		want []uint64
	}{
		"all":         {history.Filter{Kinds: change}, all},
		"newest":      {history.Filter{Kinds: change, Limit: 2}, all[:2]},
		"host":        {history.Filter{Kinds: change, Host: "host-2"}, []uint64{st.there}},
		"hosts":       {history.Filter{Kinds: change, Host: "host-*"}, all[1:]},
		"told host":   {history.Filter{Host: told}, []uint64{st.import_}},
		"path":        {history.Filter{Path: there}, []uint64{st.there}},
		"below":       {history.Filter{Path: "/etc/agent"}, all[1:]},
		"actor":       {history.Filter{Actor: "JOE"}, []uint64{st.there}},
		"other actor": {history.Filter{Actor: "nobody"}, nil},
		"agent":       {history.Filter{Agent: "test", Path: "/opt"}, []uint64{st.import_}},
		"kind":        {history.Filter{Kinds: []string{"remark"}}, []uint64{st.remark}},
		"of a host":   {history.Filter{Host: "host-1", Kinds: []string{"remark"}}, []uint64{st.remark}},
		"in future":   {history.Filter{Since: time.Now().Add(time.Hour)}, nil},
		"until then":  {history.Filter{Kinds: change, Until: time.Now().Add(time.Hour)}, all},
	} {
		if d := cmp.Diff(c.want, indexesOf(found(t, r, c.f, 100))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestStates: what was not looked at, and what was erased, is said to be so (P10).
func TestStates(t *testing.T) { both(t, testStates) }

func testStates(t *testing.T, open opener) {
	st := fill(t)
	erase(t, st.Store, st.here[1], entry.LineWho)
	r := reader(t, open, st.Store)
	views := found(t, r, history.Filter{Kinds: []string{"change"}}, 5)
	var states []string
	for _, v := range views {
		states = append(states, v.Proof.State)
		if len(v.Findings) > 0 {
			t.Errorf("entry %d: %v", v.Index, v.Findings)
		}
	}
	want := []string{history.Verified, history.Verified, history.Verified, history.Verified, history.Erased, history.Unchecked}
	if d := cmp.Diff(want, states); d != "" {
		t.Error(d)
	}
	if v := entryOf(t, r, st.here[1]); v.Actor == nil || v.Actor.User != "" || v.Changes[0].Path != here {
		t.Errorf("with who erased: %+v", v)
	}
	if _, err := r.Entry(t.Context(), r.Checkpoint().Size); err == nil {
		t.Error("an entry beyond the checkpoint was shown")
	}
}

// TestErasedText: the text is gone, the change is still shown and proved.
func TestErasedText(t *testing.T) { both(t, testErasedText) }

func testErasedText(t *testing.T, open opener) {
	st := fill(t)
	erase(t, st.Store, st.here[2], entry.LineText(0))
	r := reader(t, open, st.Store)
	if b, err := r.Text(t.Context(), st.here[2], 0); err == nil {
		t.Errorf("an erased text reads %q", b)
	}
	if v := entryOf(t, r, st.here[2]); v.Proof.State != history.Verified {
		t.Errorf("state %s", v.Proof.State)
	}
	erase(t, st.Store, st.here[2], entry.LineWhat(0))
	if _, err := reader(t, open, st.Store).Text(t.Context(), st.here[2], 0); !errors.Is(err, history.ErrNoText) {
		t.Errorf("text of an erased change: %v", err)
	}
}

// TestPending: the index has entries that the checkpoint does not cover yet.
func TestPending(t *testing.T) { both(t, testPending) }

func testPending(t *testing.T, open opener) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change(here, "first\n", nil)))
	steletest.Stop(t, srv)
	checkpoint := filepath.Join(st.Layout.Log(), "checkpoint")
	old, err := os.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	srv = st.Open(t)
	at := steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change(here, "second\n", nil)))[0]
	steletest.Stop(t, srv)
	once(t, open, st, at) // and believe in what it is proved under
	if err := os.WriteFile(checkpoint, old, 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := open(t, st); !isFinding(err, verify.Shrunk) {
		t.Errorf("a log that went back is opened: %v", err)
	}
	fresh := steletest.StoreIn(t, st.Layout.Dir, t.TempDir())
	views := found(t, reader(t, open, fresh), history.Filter{Kinds: []string{"change"}}, 10)
	if len(views) != 2 || views[0].Index != at || views[0].Proof.State != history.Pending || views[1].Proof.State != history.Verified {
		t.Errorf("%d views, the newest %+v", len(views), views[0])
	}
}

func isFinding(err error, code verify.Code) bool {
	var f *verify.Finding
	return errors.As(err, &f) && f.Code == code
}

// TestAlteredEntry: the altered entry is named bad among the others, and hidden
// by no filter, for nobody can tell what it said.
func TestAlteredEntry(t *testing.T) { both(t, testAlteredEntry) }

func testAlteredEntry(t *testing.T, open opener) {
	st := fill(t)
	alterLeaf(t, st.Store, st.ids[st.here[1]])
	r := reader(t, open, st.Store)
	for _, v := range found(t, r, history.Filter{Path: here}, 100) {
		want := history.Verified
		if v.Index == st.here[1] {
			want = history.Bad
			if len(v.Findings) == 0 || len(v.Changes) > 0 {
				t.Errorf("the altered entry is shown as %+v", v)
			}
		}
		if v.Proof.State != want {
			t.Errorf("entry %d is %s: %v", v.Index, v.Proof.State, v.Findings)
		}
	}
	if _, err := r.Text(t.Context(), st.here[1], 0); !isFinding(err, verify.TreeMismatch) {
		t.Errorf("text of the altered entry: %v", err)
	}
}

// TestDamagedVault: an entry whose disclosures are damaged is bad, and says so.
func TestDamagedVault(t *testing.T) { both(t, testDamagedVault) }

func testDamagedVault(t *testing.T, open opener) {
	st := fill(t)
	segments, err := filepath.Glob(filepath.Join(st.Layout.Vault(), "openings-*"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(b, st.ids[st.there][0])
	for ; at >= 0 && string(b[at:at+32]) != string(entryBytes(st.ids[st.there])); at++ {
	}
	b[at+60] ^= 1
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	r := reader(t, open, st.Store)
	v := entryOf(t, r, st.there)
	if v.Proof.State != history.Bad || len(v.Findings) == 0 || v.Findings[0].Code != string(verify.MissingDisclosure) {
		t.Errorf("state %s, %v", v.Proof.State, v.Findings)
	}
	if got := indexesOf(found(t, r, history.Filter{Path: there}, 10)); !slices.Equal(got, []uint64{st.there}) {
		t.Errorf("found %v", got)
	}
	if v := entryOf(t, r, st.here[0]); v.Proof.State != history.Verified {
		t.Errorf("its neighbour is %s", v.Proof.State)
	}
}

func entryBytes(id entry.ID) []byte { return id[:] }

// TestLyingIndex: whatever stands in the index, what is shown is what log and
// vault say, verified.
func TestLyingIndex(t *testing.T) { both(t, testLyingIndex) }

func testLyingIndex(t *testing.T, open opener) {
	st := fill(t)
	path := st.Layout.Index()
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := once(t, open, st.Store, st.here[1])
	if want.Proof.State != history.Verified {
		t.Fatalf("state %s", want.Proof.State)
	}
	src := steletest.Key(t, entry.Watcher, 1).Public().Source()
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"no place in the vault":         {`UPDATE entries SET loc = 0`, nil},
		"another's place in the vault":  {`UPDATE entries SET loc = (SELECT loc FROM entries WHERE idx = ?)`, []any{st.there}},
		"nonsense for a place":          {`UPDATE entries SET loc = 12345678901`, nil},
		"the source is not enrolled":    {`UPDATE sources SET role = 0, enrolled = NULL WHERE source = ?`, []any{src[:]}},
		"enrolled by another entry":     {`UPDATE sources SET enrolled = 0 WHERE source = ?`, []any{src[:]}},
		"enrolled beyond the log":       {`UPDATE sources SET enrolled = 99999 WHERE source = ?`, []any{src[:]}},
		"another role":                  {`UPDATE sources SET role = 3 WHERE source = ?`, []any{src[:]}},
		"another host":                  {`UPDATE sources SET host = (SELECT host FROM sources WHERE source <> ?1 LIMIT 1) WHERE source = ?1`, []any{src[:]}},
		"recorded long ago":             {`UPDATE entries SET recorded = 0, happened = 0`, nil},
		"of another actor":              {`UPDATE entries SET who = (SELECT who FROM entries WHERE idx = ?)`, []any{st.there}},
		"its neighbours a recorder's":   {`UPDATE entries SET kind = 6 WHERE idx IN (?, ?)`, []any{st.here[0], st.here[2]}},
		"its entry is not there at all": {`DELETE FROM entries WHERE idx = ?`, []any{st.here[1]}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, sound, 0o600); err != nil {
				t.Fatal(err)
			}
			alterIndex(t, st.Store, c.query, c.args...)
			got := once(t, open, st.Store, st.here[1])
			got.Received = want.Received // may be wider: see TestReceived
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestReceived: an index that hides entries of the recorder, or invents some,
// makes the interval wider and never wrong.
func TestReceived(t *testing.T) { both(t, testReceived) }

func testReceived(t *testing.T, open opener) {
	st := fill(t)
	want := *once(t, open, st.Store, st.here[1]).Received
	for _, query := range []string{
		`UPDATE entries SET recorded = 0`,
		`UPDATE entries SET kind = 6 WHERE kind = 3`,
		`UPDATE entries SET kind = 4 WHERE kind IN (1, 6) AND idx > 0`,
	} {
		alterIndex(t, st.Store, query)
		got := once(t, open, st.Store, st.here[1]).Received
		switch {
		case got == nil:
		case got.After > want.After, got.Before != "" && got.Before < want.Before:
			t.Errorf("%s: received %+v, in truth %+v", query, got, want)
		}
	}
}

// TestWrongAnswers: entries that the index names and that do not say what was
// asked for are not shown.
func TestWrongAnswers(t *testing.T) { both(t, testWrongAnswers) }

func testWrongAnswers(t *testing.T, open opener) {
	st := fill(t)
	alterIndex(t, st.Store, `UPDATE changes SET subject = (SELECT subject FROM changes WHERE at = ?1 * 1024) WHERE at = ?2 * 1024`, st.here[0], st.there)
	alterIndex(t, st.Store, `UPDATE entries SET who = (SELECT who FROM entries WHERE idx = ?1) WHERE idx = ?2`, st.there, st.here[0])
	r := reader(t, open, st.Store)
	for name, c := range map[string]struct {
		f    history.Filter
		want []uint64
	}{
		"path":  {history.Filter{Path: here, Limit: 10}, []uint64{st.delete, st.here[2], st.here[1], st.here[0]}},
		"host":  {history.Filter{Host: "host-1", Kinds: []string{"change"}}, []uint64{st.delete, st.here[2], st.here[1], st.here[0]}},
		"actor": {history.Filter{Actor: "joe"}, []uint64{st.there}},
	} {
		if d := cmp.Diff(c.want, indexesOf(found(t, r, c.f, 10))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	want := blame(t, r, here, 3)
	if got := blame(t, r, here, 4); len(want) != 3 || !slices.Equal(got, want) {
		t.Errorf("blame beyond a change of another file: %v, before it %v", got, want)
	}
}

// blame follows the only subject of a path up to its n-th version.
func blame(t *testing.T, r *history.Reader, path string, n int) []history.Line {
	t.Helper()
	vs := versions(t, r, path)
	lines, err := r.Blame(t.Context(), vs, vs[n-1])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func versions(t *testing.T, r *history.Reader, path string) []history.Version {
	t.Helper()
	subs, err := r.Subjects(t.Context(), "", path)
	if err != nil || len(subs) != 1 {
		t.Fatalf("%d subjects: %v", len(subs), err)
	}
	vs, err := r.Versions(t.Context(), subs[0])
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestBlame(t *testing.T) { both(t, testBlame) }

func testBlame(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	want := []history.Line{{"line 1", st.here[0]}, {"line 2", st.here[1]}, {"line 3", st.here[2]}}
	for n := 1; n <= 3; n++ {
		if d := cmp.Diff(want[:n], blame(t, r, here, n)); d != "" {
			t.Errorf("at version %d: %s", n, d)
		}
	}
	if got := blame(t, r, here, 4); len(got) != 0 {
		t.Errorf("lines of what was deleted: %v", got)
	}
}

func TestTexts(t *testing.T) { both(t, testTexts) }

func testTexts(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	for n, i := range st.here {
		b, err := r.Text(t.Context(), i, 0)
		if err != nil || string(b) != lines(n+1) {
			t.Errorf("version %d reads %q, %v", n, b, err)
		}
	}
	if _, err := r.Text(t.Context(), st.delete, 0); !errors.Is(err, history.ErrNoText) {
		t.Errorf("text of a deletion: %v", err)
	}
	for _, k := range []int{-1, 1, 1 << 20} {
		if _, err := r.Text(t.Context(), st.here[0], k); err == nil || errors.Is(err, history.ErrNoText) {
			t.Errorf("text %d of one: %v", k, err)
		}
	}
	if got, err := r.Secrets(t.Context(), st.here[2], 0); err != nil || !slices.Equal(got, []string{"fingerprint-2"}) {
		t.Errorf("secrets %v, %v", got, err)
	}
}

func TestFind(t *testing.T) { both(t, testFind) }

func testFind(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	for want, id := range st.ids {
		if got, err := r.Find(t.Context(), id); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", id, got, err, want)
		}
	}
	if i, err := r.Find(t.Context(), entry.ID{1}); err == nil {
		t.Errorf("nothing was found at %d", i)
	}
	// A row that gives an entry the name of another one.
	head, rest := func(id entry.ID) (int64, []byte) {
		var n uint64
		for _, b := range id[:8] {
			n = n<<8 | uint64(b)
		}
		return int64(n), id[8:]
	}(entry.ID{1})
	alterIndex(t, st.Store, `UPDATE entries SET id = ?, rest = ? WHERE idx = ?`, head, rest, st.there)
	if i, err := reader(t, open, st.Store).Find(t.Context(), entry.ID{1}); err == nil {
		t.Errorf("a name that is no entry's was found at %d", i)
	}
}

func TestSubjectsAndWhen(t *testing.T) { both(t, testSubjectsAndWhen) }

func testSubjectsAndWhen(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	subs, err := r.Subjects(t.Context(), told, "/opt")
	if err != nil || !slices.Equal(subs, []index.Subject{{Host: told, Told: true, Path: "/opt/told.conf"}}) {
		t.Errorf("%v, %v", subs, err)
	}
	v := entryOf(t, r, st.here[0])
	when, err := r.When(t.Context(), versions(t, r, here)[0])
	if err != nil || body.FormatTime(when) != v.Time {
		t.Errorf("happened at %v, %v; shown as %s", when, err, v.Time)
	}
	if _, err := r.When(t.Context(), history.Version{Index: 9999}); err == nil {
		t.Error("an entry that is not there happened")
	}
}

func TestIDBeginsWithASlash(t *testing.T) { both(t, testIDBeginsWithASlash) }

// One id in sixty-four begins like a path.
func testIDBeginsWithASlash(t *testing.T, open opener) {
	st := fill(t)
	srv := st.Open(t)
	c := steletest.Enrol(t, srv, entry.Watcher, 4)
	var batch []wire.Submission
	var id string
	for n := 0; !strings.HasPrefix(id, "/"); n++ {
		sub, e, err := c.Sign(steletest.Change(fmt.Sprintf("/etc/%d.conf", n), "a\n", nil))
		if err != nil {
			t.Fatal(err)
		}
		batch, id = append(batch, *sub), e.ID().String()
	}
	at := steletest.Submit(t, srv, batch)
	last := at[len(at)-1]
	steletest.Stop(t, srv)

	r := reader(t, open, st.Store)
	for _, ref := range []string{id, id + "/0"} {
		if v, err := r.Version(t.Context(), ref, "", time.Time{}); err != nil || v != (history.Version{Index: last}) {
			t.Errorf("%s is %v, %v", ref, v, err)
		}
		pairs, err := r.Pairs(t.Context(), ref, "", time.Time{}, time.Time{})
		if err != nil || len(pairs) != 1 || *pairs[0].After != (history.Version{Index: last}) {
			t.Errorf("%s compares %v, %v", ref, pairs, err)
		}
	}
}

func TestGoneAndUnread(t *testing.T) { both(t, testGoneAndUnread) }

// A path that was renamed away has no text any more, whatever the file says under
// its new name; and a text that was not read takes no line from whoever wrote it.
func testGoneAndUnread(t *testing.T, open opener) {
	const before, after = "/etc/agent/before.conf", "/etc/agent/after.conf"
	st := fill(t)
	srv := st.Open(t)
	c := steletest.Enrol(t, srv, entry.Watcher, 4)
	written := steletest.Change(before, lines(2), nil)
	unread := steletest.Change(before, "", nil)
	unread.Changes[0].Text, unread.Changes[0].What.Marks = nil, []string{body.MarkUnread}
	longer := steletest.Change(before, lines(3), nil)
	moved := steletest.Change(after, lines(3), nil)
	moved.Changes[0].What.Action, moved.Changes[0].What.From = body.Rename, before
	at := steletest.Submit(t, srv, steletest.Sign(t, c, written, unread, longer, moved))
	steletest.Stop(t, srv)

	r := reader(t, open, st.Store)
	want := []history.Line{{"line 1", at[0]}, {"line 2", at[0]}, {"line 3", at[2]}}
	if d := cmp.Diff(want, blame(t, r, before, 3)); d != "" {
		t.Error(d)
	}
	if got := blame(t, r, before, 4); len(got) != 0 {
		t.Errorf("lines of what was renamed: %v", got)
	}
	for n, want := range []string{"", body.MarkUnread, ""} {
		pairs, err := r.Pairs(t.Context(), fmt.Sprint(at[n]), "", time.Time{}, time.Time{})
		if err != nil || len(pairs) != 1 {
			t.Fatalf("%v, %v", pairs, err)
		}
		if got, err := r.Unknown(t.Context(), pairs[0].After); err != nil || got != want {
			t.Errorf("version %d is not known: %q, %v", n, got, err)
		}
	}
	if got, err := r.Unknown(t.Context(), &history.Version{Index: st.delete}); err != nil || got != "" {
		t.Errorf("what was deleted is not known: %q, %v", got, err)
	}
	v, err := r.Version(t.Context(), before, "", time.Time{})
	if err != nil || v.Index != at[3] {
		t.Fatalf("%v, %v", v, err)
	}
	if b, err := r.TextOf(t.Context(), v); !errors.Is(err, history.ErrNoText) {
		t.Errorf("what was renamed reads %q, %v", b, err)
	}
	if rec, err := r.Recorded(t.Context(), before, ""); err != nil || !rec.Gone {
		t.Errorf("what was renamed is recorded as %+v, %v", rec, err)
	}
	if v, err = r.Version(t.Context(), after, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if b, err := r.TextOf(t.Context(), v); err != nil || string(b) != lines(3) {
		t.Errorf("under its new name it reads %q, %v", b, err)
	}
}

func TestDiffOverTime(t *testing.T) { both(t, testDiffOverTime) }

// Between two times at which a file stood the same there is no difference.
func testDiffOverTime(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	when := func(i uint64) time.Time {
		at, err := r.When(t.Context(), history.Version{Index: i})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	second, third := when(st.here[1]), when(st.here[2])
	for name, c := range map[string]struct {
		since, until time.Time
		want         [2]string
	}{
		"nothing happened": {second, third.Add(-1), [2]string{lines(2), lines(2)}},
		"one change":       {second, third, [2]string{lines(2), lines(3)}},
		"before the first": {second.Add(-time.Hour), third, [2]string{"", lines(3)}},
		"the latest":       {time.Time{}, third, [2]string{lines(2), lines(3)}},
	} {
		pairs, err := r.Pairs(t.Context(), here, "host-1", c.since, c.until)
		if err != nil || len(pairs) != 1 {
			t.Fatalf("%s: %v, %v", name, pairs, err)
		}
		before, after, err := r.Texts(t.Context(), pairs[0])
		if got := [2]string{before, after}; err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
