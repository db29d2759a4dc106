package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// TestDamageIsNoLeftover alters one byte of what the newest entries need, in
// each file of the vault and the keyring. It looks like a batch that a crash cut
// short, but the log was told of it: opening the store for writing removes none
// of it and goes on, verify names it, and once the byte is mended all is well.
func TestDamageIsNoLeftover(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	h := history{chain: chain}
	h.change(t, srv, "first\n")
	h.change(t, srv, "second\n")
	steletest.Stop(t, srv)
	for _, pattern := range []string{"vault/openings-*", "vault/texts-*", "keyring/seeds-*", "keyring/texts-*"} {
		t.Run(filepath.Base(pattern), func(t *testing.T) {
			path := only(t, filepath.Join(st.Layout.Dir, pattern))
			sound := read(t, path)
			bad := bytes.Clone(sound)
			bad[len(bad)-6] ^= 1
			write(t, path, bad)
			srv := st.Open(t)
			h.change(t, srv, "after "+pattern+"\n")
			steletest.Stop(t, srv)
			if now := read(t, path); !bytes.HasPrefix(now, bad) {
				t.Fatalf("%s was cut from %d to %d bytes, or rewritten", path, len(bad), len(now))
			}
			if rep := examined(t, st); !rep.Bad() {
				t.Error("the damage is not named")
			}
			mended := read(t, path)
			mended[len(bad)-6] ^= 1
			write(t, path, mended)
			if rep := examined(t, st); rep.Bad() {
				t.Errorf("mended, and still bad: %+v %+v", rep.Findings, rep.Problems)
			}
		})
	}
}

// history is that of one file.
type history struct {
	chain *record.Chain
	last  *body.Ref
}

func (h *history) change(t *testing.T, srv *store.Store, text string) {
	t.Helper()
	sub, e, err := h.chain.Sign(steletest.Change("/etc/a", text, h.last))
	if err != nil {
		t.Fatal(err)
	}
	steletest.Submit(t, srv, []wire.Submission{*sub})
	h.last = &body.Ref{Entry: e.ID().String()}
}

func examined(t *testing.T, st steletest.Store) *examine.Report {
	t.Helper()
	rep, err := examine.Run(t.Context(), examine.Config{Layout: st.Layout, Trust: st.Trust})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func only(t *testing.T, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s: %s, %v", pattern, strings.Join(paths, " "), err)
	}
	return paths[0]
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedIndex: whichever page of the index is damaged, the store opens and takes
// entries, now or once it has stopped at the damage: the index is built again.
func TestDamagedIndex(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	h := history{chain: steletest.Enrol(t, srv, entry.Watcher, 1)}
	h.change(t, srv, "first\n")
	steletest.Stop(t, srv)
	const page = 4096
	for at := 0; at < len(read(t, st.Layout.Index())); at += page {
		damaged := read(t, st.Layout.Index())
		copy(damaged[at:], bytes.Repeat([]byte{0xa5}, 200))
		write(t, st.Layout.Index(), damaged)
		sub, _, err := h.chain.Sign(steletest.Change("/etc/a", fmt.Sprintln("page at", at), nil))
		if err != nil {
			t.Fatal(err)
		}
		for try := range 3 { // to bring an entry and to bring it again ask for other pages
			srv := st.Open(t)
			_, err := srv.Submit(t.Context(), []wire.Submission{*sub})
			if err = errors.Join(err, srv.Stop(t.Context())); err != nil && try == 2 {
				t.Errorf("page at %d: %v", at, err)
			}
		}
	}
}
