package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// onSmallDisk is a server whose store is on a disk of that size; grow makes it
// larger.
func onSmallDisk(t *testing.T, size string) (d *door, grow func(string)) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal("root is needed to mount a small disk")
		}
		t.Skip("root is needed to mount a small disk")
	}
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	must(t, os.Mkdir(disk, 0o700))
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	st := steletest.StoreIn(t, filepath.Join(disk, "store"), filepath.Join(dir, "trust"))
	certificate := open(t).cert
	return openStore(t, st, certificate, "127.0.0.1:0"), func(size string) {
		must(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size="+size))
	}
}

// TestDiskFull: the sender is told with 507 and keeps what it has, what is there
// can be read, and with more room the same server goes on: nothing accepted is
// lost and nothing is there twice.
func TestDiskFull(t *testing.T) {
	d, grow := onSmallDisk(t, "8m")
	s := d.join(t, 1)
	accepted := map[uint64][]byte{}
	var pending []wire.Submission
	eventually(t, "the disk to be full", func() bool {
		pending = steletest.Sign(t, s.chain, steletest.Change("/etc/"+rand.Text(), noise(), nil))
		answers, err := s.Post(t.Context(), pending)
		if err == nil {
			accepted[answers[0].Index] = pending[0].Note
		}
		return err != nil
	})
	eventually(t, "507", func() bool {
		_, err := s.Post(t.Context(), pending)
		return status(t, err) == http.StatusInsufficientStorage && hint(err) != ""
	})
	for path, want := range map[string]int{"/log/checkpoint": 200, "/healthz": 200} {
		if resp := say(t, d.dial(t, nil), raw("GET", path, "")); resp == nil || resp.StatusCode != want {
			t.Errorf("%s on a full disk: %+v, want %d", path, resp, want)
		}
	}
	eventually(t, "not to be ready", func() bool { // the store is opened again, and ready until it is written to
		_, _ = s.Post(t.Context(), pending)
		resp := say(t, d.dial(t, nil), raw("GET", "/readyz", ""))
		return resp != nil && resp.StatusCode == http.StatusInsufficientStorage
	})
	grow("64m")
	eventually(t, "the server to go on", func() bool {
		answers, err := s.Post(t.Context(), pending)
		if err == nil {
			accepted[answers[0].Index] = pending[0].Note
		}
		return err == nil
	})
	d.published(t)
	must(t, d.Store(t.Context(), func(ctx context.Context, srv *store.Store) error {
		for i, note := range accepted {
			if got, err := srv.Entry(ctx, i); err != nil || !bytes.Equal(got, note) {
				t.Errorf("entry %d was accepted and is not there: %v", i, err)
			}
		}
		return nil
	}))
	if rep := examined(t, d); rep.Duplicates > 0 || len(rep.Findings) > 0 {
		t.Errorf("%d duplicates, %+v", rep.Duplicates, rep.Findings)
	}
	if resp := say(t, d.dial(t, nil), raw("GET", "/readyz", "")); resp == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("ready again: %+v", resp)
	}
}

// noise is a text that does not compress.
func noise() string {
	var b bytes.Buffer
	for range 1500 {
		b.WriteString(rand.Text())
		b.WriteByte('\n')
	}
	return b.String()
}
