package cli_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// binary is the real stele, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "stele-bin-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "stele")
	build := exec.Command("go", "build", "-o", binary, "github.com/stele-log/stele/cmd/stele")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build stele: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("STELE_TRUST", filepath.Join(e.WorkDir, ".trust"))
			e.Setenv("STELE_DATA", filepath.Join(e.WorkDir, ".store"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "waitfor": waitfor, "flip": flip, "blob": blob, "moved": moved,
			"seen": seen, "rewrite": rewrite(t),
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// exits N CMD… runs a command that must exit with status N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// waitfor REGEXP CMD… repeats a command until its standard output matches.
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor REGEXP COMMAND [ARG…]")
	}
	re := regexp.MustCompile(args[0])
	deadline := time.Now().Add(5 * time.Minute)
	var out []byte
	for time.Now().Before(deadline) {
		cmd := exec.Command(ts.Getenv("WORK")+"/../"+args[1], args[2:]...)
		if args[1] == "stele" {
			cmd = exec.Command(binary, args[2:]...)
		}
		cmd.Dir = ts.Getenv("WORK")
		for _, name := range []string{"STELE_DATA", "STELE_TRUST", "HOME"} {
			cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
		}
		out, _ = cmd.Output() // it may fail until what it asks about is there
		if re.Match(out) {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	ts.Fatalf("no match for %q after five minutes in:\n%s", args[0], out)
}

// flip FILE N inverts a bit of byte N of a file, from the end if negative.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE N")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(b)
	}
	b[n] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// moved FILE… has key files say that they were made on another machine.
func moved(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: moved FILE…")
	}
	for _, name := range args {
		text, _, _ := strings.Cut(ts.ReadFile(name), "check ")
		text = regexp.MustCompile("machine .*").ReplaceAllString(text, "machine 00112233445566778899aabbccddeeff")
		sum := sha256.Sum256([]byte(text))
		ts.Check(os.WriteFile(ts.MkAbs(name), fmt.Appendf(nil, "%scheck %x\n", text, sum[:8]), 0o600))
	}
}

// blob FILE… puts files under their SHA-256 into the directory blobs and sets
// the name of each, upper-case and without its extension, to the digest.
func blob(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		b := []byte(ts.ReadFile(name))
		digest := sha256Hex(b)
		ts.Check(os.MkdirAll(ts.MkAbs("blobs"), 0o755))
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("blobs"), digest), b, 0o644))
		for _, rows := range []string{"changes.ndjson", "more.ndjson"} {
			if old, err := os.ReadFile(ts.MkAbs(rows)); err == nil {
				ts.Check(os.WriteFile(ts.MkAbs(rows), bytes.ReplaceAll(old, []byte("@"+name+"@"), []byte(digest)), 0o644))
			}
		}
	}
}
