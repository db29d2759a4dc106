package trust_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fileOf(t *testing.T, dir, data string) trust.File {
	t.Helper()
	n, err := trust.Of(dir, data)
	must(t, err)
	return n
}

// vkey is the key of a log for tests.
func vkey(t *testing.T) string {
	t.Helper()
	k, err := entry.NewSecretKey(make([]byte, 32))
	must(t, err)
	return k.Public().VKey()
}

func TestDir(t *testing.T) {
	t.Setenv("STELE_TRUST", "/elsewhere")
	if d, err := trust.Dir(); err != nil || d != "/elsewhere" {
		t.Errorf("%q, %v", d, err)
	}
	t.Setenv("STELE_TRUST", "")
	t.Setenv("HOME", "/home/jane")
	t.Setenv("XDG_CONFIG_HOME", "")
	d, err := trust.Dir()
	if os.Geteuid() == 0 && d != "/var/lib/stele-trust" || os.Geteuid() != 0 && !strings.HasPrefix(d, "/home/jane/") || err != nil {
		t.Errorf("%q, %v", d, err)
	}
}

// TestOf: one store has one note by whatever name it is called, and two stores
// have two.
func TestOf(t *testing.T) {
	dir := t.TempDir()
	data, link := filepath.Join(dir, "store"), filepath.Join(dir, "link")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.Symlink("store", link))
	t.Chdir(dir)
	file := fileOf(t, "/trust", data)
	for _, name := range []string{link, "store", "./store/", data + "/../store"} {
		if got := fileOf(t, "/trust", name); got != file {
			t.Errorf("%s has the note %s, want %s", name, got.Path(), file.Path())
		}
	}
	if fileOf(t, "/trust", dir) == file {
		t.Error("two stores have one note")
	}
	if filepath.Dir(file.Path()) != "/trust" {
		t.Errorf("the note lies at %s", file.Path())
	}
}

// log signs checkpoints of a log of any size.
type log struct {
	t      *testing.T
	key    *entry.LogKey
	signer note.Signer
}

func newLog(t *testing.T, seed byte) *log {
	t.Helper()
	secret := bytes.Repeat([]byte{seed}, 32)
	key, err := entry.NewLogKey("stele/test", ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey))
	must(t, err)
	_, rest, _ := strings.Cut(key.VKey(), "+")
	hash, _, _ := strings.Cut(rest, "+")
	signer, err := note.NewSigner("PRIVATE+KEY+stele/test+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, secret...)))
	must(t, err)
	return &log{t: t, key: key, signer: signer}
}

// at is the checkpoint of that size; the word makes it another one.
func (l *log) at(size uint64, word string) verify.Checkpoint {
	l.t.Helper()
	root := sha256.Sum256(fmt.Appendf(nil, "%d %s", size, word))
	text := fmt.Sprintf("stele/test\n%d\n%s\n", size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	must(l.t, err)
	cp, err := verify.OpenCheckpoint(l.key, signed)
	must(l.t, err)
	return cp
}

// growth is a checkpoint that continues any smaller one.
func (l *log) growth(size, verified uint64) trust.Growth {
	return trust.Growth{Key: l.key, Checkpoint: l.at(size, ""), Verified: verified, Continues: func(context.Context, verify.Checkpoint) error { return nil }}
}

func grow(t *testing.T, f trust.File, g trust.Growth) trust.Belief {
	t.Helper()
	b, err := f.Grow(t.Context(), g)
	must(t, err)
	return b
}

// TestGrow: a belief only grows, in the checkpoint and in what was verified.
func TestGrow(t *testing.T) {
	l := newLog(t, 1)
	f := fileOf(t, filepath.Join(t.TempDir(), "a", "trust"), "store")
	if b, ok, err := f.Read(); ok || err != nil || b != (trust.Belief{}) {
		t.Fatalf("before the first: %+v, %v, %v", b, ok, err)
	}
	for _, c := range []struct{ size, verified, wantSize, wantVerified uint64 }{
		{5, 0, 5, 0},
		{9, 9, 9, 9},
		{12, 0, 12, 9},
		{9, 9, 12, 9}, // a verification that began before
		{11, 11, 12, 11},
		{12, 12, 12, 12},
		{3, 3, 12, 12},
	} {
		grow(t, f, l.growth(c.size, c.verified))
		b, ok, err := f.Read()
		must(t, err)
		cp, err := b.Open()
		must(t, err)
		if !ok || cp.Size != c.wantSize || b.Verified != c.wantVerified || b.Store == "" || b.VKey != l.key.VKey() {
			t.Errorf("after %+v: %d, %+v", c, cp.Size, b)
		}
	}
	for path, want := range map[string]os.FileMode{f.Path(): 0o600, filepath.Dir(f.Path()): 0o700 | os.ModeDir} {
		fi, err := os.Stat(path)
		must(t, err)
		if fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
		}
	}
}

