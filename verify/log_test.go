package verify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// config examines a made log as an honest operator would publish it.
func (m *maker) config(opened bool) verify.Config {
	v := m.vector("", "")
	if opened {
		v = m.opened("", "")
	}
	return v.config(logKey(), m.checkpoint())
}

func (m *maker) checkpoint() verify.Checkpoint {
	m.t.Helper()
	cp, err := verify.OpenCheckpoint(logKey(), []byte(checkpointOf(m.leaves)))
	if err != nil {
		m.t.Fatalf("checkpoint: %v", err)
	}
	return cp
}

// TestTable holds the implementation's table of checks against the page's.
func TestTable(t *testing.T) {
	got := make(map[verify.Code]verify.Party)
	for code, party := range verify.Checks {
		got[code] = party
	}
	if d := cmp.Diff(accused, got); d != "" {
		t.Fatal(d)
	}
}

// TestEveryCheckIsNeeded shows for each code a log that fails for want of it,
// and a twin that does not.
func TestEveryCheckIsNeeded(t *testing.T) {
	vectors := readVectors[logVector](t, "logs.json")
	for code, party := range verify.Checks {
		t.Run(string(code), func(t *testing.T) {
			var guilty, benign int
			for _, v := range vectors {
				about := strings.HasPrefix(v.Name, string(code)+"/")
				expected := slices.ContainsFunc(v.Findings, func(f findingVector) bool { return f.Code == code })
				switch {
				case about && expected:
					guilty++
					checkNeeded(t, v, code, party)
				case about && strings.Contains(v.Name, "benign"):
					benign++
				}
			}
			if guilty == 0 || benign == 0 {
				t.Fatalf("%d logs in which it is found, %d benign ones: want at least one of each", guilty, benign)
			}
		})
	}
}

// checkNeeded asserts that a vector fails once the findings of a code are taken
// from what it expects: the verdict has them.
func checkNeeded(t *testing.T, v logVector, code verify.Code, party verify.Party) {
	t.Helper()
	is := func(f findingVector) bool { return f.Code == code }
	for _, f := range v.Findings {
		if is(f) && f.Accused != party {
			t.Errorf("%s accuses the %s, want the %s", v.Name, f.Accused, party)
		}
	}
	without := slices.DeleteFunc(slices.Clone(v.Findings), is)
	if cmp.Diff(without, runLog(t, v, 3).Findings) == "" {
		t.Errorf("%s passes without the check", v.Name)
	}
}

// TestJudgeAgreesWithVectors keeps the slow verifier honest.
func TestJudgeAgreesWithVectors(t *testing.T) {
	for _, v := range readVectors[logVector](t, "logs.json") {
		if strings.HasPrefix(v.Name, "bad-checkpoint/") && len(v.Findings) > 0 {
			continue
		}
		if d := cmp.Diff(v.verdictVector, judgeLog(v)); d != "" {
			t.Errorf("%s\n%s", v.Name, d)
		}
	}
}

// TestGenerousVault gives every disclosure there is for every entry: those of
// other entries must change nothing.
func TestGenerousVault(t *testing.T) {
	for _, v := range readVectors[logVector](t, "logs.json") {
		cp, err := verify.OpenCheckpoint(logKey(), []byte(v.Checkpoint))
		if err != nil || v.Disclosures == nil {
			continue
		}
		cfg := v.config(logKey(), cp)
		cfg.Open = func(uint64, *entry.Entry) ([]seal.Disclosure, error) { return v.Disclosures, nil }
		if d := cmp.Diff(v.verdictVector, said(examine(t, v.Entries, cfg, 5), whole(v))); d != "" {
			t.Errorf("%s\n%s", v.Name, d)
		}
	}
}

// TestRandomHistories feeds random logs in one piece, leaf by leaf and in random
// chunks, and to the slow verifier: all must agree.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := makeHistory(r)
		v := m.someVector(r)
		cfg := v.config(logKey(), m.checkpoint())
		whole := examine(r, m.leaves, cfg, len(m.leaves))
		for _, piece := range []int{1, rapid.IntRange(2, 9).Draw(r, "piece")} {
			if d := cmp.Diff(whole, examine(r, m.leaves, cfg, piece)); d != "" {
				r.Fatalf("in pieces of %d:\n%s", piece, d)
			}
		}
		if d := cmp.Diff(whole, inChunks(r, m.leaves, cfg)); d != "" {
			r.Fatalf("in random chunks:\n%s", d)
		}
		if d := cmp.Diff(judgeLog(v), said(whole, true)); d != "" {
			r.Fatalf("the slow verifier finds (-) and the fast one (+):\n%s", d)
		}
	})
}

