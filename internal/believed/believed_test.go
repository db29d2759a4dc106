package believed_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
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
		steletest.Believe(t, st.Trust, belief)
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
	steletest.Believe(t, st.Trust, trust.Belief{VKey: belief.VKey})
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

// TestDamagedBelief: a belief that was altered or emptied is told from none, and
// the log can be examined all the same.
func TestDamagedBelief(t *testing.T) {
	st, _ := grown(t)
	sound, err := os.ReadFile(st.Trust.Path())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"altered": strings.Replace(string(sound), "checkpoint", "checkpoins", 1), "emptied": "", "cut": string(sound[:len(sound)/2])} {
		write(t, st.Trust.Path(), []byte(content))
		log, err := believed.Open(st.Layout, st.Trust)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var d *trust.Damaged
		if err := log.Continues(t.Context()); !errors.As(err, &d) || d.Path != st.Trust.Path() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOlderCopy: a copy of a store under another path is held against what is
// believed of its log, and says where that is; a backup is meant to be older.
func TestOlderCopy(t *testing.T) {
	st, before := grown(t)
	at := steletest.StoreIn(t, filepath.Join(t.TempDir(), "copy"), filepath.Dir(st.Trust.Path()))
	if err := os.CopyFS(at.Layout.Dir, os.DirFS(st.Layout.Dir)); err != nil {
		t.Fatal(err)
	}
	if log, err := opened(t, at); err != nil || log.Missing() != 0 {
		t.Errorf("a copy that is as new: %v", err)
	}
	write(t, checkpointOf(at), before)
	_, err := opened(t, at)
	wantFinding(t, err, verify.Shrunk)
	if err == nil || !strings.Contains(err.Error(), "older copy of the log believed at "+st.Layout.Dir) {
		t.Errorf("it is not said where: %v", err)
	}
	at.Trust = at.Trust.AsCopy()
	log, err := opened(t, at)
	if err != nil || log.Missing() == 0 || log.Place() != st.Layout.Dir {
		t.Errorf("as a copy: %v, %d missing", err, log.Missing())
	}
	if _, err := store.Open(t.Context(), store.Config{Layout: at.Layout, Trust: at.Trust, Version: "test"}); err == nil {
		t.Error("an older copy was opened for writing")
	} else {
		wantFinding(t, err, verify.Shrunk)
	}
}
