package intake_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/intake"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

func signOne(t *testing.T, c *record.Chain, path string) wire.Submission {
	t.Helper()
	return steletest.Sign(t, c, steletest.Change(path, "text of "+path+"\n", nil))[0]
}

// TestRefuses hands in everything that verify would call bad. Each is refused by
// name, nothing of it reaches the log, and what is sound beside it is accepted.
func TestRefuses(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	stranger := record.NewChain(steletest.Key(t, entry.Watcher, 2), record.Head{Prev: entry.Hash{1}})
	monitorChain := steletest.Enrol(t, srv, entry.Monitor, 3)

	for name, c := range map[string]struct {
		want verify.Code // empty: a syntax error
		make func(*wire.Submission)
		from *record.Chain
	}{
		"not an entry":         {"", func(s *wire.Submission) { s.Note = []byte("hello\n") }, chain},
		"a second signature":   {"", func(s *wire.Submission) { s.Note = append(s.Note, s.Note[bytes.LastIndex(s.Note, []byte("— ")):]...) }, chain},
		"signature altered":    {verify.BadSignature, func(s *wire.Submission) { s.Note = respell(s.Note) }, chain},
		"a stranger":           {verify.UnknownKey, func(*wire.Submission) {}, stranger},
		"a role that may not":  {verify.WrongRole, func(*wire.Submission) {}, monitorChain},
		"who does not open":    {verify.SealMismatch, func(s *wire.Submission) { s.Who = []byte(`{}`) }, chain},
		"another seed":         {verify.SealMismatch, func(s *wire.Submission) { s.Seed[0] ^= 1 }, chain},
		"a what is missing":    {verify.MissingDisclosure, func(s *wire.Submission) { s.What = nil }, chain},
		"the text is missing":  {verify.MissingDisclosure, func(s *wire.Submission) { s.Texts = nil }, chain},
		"the text is another":  {verify.SealMismatch, func(s *wire.Submission) { s.Texts[0].Body = []byte("x") }, chain},
		"a text nobody sealed": {verify.SealMismatch, func(s *wire.Submission) { s.Texts = append(s.Texts, wire.Text{K: 0, Body: []byte("x")}) }, chain},
	} {
		bad := signOne(t, c.from, "/etc/"+name)
		c.make(&bad)
		good := signOne(t, steletest.Enrol(t, srv, entry.Watcher, 1), "/etc/good-"+name)
		answers, err := srv.Submit(t.Context(), []wire.Submission{bad, good})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkRefusal(t, name, answers[0].Refused, c.want)
		if answers[1].Refused != nil {
			t.Errorf("%s: the sound entry beside it was refused: %v", name, answers[1].Refused)
		}
	}
}

// TestLongBody: a body that is too long for the vault, however well it is sealed
// and signed, is refused by name. It does not come as far as the vault, whose
// refusal would end the intake for every source.
func TestLongBody(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	long := resealed(t, signOne(t, steletest.Enrol(t, srv, entry.Watcher, 1), "/etc/long"), steletest.Key(t, entry.Watcher, 1),
		[]byte(`"`+strings.Repeat("x", seal.MaxBody+9)+`"`))
	good := signOne(t, steletest.Enrol(t, srv, entry.Watcher, 2), "/etc/good")
	answers, err := srv.Submit(t.Context(), []wire.Submission{long, good})
	if err != nil {
		t.Fatalf("a long body is no reason to stop: %v", err)
	}
	checkRefusal(t, "a long body", answers[0].Refused, verify.SealMismatch)
	if answers[1].Refused != nil {
		t.Errorf("the sound entry beside it was refused: %v", answers[1].Refused)
	}
}

// resealed is a submission with another who, sealed and signed by its source.
func resealed(t *testing.T, s wire.Submission, key entry.SecretKey, who []byte) wire.Submission {
	t.Helper()
	e, err := entry.Parse(s.Note)
	if err != nil {
		t.Fatal(err)
	}
	e.Who = seal.Seal(e.Source, e.Seq, entry.LineWho, s.Seed.Salt(entry.LineWho), who)
	s.Who = who
	if s.Note, err = e.Sign(key); err != nil {
		t.Fatal(err)
	}
	return s
}

func checkRefusal(t *testing.T, name string, refused error, want verify.Code) {
	t.Helper()
	var f *verify.Finding
	var syntax *entry.SyntaxError
	switch {
	case want == "" && !errors.As(refused, &syntax):
		t.Errorf("%s: refused with %v, want a syntax error", name, refused)
	case want != "" && (!errors.As(refused, &f) || f.Code != want):
		t.Errorf("%s: refused with %v, want %s", name, refused, want)
	}
}

// respell flips a bit of the signature and keeps it well-formed base64.
func respell(note []byte) []byte {
	b := bytes.Clone(note)
	at := len(b) - 20
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return b
}

// TestAgain: the same entry again is answered with the index it has, also from
// another request at the same time and after a restart; nothing stands twice.
func TestAgain(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	sub := signOne(t, steletest.Enrol(t, srv, entry.Watcher, 1), "/etc/a")
	answers, err := srv.Submit(t.Context(), []wire.Submission{sub, sub})
	if err != nil || answers[0].Duplicate || !answers[1].Duplicate || answers[0].Index != answers[1].Index {
		t.Fatalf("%+v, %v", answers, err)
	}
	steletest.Stop(t, srv)
	srv = st.Open(t)
	again, err := srv.Submit(t.Context(), []wire.Submission{sub})
	if err != nil || !again[0].Duplicate || again[0].Index != answers[0].Index {
		t.Fatalf("after a restart: %+v, %v", again, err)
	}
	steletest.Stop(t, srv)
	if rep := examined(t, st); rep.Duplicates != 0 || rep.Bad() {
		t.Fatalf("%+v", rep)
	}
}

