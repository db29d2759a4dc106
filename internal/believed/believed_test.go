package believed_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// grown is a store that was closed and added to again, and its checkpoint
// before that.
func grown(t *testing.T) (st steletest.Store, before []byte) {
	t.Helper()
	st = steletest.NewStore(t)
	srv := st.Open(t)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change("/etc/a", "one\n", nil)))
	steletest.Stop(t, srv)
	before, err := os.ReadFile(checkpointOf(st))
	if err != nil {
		t.Fatal(err)
	}
	srv = st.Open(t)
	steletest.Submit(t, srv, steletest.Sign(t, c, steletest.Change("/etc/a", "two\n", nil)))
	steletest.Stop(t, srv)
	return st, before
}

func checkpointOf(st steletest.Store) string { return filepath.Join(st.Layout.Log(), "checkpoint") }

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// opened opens a log and holds it against what was believed.
func opened(t *testing.T, st steletest.Store) (*believed.Log, error) {
	t.Helper()
	log, err := believed.Open(st.Layout, st.Trust)
	if err != nil {
		return nil, err
	}
	return log, log.Continues(t.Context())
}

func wantFinding(t *testing.T, err error, code verify.Code) {
	t.Helper()
	var f *verify.Finding
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestOpen(t *testing.T) {
	st, before := grown(t)
	log, err := opened(t, st)
	if err != nil {
		t.Fatal(err)
	}
	belief, ok, err := st.Trust.Read()
	if err != nil || !ok || log.Key.VKey() != belief.VKey || log.Checkpoint().Size == 0 {
		t.Errorf("opened under %s at size %d; believed %+v, %v", log.Key.VKey(), log.Checkpoint().Size, belief, err)
	}

	unknown := steletest.StoreIn(t, st.Layout.Dir, t.TempDir())
	first, err := opened(t, unknown)
	if err != nil || first.Key.VKey() != belief.VKey || first.Verified() != 0 {
		t.Errorf("met for the first time: %v", err)
	}

	write(t, checkpointOf(st), before)
	_, err = opened(t, st)
	wantFinding(t, err, verify.Shrunk)
	if _, err := opened(t, unknown); err != nil {
		t.Errorf("nothing was believed, and it is refused: %v", err)
	}
}

func TestVerified(t *testing.T) {
	st, _ := grown(t)
	belief, _, err := st.Trust.Read()
	if err != nil {
		t.Fatal(err)
	}
	size := log(t, st).Checkpoint().Size
	for verified, want := range map[uint64]uint64{0: 0, 2: 2, size + 1: size} {
		belief.Verified = verified
		if err := st.Trust.Write(belief); err != nil {
			t.Fatal(err)
		}
		if got := log(t, st).Verified(); got != want {
			t.Errorf("with %d believed, verified up to %d, want %d", verified, got, want)
		}
	}
}

func log(t *testing.T, st steletest.Store) *believed.Log {
	t.Helper()
	l, err := opened(t, st)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestKey: the key that was believed before is believed, whatever the store says.
func TestKey(t *testing.T) {
	st, _ := grown(t)
	other, _ := grown(t)
	belief, _, err := other.Trust.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Trust.Write(trust.Belief{VKey: belief.VKey}); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t, st)
	wantFinding(t, err, verify.BadCheckpoint)
}

func TestBadEvidence(t *testing.T) {
	st, _ := grown(t)
	signed, err := os.ReadFile(checkpointOf(st))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(checkpointOf(st)); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t, st)
	wantFinding(t, err, verify.BadCheckpoint)

	signed[len(signed)-5] ^= 1
	write(t, checkpointOf(st), signed)
	_, err = opened(t, st)
	wantFinding(t, err, verify.BadCheckpoint)
}

// TestBadNote: a damaged belief accuses nobody.
func TestBadNote(t *testing.T) {
	st, _ := grown(t)
	belief, _, err := st.Trust.Read()
	if err != nil {
		t.Fatal(err)
	}
	belief.Checkpoint = belief.Checkpoint[:len(belief.Checkpoint)-5]
	if err := st.Trust.Write(belief); err != nil {
		t.Fatal(err)
	}
	_, err = opened(t, st)
	if !errors.Is(err, believed.ErrNote) || errors.As(err, new(*verify.Finding)) {
		t.Errorf("got %v", err)
	}
	write(t, st.Trust.Path(), []byte("{"))
	if _, err := opened(t, st); err == nil || errors.As(err, new(*verify.Finding)) {
		t.Errorf("got %v", err)
	}
}
