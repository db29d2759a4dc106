package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

const childDir = "STELE_CRASH_CHILD"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func crashStore(dir string) (layout.Store, trust.File, error) {
	data := filepath.Join(dir, "store")
	note, err := trust.Of(filepath.Join(dir, "trust"), data)
	return layout.Store{Dir: data}, note, err
}

// child records changes until it is killed, and prints what was accepted.
func child(dir string) error {
	ctx := context.Background()
	l, note, err := crashStore(dir)
	if err != nil {
		return err
	}
	srv, err := store.Open(ctx, store.Config{Layout: l, Trust: note, Version: "test"})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	seed := make([]byte, 32)
	key, err := entry.NewSecretKey(seed)
	if err != nil {
		return err
	}
	head, err := srv.Enrol(ctx, key.Public(), entry.Watcher, &body.Host{Name: "h"})
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	chain := record.NewChain(key, head)
	for n := 0; ; n++ {
		if err := submitSome(ctx, srv, chain, n); err != nil {
			return err
		}
	}
}

// submitSome hands in one batch and prints index and id of what was accepted.
func submitSome(ctx context.Context, srv *store.Store, chain *record.Chain, n int) error {
	var subs []wire.Submission
	var ids []entry.ID
	for k := range 1 + n%5 {
		path := fmt.Sprintf("/etc/%d/%d/%d", chain.Head().Next, n, k)
		sub, e, err := chain.Sign(steletest.Change(path, strings.Repeat(path+"\n", 50), nil))
		if err != nil {
			return err
		}
		subs, ids = append(subs, *sub), append(ids, e.ID())
	}
	answers, err := srv.Submit(ctx, subs)
	if err != nil {
		return err
	}
	for i, a := range answers {
		if a.Refused != nil {
			return a.Refused
		}
		fmt.Printf("accepted %d %s\n", a.Index, ids[i])
	}
	return nil
}

// TestKill kills a recording process at random, fifty times over one store.
// Nothing it said was accepted may be missing or stand twice, the store opens
// again each time, and at the end everything verifies.
func TestKill(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	accepted := map[entry.ID]uint64{}
	for range rounds {
		killOnce(t, dir, time.Duration(rng.Int64N(int64(250*time.Millisecond))), accepted)
	}
	l, note, err := crashStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	st := steletest.Store{Layout: l, Trust: note}
	steletest.Stop(t, st.Open(t)) // recovery
	checkAccepted(t, l, accepted)
	rep, err := examine.Run(t.Context(), examine.Config{Layout: l, Trust: note})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Bad() || len(rep.Findings) > 0 || rep.Duplicates > 0 {
		t.Fatalf("after %d kills: %+v %+v", rounds, rep.Findings, rep.Problems)
	}
	t.Logf("%d accepted of %d entries, %d rounds", len(accepted), rep.Size, rounds)
	secondVerifier(t, l)
}

// killOnce starts the child, waits until it has recorded something and then for
// a while, and kills it.
func killOnce(t *testing.T, dir string, after time.Duration, accepted map[entry.ID]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kill *time.Timer
	for sc := bufio.NewScanner(out); sc.Scan(); {
		var index uint64
		var id string
		if _, err := fmt.Sscanf(sc.Text(), "accepted %d %s", &index, &id); err != nil {
			continue // the line it was killed in
		}
		h, err := entry.ParseHash(id)
		if err != nil {
			continue
		}
		accepted[h] = index
		if kill == nil {
			kill = time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if kill == nil {
		t.Fatalf("the child recorded nothing: %v\n%s", err, errs.String())
	}
	kill.Stop()
}

// checkAccepted finds every accepted entry at its index, and none twice.
func checkAccepted(t *testing.T, l layout.Store, accepted map[entry.ID]uint64) {
	t.Helper()
	key, err := l.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tlog.OpenDir(l.Log())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := dir.Checkpoint(key)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[entry.ID]uint64{}
	for leaf, err := range tlog.NewTree(dir, cp).Entries(t.Context(), 0, cp.Size) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := entry.Parse(leaf.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := seen[e.ID()]; ok {
			t.Errorf("entry %s stands at %d and at %d", e.ID(), at, leaf.Index)
		}
		seen[e.ID()] = leaf.Index
	}
	for id, index := range accepted {
		if at, ok := seen[id]; !ok || at != index {
			t.Errorf("entry %s was accepted at %d and stands at %d (%v)", id, index, at, ok)
		}
	}
}

// secondVerifier runs the verifier that shares no code with us.
func secondVerifier(t *testing.T, l layout.Store) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal("node is missing")
		}
		t.Log("the second verifier was not run: no node on this machine")
		return
	}
	key, err := l.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(node, "../../contrib/verifier/verify.mjs", "--vkey", key.VKey(), l.Log()).CombinedOutput()
	if err != nil {
		t.Fatalf("second verifier: %v\n%s", err, out)
	}
}

// TestSecondWriter: a store has one writer.
func TestSecondWriter(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	_, err := store.Open(t.Context(), store.Config{Layout: st.Layout, Trust: st.Trust})
	if err == nil || !strings.Contains(err.Error(), "lock") {
		t.Fatalf("a second writer was let in: %v", err)
	}
}

// TestNewerStore: a store of a later version is refused and not touched.
func TestNewerStore(t *testing.T) {
	st := steletest.NewStore(t)
	steletest.Stop(t, st.Open(t))
	if err := os.WriteFile(st.Layout.Format(), []byte("stele store 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Config{Layout: st.Layout, Trust: st.Trust})
	if !errors.Is(err, layout.ErrNewer) {
		t.Fatalf("open says %v", err)
	}
}