// TestFork: another entry with a number that is used is recorded, accuses its
// source and nobody else.
func TestFork(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	copied := record.NewChain(steletest.Key(t, entry.Watcher, 1), chain.Head())
	at := steletest.Submit(t, srv, []wire.Submission{signOne(t, chain, "/etc/a"), signOne(t, copied, "/etc/b")})
	steletest.Stop(t, srv)
	rep := examined(t, st)
	if rep.Bad() || len(rep.Findings) != 1 || rep.Findings[0].Code != verify.ForkedSource || rep.Findings[0].Index != at[1] {
		t.Fatalf("%+v %+v", rep.Findings, rep.Problems)
	}
}

// TestForksStandOnce sends forks of one number again and again while others of
// them are on their way into the index: each stands in the log once.
func TestForksStandOnce(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	var subs []wire.Submission
	for range 40 {
		fork := record.NewChain(steletest.Key(t, entry.Watcher, 1), chain.Head())
		subs = append(subs, signOne(t, fork, "/etc/a"))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range subs {
				if _, err := srv.Submit(t.Context(), subs[i:i+1]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	steletest.Stop(t, srv)
	if rep := examined(t, st); rep.Duplicates != 0 || rep.Changes != uint64(len(subs)) {
		t.Errorf("%d changes and %d duplicates, of %d forks", rep.Changes, rep.Duplicates, len(subs))
	}
}

func examined(t *testing.T, st steletest.Store) *examine.Report {
	t.Helper()
	rep, err := examine.Run(t.Context(), examine.Config{Layout: st.Layout, Trust: st.Trust})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestErase destroys one text in the middle of a history, as an erasure by a
// person: every proof still holds, verify says erased and not missing, and the
// other texts are as they were (P4).
func TestErase(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	person := steletest.Enrol(t, srv, entry.Person, 2)
	var before *body.Ref
	var ids []entry.ID
	for _, text := range []string{"first\n", "the secret of jane\n", "third\n"} {
		sub, e, err := chain.Sign(steletest.Change("/etc/a", text, before))
		if err != nil {
			t.Fatal(err)
		}
		steletest.Submit(t, srv, []wire.Submission{*sub})
		ids, before = append(ids, e.ID()), &body.Ref{Entry: e.ID().String()}
	}
	steletest.Submit(t, srv, steletest.Sign(t, person, record.Draft{
		Kind: entry.Erase, Open: entry.Open{Voids: []entry.Void{{ID: ids[1], Line: entry.LineText(0)}}},
	}))
	steletest.Stop(t, srv)
	if rep := examined(t, st); !has(rep, verify.Unerased) {
		t.Fatalf("a voided text still opens and nobody says so: %+v", rep.Findings)
	}
	eraseFromVault(t, st.Layout, ids[1], entry.LineText(0))
	rep := examined(t, st)
	if rep.Verdict.Bad() || rep.Erased != 1 {
		t.Fatalf("after erasing: %d erased, %+v", rep.Erased, rep.Findings)
	}
}

func has(rep *examine.Report, code verify.Code) bool {
	for _, f := range rep.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

func eraseFromVault(t *testing.T, l layout.Store, id entry.ID, line entry.Line) {
	t.Helper()
	v, err := vault.Open(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var voids []vault.Void
	if err := v.Scan(func(loc vault.Loc, rec *vault.Record) error {
		if rec.ID == id {
			voids = append(voids, vault.Void{Loc: loc, Line: line})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := v.Erase(voids); err != nil {
		t.Fatal(err)
	}
}

// brokenVault fails from a moment on.
type brokenVault struct{ intake.Vault }

func (brokenVault) Put([]vault.Disclosures) ([]vault.Placed, error) {
	return nil, errors.New("no space left on device")
}

// TestStops: after a failure whose outcome is unknown nothing is accepted any
// more, every sender is told why, and stopping does not hang.
func TestStops(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	sub := signOne(t, chain, "/etc/a")
	sources := verify.NewSources(srv.LogKey())
	steletest.Stop(t, srv)
	in := intake.New(intake.Config{
		Vault: brokenVault{}, Sources: enrolled(t, st, sources), Next: 2, Heads: map[entry.Source]uint64{}, Index: noIndex{},
	})
	for range 3 {
		if _, err := in.Submit(context.Background(), []wire.Submission{sub}); !errors.Is(err, intake.ErrStopped) {
			t.Fatalf("submit says %v", err)
		}
	}
	if err := in.Stop(); err == nil || !errors.Is(in.Err(), err) {
		t.Fatalf("stop says %v", err)
	}
}

// enrolled takes in the enrolments at the beginning of a log.
func enrolled(t *testing.T, st steletest.Store, sources *verify.Sources) *verify.Sources {
	t.Helper()
	key, err := st.Layout.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tlog.OpenDir(st.Layout.Log())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := dir.Checkpoint(key)
	if err != nil {
		t.Fatal(err)
	}
	tree := tlog.NewTree(dir, cp)
	for i := range uint64(2) {
		raw, err := tree.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		e, err := entry.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := sources.Admit(i, e, e.Verify); err != nil {
			t.Fatal(err)
		}
	}
	return sources
}

// noIndex knows nothing.
type noIndex struct{}

func (noIndex) Add(context.Context, []index.Record) error { return nil }

func (noIndex) First(context.Context, entry.Source, uint64) (r index.Ref, found bool, err error) {
	return r, false, nil
}

func (noIndex) Among(context.Context, entry.Source, uint64, entry.ID) (at uint64, found bool, err error) {
	return 0, false, nil
}

func (noIndex) LatestText(context.Context, index.Subject) (uint64, error) { return 0, nil }
