package capture

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
)

// P7: act 3, an edit and its revert are two changes, each with its actor.
func TestEditAndRevert(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "good\n")
	w := watch(t, Config{Paths: []string{path}})
	run(t, dir, "sh", "-c", "echo evil > a.conf; sleep 1; echo good > a.conf; sleep 1")
	got := w.next(2)
	if diff := cmp.Diff([]string{"modify a.conf evil by dash", "modify a.conf good by dash"}, lines(got)); diff != "" {
		t.Error(diff)
	}
}

// Two processes write at once: whatever text was read belongs to the later one.
func TestTwoWritersAreTwoChanges(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "zero\n")
	w := watch(t, Config{Paths: []string{path}})
	for i := range 20 {
		run(t, dir, "sh", "-c", fmt.Sprintf("(echo first%d > a.conf); (echo second%d > a.conf); exit 0", i, i))
		got := w.next(2)
		last := got[len(got)-1]
		if len(got) != 2 || string(last.Content) != fmt.Sprintf("second%d\n", i) {
			t.Fatalf("round %d: %s", i, show(got))
		}
		if first := got[0]; !first.HasContent && !cmp.Equal(first.Marks, []string{body.MarkUnread}) {
			t.Errorf("round %d: no text and no mark: %s", i, line(first))
		}
		if a, b := got[0].Who, last.Who; a != nil && b != nil && a.PID == b.PID {
			t.Errorf("round %d: two processes wrote, one was named: %d", i, a.PID)
		}
	}
}

// Act 8: Kubernetes replaces a directory of files by swapping one link: that is a
// change of the link, and of each file that leads over it.
func TestKubernetesSwap(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..v1/a.conf"), "one")
	run(t, dir, "sh", "-c", "ln -s ..v1 ..data && ln -s ..data/a.conf a.conf")
	w := watch(t, Config{Paths: []string{dir}, Want: func(p string) bool {
		return !strings.Contains(p, "..v") && !strings.HasSuffix(p, "_tmp") && !strings.HasSuffix(p, ".new")
	}})
	run(t, dir, "sh", "-c", "mkdir ..v2 && echo two > ..v2/a.conf && ln -s ..v2 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..v1")
	if diff := cmp.Diff([]string{"modify ..data ..v2 [link]", "modify a.conf two"}, sorted(w.settled(dir))); diff != "" {
		t.Error(diff)
	}
}

// Files and directories that are not there yet are found when they come.
func TestAppearsLater(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	w := watch(t, Config{Paths: []string{filepath.Join(dir, "x/y/z.conf"), filepath.Join(dir, "p/*/q.conf")}})
	run(t, dir, "sh", "-c", "mkdir -p x/y && echo z > x/y/z.conf")
	if diff := cmp.Diff([]string{"create z.conf z"}, sorted(w.next(1))); diff != "" {
		t.Error(diff)
	}
	run(t, dir, "sh", "-c", "mkdir -p p/1 && echo q > p/1/q.conf && echo q > p/1/other.conf")
	if diff := cmp.Diff([]string{"create q.conf q"}, sorted(w.next(1))); diff != "" {
		t.Error(diff)
	}
	run(t, dir, "sh", "-c", "rm -r x && mkdir -p x/y && echo again > x/y/z.conf")
	got := sorted(w.next(2))
	if diff := cmp.Diff([]string{"create z.conf again", "delete z.conf"}, got); diff != "" {
		t.Error(diff)
	}
	if g := w.gapsSoFar(); len(g) > 0 {
		t.Errorf("gaps %v", g)
	}
}

