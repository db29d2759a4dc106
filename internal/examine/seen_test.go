package examine_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/verify"
)

// TestKeptCheckpoints: a kept checkpoint of another tree convicts the log; one of the
// log, one larger than it, and in the watcher's file one of another log, accuse nobody;
// what the server did not put into its file is named.
func TestKeptCheckpoints(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 40)
	other := steletest.NewStore(t)
	fill(t, other, 3)
	own, err := os.ReadFile(filepath.Join(st.Layout.Log(), "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	fork := st.Checkpoint(t, 7, entry.Hash{1})
	large := st.Checkpoint(t, 1<<20, entry.Hash{1})
	foreign := other.Checkpoint(t, 7, entry.Hash{1})
	for name, c := range map[string]struct {
		server, watcher [][]byte
		code            verify.Code // of a finding or a problem
	}{
		"honest":             {[][]byte{own}, [][]byte{own, foreign}, ""},
		"larger than a copy": {[][]byte{large}, [][]byte{large}, ""},
		"handed on":          {[][]byte{own, fork}, nil, verify.Fork},
		"seen here":          {nil, [][]byte{own, fork}, verify.Fork},
		"put there":          {[][]byte{foreign}, nil, finding.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			keep(t, st.Layout.Dir, c.server)
			keep(t, st.Layout.Watch(), c.watcher)
			rep, err := examined(t, st)
			if err != nil {
				t.Fatal(err)
			}
			var codes []verify.Code
			for _, f := range rep.Findings {
				codes = append(codes, f.Code)
			}
			for _, p := range rep.Problems {
				codes = append(codes, p.Code)
			}
			if c.code == "" && len(codes) > 0 || c.code != "" && !slices.Equal(codes, []verify.Code{c.code}) {
				t.Errorf("found %q, want %q", codes, c.code)
			}
		})
	}
}

// keep writes the file of kept checkpoints in a directory.
func keep(t *testing.T, dir string, notes [][]byte) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, checkpoints.FileName)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k, err := checkpoints.Open(durable.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		cp, err := verify.ReadCheckpoint(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Add(cp, time.Now(), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
}
