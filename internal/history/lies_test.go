package history_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// lying has every answer of a server altered before it is read.
func lying(f believed.Remote, alter func([]wire.Piece) []wire.Piece) believed.Remote {
	read := f.Read
	f.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
		answer, err := read(ctx, q)
		if err != nil {
			return nil, err
		}
		defer answer.Close()
		var all []wire.Piece
		for {
			p, _, err := answer.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		var b bytes.Buffer
		for _, p := range alter(all) {
			if err := wire.WritePiece(&b, &p); err != nil {
				return nil, err
			}
		}
		err = wire.WriteEnd(&b)
		return wire.NewEvidence(&b, func() error { return nil }), err
	}
	return f
}

// each alters every piece by itself.
func each(alter func(*wire.Piece)) func([]wire.Piece) []wire.Piece {
	return func(all []wire.Piece) []wire.Piece {
		for i := range all {
			alter(&all[i])
		}
		return all
	}
}

// TestLyingServer: whatever a server answers, what is shown as verified is so.
func TestLyingServer(t *testing.T) {
	st := fill(t)
	at := st.here[1]
	other := leaf(t, reader(t, onDisk, st.Store), st.Store, st.there)
	for name, c := range map[string]struct {
		alter func([]wire.Piece) []wire.Piece
		code  verify.Code // of the error, or of the only kind of finding in what is shown
		shown bool
	}{
		"the truth": {each(func(*wire.Piece) {}), "", true},
		"another entry in its place": {each(func(p *wire.Piece) {
			if p.Entry != nil && p.Entry.Index == at {
				p.Entry.Note = other
			}
		}), verify.TreeMismatch, true},
		"an entry with a bit flipped": {each(func(p *wire.Piece) {
			if p.Entry != nil && p.Entry.Index == at {
				p.Entry.Note[len(p.Entry.Note)/2] ^= 1
			}
		}), verify.TreeMismatch, true},
		"a proof with a bit flipped": {each(func(p *wire.Piece) {
			if p.Entry != nil && p.Entry.Index == at {
				p.Entry.Proof[0][0] ^= 1
			}
		}), verify.TreeMismatch, true},
		"no entry": {each(func(p *wire.Piece) {
			if p.Entry != nil && p.Entry.Index == at {
				p.Entry.Note, p.Entry.Proof = nil, nil
			}
		}), verify.TreeMismatch, true},
		"another actor": {each(func(p *wire.Piece) {
			if p.Disclosure != nil && p.Disclosure.Index == at && p.Disclosure.Line == entry.LineWho {
				p.Disclosure.Body = bytes.Replace(p.Disclosure.Body, []byte("jane"), []byte("carl"), 1)
			}
		}), verify.SealMismatch, true},
		"openings withheld": {each(func(p *wire.Piece) {
			if p.Disclosure != nil && p.Disclosure.Index == at {
				*p.Disclosure = wire.Disclosure{Index: at, Line: p.Disclosure.Line, State: wire.Missing}
			}
		}), verify.MissingDisclosure, true},
		"a checkpoint of another signature": {each(func(p *wire.Piece) {
			if p.Ground != nil {
				p.Ground.Checkpoint[len(p.Ground.Checkpoint)-5] ^= 1
			}
		}), verify.BadCheckpoint, false},
		"no checkpoint":  {func(all []wire.Piece) []wire.Piece { return all[1:] }, "", false},
		"nothing at all": {func([]wire.Piece) []wire.Piece { return nil }, "", false},
		"a part left out for good": {func(all []wire.Piece) (kept []wire.Piece) {
			for _, p := range all {
				if p.Disclosure == nil {
					kept = append(kept, p)
				}
			}
			return kept
		}, "", false},
		"something else for ever": {func(all []wire.Piece) []wire.Piece {
			ground := slices.DeleteFunc(all, func(p wire.Piece) bool { return p.Ground == nil })
			return slices.Concat(ground, slices.Repeat([]wire.Piece{{Told: &wire.Told{Lookup: wire.Lookup{Source: strings.Repeat("x", 64<<10)}}}}, 200))
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := lying(remote(t, st.Store), c.alter)
			r, err := history.OpenRemote(t.Context(), f, wire.Question{Ask: wire.AskShow, Name: []byte(st.ids[at].String())}, nil)
			var v *history.View
			if err == nil {
				defer r.Close()
				v, err = r.Entry(t.Context(), at)
			}
			switch {
			case !c.shown && err == nil:
				t.Fatalf("shown: %+v", v)
			case !c.shown:
				if c.code != "" && !isFinding(err, c.code) {
					t.Errorf("%v, want %s", err, c.code)
				}
			case err != nil:
				t.Fatal(err)
			case c.code == "":
				if v.Proof.State != history.Verified || v.Actor.User != "jane" {
					t.Errorf("%s, %+v", v.Proof.State, v.Findings)
				}
			case v.Proof.State != history.Bad || len(v.Findings) == 0 || v.Findings[0].Code != string(c.code):
				t.Errorf("state %s, findings %v; want %s", v.Proof.State, v.Findings, c.code)
			}
		})
	}
}

