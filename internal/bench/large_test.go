package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/signature"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

// largeStore builds the large store, or opens what a run before has kept.
func largeStore(t *testing.T, tab *table, n sizes) *measured {
	if *keep == "" {
		s := openStore(t)
		s.build(t, tab, n)
		return s
	}
	s := storeIn(t, *keep)
	built := filepath.Join(*keep, "built") // written last: what a run left half built is refused
	size, err := os.ReadFile(built)
	if err == nil && string(size) != fmt.Sprint(n.entries) {
		t.Fatalf("the store in %s was built with %s entries, not %d", *keep, size, n.entries)
	}
	if err == nil {
		return s
	}
	if _, err := os.Stat(s.layout.Dir); err == nil {
		t.Fatalf("the store in %s was not built to its end: remove it", *keep)
	}
	s.open(t)
	s.build(t, tab, n)
	if err := os.WriteFile(built, fmt.Append(nil, n.entries), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// build fills a store with a rollout to a fleet, signing as it goes, and closes
// it.
func (s *measured) build(t *testing.T, tab *table, n sizes) {
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
}

// fill signs and hands in n entries, a batch at a time, each under the newest
// checkpoint.
func (s *measured) fill(t *testing.T, from *sender, n int) error {
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
func verifyLarge(t *testing.T, tab *table, n sizes, s *measured) {
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
	took, size := examined(t, s)
	tab.add(row{
		what: "verify, signatures, vault, index", measured: per(size, took.wall, "entries"), cpu: took.cpu / time.Duration(size),
		peer: "the row above", beside: tab.rows[len(tab.rows)-1].measured, limit: "decrypting every line, reading every text, comparing every row",
	})
}

// tree opens the log under its own checkpoint.
func (s *measured) tree(t *testing.T) (*tlog.Tree, *entry.LogKey) {
	key, err := s.layout.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tlog.OpenDir(s.layout.Log())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := dir.Checkpoint(key)
	if err != nil {
		t.Fatal(err)
	}
	return tlog.NewTree(dir, cp), key
}

// sample is the beginning of the log, in memory.
func sample(t *testing.T, s *measured) (leaves [][]byte) {
	tree, _ := s.tree(t)
	for e, err := range tree.Entries(t.Context(), 0, min(tree.Checkpoint().Size, 100_000)) {
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, e.Bytes)
	}
	return leaves
}

func verifyLog(t *testing.T, s *measured, skip bool) (cost, int) {
	runtime.GC()
	read := begin()
	tree, key := s.tree(t)
	log := verify.NewLog(verify.Config{
		Key: key, Checkpoint: tree.Checkpoint(), SkipSignatures: skip,
		RootAt:    func(size uint64) (entry.Hash, error) { return tree.RootAt(t.Context(), size) },
		Signature: new(signature.Verifier).Verify,
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

func examined(t *testing.T, s *measured) (cost, int) {
	runtime.GC()
	read := begin()
	r, err := examine.Run(t.Context(), examine.Config{Layout: s.layout, Trust: s.trust})
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
func readLarge(t *testing.T, tab *table, n sizes, s *measured) {
	perHost := n.entries / n.fleet
	every := func(d int) int { return n.fleet * ((perHost - 7 + d - 1) / d) } // the seventh of every d entries of a host
	of := func(f history.Filter) history.Filter {
		f.Kinds, f.Limit = shownKinds, 50
		return f
	}
	for _, q := range []query{
		{"log, newest 50", newest(of(history.Filter{}), 50), "proof, signature and seals of each of 50"},
		{"log --host, newest 50", newest(of(history.Filter{Host: hostName(3)}), min(perHost, 50)), "the same; each in a bundle of its own"},
		{"log --path, newest 50", newest(of(history.Filter{Path: pathOf(7)}), min(every(filesPerHost), 50)), "the same; a list of positions for each host"},
		{"log --actor, newest 50", newest(of(history.Filter{Actor: "person7"}), min(every(persons), 50)), "the same"},
		{"blame of a path", blame, "every version of the text, each behind a proof"},
		{"show the newest change", show(newestChange), "opening the store"},
		{"show one in the middle", show(func(_ context.Context, r *history.Reader) (uint64, error) { return r.Checkpoint().Size / 2, nil }), "opening the store"},
		{"show the oldest change", show(oldestChange), "opening the store"},
	} {
		tab.add(row{what: q.what, measured: median(t, s, q.ask, n.repeats), aim: aim{most: 200}, limit: q.limit})
	}
}

// median asks the same several times, each with the store opened anew.
func median(t *testing.T, s *measured, ask func(context.Context, *history.Reader) error, repeats int) quantity {
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

// show reads the entry that which names.
func show(which func(context.Context, *history.Reader) (uint64, error)) func(context.Context, *history.Reader) error {
	return func(ctx context.Context, r *history.Reader) error {
		i, err := which(ctx, r)
		if err != nil {
			return err
		}
		v, err := r.Entry(ctx, i)
		if err == nil && (v.Proof.State != history.Verified || len(v.Changes) != 1) {
			err = fmt.Errorf("entry %d is %s with %d changes: %v", v.Index, v.Proof.State, len(v.Changes), v.Findings)
		}
		return err
	}
}

func newestChange(ctx context.Context, r *history.Reader) (uint64, error) {
	return edge(ctx, r, true)
}

func oldestChange(ctx context.Context, r *history.Reader) (uint64, error) {
	return edge(ctx, r, false)
}

// edge is the first or last change there is.
func edge(ctx context.Context, r *history.Reader, newest bool) (uint64, error) {
	for i, err := range r.Entries(ctx, index.Filter{Kinds: []entry.Kind{entry.Change}, NewestFirst: newest, Limit: 1}) {
		return i, err
	}
	return 0, errors.New("no change")
}