// Act 10: a file system mounted over a watched directory, and taken away again: the
// doing of whoever did it, and a gap about what lies there alone.
func TestMountOver(t *testing.T) {
	needRoot(t)
	needTool(t, "mount")
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sub/a.conf"), "below")
	write(t, filepath.Join(dir, "beside.conf"), "beside")
	sub := filepath.Join(dir, "sub")
	w := watch(t, Config{Paths: []string{dir}, ScanEvery: time.Hour})
	if out, err := exec.Command("mount", "-t", "tmpfs", "blank", sub).CombinedOutput(); err != nil {
		need(t, false, "permission to mount: "+string(out))
	}
	t.Cleanup(func() { _ = unix.Unmount(sub, unix.MNT_DETACH) })
	by := func(o Observation, want, exe, mount string) {
		t.Helper()
		exe, o.Who = whose(o, exe), nil
		if line(o) != want || o.Mount != mount || exe != "" {
			t.Errorf("%s%s, by mount %q; want %s by %q", line(o), exe, o.Mount, want, mount)
		}
	}
	by(w.next(1)[0], "delete a.conf", "mount", "tmpfs mounted on "+sub+", source blank")
	run(t, sub, "sh", "-c", "echo above > a.conf")
	by(w.next(1)[0], "create a.conf above", "dash", "")
	run(t, dir, "umount", sub)
	by(w.next(1)[0], "modify a.conf below", "umount", "tmpfs unmounted from "+sub+", source blank")
	run(t, dir, "sh", "-c", "echo again > sub/a.conf; echo too > beside.conf")
	if diff := cmp.Diff([]string{"modify a.conf again", "modify beside.conf too"}, sorted(w.next(2))); diff != "" {
		t.Error(diff)
	}
	gaps := w.gapsSoFar()
	for _, g := range gaps {
		if g.Cause != causeMounts || !strings.Contains(g.Detail, sub) {
			t.Errorf("gap %+v", g)
		}
	}
	if len(gaps) != 2 {
		t.Errorf("%d gaps, want one for each change of mounts", len(gaps))
	}
}

// whose says if somebody else than a program is named, where the kernel tells.
func whose(o Observation, exe string) string {
	if o.Who == nil || filepath.Base(o.Who.Exe) != exe {
		return fmt.Sprintf(" by %+v", o.Who)
	}
	return ""
}

// A file mounted over a watched one, and the benign twin: a mount that hides nothing.
func TestMountOverAFile(t *testing.T) {
	needRoot(t)
	needTool(t, "mount")
	t.Parallel()
	top := t.TempDir()
	path, other, empty := filepath.Join(top, "w/a.conf"), filepath.Join(top, "other"), filepath.Join(top, "w/empty")
	write(t, path, "mine")
	write(t, other, "blank")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{filepath.Dir(path)}, Want: isConf, Ignore: func(b string) bool { return b == "probe.conf.new" }, ScanEvery: time.Hour})
	if out, err := exec.Command("mount", "--bind", other, path).CombinedOutput(); err != nil {
		need(t, false, "permission to mount: "+string(out))
	}
	t.Cleanup(func() { _ = unix.Unmount(path, unix.MNT_DETACH) })
	if o := w.next(1)[0]; line(o) != "modify a.conf blank by mount" || !strings.Contains(o.Mount, path) {
		t.Errorf("%s, by mount %q", line(o), o.Mount)
	}
	run(t, top, "umount", path)
	if o := w.next(1)[0]; line(o) != "modify a.conf mine by umount" {
		t.Errorf("%s, by mount %q", line(o), o.Mount)
	}
	gaps := len(w.gapsSoFar())
	run(t, top, "sh", "-c", "mount -t tmpfs none w/empty && umount -l w/empty")
	if got := w.settled(top + "/w"); len(got) > 0 || len(w.gapsSoFar()) != gaps {
		t.Errorf("%s, gaps %v", show(got), w.gapsSoFar())
	}
}