// TestNeverAnother: what does not continue the belief is named, and the belief
// stays.
func TestNeverAnother(t *testing.T) {
	l, other := newLog(t, 1), newLog(t, 2)
	f := fileOf(t, t.TempDir(), "store")
	want := grow(t, f, l.growth(10, 10))
	for name, g := range map[string]trust.Growth{
		"another root of that size": {Key: l.key, Checkpoint: l.at(10, "forked")},
		"not continued":             {Key: l.key, Checkpoint: l.at(20, ""), Continues: func(context.Context, verify.Checkpoint) error { return &verify.Finding{Code: verify.Fork} }},
		"another log":               other.growth(30, 30),
	} {
		_, err := f.Grow(t.Context(), g)
		var found *verify.Finding
		if !errors.As(err, &found) || found.Code != verify.Fork {
			t.Errorf("%s: %v", name, err)
		}
		if got, _, err := f.Read(); err != nil || got != want {
			t.Errorf("%s: now %+v, %v", name, got, err)
		}
	}
	if grow(t, f.AsCopy(), l.growth(20, 20)); true {
		if got, _, err := f.Read(); err != nil || got != want {
			t.Errorf("a copy wrote %+v, %v", got, err)
		}
	}
}

// TestAskedAgain: where somebody has come to believe more while a checkpoint was
// proved to continue the belief, it has to continue that too.
func TestAskedAgain(t *testing.T) {
	l := newLog(t, 1)
	f := fileOf(t, t.TempDir(), "store")
	grow(t, f, l.growth(1, 0))
	var asked []uint64
	g := l.growth(10, 0)
	g.Continues = func(_ context.Context, before verify.Checkpoint) error {
		if asked = append(asked, before.Size); before.Size == 1 {
			grow(t, f, l.growth(5, 0))
		}
		return nil
	}
	grow(t, f, g)
	if !slices.Equal(asked, []uint64{1, 5}) {
		t.Errorf("asked about %v", asked)
	}
}

// TestGrowersAtOnce: however many write at once, none fails, and the newest stays.
func TestGrowersAtOnce(t *testing.T) {
	const workers, times = 6, 30
	l := newLog(t, 1)
	dir := t.TempDir()
	f := fileOf(t, dir, "store")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			last := uint64(0)
			for i := range times {
				if _, err := f.Grow(t.Context(), l.growth(uint64(i*workers+w+1), uint64(i))); err != nil {
					t.Error(err)
					return
				}
				b, _, err := f.Read()
				if err != nil {
					t.Error(err)
					return
				}
				cp, err := b.Open()
				if err != nil || cp.Size < last {
					t.Errorf("from %d back to %d, %v", last, cp.Size, err)
				}
				last = cp.Size
			}
		})
	}
	wg.Wait()
	b, _, err := f.Read()
	must(t, err)
	if cp, err := b.Open(); err != nil || cp.Size != workers*times || b.Verified != times-1 {
		t.Errorf("in the end %d, verified %d, %v", cp.Size, b.Verified, err)
	}
	for _, left := range glob(t, dir, "*") {
		if base := filepath.Base(left); base != filepath.Base(f.Path()) && base != "lock" {
			t.Errorf("left: %s", left)
		}
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	return found
}

// TestSwept: what a crash left of an unfinished belief goes with the next one.
func TestSwept(t *testing.T) {
	f := fileOf(t, t.TempDir(), "store")
	left := f.Path() + ".0123456789abcdef.tmp"
	must(t, os.WriteFile(left, []byte("{"), 0o600))
	grow(t, f, newLog(t, 1).growth(1, 0))
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestDamaged: what cannot be made out is damaged, never no belief: with none a
// reader would believe the first thing it is shown. It is a finding, which names
// the file.
func TestDamaged(t *testing.T) {
	l := newLog(t, 1)
	f := fileOf(t, t.TempDir(), "store")
	grow(t, f, l.growth(5, 5))
	sound, err := os.ReadFile(f.Path())
	must(t, err)
	contents := map[string][]byte{"empty": nil, "cut": sound[:len(sound)/2], "garbage": []byte("\x00\xff"), "a list": []byte("[]"), "two": append(slices.Clone(sound), sound...)}
	for at := range sound {
		if b := slices.Clone(sound); b[at] != ' ' && b[at] != '\n' {
			b[at] ^= 1
			contents[fmt.Sprintf("byte %d", at)] = b
		}
	}
	for name, content := range contents {
		must(t, os.WriteFile(f.Path(), content, 0o600))
		b, ok, err := f.Read()
		if at, _ := strings.CutPrefix(name, "byte "); err == nil && ok && bytes.Contains(sound[max(0, atoi(at)-12):], []byte(`"check"`)) {
			continue // a flip in the word "check" itself: all else is whole
		}
		wantDamaged(t, name, f, b, ok, err)
		if _, err := f.Grow(t.Context(), l.growth(9, 0)); !errors.As(err, new(*trust.Damaged)) {
			t.Errorf("%s was grown over: %v", name, err)
		}
	}
	for name, odd := range map[string]func(string) error{
		"a directory":  func(p string) error { return os.Mkdir(p, 0o700) },
		"a link":       func(p string) error { return os.Symlink("/dev/zero", p) },
		"a named pipe": func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"a gigabyte":   func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 1<<30)) },
	} {
		must(t, os.RemoveAll(f.Path()))
		must(t, odd(f.Path()))
		b, ok, err := f.Read()
		wantDamaged(t, name, f, b, ok, err)
	}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func wantDamaged(t *testing.T, name string, f trust.File, b trust.Belief, ok bool, err error) {
	t.Helper()
	var d *trust.Damaged
	var found *verify.Finding
	if ok || !errors.As(err, &d) || d.Path != f.Path() || !strings.Contains(err.Error(), f.Path()) {
		t.Errorf("%s: %+v, %v, %v", name, b, ok, err)
	}
	if !errors.As(err, &found) || found.Code != finding.Damaged || found.Accused != finding.Store {
		t.Errorf("%s accuses otherwise: %+v", name, found)
	}
}