// someVector is the log as it stands, to somebody who may have disclosures, may
// have believed another log before and may have checkpoints of others at hand.
func (m *maker) someVector(r *rapid.T) logVector {
	v := m.vector("", "")
	if rapid.Bool().Draw(r, "with disclosures") {
		v = m.opened("", "")
	}
	other := func(label string) [][]byte {
		leaves := slices.Clone(m.leaves[:rapid.IntRange(0, len(m.leaves)).Draw(r, label)])
		if len(leaves) > 0 && rapid.Bool().Draw(r, label+" is of another log") {
			leaves[len(leaves)-1] = m.leaves[0]
		}
		return leaves
	}
	if rapid.Bool().Draw(r, "with a belief") {
		v = v.believing(other("believed"))
	}
	for range rapid.IntRange(0, 2).Draw(r, "at hand") {
		v = v.with(other("checkpoint"))
	}
	return v
}

func inChunks(r *rapid.T, leaves [][]byte, cfg verify.Config) verify.Verdict {
	l := verify.NewLog(cfg)
	for len(leaves) > 0 {
		n := rapid.IntRange(0, len(leaves)).Draw(r, "chunk")
		if err := l.Add(leaves[:n]...); err != nil {
			r.Fatalf("add: %v", err)
		}
		leaves = leaves[n:]
	}
	v, err := l.Finish()
	if err != nil {
		r.Fatalf("finish: %v", err)
	}
	return v
}

func codes(v verify.Verdict) []findingVector {
	list := []findingVector{}
	for _, f := range v.Findings {
		list = append(list, findingVector{f.Code, f.Accused, f.Index})
	}
	return list
}

func TestVerdict(t *testing.T) {
	m := newMaker(t, 1)
	w := m.enrol("watcher", entry.Watcher, "web-1")
	p := m.enrol("person", entry.Person, "")
	i := m.change(w, seen("/etc/a"), seen("/etc/b"))
	m.put(m.leaves[i])
	m.put([]byte("stele/entry/v2\n"))
	m.erase(p, entry.Void{ID: m.id(i), Line: entry.LineWhy}, entry.Void{ID: m.id(i), Line: entry.LineText(1)})
	m.forgetLine(i, entry.LineWhy)
	m.forgetLine(i, entry.LineText(1))
	got := examine(t, m.leaves, m.config(true), 3)
	want := verify.Verdict{
		Size: 7, Changes: 4, Disclosed: 3*3 + 2*5 + 3, Erased: 2, Duplicates: 1, NotUnderstood: 1, Sources: 3, Signatures: true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestBad(t *testing.T) {
	for _, v := range readVectors[logVector](t, "logs.json") {
		verdict := verify.Verdict{}
		want := false
		for _, f := range v.Findings {
			verdict.Findings = append(verdict.Findings, verify.Finding{Code: f.Code, Accused: f.Accused, Index: f.Index})
			want = want || f.Accused == "log" || f.Accused == "vault"
		}
		if got := verdict.Bad(); got != want {
			t.Errorf("%s: bad is %v", v.Name, got)
		}
	}
}

func TestSkipSignatures(t *testing.T) {
	m, _ := small(t)
	raw := string(m.leaves[2])
	m.leaves[2] = []byte(noteWith(textOf(raw), m.entry(2).Source.String(), public(keyFor("watcher")), make([]byte, 64)))
	cfg := m.config(true)
	if d := cmp.Diff([]findingVector{find("bad-signature", 2)}, codes(examine(t, m.leaves, cfg, 3))); d != "" {
		t.Fatal(d)
	}
	cfg.SkipSignatures = true
	got := examine(t, m.leaves, cfg, 3)
	if len(got.Findings) != 0 || got.Signatures {
		t.Fatalf("findings %v, signatures %v: want none, and the verdict to say that none was checked", got.Findings, got.Signatures)
	}
}

// TestLargeBody is about the limit of a body, too large for the test vectors.
func TestLargeBody(t *testing.T) {
	wrap := func(n int) string { return `{"user":"` + strings.Repeat("a", n-len(`{"user":""}`)) + `"}` }
	for size, want := range map[int][]findingVector{
		seal.MaxBody:     {},
		seal.MaxBody + 1: {find("seal-mismatch", 3)},
	} {
		m, w := small(t)
		m.add(w, gapEntry, contents{who: wrap(size)})
		if d := cmp.Diff(want, codes(examine(t, m.leaves, m.config(true), 4))); d != "" {
			t.Errorf("body of %d bytes\n%s", size, d)
		}
	}
}

// TestNotExamined shows that what could not be looked at is never a finding.
func TestNotExamined(t *testing.T) {
	errDisk := errors.New("disk on fire")
	for name, spoil := range map[string]func(*verify.Config){
		"root": func(c *verify.Config) { c.RootAt = func(uint64) (entry.Hash, error) { return entry.Hash{}, errDisk } },
		"open": func(c *verify.Config) {
			c.Open = func(uint64, *entry.Entry) ([]seal.Disclosure, error) { return nil, errDisk }
		},
		"leaf": func(c *verify.Config) { c.Leaf = func(uint64) ([]byte, error) { return nil, errDisk } },
	} {
		t.Run(name, func(t *testing.T) {
			m, w := small(t)
			p := m.enrol("person", entry.Person, "")
			m.see(w)
			m.gap(w)
			m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWho})
			cfg := m.config(true)
			spoil(&cfg)
			err := addAll(cfg, m.leaves)
			if f := (*verify.Finding)(nil); !errors.Is(err, errDisk) || errors.As(err, &f) {
				t.Fatalf("error is %v, want %v and no finding", err, errDisk)
			}
		})
	}
}