// What no notification tells is found by the scan, with a gap, and with who did it
// as the kernel remembers it. (truncate(2) makes one that says nothing of the end of
// the write.)
func TestScanFindsTheUnreported(t *testing.T) {
	needRoot(t)
	needTool(t, "python3")
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	w := watch(t, Config{Paths: []string{path}, ScanEvery: 100 * time.Millisecond})
	traced := w.layer(LayerBPF).Live && touched(w)
	run(t, dir, "chmod", "600", "a.conf") // whoever touches it from here on is remembered
	w.next(1)
	run(t, dir, "python3", "-c", `import os; os.truncate("a.conf", 2)`)
	found := func(want, exe string) {
		got := w.next(1)
		if o := got[0]; len(got) != 1 || !strings.HasPrefix(line(o), want) {
			t.Errorf("%s, want %s", show(got), want)
		} else if traced && (o.Who == nil || !strings.HasPrefix(filepath.Base(o.Who.Exe), exe) || o.Confidence != body.Certain) {
			t.Errorf("%s (%s): want %s", line(o), o.Confidence, exe)
		}
	}
	found("modify a.conf on", "python3")
	gaps := w.gapsSoFar()
	if len(gaps) != 1 || gaps[0].Cause != causeUnreported && gaps[0].Cause != causeMounts || gaps[0].Since.IsZero() { // other tests mount meanwhile
		t.Errorf("gaps %v", gaps)
	}
	if n := w.c.Status().Counters.Unreported; n != 1 {
		t.Errorf("%d unreported, want 1", n)
	}
}

