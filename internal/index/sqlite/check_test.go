package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/index"
)

// image is the database file of a sound index, and its records.
func image(t *testing.T, seed uint64, n int) ([]byte, []index.Record) {
	t.Helper()
	w := newLog(seed, 3, n)
	x := built(t, w.all)
	mustCheck(t, x, w.all)
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(x.cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	return b, w.all
}

func laid(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every table, and every column that has a part in an answer, altered by
// someone who knows SQL.
func TestCheckNamesRows(t *testing.T) {
	b, all := image(t, 3, 400)
	first := func(ok func(r *index.Record) bool) uint64 {
		i := slices.IndexFunc(all, func(r index.Record) bool { return ok(&r) })
		if i < 0 {
			t.Fatal("no such entry")
		}
		return uint64(i)
	}
	half := uint64(len(all) / 2)
	change := first(func(r *index.Record) bool { return len(r.Changes) == 1 && r.Changes[0].Path != "" && r.Actors != nil })
	renamed := first(func(r *index.Record) bool {
		return len(r.Changes) > 0 && r.Changes[0].From != "" && r.Changes[0].From != r.Changes[0].Path
	})
	finding := first(func(r *index.Record) bool { return r.Code != "" })
	imported := first(func(r *index.Record) bool { return r.Import != nil })
	late := first(func(r *index.Record) bool { return r.Index > half && len(r.Changes) == 1 })
	end := uint64(len(all))
	source2 := first(func(r *index.Record) bool { return r.Enrols != nil && r.Enrols.Host == "web-1" })

	type want struct {
		index uint64
		table string
	}
	for _, c := range []struct {
		edit string
		args []any
		want want
	}{
		{`UPDATE entries SET kind = 4 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET kind = 77 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET source = source % 3 + 1 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET source = 999 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET seq = seq + 1 WHERE idx = ?`, []any{change}, want{change, "seqs"}},
		{`UPDATE entries SET seq = seq + 1 WHERE idx = ?`, []any{late}, want{late, "entries"}},
		{`UPDATE entries SET id = id + 1 WHERE idx = ?`, []any{change}, want{change, "ids"}},
		{`UPDATE entries SET id = id + 1 WHERE idx = ?`, []any{late}, want{late, "entries"}},
		{`UPDATE entries SET rest = zeroblob(24) WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET rest = x'' WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET recorded = recorded + 1 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET happened = 5 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET who = NULL WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET who = 999999 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`UPDATE entries SET loc = loc + 1 WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`DELETE FROM entries WHERE idx = ?`, []any{change}, want{change, "entries"}},
		{`DELETE FROM entries WHERE idx = ?`, []any{end - 1}, want{end - 1, "entries"}},
		{`INSERT INTO entries SELECT ?, kind, source, seq, id, rest, recorded, happened, who, loc FROM entries WHERE idx = 1`, []any{end}, want{end, "entries"}},
		{`UPDATE changes SET subject = subject % 5 + 1 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET subject = 99999 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET action = action + 1 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET text = 12345678 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET other = 1 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET other = 99999 WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`UPDATE changes SET other = NULL WHERE at / 1024 = ?`, []any{renamed}, want{renamed, "changes"}},
		{`DELETE FROM changes WHERE at / 1024 = ?`, []any{change}, want{change, "changes"}},
		{`INSERT INTO changes VALUES (? * 1024 + 900, 1, NULL, 1, NULL)`, []any{change}, want{change, "changes"}},
		{`INSERT INTO changes VALUES (? * 1024, 1, NULL, 1, NULL)`, []any{end + 5}, want{end + 5, "changes"}},
		{`UPDATE refs SET target = zeroblob(32) WHERE idx = ?`, []any{finding}, want{finding, "refs"}},
		{`DELETE FROM refs WHERE idx = ?`, []any{finding}, want{finding, "refs"}},
		{`INSERT INTO refs VALUES (?, zeroblob(32))`, []any{change}, want{change, "refs"}},
		{`INSERT INTO refs VALUES (?, zeroblob(32))`, []any{end}, want{end, "refs"}},
		{`UPDATE findings SET code = (SELECT max(id) FROM names) WHERE idx = ?`, []any{finding}, want{finding, "findings"}},
		{`DELETE FROM findings WHERE idx = ?`, []any{finding}, want{finding, "findings"}},
		{`INSERT INTO findings SELECT ?, code FROM findings LIMIT 1`, []any{change}, want{change, "findings"}},
		{`UPDATE imports SET upto = upto + 1 WHERE idx = ?`, []any{imported}, want{imported, "imports"}},
		{`UPDATE imports SET file = 1 WHERE idx = ?`, []any{imported}, want{imported, "imports"}},
		{`DELETE FROM imports WHERE idx = ?`, []any{imported}, want{imported, "imports"}},
		{`INSERT INTO imports SELECT ?, file, 99999 FROM imports LIMIT 1`, []any{end + 1}, want{end + 1, "imports"}},
		{`UPDATE blocks SET first = first + 1`, nil, want{index.NoEntry, "blocks"}},
		{`DELETE FROM blocks`, nil, want{index.NoEntry, "blocks"}},
		{`UPDATE counts SET changes = changes + 1 WHERE kind = 3`, nil, want{index.NoEntry, "counts"}},
		{`INSERT INTO counts VALUES (55, 1, 1)`, nil, want{index.NoEntry, "counts"}},
		{`UPDATE names SET name = x'2f62' WHERE name = CAST('/etc/app/a.conf' AS BLOB)`, nil, want{pathOf(all, "/etc/app/a.conf"), "changes"}},
		{`UPDATE names SET dim = 6 WHERE dim = 4 AND name = CAST('web-1' AS BLOB)`, nil, want{source2, "sources"}},
		{`DELETE FROM names WHERE dim = 3`, nil, want{change, "entries"}},
		{`DELETE FROM names WHERE dim = 6`, nil, want{imported, "imports"}},
		{`DELETE FROM names WHERE dim = 7`, nil, want{finding, "findings"}},
		{`UPDATE sources SET role = 2 WHERE enrolled = ?`, []any{source2}, want{source2, "sources"}},
		{`UPDATE sources SET host = (SELECT host FROM sources WHERE enrolled = 1) WHERE enrolled = ?`, []any{source2}, want{source2, "sources"}},
		{`UPDATE sources SET source = zeroblob(17) WHERE enrolled = ?`, []any{source2}, want{source2, "sources"}},
		{`DELETE FROM sources WHERE enrolled = ?`, []any{source2}, want{source2, "sources"}},
		{`UPDATE sources SET enrolled = NULL WHERE enrolled = ?`, []any{source2}, want{source2, "sources"}},
		{`INSERT INTO sources SELECT 999, x'00112233445566778899aabbccddeeff', role, host, 7 FROM sources LIMIT 1`, nil, want{7, "sources"}},
		{`INSERT INTO subjects SELECT 999, path, host, 1 FROM subjects LIMIT 1`, nil, want{index.NoEntry, "subjects"}},
		{`INSERT INTO names SELECT max(id) + 1, 2, CAST('an agent' AS BLOB) FROM names`, nil, want{index.NoEntry, "names"}},
		{`INSERT INTO names SELECT max(id) + 1, 4, CAST('a host' AS BLOB) FROM names`, nil, want{index.NoEntry, "names"}},
		{`UPDATE subjects SET agent = 1 WHERE id = (SELECT subject FROM changes WHERE at = ? * 1024)`, []any{change}, want{change, "changes"}},
		{`DELETE FROM ids WHERE idx = ?`, []any{change}, want{change, "ids"}},
		{`UPDATE ids SET id = 4 WHERE idx = ?`, []any{change}, want{change, "ids"}},
		{`INSERT INTO ids VALUES (4, ?)`, []any{change}, want{change, "ids"}},
		{`INSERT INTO ids SELECT id, idx FROM entries WHERE idx = ?`, []any{late}, want{late, "ids"}},
		{`DELETE FROM seqs WHERE idx = ?`, []any{change}, want{change, "seqs"}},
		{`INSERT INTO seqs VALUES (1, 77777, ?)`, []any{change}, want{change, "seqs"}},
		{`DELETE FROM posts WHERE at / 1024 = ? AND term % 4 = 0`, []any{change}, want{change, "posts"}},
		{`DELETE FROM posts WHERE at / 1024 = ? AND term % 4 = 1`, []any{change}, want{change, "posts"}},
		{`DELETE FROM posts WHERE at / 1024 = 2 AND term % 4 = 2`, nil, want{2, "posts"}},
		{`DELETE FROM posts WHERE at / 1024 = 2 AND term % 4 = 3`, nil, want{2, "posts"}},
		{`INSERT INTO posts VALUES (40000, ? * 1024)`, []any{change}, want{change, "posts"}},
		{`INSERT INTO posts VALUES (13, ? * 1024 + 1)`, []any{change}, want{change, "posts"}},
		{`INSERT INTO posts VALUES (-2, ? * 1024)`, []any{change}, want{change, "posts"}},
		{`INSERT INTO posts SELECT subject * 4, at FROM changes WHERE at = ? * 1024`, []any{late}, want{late, "posts"}},
		{`UPDATE state SET folded = folded + 9`, nil, want{half, "ids"}},
		{`UPDATE state SET folded = folded - 9`, nil, want{half - 1, "ids"}},
		{`UPDATE state SET folded = 99999`, nil, want{index.NoEntry, "state"}},
		{`DELETE FROM state`, nil, want{index.NoEntry, "state"}},
	} {
		t.Run(c.edit, func(t *testing.T) {
			x := open(t, laid(t, b))
			for i, a := range c.args {
				c.args[i] = int64(a.(uint64))
			}
			alter(t, x, c.edit, c.args...)
			found, err := x.Check(t.Context(), seqOf(all))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(m index.Mismatch) bool { return m.Index == c.want.index && m.Table == c.want.table }) {
				t.Errorf("want %v, found %v", c.want, found)
			}
			if !slices.ContainsFunc(found, func(m index.Mismatch) bool { return !m.Tail }) {
				t.Errorf("nothing is found but a difference in length: %v", found)
			}
		})
	}
}

func pathOf(all []index.Record, path string) uint64 {
	for _, r := range all {
		for _, c := range r.Changes {
			if c.Path == path {
				return r.Index
			}
		}
	}
	return index.NoEntry
}

func TestCheckAgainstAnotherLog(t *testing.T) {
	b, all := image(t, 3, 200)
	x := open(t, laid(t, b))
	for _, n := range []int{0, 1, 3, 150, len(all) - 1} {
		found, err := x.Check(t.Context(), seqOf(all[:n]))
		if err != nil || len(found) != len(all)-n {
			t.Errorf("records of %d entries: %d mismatches, %v", n, len(found), err)
		}
		for i, m := range found {
			if want := (index.Mismatch{Index: uint64(n + i), Table: "entries", Detail: invented, Tail: true}); m != want {
				t.Errorf("records of %d entries: %+v, want %+v", n, m, want)
			}
		}
	}
	longer := append(slices.Clip(all), index.Record{Index: uint64(len(all))})
	found, err := x.Check(t.Context(), seqOf(longer))
	if d := cmp.Diff([]index.Mismatch{{Index: uint64(len(all)), Table: "entries", Detail: missing, Tail: true}}, found); d != "" || err != nil {
		t.Errorf("a longer log: %v %v", d, err)
	}
	if _, err := x.Check(t.Context(), seqOf(all[1:])); err == nil {
		t.Error("records without the first were accepted")
	}
}

// answers is what a fixed set of questions is answered with.
func answers(t *testing.T, x *Index) (out []string, err error) {
	ctx := context.Background()
	s, err := x.Status(ctx)
	if err != nil {
		return nil, err
	}
	for i := range s.Sources {
		out = append(out, fmt.Sprintf("%+v %+v", s.Sources[i].Host, s.Sources[i].Head))
	}
	s.Sources = nil
	out = append(out, fmt.Sprintf("%+v", *s))
	for _, f := range []index.Filter{
		{}, {Host: "web-*"}, {Path: "/etc/app"}, {Actor: "jane", NewestFirst: true}, {Agent: "auditd"}, {Since: epoch},
	} {
		for h, err := range x.Entries(ctx, f) {
			if err != nil {
				return nil, err
			}
			out = append(out, fmt.Sprintf("%+v", h))
		}
	}
	subjects, err := x.Subjects(ctx, "", "", 0)
	for _, s := range subjects {
		for m, err := range x.History(ctx, s, false) {
			if err != nil {
				return nil, err
			}
			out = append(out, fmt.Sprintf("%+v %+v", s, m))
		}
	}
	return out, err
}

// A flipped bit anywhere in the file is reported, or changes no answer.
func TestFlips(t *testing.T) {
	b, all := image(t, 5, 150)
	want, err := answers(t, open(t, laid(t, b)))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	n := 120
	if testing.Short() {
		n = 30
	}
	reported, harmless := 0, 0
	for range n {
		at, bit := rng.IntN(len(b)), rng.IntN(8)
		if rng.IntN(4) == 0 {
			at = rng.IntN(200) // the header and the first page
		}
		broken := slices.Clone(b)
		broken[at] ^= 1 << bit
		if told(t, laid(t, broken), all, want, at, bit) {
			reported++
		} else {
			harmless++
		}
	}
	t.Logf("%d bytes, %d flips: %d reported, %d harmless", len(b), n, reported, harmless)
	if reported == 0 {
		t.Error("no flip was reported")
	}
}

// told reports whether damage is found; if not, answers must be the same.
func told(t *testing.T, path string, all []index.Record, want []string, at, bit int) bool {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("byte %d bit %d: panic: %v", at, bit, p)
		}
	}()
	x, err := Open(t.Context(), Config{Path: path, ReadOnly: true})
	if err != nil {
		return true
	}
	defer x.Close()
	found, err := x.Check(t.Context(), seqOf(all))
	if err != nil || len(found) > 0 {
		return true
	}
	got, err := answers(t, x)
	if err != nil {
		t.Errorf("byte %d bit %d: check finds nothing, and then: %v", at, bit, err)
	} else if d := cmp.Diff(want, got); d != "" {
		t.Errorf("byte %d bit %d: other answers, and nothing is reported: %s", at, bit, d)
	}
	return false
}
