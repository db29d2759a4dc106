package capture

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// watched is a running capture and what it has handed over.
type watched struct {
	t    *testing.T
	c    *Capture
	stop func()

	mu   sync.Mutex
	obs  []Observation
	gaps []Gap
	mark int // observations before it were taken
}

func watch(t *testing.T, cfg Config) *watched {
	t.Helper()
	w := &watched{t: t}
	cfg.DigestKey = []byte("a key of the test")
	if cfg.Handle == nil {
		cfg.Handle = w.handle
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.c = c
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(w.stop)
	select {
	case <-c.Ready():
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	w.take()
	return w
}

func (w *watched) handle(_ context.Context, b Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.Gap != nil {
		w.gaps = append(w.gaps, *b.Gap)
	}
	w.obs = append(w.obs, b.Observations...)
	return nil
}

// take returns the observations since the last take.
func (w *watched) take() []Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.obs[w.mark:]
	w.mark = len(w.obs)
	return slices.Clone(o)
}

// back returns the n latest, to be taken again.
func (w *watched) back(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark -= n
}

func (w *watched) gapsSoFar() []Gap {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Gap(nil), w.gaps...)
}

// settled waits until nothing is pending and all was handed over: a probe
// written last comes through after what was written before it.
func (w *watched) settled(dir string) []Observation {
	w.t.Helper()
	got := w.probe(dir)
	w.eventually("settled", func() bool { return w.c.Status().Pending == 0 })
	return append(got, w.probe(dir)...)
}

func (w *watched) probe(dir string) []Observation {
	w.t.Helper()
	path := filepath.Join(dir, "probe.conf")
	run(w.t, "", "sh", "-c", "echo $$ > "+path+".new && mv "+path+".new "+path)
	return w.until(func(o Observation) bool { return o.Path == path })
}

func (w *watched) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never %s; status %+v", what, w.c.Status())
		}
	}
}

// until collects observations up to the one that matches, which is left out.
func (w *watched) until(match func(Observation) bool) []Observation {
	w.t.Helper()
	var got []Observation
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		came := w.take()
		if i := slices.IndexFunc(came, match); i >= 0 {
			w.back(len(came) - i - 1)
			return append(got, came[:i]...)
		}
		got = append(got, came...)
	}
	w.t.Fatalf("did not come; came: %s", show(got))
	return nil
}

// next waits for n observations.
func (w *watched) next(n int) []Observation {
	w.t.Helper()
	var got []Observation
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if got = append(got, w.take()...); len(got) >= n {
			return got
		}
	}
	w.t.Fatalf("%d of %d came: %s", len(got), n, show(got))
	return nil
}

func show(obs []Observation) string {
	var b strings.Builder
	for _, o := range obs {
		b.WriteString("\n  " + line(o))
	}
	return b.String()
}

// line is an observation as the tests write it down.
func line(o Observation) string {
	s := string(o.Action) + " " + filepath.Base(o.Path)
	if o.From != "" {
		s += " from " + filepath.Base(o.From)
	}
	if o.HasContent {
		s += " " + strings.TrimSpace(string(o.Content))
	}
	if len(o.Marks) > 0 {
		s += " [" + strings.Join(o.Marks, " ") + "]"
	}
	if o.Who != nil {
		s += " by " + filepath.Base(o.Who.Exe)
	}
	return s
}

func lines(obs []Observation) []string {
	var ls []string
	for _, o := range obs {
		ls = append(ls, line(o))
	}
	return ls
}

// run runs a command and returns its process id.
func run(t *testing.T, dir string, name string, args ...string) int {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return cmd.Process.Pid
}

// need skips where a tool or privilege is missing, except in CI.
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("STELE_CI") == "1":
		t.Fatal("missing in CI: " + what)
	default:
		t.Skip("needs " + what)
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	need(t, os.Getuid() == 0, "root")
}

func needTool(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	need(t, err == nil, name)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func certain(t *testing.T, o Observation, pid int) {
	t.Helper()
	if o.Who == nil || o.Who.PID != pid || o.Confidence == body.Unknown {
		t.Errorf("%s: actor %+v (%s), want process %d", line(o), o.Who, o.Confidence, pid)
	}
}
