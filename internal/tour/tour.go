// Package tour is what `stele demo` shows: it edits real files in a directory of its own
// while they are recorded, shows who, what, when and why by running this very program,
// alters one byte of the record and shows how verification fails.
package tour

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/layout"
)

// Tour is one.
type Tour struct {
	Dir   string // where everything is made; whoever takes the tour removes it
	Store layout.Store
	Trust string // the directory of what is believed
	// Machine opens a watcher and a server of the store over paths.
	Machine  func(ctx context.Context, paths ...string) (*daemon.Machine, error)
	Out, Err io.Writer

	seen uint64 // entries shown so far
}

var files = map[string]string{
	"etc/ssh/sshd_config":           "Port 22\nPermitRootLogin no\nPasswordAuthentication no\nLogLevel VERBOSE\n",
	"etc/prometheus/prometheus.yml": "global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: [\"web-1:9100\", \"web-2:9100\"]\n    basic_auth:\n      username: scraper\n      password: hunter2-hunter2\n",
	"etc/claude/settings.json":      "{\n  \"permissions\": {\n    \"deny\": [\"Bash(rm:*)\", \"Read(./.env)\"]\n  }\n}\n",
	"etc/rsyslog.conf":              "module(load=\"imuxsock\")\n*.* @@logs.example.org:6514\n",
}

func (t *Tour) say(format string, args ...any) { fmt.Fprintf(t.Out, "\n# "+format+"\n", args...) }

// Take takes the tour.
func (t *Tour) Take(ctx context.Context) error {
	for name, text := range files {
		path := filepath.Join(t.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	t.say("Four agents' configuration in %s, and a store beside it: log, vault, index.", t.Dir)
	if err := t.record(ctx); err != nil {
		return err
	}
	if err := t.shell(ctx, "verify"); err != nil {
		return err
	}
	return t.tamper(ctx)
}

// record runs the machine while files are edited.
func (t *Tour) record(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := t.Machine(ctx, filepath.Join(t.Dir, "etc"))
	if err != nil {
		return err
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- m.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		return err
	}
	err = t.edits(ctx, m)
	cancel()
	return errors.Join(err, <-ended)
}

func (t *Tour) edits(ctx context.Context, m *daemon.Machine) error {
	for _, l := range m.Watcher.Status().Layers {
		fmt.Fprintf(t.Out, "layer %-9s %s\n", l.Name, daemon.LayerText(l.Live, l.Reason))
	}
	if err := t.await(ctx, m, 1); err != nil {
		return err
	}
	t.say("Somebody opens sshd to root with sed, under a reason (stele run --reason … -- sed -i …):")
	sshd := filepath.Join(t.Dir, "etc/ssh/sshd_config")
	if err := t.under(ctx, "let the backup in", "OPS-42", "sed", "-i", "s/PermitRootLogin no/PermitRootLogin yes/", sshd); err != nil {
		return err
	}
	if err := t.await(ctx, m, 1); err != nil {
		return err
	}
	if !named(m) {
		t.say("Without root the kernel does not say who; a reason can still be given afterwards (stele explain):")
		if err := t.self(ctx, "explain", strconv.Itoa(tamperedEntry), "--reason", "let the backup in", "--ticket", "OPS-42"); err != nil {
			return err
		}
		t.seen++
	}
	t.say("A scrape password is rotated: what is recorded says that a secret changed, and holds neither the old one nor the new.")
	prom := filepath.Join(t.Dir, "etc/prometheus/prometheus.yml")
	if err := t.edit(prom, "hunter2-hunter2", "correct-horse-battery"); err != nil {
		return err
	}
	if err := t.await(ctx, m, 1); err != nil {
		return err
	}
	t.say("An AI agent's deny list is emptied, and put back half a second later: two changes, not none.")
	claude := filepath.Join(t.Dir, "etc/claude/settings.json")
	if err := t.edit(claude, `"Bash(rm:*)", `, ""); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond)
	if err := t.edit(claude, `"deny": [`, `"deny": ["Bash(rm:*)", `); err != nil {
		return err
	}
	if err := t.await(ctx, m, 1); err != nil {
		return err
	}
	for _, args := range [][]string{{"log", "--kind", "change"}, {"diff", sshd}, {"diff", prom}, {"blame", sshd}} {
		if err := t.shell(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// under runs a command with a reason, as `stele run` does.
func (t *Tour) under(ctx context.Context, reason, ticket, name string, args ...string) error {
	return t.self(ctx, append([]string{"run", "--reason", reason, "--ticket", ticket, "--", name}, args...)...)
}

// self runs this program on the store of the tour, and says nothing of it.
func (t *Tour) self(ctx context.Context, args ...string) error {
	cmd, err := t.command(ctx, args)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stele %s: %w: %s", args[0], err, out)
	}
	return nil
}

// shell shows a command and what it says.
func (t *Tour) shell(ctx context.Context, args ...string) error {
	fmt.Fprintf(t.Out, "\n$ stele %s\n", strings.ReplaceAll(strings.Join(args, " "), t.Dir, "…"))
	cmd, err := t.command(ctx, args)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = t.Out, t.Err
	return cmd.Run()
}

func (t *Tour) command(ctx context.Context, args []string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"--data", t.Store.Dir}, args...)...)
	cmd.Env = append(os.Environ(), "STELE_TRUST="+t.Trust)
	return cmd, nil
}

// named reports whether the kernel tells which process changed a file.
func named(m *daemon.Machine) bool {
	return slices.ContainsFunc(m.Watcher.Status().Layers, func(l capture.Layer) bool { return l.Name == capture.LayerProc && l.Live })
}

func (t *Tour) edit(path, from, to string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(b), from, to, 1)
	if changed == string(b) {
		return fmt.Errorf("%s does not say %q", path, from)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// await waits until n more entries of the watcher stand in the log, proved.
func (t *Tour) await(ctx context.Context, m *daemon.Machine, n uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if head, ok := m.Spool.Head(); ok && head.Next >= t.seen+n && m.Spool.Len() == 0 {
			t.seen = head.Next
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the change was not recorded within 30 seconds")
		}
	}
}

// tamperedEntry is the entry that records the edit of sshd's configuration:
// after the enrolments of recorder and watcher, and the first sight.
const tamperedEntry = 3

// badEvidence is the exit status of a command that found the evidence bad.
const badEvidence = 3

// tamper flips one byte of an entry in the log's files.
func (t *Tour) tamper(ctx context.Context) error {
	path, err := newestBundle(t.Store.Log())
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	at := 0
	for range tamperedEntry { // each entry has its length before it
		at += 2 + int(binary.BigEndian.Uint16(b[at:]))
	}
	at += 300 // among the seals
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return err
	}
	t.say("Now somebody with every right on this machine alters one byte of entry %d in the log.", tamperedEntry)
	var exit *exec.ExitError
	if err = t.shell(ctx, "verify"); !errors.As(err, &exit) || exit.ExitCode() != badEvidence {
		return errors.Join(errors.New("the altered byte was not found"), err)
	}
	t.say("Exit status 3: the evidence is bad, and the entry is named. That is all. Next: sudo stele up")
	return nil
}

// newestBundle is the entry bundle that holds the end of the log.
func newestBundle(log string) (string, error) {
	var newest string
	var largest int64
	err := filepath.WalkDir(filepath.Join(log, "tile", "entries"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > largest {
			newest, largest = path, info.Size()
		}
		return err
	})
	if err == nil && newest == "" {
		err = errors.New("the log has no entries")
	}
	return newest, err
}
