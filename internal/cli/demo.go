package cli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "A tour in a temporary directory, without root, in a minute",
		Long: `Demo makes a directory with configuration of several agents, records it, edits
real files, shows who, what, when and why, then alters one byte of the record and
shows how verification fails. It removes everything it made.`,
		Example: `  stele demo`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "stele-demo-")
			if err != nil {
				return err
			}
			d := &demo{app: &app{in: a.in, out: a.out, err: a.err, data: filepath.Join(dir, "store"), trust: filepath.Join(dir, "trust")}, dir: dir}
			return errors.Join(d.tour(cmd.Context()), os.RemoveAll(dir))
		},
	}
}

// demo is one tour.
type demo struct {
	*app
	dir    string
	layout layout.Store
	seen   uint64 // entries shown so far
}

var demoFiles = map[string]string{
	"etc/ssh/sshd_config":           "Port 22\nPermitRootLogin no\nPasswordAuthentication no\nLogLevel VERBOSE\n",
	"etc/prometheus/prometheus.yml": "global:\n  scrape_interval: 15s\nscrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: [\"web-1:9100\", \"web-2:9100\"]\n    basic_auth:\n      username: scraper\n      password: hunter2-hunter2\n",
	"etc/claude/settings.json":      "{\n  \"permissions\": {\n    \"deny\": [\"Bash(rm:*)\", \"Read(./.env)\"]\n  }\n}\n",
	"etc/rsyslog.conf":              "module(load=\"imuxsock\")\n*.* @@logs.example.org:6514\n",
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "\n# "+format+"\n", args...) }

func (d *demo) tour(ctx context.Context) error {
	d.layout = layout.Store{Dir: d.data}
	for name, text := range demoFiles {
		path := filepath.Join(d.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	d.say("Four agents' configuration in %s, and a store beside it: log, vault, index.", d.dir)
	if err := d.record(ctx); err != nil {
		return err
	}
	if err := d.shell(ctx, "verify", func() error { return d.verifyAll(ctx, verifyFlags{}) }); err != nil {
		return err
	}
	return d.tamper(ctx)
}

// record runs the machine while files are edited.
func (d *demo) record(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := d.process(d.layout)
	if err != nil {
		return err
	}
	m, err := p.OpenMachine(ctx, daemon.UpOptions{WatchOptions: daemon.WatchOptions{Paths: []string{filepath.Join(d.dir, "etc")}, OwnEvents: true}})
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
	err = d.edits(ctx, m)
	cancel()
	return errors.Join(err, <-ended)
}

func (d *demo) edits(ctx context.Context, m *daemon.Machine) error {
	for _, l := range m.Watcher.Status().Layers {
		fmt.Fprintf(d.out, "layer %-9s %s\n", l.Name, daemon.LayerText(l.Live, l.Reason))
	}
	if err := d.await(ctx, m, 1); err != nil {
		return err
	}
	d.say("Somebody opens sshd to root with sed, under a reason (stele run --reason … -- sed -i …):")
	sshd := filepath.Join(d.dir, "etc/ssh/sshd_config")
	if err := d.under("let the backup in", "OPS-42", "sed", "-i", "s/PermitRootLogin no/PermitRootLogin yes/", sshd); err != nil {
		return err
	}
	if err := d.await(ctx, m, 1); err != nil {
		return err
	}
	if !named(m) {
		d.say("Without root the kernel does not say who; a reason can still be given afterwards (stele explain):")
		if err := d.self("explain", strconv.Itoa(tamperedEntry), "--reason", "let the backup in", "--ticket", "OPS-42"); err != nil {
			return err
		}
		d.seen++
	}
	d.say("A scrape password is rotated: what is recorded says that a secret changed, and holds neither the old one nor the new.")
	prom := filepath.Join(d.dir, "etc/prometheus/prometheus.yml")
	if err := d.edit(prom, "hunter2-hunter2", "correct-horse-battery"); err != nil {
		return err
	}
	if err := d.await(ctx, m, 1); err != nil {
		return err
	}
	d.say("An AI agent's deny list is emptied, and put back half a second later: two changes, not none.")
	claude := filepath.Join(d.dir, "etc/claude/settings.json")
	if err := d.edit(claude, `"Bash(rm:*)", `, ""); err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond)
	if err := d.edit(claude, `"deny": [`, `"deny": ["Bash(rm:*)", `); err != nil {
		return err
	}
	if err := d.await(ctx, m, 1); err != nil {
		return err
	}
	if err := d.shell(ctx, "log", func() error {
		return d.withReader(ctx, wire.Question{}, func(r *history.Reader) error {
			l := asking.Log{Filter: history.Filter{Kinds: []string{"change"}}, Out: d.out, Talk: d.talk}
			return l.Print(ctx, r)
		})
	}); err != nil {
		return err
	}
	for _, path := range []string{sshd, prom} {
		if err := d.shell(ctx, "diff "+path, func() error {
			return d.withReader(ctx, wire.Question{}, func(r *history.Reader) error {
				pairs, err := r.Pairs(ctx, path, "", time.Time{}, time.Time{})
				if err != nil {
					return err
				}
				return d.printDiffs(ctx, r, pairs, false)
			})
		}); err != nil {
			return err
		}
	}
	return d.shell(ctx, "blame "+sshd, func() error {
		return d.withReader(ctx, wire.Question{}, func(r *history.Reader) error { return d.printBlame(ctx, r, sshd, "", time.Time{}, false) })
	})
}

// under runs a command with a reason, as `stele run` does.
func (d *demo) under(reason, ticket, name string, args ...string) error {
	return d.self(append([]string{"run", "--reason", reason, "--ticket", ticket, "--", name}, args...)...)
}

// self runs this program on the store of the tour.
func (d *demo) self(args ...string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, append([]string{"--data", d.data}, args...)...)
	cmd.Env = append(os.Environ(), "STELE_TRUST="+d.trust)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stele %s: %w: %s", args[0], err, out)
	}
	return nil
}

// named reports whether the kernel tells which process changed a file.
func named(m *daemon.Machine) bool {
	return slices.ContainsFunc(m.Watcher.Status().Layers, func(l capture.Layer) bool { return l.Name == capture.LayerProc && l.Live })
}

func (d *demo) edit(path, from, to string) error {
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
func (d *demo) await(ctx context.Context, m *daemon.Machine, n uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if head, ok := m.Spool.Head(); ok && head.Next >= d.seen+n && m.Spool.Len() == 0 {
			d.seen = head.Next
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the change was not recorded within 30 seconds")
		}
	}
}

func (d *demo) shell(_ context.Context, line string, do func() error) error {
	fmt.Fprintf(d.out, "\n$ stele %s\n", strings.ReplaceAll(line, d.dir, "…"))
	return do()
}

// tamperedEntry is the entry that records the edit of sshd's configuration:
// after the enrolments of recorder and watcher, and the first sight.
const tamperedEntry = 3

// tamper flips one byte of an entry in the log's files.
func (d *demo) tamper(ctx context.Context) error {
	path, err := newestBundle(d.layout.Log())
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
	d.say("Now somebody with every right on this machine alters one byte of entry %d in the log.", tamperedEntry)
	err = d.shell(ctx, "verify", func() error { return d.verifyAll(ctx, verifyFlags{}) })
	if !errors.Is(err, errBadEvidence) {
		return errors.Join(errors.New("the altered byte was not found"), err)
	}
	d.say("Exit status 3: the evidence is bad, and the entry is named. That is all. Next: sudo stele up")
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
