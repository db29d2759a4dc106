//go:build linux

package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// tries is how many calls of each group are made to fail.
func tries(f fault) int {
	switch {
	case testing.Short():
		return 1
	case f.kills():
		return 1
	}
	return 2
}

// faultRows is more than an importer hands in at once, so that a fault can
// leave a half.
const faultRows = 270

// TestFaultsImporting lets single system calls of an import fail, one a run,
// and kills it at one. What was shown to a reader stays, the same command run
// again completes it, nothing is recorded twice, and both verifiers agree.
func TestFaultsImporting(t *testing.T) {
	count := newStore(t)
	file := count.manyRows(t)
	p := count.trace(t, noFault, 0, "import", "ndjson", file)
	p.wait(t)
	p.unharmed(t)
	for _, f := range faults {
		for _, when := range strata(f, tries(f), p.busiest(f.calls)) {
			t.Run(fmt.Sprintf("%s/%d", f.name, when), func(t *testing.T) {
				t.Parallel()
				struck(t, when, func(t *testing.T, when int) []string {
					return newStore(t).importFaulted(t, f, when, file)
				})
			})
		}
	}
}

// TestFirstStartCutShort lets the first start of a store fail at one of its first
// calls, or kills it there. What is left is no bad evidence but a store in which
// nothing is recorded yet, and the same command goes on from it.
func TestFirstStartCutShort(t *testing.T) {
	file := newStore(t).manyRows(t)
	whens := []int{2, 7, 16}
	if testing.Short() {
		whens = []int{2, 11}
	}
	for _, f := range faults {
		for _, when := range whens {
			t.Run(fmt.Sprintf("%s/%d", f.name, when), func(t *testing.T) {
				t.Parallel()
				s := newStore(t)
				p := s.trace(t, f, when, "import", "ndjson", file)
				p.wait(t)
				p.endedWell(t)
				s.notAccused(t)
				s.must(t, "import", "ndjson", file)
				s.must(t, "verify")
			})
		}
	}
}

// manyRows writes changes of one subject, each of another size, and their
// contents into an archive.
func (s store) manyRows(t *testing.T) string {
	t.Helper()
	var archive bytes.Buffer
	tw := tar.NewWriter(&archive)
	var rows []map[string]any
	var before any
	for i := range faultRows {
		content := []byte("interval: 1s\n" + strings.Repeat("#", i) + "\n")
		ok(t, tw.WriteHeader(&tar.Header{Name: "blobs/" + sha256Hex(content), Mode: 0o600, Size: int64(len(content))}))
		_, err := tw.Write(content)
		ok(t, err)
		row := map[string]any{"repo": "r", "commit": fmt.Sprint(i), "path": "a.yaml", "op": "modify", "before_sha256": before, "after_sha256": sha256Hex(content)}
		if before == nil {
			row["op"] = "add"
		}
		rows, before = append(rows, row), row["after_sha256"]
	}
	ok(t, tw.Close())
	ok(t, os.WriteFile(filepath.Join(s.dir, "blobs.tar"), archive.Bytes(), 0o600))
	return s.rows(t, "changes.ndjson", rows...)
}

// importFaulted imports with one fault, then without, and returns where the
// fault struck.
func (s store) importFaulted(t *testing.T, f fault, when int, file string) []string {
	t.Helper()
	p := s.trace(t, f, when, "import", "ndjson", file)
	p.wait(t)
	finished := p.endedWell(t)
	s.notAccused(t)
	seen := s.seen(t)
	if told := strings.Contains(p.out.String(), "imported "); told || finished {
		s.holdsChanges(t, faultRows)
	}
	if out := s.must(t, "import", "ndjson", file); !strings.Contains(out, "imported") {
		t.Errorf("the import run again says %q", out)
	}
	var want []int64
	for i := range faultRows {
		want = append(want, int64(len("interval: 1s\n\n")+i))
	}
	after := s.seen(t)
	after.holds(t, seen)
	if d := gocmp.Diff(want, after.sizes("a.yaml")); d != "" {
		t.Errorf("the recorded rows (-want +got):\n%s", d)
	}
	s.verifies(t)
	return p.injected()
}

// TestFaultsWatching lets single system calls of a stele up fail, or kills it at
// one, while files are edited. What was shown to a reader stays, and a later
// stele up records what is missing, once.
func TestFaultsWatching(t *testing.T) {
	count := newStore(t)
	dir := count.watched(t)
	p := count.trace(t, noFault, 0, "up", "--probes=false", "--scan-every", "2s", dir)
	count.editWhile(t, p, dir)
	p.unharmed(t)
	for _, f := range faults {
		for _, when := range strata(f, tries(f), p.busiest(f.calls)) {
			t.Run(fmt.Sprintf("%s/%d", f.name, when), func(t *testing.T) {
				t.Parallel()
				struck(t, when, func(t *testing.T, when int) []string { return newStore(t).upFaulted(t, f, when) })
			})
		}
	}
}

// watched makes the directory that is watched, and in it what is edited.
func (s store) watched(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(s.dir, "etc")
	ok(t, os.Mkdir(dir, 0o755))
	for name := range edits {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte("interval: 1s\n"), 0o644))
	}
	return dir
}

// edits are what the files are made to hold: one is written in place, one
// replaced by a rename.
var edits = map[string]string{"written.yaml": "interval: 10s\n", "replaced.yaml": "interval: 100s\n"}

func edit(t *testing.T, dir string) {
	t.Helper()
	ok(t, os.WriteFile(filepath.Join(dir, "written.yaml"), []byte(edits["written.yaml"]), 0o644))
	next := filepath.Join(dir, "..", "next")
	ok(t, os.WriteFile(next, []byte(edits["replaced.yaml"]), 0o644))
	ok(t, os.Rename(next, filepath.Join(dir, "replaced.yaml")))
}

