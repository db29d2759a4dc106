package importer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// laid is a directory with a file of rows, and contents beside it as build lays
// them.
func laid(t *testing.T, build func(dir string)) (*Blobs, error) {
	t.Helper()
	dir := t.TempDir()
	build(dir)
	return OpenBlobs(filepath.Join(dir, "rows.ndjson"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon fails a test whose act waits, as opening a FIFO would.
func soon(t *testing.T, act func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { act(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
}

func TestBlobDirectory(t *testing.T) {
	digest := sha256Hex("abc")
	for _, tc := range []struct {
		name string
		lay  func(t *testing.T, blobs, outside string)
		want string // in the error; empty: the content is found
	}{
		{"flat", func(t *testing.T, blobs, _ string) { put(t, filepath.Join(blobs, digest), "abc") }, ""},
		{"in a directory of its first byte", func(t *testing.T, blobs, _ string) { put(t, filepath.Join(blobs, digest[:2], digest), "abc") }, ""},
		{"absent", func(*testing.T, string, string) {}, "is not in"},
		{"another content", func(t *testing.T, blobs, _ string) { put(t, filepath.Join(blobs, digest), "abd") }, "does not match the digest in its name"},
		{"a FIFO", func(t *testing.T, blobs, _ string) { must(t, syscall.Mkfifo(filepath.Join(blobs, digest), 0o600)) }, "not a regular file"},
		{"a directory", func(t *testing.T, blobs, _ string) { must(t, os.Mkdir(filepath.Join(blobs, digest), 0o700)) }, "not a regular file"},
		{"a link to the outside", func(t *testing.T, blobs, outside string) { must(t, os.Symlink(outside, filepath.Join(blobs, digest))) }, "not a regular file"},
		{"a link to the inside", func(t *testing.T, blobs, _ string) {
			put(t, filepath.Join(blobs, "x"), "abc")
			must(t, os.Symlink("x", filepath.Join(blobs, digest)))
		}, "not a regular file"},
		{"a device", func(t *testing.T, blobs, _ string) { must(t, os.Symlink("/dev/zero", filepath.Join(blobs, digest))) }, "not a regular file"},
		{"a directory that leads outside", func(t *testing.T, blobs, outside string) {
			must(t, os.Symlink(filepath.Dir(outside), filepath.Join(blobs, digest[:2])))
		}, "escapes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := laid(t, func(dir string) {
				blobs, outside := filepath.Join(dir, "blobs"), filepath.Join(dir, digest)
				must(t, os.Mkdir(blobs, 0o700))
				put(t, outside, "abc")
				tc.lay(t, blobs, outside)
			})
			must(t, err)
			soon(t, func() {
				content, err := b.Get(digest)
				switch {
				case tc.want == "" && (err != nil || string(content) != "abc"):
					t.Errorf("%q, %v", content, err)
				case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || content != nil):
					t.Errorf("%q, %v; want %q", content, err, tc.want)
				}
			})
		})
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// archive packs contents under names, and a link and a FIFO beside them.
func archive(t *testing.T, contents map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "blobs/" + sha256Hex("linked"), Linkname: "/etc/passwd"}))
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeFifo, Name: "blobs/" + sha256Hex("waits")}))
	for name, content := range contents {
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(content))}))
		_, err := w.Write([]byte(content))
		must(t, err)
	}
	must(t, w.Close())
	return b.String()
}

func TestBlobArchive(t *testing.T) {
	digest := sha256Hex("abc")
	good := archive(t, map[string]string{"../../" + digest: "abc"})
	for name, content := range map[string]string{"blobs.tar": good, "blobs.tar.zst": pack(t, good)} {
		b, err := laid(t, func(dir string) { put(t, filepath.Join(dir, name), content) })
		must(t, err)
		if content, err := b.Get(digest); err != nil || string(content) != "abc" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
		for _, absent := range []string{"linked", "waits", "none"} {
			if content, err := b.Get(sha256Hex(absent)); err == nil || content != nil {
				t.Errorf("%s: %s: %q, %v", name, absent, content, err)
			}
		}
	}
}

func TestBlobArchiveIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		lay  func(dir string)
		want string
	}{
		{"nothing there", func(string) {}, "no blobs.tar.zst, blobs.tar or blobs"},
		{"another content", func(dir string) {
			put(t, filepath.Join(dir, "blobs.tar"), archive(t, map[string]string{sha256Hex("abc"): "abd"}))
		}, "does not match the digest in its name"},
		{"not an archive", func(dir string) { put(t, filepath.Join(dir, "blobs.tar"), strings.Repeat("x", 1024)) }, "blobs.tar: archive/tar: invalid"},
		{"not packed", func(dir string) { put(t, filepath.Join(dir, "blobs.tar.zst"), "x") }, "blobs.tar.zst: "},
		{"a FIFO", func(dir string) { must(t, syscall.Mkfifo(filepath.Join(dir, "blobs.tar"), 0o600)) }, "blobs.tar is not a regular file"},
		{"a directory", func(dir string) { must(t, os.Mkdir(filepath.Join(dir, "blobs.tar"), 0o700)) }, "blobs.tar is not a regular file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			soon(t, func() {
				if _, err := laid(t, tc.lay); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%v; want %q", err, tc.want)
				}
			})
		})
	}
}
