package examine_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/verify"
)

// TestLostBundle: entries that are gone accuse the log, and nobody else of what
// follows from it.
func TestLostBundle(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 40)
	parts, err := filepath.Glob(filepath.Join(st.Layout.Log(), "tile", "entries", "000.p", "*"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("no bundle: %v", err)
	}
	for _, part := range parts {
		if err := os.Remove(part); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := examined(t, st)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Bad() || len(rep.Findings) == 0 || rep.Status() != 3 {
		t.Fatalf("not noticed: %+v", rep)
	}
	if slices.ContainsFunc(rep.Findings, func(f verify.Finding) bool { return f.Code != verify.TreeMismatch }) {
		t.Errorf("findings beside the cause: %v", rep.Findings)
	}
	if rep.Size != 0 {
		t.Errorf("%d entries examined behind the missing one", rep.Size)
	}
}
