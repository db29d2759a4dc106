package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// FuzzQuestion: whatever is asked, the answer begins with a checkpoint where one is
// wanted, says nothing but pieces, and ends.
func FuzzQuestion(f *testing.F) {
	one, two := uint64(1), uint64(2)
	for _, q := range []wire.Question{
		{Ask: wire.AskGround, Believed: 3},
		{Ask: wire.AskGround, Believed: 1 << 60},
		history.Filter{Host: "*", Path: "/etc", Actor: "J*", Since: time.Unix(0, 0), Limit: 3}.Question(2),
		{Ask: wire.AskLog, Filter: &wire.Filter{From: 9, To: 2, Limit: -1, Kinds: []string{"", "change", "nonsense"}}},
		{Ask: wire.AskShow, Name: []byte("5")},
		{Ask: wire.AskCat, Name: []byte(here), Host: []byte("host-1"), Until: time.Now()},
		{Ask: wire.AskDiff, Name: []byte("5/0")},
		{Ask: wire.AskBlame, Name: []byte(here)},
		{Ask: wire.AskVerify, Name: []byte(there)},
		{Ask: wire.AskStatus, Under: 4},
		{Ask: wire.AskDisclosures, From: 3, To: 1 << 63},
		{Ask: wire.AskPieces, Under: 9, Wants: []wire.Want{{Entry: &one}, {Open: &two, Lines: []string{"who", "text 0", "what 7"}}, {Lookup: &wire.Lookup{Happened: &two}}}},
		{Ask: wire.AskPieces, Wants: []wire.Want{{Lookup: &wire.Lookup{Entries: &wire.Filter{Newest: true}}}, {Lookup: &wire.Lookup{Subjects: &wire.Subject{Path: []byte("*")}}}}},
	} {
		b, err := json.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	st := fill(f)
	key, err := st.Layout.LogKey()
	if err != nil {
		f.Fatal(err)
	}
	dir, err := tlog.OpenDir(st.Layout.Log())
	if err != nil {
		f.Fatal(err)
	}
	cp, err := dir.Checkpoint(key)
	if err != nil {
		f.Fatal(err)
	}
	parts, err := history.OpenParts(f.Context(), st.Layout, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { parts.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		var q wire.Question
		if json.Unmarshal(b, &q) != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var pieces int
		err := history.Answer(ctx, parts, tlog.NewTree(dir, cp), key, q, func(p *wire.Piece) (int, error) {
			if pieces++; (pieces == 1 && q.Under == 0) != (p.Ground != nil) {
				return 0, errors.New("a checkpoint in the wrong place")
			}
			if p.Entry != nil && q.Under == 0 && p.Entry.Note != nil {
				return len(p.Entry.Note), verify.Included(cp, p.Entry.Index, p.Entry.Note, p.Entry.Proof)
			}
			return 1, nil
		})
		if err != nil && !errors.Is(err, history.ErrQuestion) && (q.Ask != wire.AskPieces || errors.As(err, new(*verify.Finding))) {
			t.Fatalf("%s: %v", b, err)
		}
	})
}
