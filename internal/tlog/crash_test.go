package tlog

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stele-log/stele/verify"
)

// crashDir makes the test binary the child of TestKill: it appends to the log
// there until it is killed.
const crashDir = "STELE_TLOG_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, appendForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForEver appends entries in steps of many sizes and prints the size of
// the log after each.
func appendForEver(dir string) error {
	signer, _, err := newTestKey()
	if err != nil {
		return err
	}
	l, err := Open(context.Background(), Config{Dir: dir, Signer: signer})
	if err != nil {
		return err
	}
	fmt.Println(l.Size())
	for step := uint64(1); ; step = step*7%400 + 1 {
		from := l.Size()
		first, err := l.Append(context.Background(), contents(from, from+step))
		if err != nil || first != from {
			return fmt.Errorf("append at %d gave %d: %w", from, first, err)
		}
		fmt.Println(l.Size())
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	dir := logDir(t)
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	var reported uint64
	for range 12 {
		reported = max(reported, killed(t, dir, 1+random.IntN(12), time.Duration(random.IntN(30))*time.Millisecond))
	}
	l := open(t, dir)
	if l.Size() < reported {
		t.Fatalf("log has %d entries, %d were reported as appended", l.Size(), reported)
	}
	grow(t, l, l.Size()+3, 1)
	size := l.Size()
	closeLog(t, l)
	wantSound(t, dir, size)
	for _, f := range files(t, dir) {
		if f.Kind == tempFile {
			t.Errorf("%s is left from a crash", f.Path)
		}
	}
	t.Logf("%d entries, %d of them reported by killed writers", size, reported)
}

// killed runs a child until it has reported so many times, and a moment longer.
// It returns the last size that the child reported.
func killed(t *testing.T, dir string, reports int, longer time.Duration) uint64 {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	var last uint64
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		last, err = strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64)
		check(t, err)
		if n == reports {
			time.AfterFunc(longer, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child was not killed: %v\n%s", err, stderr.String())
	}
	return last
}

// What a crash in the middle of a batch leaves, made by hand: it must go, and
// what belongs to the log must stay.
func TestRecoverSweeps(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{10, 250, 256, 300, 512} {
		dir := makeLog(t, size, 100)
		longer := makeLog(t, size+40, size+40)
		now := int64(size / tileWidth) // the bundle being filled
		left := map[string]string{
			"checkpoint123456":                           "half",
			".state/treeState99":                         "half",
			".state/gcState1":                            "half",
			partialDir(full(bundle, now)) + "/151234567": "half",
			partialDir(full(0, now)) + "/300":            "half",
			TilePath(full(bundle, now)) + "77":           "half",
			TilePath(full(0, now+1)) + "77":              "half",
		}
		d, err := OpenDir(longer)
		check(t, err)
		for _, f := range files(t, longer) { // tiles of a batch that was not to be
			if first, count := span(f.Tile); (f.Kind == tileFile || f.Kind == bundleFile) && first+count > size {
				left[f.Path] = string(read(t, filepath.Join(d.path, f.Path)))
			}
		}
		var want []logFile
		for _, f := range files(t, dir) {
			if _, ok := left[f.Path]; ok {
				t.Fatalf("size %d: %s is part of the log", size, f.Path)
			}
			want = append(want, f)
		}
		for name, data := range left {
			write(t, filepath.Join(dir, name), []byte(data))
		}
		closeLog(t, open(t, dir))
		if got := files(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("size %d: files are\n%v, want\n%v", size, got, want)
		}
		wantSound(t, dir, size)
	}
}

func TestRecoverRefuses(t *testing.T) {
	t.Parallel()
	small, older, newer := makeLog(t, 10, 10), makeLog(t, 300, 100), makeLog(t, 900, 100)
	move := func(t *testing.T, from, to, name string) {
		write(t, filepath.Join(to, name), read(t, filepath.Join(from, name)))
	}
	for _, c := range []struct {
		name  string
		want  verify.Code
		do    func(t *testing.T, dir string)
		small bool // done to a log of less than a batch: it looks like a leftover
	}{
		{name: "state and checkpoint rolled back", want: verify.Shrunk, do: func(t *testing.T, dir string) {
			move(t, older, dir, statePath)
			move(t, older, dir, checkpointPath)
			move(t, older, dir, "tile/0/001.p/44")
			move(t, older, dir, "tile/1/000.p/1")
			move(t, older, dir, "tile/entries/001.p/44")
		}},
		{name: "no state, no checkpoint", want: verify.Shrunk, do: func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, statePath)))
			check(t, os.Remove(filepath.Join(dir, checkpointPath)))
		}},
		{name: "no state of a small log, no checkpoint", small: true, want: verify.Shrunk, do: func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, statePath)))
			check(t, os.Remove(filepath.Join(dir, checkpointPath)))
		}},
		{name: "checkpoint torn", want: verify.BadCheckpoint, do: func(t *testing.T, dir string) {
			check(t, os.Truncate(filepath.Join(dir, checkpointPath), 20))
		}},
		{name: "state rolled back, and the tiles since gone", want: verify.Shrunk, do: func(t *testing.T, dir string) {
			move(t, older, dir, statePath)
			check(t, os.Remove(filepath.Join(dir, "tile/entries/003.p/132")))
			check(t, os.Remove(filepath.Join(dir, "tile/0/003.p/132")))
		}},
		{name: "edge tile cut", want: verify.TreeMismatch, do: func(t *testing.T, dir string) {
			check(t, os.Truncate(filepath.Join(dir, "tile/0/003.p/132"), 32*131))
		}},
		{name: "edge bundle gone", want: verify.TreeMismatch, do: func(t *testing.T, dir string) {
			check(t, os.Remove(filepath.Join(dir, "tile/entries/003.p/132")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, newer)
			if c.small {
				dir = copyDir(t, small)
			}
			c.do(t, dir)
			before := files(t, dir)
			signer, _ := testKey(t)
			l, err := Open(t.Context(), Config{Dir: dir, Signer: signer})
			if err == nil {
				closeLog(t, l)
			}
			wantFinding(t, err, c.want)
			if after := files(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("files were altered: %v, before %v", after, before)
			}
		})
	}
}

