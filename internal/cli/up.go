package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) up() *cobra.Command {
	var scanEvery time.Duration
	cmd := &cobra.Command{
		Use:   "up [PATH…]",
		Short: "Record changes on this machine, with everything in one process",
		Long: `Up finds the agents on this machine by the catalogue, watches their
configuration and every PATH (a file, a directory or a pattern), and records each
change in the store. It ends with Ctrl-C; what was recorded stays.`,
		Example: `  sudo stele up
  stele up ~/.config/otelcol /etc/myagent.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.layout()
			if err != nil {
				return err
			}
			return a.runUp(cmd.Context(), l, upOptions{paths: args, scanEvery: scanEvery, discover: true})
		},
	}
	cmd.Flags().DurationVar(&scanEvery, "scan-every", 0, "time between two scans of everything watched (default 5m, or 2s where the kernel tells nothing)")
	return cmd
}

// upOptions say what one process with everything in it watches.
type upOptions struct {
	paths     []string
	scanEvery time.Duration
	discover  bool // watch what the catalogue knows
	ownEvents bool // record what this process changes too
	quiet     bool
	ready     chan<- *machine // told once everything is attached; nil: nobody
}

// machine is a store and a watcher in one process.
type machine struct {
	server  *server.Server
	watcher *watcher.Watcher
	spool   *spool.Spool
}

func (a *app) runUp(ctx context.Context, l server.Layout, o upOptions) (err error) {
	m, err := a.openMachine(ctx, l, o)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, m.spool.Close(), m.server.Stop(stop))
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var told sync.WaitGroup
	told.Go(func() {
		select {
		case <-m.watcher.Ready():
			m.server.Present(m.watcher.Source())
			if !o.quiet {
				a.printWatching(m.watcher.Status())
			}
			if o.ready != nil {
				o.ready <- m
			}
		case <-ctx.Done():
		}
	})
	err = m.watcher.Run(ctx)
	cancel()
	told.Wait()
	return err
}

func (a *app) openMachine(ctx context.Context, l server.Layout, o upOptions) (_ *machine, err error) {
	srv, err := a.openServer(ctx, l)
	if err != nil {
		return nil, err
	}
	m := &machine{server: srv}
	defer func() {
		if err != nil {
			if m.spool != nil {
				err = errors.Join(err, m.spool.Close())
			}
			err = errors.Join(err, srv.Stop(context.WithoutCancel(ctx)))
		}
	}()
	key, err := openSource(l, entry.Watcher)
	if err != nil {
		return nil, err
	}
	host := &body.Host{Name: hostName(), Machine: keyfile.Machine(), OS: runtime.GOOS}
	if _, err := srv.Enrol(ctx, key.Public(), entry.Watcher, host); err != nil {
		return nil, fmt.Errorf("enrol the watcher: %w", err)
	}
	if m.spool, err = spool.Open(spool.Config{Dir: l.Watch(), FS: durable.OS, Diag: a.diag()}); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	cfg, err := a.watcherConfig(l, o)
	if err != nil {
		return nil, err
	}
	cfg.Key, cfg.LogKey, cfg.Server, cfg.Spool, cfg.Host = key, srv.LogKey(), local{srv}, m.spool, host.Name
	m.watcher, err = watcher.New(ctx, cfg)
	return m, err
}

// openServer opens the store for writing, with words for what can go wrong.
func (a *app) openServer(ctx context.Context, l server.Layout) (*server.Server, error) {
	note, err := a.belief(l)
	if err != nil {
		return nil, err
	}
	syscall.Umask(0o077) // whatever the parts write is the owner's alone
	srv, err := server.Open(ctx, server.Config{Layout: l, Trust: note, Version: version(), Diag: a.diag()})
	if err != nil {
		return nil, hintStore(err)
	}
	return srv, err
}

// openSource opens the key of a source on this machine, or makes it.
func openSource(l server.Layout, role entry.Role) (entry.SecretKey, error) {
	kf, err := openKey(l, role)
	if err != nil {
		return entry.SecretKey{}, err
	}
	return entry.NewSecretKey(kf.Secret.Bytes())
}

// openRedactor opens the key of fingerprints, which never leaves the host.
func openRedactor(l server.Layout) (*redact.Redactor, keyfile.Secret, error) {
	kf, err := keyfile.OpenOrCreate(l.Key("fingerprint"), "fingerprint", "")
	if err != nil {
		return nil, keyfile.Secret{}, err
	}
	key, err := redact.NewKey(kf.Secret.Bytes())
	if err != nil {
		return nil, keyfile.Secret{}, err
	}
	return redact.New(redact.Config{Key: key}), kf.Secret, nil
}

func (a *app) watcherConfig(l server.Layout, o upOptions) (watcher.Config, error) {
	cat, err := catalogue.Builtin()
	if err != nil {
		return watcher.Config{}, err
	}
	red, secret, err := openRedactor(l)
	if err != nil {
		return watcher.Config{}, err
	}
	given, err := absolute(o.paths)
	if err != nil {
		return watcher.Config{}, err
	}
	paths := given
	if o.discover {
		found, err := a.discover(cat)
		if err != nil {
			return watcher.Config{}, err
		}
		if len(found) == 0 && len(given) == 0 {
			a.talk("no agent of the catalogue was found on this machine")
			a.talk("name what to watch: stele up PATH… (a file, a directory or a pattern)")
		}
		paths = append(slices.Clone(given), cataloguePaths(cat, found)...)
	}
	return watcher.Config{
		Catalogue: cat, Redactor: red, DigestKey: secret.Bytes(), Paths: paths, Claims: claims(given, l.Dir),
		Socket: l.Socket(), Version: version(), ScanEvery: o.scanEvery, OwnEvents: o.ownEvents, Now: time.Now, Diag: a.diag(),
	}, nil
}

// discover lists the agents on this machine and says so.
func (a *app) discover(cat *catalogue.Catalogue) ([]catalogue.Found, error) {
	found, err := cat.Discover("/", homes())
	if err != nil {
		return nil, err
	}
	files, unreadable := map[string]int{}, map[string]int{}
	for _, f := range found {
		if f.Err != nil {
			unreadable[f.Agent.ID]++
			a.talk("cannot read  %s: %v", terminal.Escape(f.Path), f.Err)
			continue
		}
		files[f.Agent.ID]++
	}
	for _, ag := range cat.Agents {
		if n := files[ag.ID]; n > 0 {
			a.talk("found        %-14s %d files", ag.ID, n)
		}
	}
	return found, nil
}

// homes are the home directories to look into: for root everyone's, for others
// their own.
func homes() []string {
	if os.Geteuid() == 0 {
		if passwd, err := os.ReadFile("/etc/passwd"); err == nil {
			return catalogue.Homes(passwd)
		}
	}
	if h, err := os.UserHomeDir(); err == nil {
		return []string{h}
	}
	return nil
}

// cataloguePaths turns the catalogue's patterns into paths to watch, those of
// files that do not exist yet included.
func cataloguePaths(cat *catalogue.Catalogue, found []catalogue.Found) []string {
	var paths []string
	add := func(glob string) {
		if stem, _, ok := strings.Cut(glob, "/**"); ok {
			glob = stem
		}
		if glob != "" {
			paths = append(paths, glob)
		}
	}
	for _, ag := range cat.Agents {
		for _, p := range ag.Paths {
			switch {
			case strings.HasPrefix(p.Glob, "/"):
				add(p.Glob)
			case strings.HasPrefix(p.Glob, "~/"):
				for _, h := range homes() {
					add(h + p.Glob[1:])
				}
			}
		}
	}
	for _, f := range found {
		if f.Err == nil {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// claims says which files the paths given by a person stand for.
func claims(given []string, store string) func(string) bool {
	return func(p string) bool {
		if within(store, p) {
			return false
		}
		return slices.ContainsFunc(given, func(g string) bool {
			if within(g, p) {
				return true
			}
			ok, err := filepath.Match(g, p)
			return err == nil && ok
		})
	}
}

func within(dir, p string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

func absolute(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		out = append(out, abs)
	}
	return out, nil
}

func (a *app) printWatching(st capture.Status) {
	for _, l := range st.Layers {
		a.talk("layer        %-14s %s", l.Name, terminal.Escape(layerText(l.Live, l.Reason)))
	}
	for p, why := range st.Unreadable {
		a.talk("cannot read  %s: %s", terminal.Escape(p), terminal.Escape(why))
	}
	a.talk("watching     %d files; `stele log` shows what changes, Ctrl-C ends", st.Watched)
}

func hostName() string {
	h, err := os.Hostname()
	if err != nil || h == "" {
		return "localhost"
	}
	return h
}

// local is a server in the same process, as its watcher sees it.
type local struct{ *server.Server }

func (l local) Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error) {
	return l.latest(ctx, index.Subject{Host: host}, paths)
}

func (l local) latest(ctx context.Context, s index.Subject, paths []string) ([]wire.Latest, error) {
	all := make([]wire.Latest, len(paths))
	for i, p := range paths {
		s.Path = p
		id, what, found, err := l.Server.Latest(ctx, s)
		if err != nil {
			return nil, err
		}
		all[i] = wire.Latest{Found: found, ID: tlog.Hash(id), What: what}
	}
	return all, nil
}

func (l local) Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error) {
	return l.Receipt(ctx, b.Believed, nil)
}
