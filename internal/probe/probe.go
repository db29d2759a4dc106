// Package probe sees the settings in force, where they can differ from what files say:
// it asks the kernel, or has a program of root's tell, what the catalogue calls safe.
//
// A program is run by its absolute path, only where nobody but root can have put it
// there, with no environment, no input, in a process group that is ended after a time,
// with a bounded output, and without any network unless the probe is about that. It is
// asked at a rate, and sooner where something hints that its answer is another now.
//
// It does not say what a change means, does not redact, and remembers nothing: each
// answer is handed over.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
)

// Every is the time between two looks at all that is probed.
const Every = time.Minute

// Bounds of one answer, and the pause after a hint: whoever gave it is at it still.
const (
	within   = 10 * time.Second
	longest  = 16 << 20
	hintWait = time.Second
)

const prefix = "stele:probe/"

// Path is the subject that has what a probe shows as its text.
func Path(p *catalogue.Probe) string { return prefix + p.Name }

// Is reports whether a path is such a subject.
func Is(path string) bool { return strings.HasPrefix(path, prefix) }

// Says is what was asked, in words.
func Says(p *catalogue.Probe) string {
	if p.Read != "" {
		return "contents of " + p.Read
	}
	return "output of " + strings.Join(p.Run, " ")
}

// Answer is what a probe showed.
type Answer struct {
	Probe *catalogue.Probe
	Text  []byte
	Err   error     // there is no text
	Since time.Time // when it was asked before; zero: never
	At    time.Time // when it was asked
}

// ErrAbsent is that of a program that is not on this host.
var ErrAbsent = errors.New("not installed")

var errLong = fmt.Errorf("more than %d bytes", longest)

// Config says what is asked, and whom to tell.
type Config struct {
	Probes []catalogue.Probe
	Every  time.Duration // 0: [Every]
	// Hints gives programs, by their paths, that were just run.
	Hints <-chan string
	Now   func() time.Time
}

// Run asks at once, tells each answer, calls first, and goes on until ctx ends.
func Run(ctx context.Context, cfg Config, tell func(Answer), first func()) {
	if cfg.Every == 0 {
		cfg.Every = Every
	}
	asked := make([]time.Time, len(cfg.Probes))
	ask := func(which func(*catalogue.Probe) bool) {
		for i := range cfg.Probes {
			p := &cfg.Probes[i]
			if ctx.Err() != nil || !which(p) {
				continue
			}
			a := Answer{Probe: p, Since: asked[i], At: cfg.Now()}
			if a.Text, a.Err = look(ctx, p); ctx.Err() == nil {
				tell(a)
				asked[i] = a.At
			}
		}
	}
	all := func(*catalogue.Probe) bool { return true }
	mounts := watchMounts(ctx)
	ask(all)
	first()
	tick := time.NewTicker(cfg.Every)
	defer tick.Stop()
	hinted := map[string]bool{}
	var pause <-chan time.Time
	calm := calmer{most: cfg.Every}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			ask(all)
		case exe := <-cfg.Hints:
			for i := range cfg.Probes {
				if p := &cfg.Probes[i]; p.ChangedBy(exe) {
					hinted[p.Name] = true
				}
			}
		case <-mounts:
			hinted["mounts"] = true
		case <-pause:
			ask(func(p *catalogue.Probe) bool { return hinted[p.Name] })
			clear(hinted)
			pause = nil
		}
		if len(hinted) > 0 && pause == nil {
			pause = time.After(calm.wait(time.Now()))
		}
	}
}

// calmer says how long to wait after a hint: twice as long as the last time where
// hints keep coming. Who mounts and unmounts all day must not have every table on
// the record.
type calmer struct {
	most, last time.Duration
	until      time.Time // of the last wait
}

func (c *calmer) wait(now time.Time) time.Duration {
	switch {
	case c.last == 0 || now.Sub(c.until) > 4*c.last:
		c.last = min(hintWait, c.most)
	default:
		c.last = min(2*c.last, c.most)
	}
	c.until = now.Add(c.last)
	return c.last
}

// look has a probe answer.
func look(ctx context.Context, p *catalogue.Probe) ([]byte, error) {
	if p.Read == "" {
		return run(ctx, p)
	}
	f, err := os.Open(p.Read)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := bounded(f)
	if strings.HasSuffix(p.Read, "/mountinfo") {
		text = mounts(text)
	}
	return text, err
}

func bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, longest+1))
	if err == nil && len(text) > longest {
		err = errLong
	}
	return text, err
}

// passing are directories of mounts that come and go with logins, containers and units
// and are nobody's configuration.
var passing = []string{
	"/run/user/", "/run/netns/", "/run/docker/", "/run/containerd/", "/run/credentials/", "/var/lib/docker/", "/var/lib/containers/",
	"/var/lib/containerd/", "/var/lib/kubelet/",
}

// mounts words the kernel's table of mounts, without its numbers: the place, the type
// of the file system, its source, the part of it, and the options.
func mounts(table []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+3 {
			continue
		}
		if slices.ContainsFunc(passing, func(dir string) bool { return strings.HasPrefix(f[4], dir) }) {
			continue
		}
		said := []string{f[4], f[dash+1], f[dash+2], f[3], f[5]}
		b.WriteString(strings.Join(append(said, f[dash+3:]...), " ") + "\n")
	}
	return []byte(b.String())
}

// safe says whether nobody but root can have put a program at a path.
func safe(path string) error {
	for at := path; ; {
		fi, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return ErrAbsent
		}
		if err != nil {
			return err
		}
		if !roots(fi) {
			return fmt.Errorf("%s: others than root can replace it: not run", at)
		}
		if at == "/" {
			return nil
		}
		at = filepath.Dir(at)
	}
}
