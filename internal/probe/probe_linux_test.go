package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
)

const patience = time.Minute

func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("STELE_CI") == "1":
		t.Fatal("missing in CI: root")
	default:
		t.Skip("needs root")
	}
}

// A program is run without environment, input, or, unless it is about that, network.
func TestRun(t *testing.T) {
	needRoot(t)
	t.Setenv("STELE_SECRET", "x")
	ask := func(network bool, run ...string) (string, error) {
		text, err := look(t.Context(), &catalogue.Probe{Run: run, Network: network})
		return string(text), err
	}
	if got, err := ask(false, "/usr/bin/env"); got != "" || err != nil {
		t.Errorf("environment: %q %v", got, err)
	}
	if got, err := ask(false, "/usr/bin/cat"); got != "" || err != nil {
		t.Errorf("input: %q %v", got, err)
	}
	inside, err := ask(false, "/usr/bin/readlink", "/proc/self/ns/net")
	if host, hostErr := ask(true, "/usr/bin/readlink", "/proc/self/ns/net"); inside == host || err != nil || hostErr != nil {
		t.Errorf("network: %q and %q, %v %v", inside, host, err, hostErr)
	}
	if _, err := ask(false, "/usr/bin/yes"); err == nil {
		t.Error("an output without end was taken")
	}
	if _, err := ask(false, "/usr/bin/false"); err == nil {
		t.Error("one that failed was believed")
	}
	if _, err := ask(false, "/usr/bin/no-such-program"); !errors.Is(err, ErrAbsent) {
		t.Errorf("one that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	if _, err := look(ctx, &catalogue.Probe{Run: []string{"/usr/bin/sleep", "3600"}}); err == nil || time.Since(began) > patience {
		t.Errorf("one without end: %v", err)
	}
}

// What somebody else than root can replace is not run.
func TestSafe(t *testing.T) {
	needRoot(t)
	if err := safe("/usr/bin/env"); err != nil {
		t.Errorf("root's own: %v", err)
	}
	dir := t.TempDir() // below a directory in which everybody can make names
	program := filepath.Join(dir, "program")
	if out, err := exec.Command("cp", "/usr/bin/env", program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := safe(program); err == nil || !strings.Contains(err.Error(), "can replace it") {
		t.Errorf("in /tmp: %v", err)
	}
}

// The table of mounts is told without numbers, and without what passes.
func TestMounts(t *testing.T) {
	got := string(mounts([]byte(`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /run/user/1000 rw - tmpfs tmpfs rw
41 22 8:1 /etc/a /etc/b ro,nosuid - ext4 /dev/sda1 rw
half a line
`)))
	if want := "/ ext4 /dev/sda1 / rw,relatime rw\n/etc/b ext4 /dev/sda1 /etc/a ro,nosuid rw\n"; got != want {
		t.Errorf("%q", got)
	}
}

// A hint has those asked again that it is about, and no other.
func TestHint(t *testing.T) {
	hints := make(chan string, 2)
	answers := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	cfg := Config{Every: time.Hour, Hints: hints, Now: time.Now, Probes: []catalogue.Probe{
		{Name: "one", Read: "/proc/self/status", By: []string{"a"}}, {Name: "two", Read: "/proc/self/status", By: []string{"b"}},
	}}
	go func() {
		defer close(done)
		Run(ctx, cfg, func(a Answer) { answers <- a.Probe.Name }, func() { answers <- "first" })
	}()
	defer func() { cancel(); <-done }()
	hints <- "/usr/bin/c"
	hints <- "/usr/bin/b"
	for _, want := range []string{"one", "two", "first", "two"} {
		select {
		case got := <-answers:
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%q did not come", want)
		}
	}
}

// What the catalogue calls safe can be asked here, where it is installed.
func TestBuiltin(t *testing.T) {
	needRoot(t)
	c, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Probes) < 4 {
		t.Errorf("%d probes", len(c.Probes))
	}
	for i := range c.Probes {
		p := &c.Probes[i]
		text, err := look(t.Context(), p)
		t.Logf("%s: %d bytes, %v", p.Name, len(text), err)
		if p.Read != "" && (err != nil || len(text) == 0) {
			t.Errorf("%s: %q %v", p.Name, text, err)
		}
	}
}

// TestCalmer: where hints keep coming each wait is longer, up to a bound; after a
// while without any it is short again.
func TestCalmer(t *testing.T) {
	c, now := calmer{most: 10 * time.Second}, time.Unix(1, 0)
	var got []time.Duration
	for range 6 {
		w := c.wait(now)
		got, now = append(got, w/time.Second), now.Add(w+time.Millisecond)
	}
	got = append(got, c.wait(now.Add(time.Minute))/time.Second)
	if want := []time.Duration{1, 2, 4, 8, 10, 10, 1}; !slices.Equal(got, want) {
		t.Errorf("waits of %d s, want %d", got, want)
	}
}