func addAll(cfg verify.Config, leaves [][]byte) error {
	l := verify.NewLog(cfg)
	if err := l.Add(leaves...); err != nil {
		return err
	}
	_, err := l.Finish()
	return err
}

// TestReceipt proves every leaf of a log in every tree that has it, and nothing
// else.
func TestReceipt(t *testing.T) {
	m, w := small(t)
	for range 6 {
		m.gap(w)
	}
	for size := 1; size <= len(m.leaves); size++ {
		part := &maker{t: t, leaves: m.leaves[:size]}
		cp := part.checkpoint()
		for i := range size {
			proof := must(tlog.ProveRecord(int64(size), int64(i), hashes(m.leaves)))
			if err := verify.Included(cp, uint64(i), m.leaves[i], proof); err != nil {
				t.Errorf("leaf %d of %d: %v", i, size, err)
			}
			other := m.leaves[(i+1)%len(m.leaves)]
			wantFinding(t, verify.Included(cp, uint64(i), other, proof), verify.TreeMismatch)
			wantFinding(t, verify.Included(cp, uint64(i+size), m.leaves[i], proof), verify.TreeMismatch)
		}
	}
}

func wantFinding(t *testing.T, err error, code verify.Code) {
	t.Helper()
	var f *verify.Finding
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want a %s", err, code)
	}
}

// TestConsistent holds every tree of a log against every earlier one.
func TestConsistent(t *testing.T) {
	m, w := small(t)
	for range 4 {
		m.gap(w)
	}
	other := &maker{t: t, leaves: slices.Clone(m.leaves)}
	other.leaves[0] = other.leaves[1]
	cut := func(m *maker, n int) verify.Checkpoint { return (&maker{t: t, leaves: m.leaves[:n]}).checkpoint() }
	for newer := 1; newer <= len(m.leaves); newer++ {
		for older := 1; older <= newer; older++ {
			proof := must(tlog.ProveTree(int64(newer), int64(older), hashes(m.leaves)))
			if err := verify.Consistent(cut(m, older), cut(m, newer), proof); err != nil {
				t.Errorf("from %d to %d: %v", older, newer, err)
			}
			wantFinding(t, verify.Consistent(cut(other, older), cut(m, newer), proof), verify.Fork)
			wantFinding(t, verify.Consistent(cut(m, newer), cut(m, older-1), nil), verify.Shrunk)
		}
	}
}
