package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// buildLarge fills a store with a rollout to a fleet, signing as it goes, and
// closes it.
func buildLarge(t *testing.T, tab *table, n sizes) *store {
	s := openStore(t)
	hosts := s.enrol(t, n.fleet)
	from := among(hosts, senders, n.entries, 1, newShared(n.known).text)
	read := begin()
	var g errgroup.Group
	for i, sender := range from {
		g.Go(func() error { return s.fill(t, sender, share(n.entries, len(from), i)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	took := read()
	s.stop(t)
	tab.add(row{
		what:     fmt.Sprintf("build a store of %s entries", thousands(int64(n.entries))),
		measured: per(n.entries, took.wall, "entries"), cpu: took.cpu / time.Duration(n.entries),
		limit: "as append; signing on the same cores",
	})
	return s
}

// fill signs and hands in n entries, a batch at a time, each under the newest
// checkpoint.
func (s *store) fill(t *testing.T, from *sender, n int) error {
	for left := n; left > 0; left -= batchSize {
		saw, err := s.seen(t)
		if err != nil {
			return err
		}
		from.saw(saw)
		subs, err := from.sign(min(left, batchSize))
		if err != nil {
			return err
		}
		if _, err := s.accept(t, subs); err != nil {
			return err
		}
	}
	return nil
}

// verifyLarge checks the whole log, without the vault and with it.
func verifyLarge(t *testing.T, tab *table, n sizes, s *store) {
	leaves := sample(t, s)
	hashed := per(len(leaves), sumAll(leaves), "entries")
	for _, c := range []struct {
		what   string
		skip   bool
		peer   string
		beside quantity
		least  float64
		limit  string
	}{
		{"verify, signatures skipped", true, "SHA-256 of the same bytes, all cores", hashed, 250_000, "parsing; chains in one goroutine"},
		{
			"verify, signatures", false, "ed25519.Verify, all cores",
			quantity{onAllCores(n.machine, verifying(t, len(slices.Concat(leaves...))/len(leaves))), "entries/s"},
			25_000, "Ed25519",
		},
	} {
		took, size := verifyLog(t, s, c.skip)
		tab.add(row{
			what: c.what, measured: per(size, took.wall, "entries"), cpu: took.cpu / time.Duration(size), peer: c.peer, beside: c.beside,
			aim: aim{least: c.least}, limit: c.limit,
		})
	}
	took, size := examine(t, s)
	tab.add(row{
		what: "verify, signatures, vault, index", measured: per(size, took.wall, "entries"), cpu: took.cpu / time.Duration(size),
		peer: "the row above", beside: tab.rows[len(tab.rows)-1].measured, limit: "decrypting every line, reading every text, comparing every row",
	})
}

// tree opens the log under its own checkpoint.
func (s *store) tree(t *testing.T) *tlog.Tree {
	dir, err := tlog.OpenDir(s.layout.Log())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := dir.Checkpoint(s.LogKey())
	if err != nil {
		t.Fatal(err)
	}
	return tlog.NewTree(dir, cp)
}

// sample is the beginning of the log, in memory.
func sample(t *testing.T, s *store) (leaves [][]byte) {
	tree := s.tree(t)
	for e, err := range tree.Entries(t.Context(), 0, min(tree.Checkpoint().Size, 100_000)) {
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, e.Bytes)
	}
	return leaves
}

func verifyLog(t *testing.T, s *store, skip bool) (cost, int) {
	runtime.GC()
	read := begin()
	tree := s.tree(t)
	log := verify.NewLog(verify.Config{
		Key: s.LogKey(), Checkpoint: tree.Checkpoint(), SkipSignatures: skip,
		RootAt: func(size uint64) (entry.Hash, error) { return tree.RootAt(t.Context(), size) },
	})
	size := tree.Checkpoint().Size
	var leaves [][]byte
	for e, err := range tree.Entries(t.Context(), 0, size) {
		if err != nil {
			t.Fatal(err)
		}
		if leaves = append(leaves, e.Bytes); len(leaves) == 1024 || e.Index == size-1 {
			if err := log.Add(leaves...); err != nil {
				t.Fatal(err)
			}
			leaves = leaves[:0]
		}
	}
	v, err := log.Finish()
	if err != nil {
		t.Fatal(err)
	}
	took := read()
	clean(t, v, size)
	return took, int(size)
}

func examine(t *testing.T, s *store) (cost, int) {
	runtime.GC()
	read := begin()
	r, err := monitor.Examine(t.Context(), monitor.Config{Layout: s.layout, Trust: s.trust})
	if err != nil {
		t.Fatal(err)
	}
	took := read()
	if len(r.Problems) > 0 {
		t.Fatalf("%d problems, the first: %v", len(r.Problems), r.Problems[0])
	}
	clean(t, r.Verdict, r.Checkpoint.Size)
	if r.Disclosed == 0 {
		t.Fatal("nothing was disclosed")
	}
	return took, int(r.Size)
}

func clean(t *testing.T, v verify.Verdict, size uint64) {
	t.Helper()
	if len(v.Findings) > 0 {
		t.Fatalf("%d findings, the first: %v", len(v.Findings), v.Findings[0].Error())
	}
	if v.Size != size || v.Changes == 0 {
		t.Fatalf("examined %d of %d entries with %d changes", v.Size, size, v.Changes)
	}
}

// query is what one reading command asks of a store.
type query struct {
	what  string
	ask   func(context.Context, *history.Reader) error
	limit string
}

// shownKinds are those that the log command shows unless told otherwise.
var shownKinds = []string{"change", "gap", "finding", "remark", "erase", "revoke"}

// readLarge measures reading commands, opening of the store included.
func readLarge(t *testing.T, tab *table, n sizes, s *store) {
	perHost := min(n.entries/n.fleet, 50)
	for _, q := range []query{
		{"log, newest 50", newest(history.Filter{Kinds: shownKinds, Limit: 50}, 50), "proof, signature and seals of each of 50"},
		{"log --host, newest 50", newest(history.Filter{Kinds: shownKinds, Host: hostName(3), Limit: 50}, perHost), "the same; each in a bundle of its own"},
		{"blame of a path", blame, "every version of the text, each behind a proof"},
		{"show one entry", show, "opening the store"},
	} {
		tab.add(row{what: q.what, measured: median(t, s, q.ask, n.repeats), aim: aim{most: 200}, limit: q.limit})
	}
}

// median asks the same several times, each with the store opened anew.
func median(t *testing.T, s *store, ask func(context.Context, *history.Reader) error, repeats int) quantity {
	took := make([]time.Duration, repeats)
	for i := range took {
		start := time.Now()
		r, err := history.Open(t.Context(), s.layout, s.trust, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(ask(t.Context(), r), r.Close()); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return quantity{float64(took[repeats/2]) / float64(time.Millisecond), "ms"}
}

// newest reads the entries that match, all of which must verify.
func newest(f history.Filter, want int) func(context.Context, *history.Reader) error {
	return func(ctx context.Context, r *history.Reader) error {
		n := 0
		for v, err := range r.Log(ctx, f, f.Limit) {
			if err != nil {
				return err
			}
			if v.Proof.State != history.Verified || f.Host != "" && v.Host != f.Host {
				return fmt.Errorf("entry %d of host %s is %s: %v", v.Index, v.Host, v.Proof.State, v.Findings)
			}
			n++
		}
		if n != want {
			return fmt.Errorf("%d entries of %d", n, want)
		}
		return nil
	}
}

func blame(ctx context.Context, r *history.Reader) error {
	subs, err := r.Subjects(ctx, hostName(3), pathOf(7))
	if err != nil {
		return err
	}
	if len(subs) != 1 {
		return fmt.Errorf("%d subjects", len(subs))
	}
	vs, err := r.Versions(ctx, subs[0])
	if err != nil {
		return err
	}
	lines, err := r.Blame(ctx, vs, vs[len(vs)-1])
	if err == nil && (len(vs) < 2 || len(lines) != linesOf+2) {
		err = fmt.Errorf("%d lines after %d versions", len(lines), len(vs))
	}
	return err
}

func show(ctx context.Context, r *history.Reader) error {
	v, err := r.Entry(ctx, r.Checkpoint().Size/2)
	if err == nil && (v.Proof.State != history.Verified || len(v.Changes) != 1) {
		err = fmt.Errorf("entry %d is %s with %d changes: %v", v.Index, v.Proof.State, len(v.Changes), v.Findings)
	}
	return err
}