// editWhile edits once the process watches, waits until that is recorded, and
// interrupts it; or until it has ended of itself. It returns what a reader was
// shown last.
func (s store) editWhile(t *testing.T, p *traced, dir string) (last record) {
	t.Helper()
	edited := false
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if p.endedWithin(50 * time.Millisecond) {
			p.wait(t)
			if !edited {
				edit(t, dir) // for the next one to find
			}
			return last
		}
		switch {
		case !edited && strings.Contains(p.says(), "watching "):
			edit(t, dir)
			edited = true
		case edited:
			now := s.seen(t)
			now.holds(t, last)
			if last = now; now.hasEdits(dir) || p.stuck() {
				_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended
			}
		}
	}
	t.Fatalf("after %v the edits (made: %v) are not recorded or it does not end\n%s", patience, edited, p.says())
	return nil
}

func (s store) upFaulted(t *testing.T, f fault, when int) []string {
	t.Helper()
	dir := s.watched(t)
	p := s.trace(t, f, when, "up", "--probes=false", "--scan-every", "2s", dir)
	shown := s.editWhile(t, p, dir)
	if p.endedWell(t) && !shown.hasEdits(dir) && !p.stuck() {
		t.Errorf("status 0, and an edit is lost\n%s", p.says())
	}
	s.notAccused(t)

	again := s.up(t, dir)
	again.until(t, "the edits are recorded", func() bool { return s.seen(t).hasEdits(dir) })
	again.stop(t)
	after := s.seen(t)
	after.holds(t, shown)
	for name := range edits {
		if sizes := after.sizes(filepath.Join(dir, name)); len(slices.Compact(slices.Clone(sizes))) != len(sizes) {
			t.Errorf("%s is recorded twice: sizes %v", name, sizes)
		}
	}
	s.verifies(t)
	return p.injected()
}

// record is what a reader was shown of a log as proved, by index.
type record map[uint64]shown

// seen reads the log as it is now. Whatever state a process was stopped in, a
// reader gets an answer, but of a log that has not had its first entry.
func (s store) seen(t *testing.T) record {
	t.Helper()
	born := s.born(t)
	out, errs, status := s.run(t, "log", "--json", "--all")
	if status != 0 && born {
		t.Errorf("log: status %d, %s", status, errs)
	}
	r, ids := record{}, map[string]uint64{}
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var e shown
		err := dec.Decode(&e)
		if err == io.EOF {
			return r
		}
		ok(t, err)
		switch at, twice := ids[e.ID]; {
		case e.Proof.State == "pending": // it stands beyond the checkpoint and has no id
			continue
		case e.Proof.State != "verified":
			t.Errorf("entry %d is shown as %s", e.Index, e.Proof.State)
		case twice:
			t.Errorf("entry %s stands at %d and at %d", e.ID, at, e.Index)
		}
		ids[e.ID], r[e.Index] = e.Index, e
	}
}

// born says whether the log has an entry: its checkpoint is of another size
// than 0.
func (s store) born(t *testing.T) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "store", "log", "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	ok(t, err)
	lines := strings.Split(string(b), "\n")
	return len(lines) > 1 && lines[1] != "0"
}

// holds fails where something that was shown before is gone or is another.
func (r record) holds(t *testing.T, before record) {
	t.Helper()
	for index, e := range before {
		if r[index].ID != e.ID {
			t.Errorf("entry %d was shown as %s and is %q now", index, e.ID, r[index].ID)
		}
	}
}

// sizes are those of a path's texts, in the order of the log.
func (r record) sizes(path string) (out []int64) {
	for _, index := range slices.Sorted(maps.Keys(r)) {
		for _, c := range r[index].Changes {
			if c.Path == path && c.Size != nil && c.Action != "attributes" {
				out = append(out, *c.Size)
			}
		}
	}
	return out
}

// hasEdits says whether the latest text of every edited file is recorded.
func (r record) hasEdits(dir string) bool {
	for name, text := range edits {
		if sizes := r.sizes(filepath.Join(dir, name)); len(sizes) == 0 || sizes[len(sizes)-1] != int64(len(text)) {
			return false
		}
	}
	return true
}

// holdsChanges counts what the log holds, whatever the index says: it is derived
// and may be behind.
func (s store) holdsChanges(t *testing.T, want uint64) {
	t.Helper()
	var rep struct{ Changes uint64 }
	ok(t, json.Unmarshal([]byte(s.must(t, "verify", "--json")), &rep))
	if rep.Changes != want {
		t.Errorf("told that all is recorded, and the log holds %d changes of %d", rep.Changes, want)
	}
}

// notAccused runs verify over a store that nobody has recovered yet: an honest
// crash must not look like a forgery, nor like a store that somebody else was in.
func (s store) notAccused(t *testing.T) {
	t.Helper()
	out, errs, status := s.run(t, "verify")
	if status == 3 || strings.Contains(out, "unsafe-store") || status != 0 && !s.born(t) && !strings.Contains(errs, "nothing is recorded yet") && !strings.Contains(errs, "no store here") {
		t.Errorf("verify before recovery: status %d, %s%s", status, out, errs)
	}
}

// verifies runs both verifiers, in this goroutine.
func (s store) verifies(t *testing.T) {
	t.Helper()
	if out := s.must(t, "verify"); !strings.HasPrefix(out, "verified: ") {
		t.Errorf("verify: %s", out)
	}
	s.verifiedBySecond(t)
}
