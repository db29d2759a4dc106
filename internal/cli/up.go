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

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/spool"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
)

func (a *app) up() *cobra.Command {
	o := upOptions{discover: true}
	cmd := &cobra.Command{
		Use:   "up [PATH…]",
		Short: "Record changes on this machine, with everything in one process",
		Long: `Up finds the agents on this machine by the catalogue, watches their
configuration and every PATH (a file, a directory or a pattern), and records each
change in the store. It serves the store too, as serve does, to this machine only
unless --listen says otherwise. It ends with Ctrl-C; what was recorded stays.`,
		Example: `  sudo stele up
  stele up ~/.config/otelcol /etc/myagent.yaml
  sudo stele up --listen 0.0.0.0:7835 --name log.example.org   # other hosts may join`,
		Args: somePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.layout()
			if err != nil {
				return err
			}
			o.paths = args
			return a.runUp(cmd.Context(), l, o)
		},
	}
	f := cmd.Flags()
	f.Var((*interval)(&o.scanEvery), "scan-every", "time between two scans of everything watched (default 5m, or 2s where the kernel tells nothing)")
	f.StringVar(&o.listen, "listen", "", "address to serve at (default "+settings.Default().Serve.Listen+", or any free port of loopback)")
	f.StringSliceVar(&o.names, "name", nil, "host name by which clients call this server, beside its addresses")
	return cmd
}

// upOptions say what one process with everything in it watches and serves.
type upOptions struct {
	paths     []string
	scanEvery time.Duration
	listen    string // empty: the usual port of loopback, or any that is free
	names     []string
	discover  bool // watch what the catalogue knows
	ownEvents bool // record what this process changes too
	quiet     bool
	ready     chan<- *machine // told once everything is attached; nil: nobody
}

// interval is the time between two scans, as a flag.
type interval time.Duration

func (i *interval) Set(s string) error {
	t, err := settings.Interval(s)
	*i = interval(t)
	return err
}

func (i *interval) String() string {
	if *i == 0 {
		return "" // the default, which the usage says in words
	}
	return time.Duration(*i).String()
}

func (i *interval) Type() string { return "duration" }

// somePaths takes any number of paths, none of which may be empty: that would be
// the working directory, and more likely a variable that was not set.
func somePaths(_ *cobra.Command, args []string) error {
	if slices.Contains(args, "") {
		return usagef("a PATH is empty")
	}
	return nil
}

// machine is a store, its door and a watcher in one process.
type machine struct {
	door    *door
	watcher *watcher.Watcher
	spool   *spool.Spool
}

// runUp watches and serves until the context ends. The watcher ends first: what
// it still holds goes into the store.
func (a *app) runUp(ctx context.Context, l layout.Store, o upOptions) error {
	m, err := a.openMachine(ctx, l, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var parts sync.WaitGroup
	var servedErr error
	parts.Go(func() {
		servedErr = m.door.run(serving)
		cancel()
	})
	parts.Go(func() {
		select {
		case <-m.watcher.Ready():
			a.announce(m, o)
		case <-ctx.Done():
		}
	})
	err = m.watcher.Run(ctx)
	cancel()
	stopServing()
	parts.Wait()
	return errors.Join(err, servedErr, m.spool.Close())
}

func (a *app) announce(m *machine, o upOptions) {
	if !o.quiet {
		a.talk("serving      %s", m.door.url)
		a.printWatching(m.watcher.Status())
	}
	if o.ready != nil {
		o.ready <- m
	}
}

func (a *app) openMachine(ctx context.Context, l layout.Store, o upOptions) (_ *machine, err error) {
	syscall.Umask(0o077) // whatever the parts write is the owner's alone
	m := &machine{}
	if m.door, err = a.openOwnDoor(ctx, l, o); err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		if m.spool != nil {
			err = errors.Join(err, m.spool.Close())
		}
		err = errors.Join(err, m.door.shut(), m.door.closeListeners())
	}()
	key, err := openSource(l, entry.Watcher)
	if err != nil {
		return nil, err
	}
	host := &body.Host{Name: hostName(), Machine: keyfile.Machine(), OS: runtime.GOOS}
	err = m.door.Store(ctx, func(ctx context.Context, srv *store.Store) error {
		_, err := srv.Enrol(ctx, key.Public(), entry.Watcher, host)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("enrol the watcher: %w", err)
	}
	if m.spool, err = spool.Open(spool.Config{Dir: l.Watch(), FS: durable.OS, Source: key.Source(), Diag: a.diag()}); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	cfg, err := a.watcherConfig(l, o)
	if err != nil {
		return nil, err
	}
	if cfg.LogKey, err = entry.ParseLogKey(m.door.endpoint.VKey); err != nil {
		return nil, fmt.Errorf("key of the log: %w", err)
	}
	cfg.Key, cfg.Server, cfg.Spool, cfg.Host = key, m.door.Inside(key.Source(), host.Name), m.spool, host.Name
	m.watcher, err = watcher.New(ctx, cfg)
	return m, err
}

// openOwnDoor serves this machine: at the usual port, or at any that is free
// where nobody asked for one.
func (a *app) openOwnDoor(ctx context.Context, l layout.Store, o upOptions) (*door, error) {
	set := settings.Default().Serve
	set.Erasers, set.Metrics.Listen, set.Names = 1, "", o.names
	if o.listen != "" {
		set.Listen = o.listen
	}
	d, err := a.openDoor(ctx, l, set, doorOptions{})
	if o.listen == "" && errors.Is(err, syscall.EADDRINUSE) {
		set.Listen = "127.0.0.1:0"
		d, err = a.openDoor(ctx, l, set, doorOptions{})
	}
	return d, err
}

// openServer opens the store for writing, with words for what can go wrong.
func (a *app) openServer(ctx context.Context, l layout.Store) (*store.Store, error) {
	note, err := a.belief(l)
	if err != nil {
		return nil, err
	}
	syscall.Umask(0o077) // whatever the parts write is the owner's alone
	srv, err := store.Open(ctx, store.Config{Layout: l, Trust: note, Version: version(), Diag: a.diag()})
	if err != nil {
		return nil, hintStore(err)
	}
	return srv, err
}

// openSource opens the key of a source on this machine, or makes it.
func openSource(l layout.Store, role entry.Role) (entry.SecretKey, error) {
	kf, err := openKey(l, role)
	if err != nil {
		return entry.SecretKey{}, err
	}
	return entry.NewSecretKey(kf.Secret.Bytes())
}

// openRedactor opens the key of fingerprints, which never leaves the host.
func openRedactor(l layout.Store) (*redact.Redactor, keyfile.Secret, error) {
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

func (a *app) watcherConfig(l layout.Store, o upOptions) (watcher.Config, error) {
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
	a.tellMissing(given)
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

// tellMissing names what is to be watched and is not there: it may come, and it
// may be mistyped.
func (a *app) tellMissing(given []string) {
	for _, p := range given {
		if _, err := os.Lstat(p); err == nil {
			continue
		}
		if found, err := filepath.Glob(p); err == nil && len(found) == 0 {
			a.talk("missing      %s: recorded once it is there", terminal.Escape(p))
		}
	}
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
			a.talk("found        %-14s %s", ag.ID, count(n, "file", "files"))
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
	a.talk("watching     %s; `stele log` shows what changes, Ctrl-C ends", count(st.Watched, "file", "files"))
}

func hostName() string {
	h, err := os.Hostname()
	if err != nil || h == "" {
		return "localhost"
	}
	return h
}