// TestCutAnswer: an answer that breaks off is no answer, wherever it does.
func TestCutAnswer(t *testing.T) {
	st := fill(t)
	f := remote(t, st.Store)
	read := f.Read
	for _, keep := range []int{0, 1, 100, 3000} {
		f.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
			answer, err := read(ctx, q)
			if err != nil {
				return nil, err
			}
			defer answer.Close()
			var b bytes.Buffer
			for {
				p, _, err := answer.Next()
				if err != nil {
					break
				}
				if err := wire.WritePiece(&b, &p); err != nil {
					return nil, err
				}
			}
			return wire.NewEvidence(bytes.NewReader(b.Bytes()[:min(keep, b.Len()-1)]), func() error { return nil }), nil
		}
		r, err := history.OpenRemote(t.Context(), f, wire.Question{Ask: wire.AskShow, Name: []byte(st.ids[st.here[1]].String())}, nil)
		if err == nil {
			_, err = r.Entry(t.Context(), st.here[1])
			err = errors.Join(err, r.Close())
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("of the first %d bytes: %v", keep, err)
		}
	}
}

// TestForkedServer: two logs under one key. Whoever read from the one is told of
// the other, and goes on believing in the first (P6).
func TestForkedServer(t *testing.T) {
	st := fill(t)
	f := remote(t, st.Store)
	r, err := history.OpenRemote(t.Context(), f, wire.Question{Ask: wire.AskGround}, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := r.Checkpoint().Size
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(*wire.Piece){
		"no proof":      func(p *wire.Piece) { p.Ground.Consistency = nil },
		"a wrong proof": func(p *wire.Piece) { p.Ground.Consistency[0][3] ^= 1 },
	} {
		forge(t, st.Store, signed(t, entry.Watcher, 1)) // the log has grown, so that there is something to prove
		lie := lying(f, each(func(p *wire.Piece) {
			if p.Ground != nil {
				alter(p)
			}
		}))
		if _, err := history.OpenRemote(t.Context(), lie, wire.Question{Ask: wire.AskGround}, nil); !isFinding(err, verify.Fork) {
			t.Errorf("%s: %v", name, err)
		}
		belief, _, err := f.Trust.Read()
		if err != nil {
			t.Fatal(err)
		}
		if cp, err := belief.Open(); err != nil || cp.Size != size {
			t.Errorf("%s: a log of %d entries is believed now, %v", name, cp.Size, err)
		}
	}
}

// TestShortAnswers: a server may end an answer when it has said enough. What is left
// is asked for, and nothing is lost.
func TestShortAnswers(t *testing.T) {
	st := fill(t)
	want := found(t, reader(t, onDisk, st.Store), history.Filter{}, 100)
	asked := 0
	f := lying(remote(t, st.Store), func(all []wire.Piece) []wire.Piece {
		asked++
		return all[:min(len(all), 30)]
	})
	r, err := history.OpenRemote(t.Context(), f, history.Filter{}.Question(100), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if d := cmp.Diff(want, found(t, r, history.Filter{}, 100)); d != "" || asked < 3 {
		t.Errorf("after %d questions: %s", asked, d)
	}
}

// TestManyPages: a log longer than one answer comes whole, a page at a time, with
// one question for many entries.
func TestManyPages(t *testing.T) {
	st := fill(t)
	f := remote(t, st.Store)
	asked := 0
	read := f.Read
	f.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
		asked++
		return read(ctx, q)
	}
	filter := history.Filter{Kinds: []string{"change"}}
	r, err := history.OpenRemote(t.Context(), f, wire.Question{Ask: wire.AskGround}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := len(found(t, r, filter, 100)); n != 6 || asked != 2 {
		t.Errorf("%d entries, by %d questions", n, asked)
	}
}