// TestBefore: beliefs of versions that wrote no check are believed.
func TestBefore(t *testing.T) {
	l := newLog(t, 1)
	f := fileOf(t, t.TempDir(), "store")
	b := grow(t, f, l.growth(5, 3))
	b.Check, b.Store = "", ""
	data, err := json.Marshal(b)
	must(t, err)
	must(t, os.WriteFile(f.Path(), data, 0o600))
	if got, ok, err := f.Read(); !ok || err != nil || got != b {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
}

// TestNewest: what is believed of a log is found by its key, wherever the store
// was; what is believed of another log is not, and a damaged belief about nobody
// knows which log keeps nobody from reading.
func TestNewest(t *testing.T) {
	l, other := newLog(t, 1), newLog(t, 2)
	dir := t.TempDir()
	here, there, elsewhere := fileOf(t, dir, "here"), fileOf(t, dir, "there"), fileOf(t, dir, "elsewhere")
	far, err := trust.OfLog(dir, l.key.VKey())
	must(t, err)
	newest := func(f trust.File) trust.Known {
		t.Helper()
		k, err := f.Newest(l.key)
		must(t, err)
		return k
	}
	if k := newest(here); k.Checkpoint.Size != 0 {
		t.Errorf("of nothing: %+v", k)
	}
	grow(t, here, l.growth(5, 0))
	grow(t, elsewhere, other.growth(90, 0))
	if k := newest(here); k.Checkpoint.Size != 5 || !k.Own {
		t.Errorf("alone: %+v", k)
	}
	grow(t, there, l.growth(9, 0))
	must(t, os.WriteFile(filepath.Join(dir, "0000000000000000.json"), []byte("{"), 0o600))
	for _, f := range []trust.File{here, there, far} {
		if k := newest(f); k.Checkpoint.Size != 9 || k.Own != (f == there) || !strings.HasSuffix(k.Place, "/there") {
			t.Errorf("%s: %+v", f.Path(), k)
		}
	}
	grow(t, far, l.growth(12, 0))
	if k := newest(here); k.Checkpoint.Size != 12 || !strings.Contains(k.Place, far.Path()) {
		t.Errorf("of a server: %+v", k)
	}
	older := &verify.Finding{Code: verify.Shrunk, Detail: "5 after 12"}
	if err := newest(here).Explain(older); !strings.Contains(err.Error(), "older copy of the log believed at "+newest(here).Place) {
		t.Errorf("explained as %v", err)
	}
	must(t, os.WriteFile(far.Path(), nil, 0o600))
	if _, err := here.Newest(l.key); !errors.As(err, new(*trust.Damaged)) {
		t.Errorf("the belief named for this log is emptied: %v", err)
	}
	must(t, os.Remove(far.Path()))
	grow(t, far, trust.Growth{Key: l.key, Checkpoint: l.at(9, "forked")})
	var found *verify.Finding
	if _, err := here.Newest(l.key); !errors.As(err, &found) || found.Code != verify.Fork {
		t.Errorf("two beliefs of one size: %v", err)
	}
}

func TestOpen(t *testing.T) {
	key := vkey(t)
	cp, err := trust.Belief{VKey: key}.Open()
	if err != nil || cp.Size != 0 || cp.Root != entry.EmptyRoot || !strings.HasPrefix(key, cp.Origin+"+") {
		t.Errorf("before the first checkpoint: %+v, %v", cp, err)
	}
	for name, b := range map[string]trust.Belief{
		"no key":        {},
		"a bad key":     {VKey: "x+y+z"},
		"no note":       {VKey: key, Checkpoint: "x"},
		"not signed":    {VKey: key, Checkpoint: cp.Origin + "\n0\n" + cp.Root.String() + "\n\n"},
		"bad signature": {VKey: key, Checkpoint: cp.Origin + "\n0\n" + cp.Root.String() + "\n\n— " + cp.Origin + " AAAAAAAA\n"},
	} {
		if cp, err := b.Open(); err == nil {
			t.Errorf("%s: %+v", name, cp)
		}
	}
}