// Nothing is lost in a burst, and every process that was named is the right one.
func TestBurst(t *testing.T) {
	needRoot(t)
	const files, writers = 2000, 4
	dir := t.TempDir()
	w := watch(t, Config{Paths: []string{dir}})
	pids := make([]int, writers)
	errs := make(chan error, writers)
	for i := range writers {
		go func() {
			script := fmt.Sprintf("i=%d; while [ $i -lt %d ]; do echo text$i > f$i; i=$((i+%d)); done; sleep 0.2", i, files, writers)
			cmd := exec.Command("sh", "-c", script)
			cmd.Dir = dir
			err := cmd.Run()
			pids[i] = cmd.Process.Pid
			errs <- err
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	seen, named := map[string]bool{}, 0
	for _, o := range w.next(files) {
		var n int
		if _, err := fmt.Sscanf(string(o.Content), "text%d", &n); err != nil || filepath.Base(o.Path) != fmt.Sprint("f", n) || o.Action != body.Create {
			t.Fatalf("%s", line(o))
		}
		if seen[o.Path] {
			t.Fatalf("twice: %s", line(o))
		}
		seen[o.Path] = true
		if o.Who != nil {
			named++
			if o.Who.PID != pids[n%writers] {
				t.Errorf("%s: named %d, was %d", line(o), o.Who.PID, pids[n%writers])
			}
		}
	}
	t.Logf("%d files, %d with actor, %+v", len(seen), named, w.c.Status().Counters)
	if len(w.gapsSoFar()) > 0 {
		t.Errorf("gaps %v", w.gapsSoFar())
	}
}

// A handler that does not return must not lose anything nor hold up the writers.
func TestSlowHandler(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "zero")
	w := &watched{t: t}
	release, blocked := make(chan struct{}), make(chan struct{}, 100)
	cfg := Config{Paths: []string{path}, Handle: func(ctx context.Context, b Batch) error {
		if b.Observations[0].Action != body.Baseline {
			blocked <- struct{}{}
			<-release
		}
		return w.handle(ctx, b)
	}}
	running := watch(t, cfg)
	for i := range 5 {
		before := running.c.Status().Counters.Changed
		run(t, dir, "sh", "-c", fmt.Sprintf("echo text%d > a.conf; sleep 0.1", i))
		running.eventually("read", func() bool { return running.c.Status().Counters.Changed > before })
	}
	<-blocked
	close(release)
	running.stop()
	var got []string
	for _, o := range w.take()[1:] {
		got = append(got, strings.TrimSpace(string(o.Content)))
	}
	if diff := cmp.Diff([]string{"text0", "text1", "text2", "text3", "text4"}, got); diff != "" {
		t.Error(diff)
	}
}

// The actor of a living process is complete, and its session is found.
func TestActorIsComplete(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	write(t, path, "one")
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for d := filepath.Dir(dir); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	w := watch(t, Config{Paths: []string{path}})
	cmd := exec.Command("sh", "-c", "echo two > "+path+"; sleep 0.5; exit 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	o := w.next(1)[0]
	certain(t, o, cmd.Process.Pid)
	who := o.Who
	if o.Confidence != body.Certain || *who.UID != 65534 || *who.GID != 65534 || who.User != "nobody" || who.EUID != nil {
		t.Errorf("%s %s uid %d gid %d", o.Confidence, who.User, *who.UID, *who.GID)
	}
	if !cmp.Equal(who.Command, cmd.Args) || len(who.Ancestors) == 0 || who.Ancestors[0].PID != os.Getpid() {
		t.Errorf("command %q, %d ancestors", who.Command, len(who.Ancestors))
	}
	began, err := time.Parse(body.TimeFormat, who.Started)
	if err != nil || began.Before(start.Add(-time.Second)) || began.After(time.Now().Add(time.Second)) {
		t.Errorf("started %s, was after %s", who.Started, start)
	}
}

// TestUnprivileged runs TestUnprivilegedChild as nobody.
func TestUnprivileged(t *testing.T) {
	needRoot(t)
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "capture")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "capture.test")
	if err := os.WriteFile(binary, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^TestUnprivilegedChild$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "STELE_CAPTURE_CHILD=1", "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnprivilegedChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestUnprivilegedChild(t *testing.T) {
	if os.Getenv("STELE_CAPTURE_CHILD") == "" {
		t.Skip("run by TestUnprivileged")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.conf"), "one\n")
	write(t, filepath.Join(dir, "secret.conf"), "no\n")
	if err := os.Chmod(filepath.Join(dir, "secret.conf"), 0); err != nil {
		t.Fatal(err)
	}
	w := watch(t, Config{Paths: []string{dir}, ScanEvery: time.Hour})
	st := w.c.Status()
	for _, y := range st.Layers {
		if y.Name == LayerCanary { // it may have begun
			continue
		}
		if live := y.Name == LayerFanotify || y.Name == LayerScan; y.Live != live || !live && y.Reason == "" {
			t.Errorf("layer %+v", y)
		}
	}
	if _, ok := st.Unreadable[filepath.Join(dir, "secret.conf")]; !ok || len(st.Unreadable) != 1 {
		t.Errorf("unreadable %v", st.Unreadable)
	}
	run(t, dir, "sed", "-i", "s/one/two/", "a.conf")
	got := w.until(func(o Observation) bool { return filepath.Base(o.Path) == "a.conf" && string(o.Content) == "two\n" })
	for _, o := range append(got, w.settled(dir)...) {
		if o.Who != nil || filepath.Base(o.Path) == "a.conf" {
			t.Errorf("told %s", line(o))
		}
	}
	run(t, dir, "rm", "-f", "secret.conf")
	w.eventually("forgotten", func() bool { return len(w.c.Status().Unreadable) == 0 })
	closedDirectory(t)
}

// closedDirectory: a file in a directory that was closed to the watcher is not
// told to be gone, and is followed again once it can be.
func closedDirectory(t *testing.T) {
	sub := filepath.Join(t.TempDir(), "sub")
	path := filepath.Join(sub, "a.conf")
	write(t, path, "one")
	w := watch(t, Config{Paths: []string{path}, ScanOnly: true, ScanEvery: 20 * time.Millisecond})
	if err := os.Chmod(sub, 0); err != nil {
		t.Fatal(err)
	}
	w.eventually("said to be unreadable", func() bool { return w.c.Status().Unreadable[path] != "" })
	scans := w.c.Status().Counters.Scans
	w.eventually("scanned again", func() bool { return w.c.Status().Counters.Scans > scans+5 })
	if err := os.Chmod(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, "two")
	if got := line(w.next(1)[0]); got != "modify a.conf two" {
		t.Errorf("told %s", got)
	}
}