// TestRecoverHeals: the writer's note says nothing that the tiles do not say. One
// that is gone, torn, older or of another tree is made anew, and the log goes on.
func TestRecoverHeals(t *testing.T) {
	older := makeLog(t, 300, 100)
	for name, do := range map[string]func(t *testing.T, path string){
		"older": func(t *testing.T, path string) { write(t, path, read(t, filepath.Join(older, statePath))) },
		"gone":  func(t *testing.T, path string) { check(t, os.Remove(path)) },
		"torn":  func(t *testing.T, path string) { check(t, os.Truncate(path, 20)) },
		"empty": func(t *testing.T, path string) { check(t, os.Truncate(path, 0)) },
		"of another tree": func(t *testing.T, path string) {
			s := bytes.Replace(read(t, path), []byte(`"root":"`), []byte(`"root":"A`), 1)
			write(t, path, append(s[:len(s)-4], '=', '"', '}'))
		},
		"a pipe": func(t *testing.T, path string) {
			check(t, os.Remove(path))
			check(t, syscall.Mkfifo(path, 0o600))
		},
	} {
		for _, size := range []uint64{10, 256, 900} {
			for _, unpublished := range []bool{false, true} {
				dir := makeLog(t, size, 100)
				if unpublished { // accepted, and the writer ended before it signed them
					signed := read(t, filepath.Join(dir, checkpointPath))
					l := open(t, dir)
					grow(t, l, size+5, 5)
					closeLog(t, l)
					write(t, filepath.Join(dir, checkpointPath), signed)
					size += 5
				}
				do(t, filepath.Join(dir, statePath))
				l := open(t, dir)
				if l.Size() != size {
					t.Errorf("%s: a log of %d entries goes on at %d", name, size, l.Size())
				}
				grow(t, l, size+3, 1)
				closeLog(t, l)
				wantSound(t, dir, size+3)
			}
		}
	}
}
