package believed_test

import (
	"os"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/steletest"
)

// TestNewest: the newest checkpoint of a log is its own, and the one believed
// before where the log does not reach that far any more.
func TestNewest(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	steletest.Stop(t, srv)
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(st.Layout.Dir)); err != nil {
		t.Fatal(err)
	}
	srv = st.Open(t)
	steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change("/etc/a", "x\n", nil)))
	steletest.Stop(t, srv)

	whole, err := believed.Newest(t.Context(), st.Layout, st.Trust)
	if err != nil || whole.Size < 3 {
		t.Fatalf("%d entries, %v", whole.Size, err)
	}
	if err := os.RemoveAll(st.Layout.Dir); err != nil {
		t.Fatal(err)
	}
	for _, put := range []func() error{
		func() error { return os.CopyFS(st.Layout.Dir, os.DirFS(older)) }, // its end is lost
		func() error { return os.RemoveAll(st.Layout.Log()) },             // and all of it
	} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if cp, err := believed.Newest(t.Context(), st.Layout, st.Trust); err != nil || cp.Size != whole.Size || cp.Root != whole.Root {
			t.Errorf("%d entries, want %d; %v", cp.Size, whole.Size, err)
		}
	}
	if err := os.Remove(st.Trust.Path()); err != nil {
		t.Fatal(err)
	}
	if cp, err := believed.Newest(t.Context(), st.Layout, st.Trust); err == nil {
		t.Errorf("of a log nobody knows there is a checkpoint of %d entries", cp.Size)
	}
}
