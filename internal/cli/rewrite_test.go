package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/verify"
)

func storeOf(ts *testscript.TestScript) steletest.Store {
	return steletest.Store{Layout: layout.Store{Dir: ts.Getenv("STELE_DATA")}}
}

// seen waits until the watcher of the store keeps the log's newest checkpoint.
func seen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: seen")
	}
	l := storeOf(ts).Layout
	path := filepath.Join(l.Watch(), checkpoints.FileName)
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		signed, err := os.ReadFile(filepath.Join(l.Log(), "checkpoint"))
		ts.Check(err)
		newest, err := verify.ReadCheckpoint(signed)
		ts.Check(err)
		notes, _, err := checkpoints.Read(durable.OS, path)
		ts.Check(err)
		if slices.ContainsFunc(notes, func(n []byte) bool { cp, err := verify.ReadCheckpoint(n); return err == nil && cp.Size == newest.Size }) {
			return
		}
	}
	ts.Fatalf("the watcher keeps no checkpoint of the whole log after five minutes")
}

// rewrite makes the log of the store anew with the log's key, without the last change
// of a watcher, and takes the index away.
func rewrite(t testing.TB) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) > 0 {
			ts.Fatalf("usage: rewrite")
		}
		st := storeOf(ts)
		key, err := st.Layout.LogKey()
		ts.Check(err)
		dir, err := tlog.OpenDir(st.Layout.Log())
		ts.Check(err)
		cp, err := dir.Checkpoint(key)
		ts.Check(err)
		var leaves [][]byte
		last, watchers := -1, make(map[entry.Source]bool)
		for leaf, err := range tlog.NewTree(dir, cp).Entries(t.Context(), 0, cp.Size) {
			ts.Check(err)
			e, err := entry.Parse(leaf.Bytes)
			ts.Check(err)
			if e.Kind == entry.Enrol && e.Open.Role == entry.Watcher {
				watchers[e.Open.Key.Source()] = true
			}
			if e.Kind == entry.Change && watchers[e.Source] {
				last = len(leaves)
			}
			leaves = append(leaves, slices.Clone(leaf.Bytes))
		}
		ts.Check(os.RemoveAll(st.Layout.Log()))
		ts.Check(os.RemoveAll(filepath.Dir(st.Layout.Index())))
		st.Rewrite(t, slices.Delete(leaves, last, last+1))
	}
}
