package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) status() *cobra.Command {
	var asJSON, seen bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Summary of the record, its sources and their findings",
		Long: `Status shows the store on this machine, or with --server that of a server: entries,
sources, silent sources, findings. On a host with a watcher it shows the state of
that watcher as the watcher itself reports it, also while its server is away.

With --checkpoints it prints the signed checkpoints of the log that the watcher has
seen and kept, one note after the other. They convict a log that was rewritten.`,
		Example: `  stele status
  stele status --server https://log.example.org:7835
  stele status --checkpoints > seen   # on a host; then: stele verify --checkpoint seen`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seen {
				return a.printCheckpoints(cmd)
			}
			st, err := a.readStatus(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(st)
			}
			st.Print(a.out)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	cmd.Flags().BoolVar(&seen, "checkpoints", false, "print the checkpoints of the log kept on this machine, for stele verify --checkpoint")
	a.addServer(cmd)
	return cmd
}

func (a *app) readStatus(ctx context.Context) (*render.Status, error) {
	if a.isRemote() {
		return a.remoteStatus(ctx)
	}
	l, err := a.layout()
	if err != nil {
		return nil, err
	}
	st := &render.Status{Joined: joinedHere(l)}
	var heard []wire.SourceInfo
	var asked sync.WaitGroup
	soon, cancel := context.WithTimeout(ctx, hearWithin)
	defer cancel()
	asked.Go(func() { heard = a.heardHere(soon) })
	st.Watcher, st.Mute = a.watcherHere(soon)
	asked.Wait()
	r, err := a.openStore(ctx)
	if errors.Is(err, layout.ErrNoStore) && (st.Watcher != nil || st.Mute || st.Joined != "") {
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	if err := errors.Join(readInto(ctx, st, r), r.Close()); err != nil {
		return nil, err
	}
	hear(st, heard)
	st.Store, st.Writer = l.Dir, l.Writing()
	if p, ok := monitor.Read(l); ok {
		st.Monitor = &p
	}
	st.Bytes, st.BytesTotal, err = l.Sizes()
	return st, err
}

// remoteStatus is the status of a server, and who it has heard of late: that alone is
// its word.
func (a *app) remoteStatus(ctx context.Context) (*render.Status, error) {
	st := &render.Status{}
	return st, a.withRemote(ctx, wire.Question{Ask: wire.AskStatus}, func(srv *login.Remote, r *history.Reader) error {
		if err := readInto(ctx, st, r); err != nil {
			return err
		}
		st.Server = srv.URL.String()
		heard, err := srv.ReadSources(ctx)
		if err != nil {
			return err
		}
		hear(st, heard)
		return nil
	})
}

// hear adds what a server says of its sources.
func hear(st *render.Status, heard []wire.SourceInfo) {
	of := make(map[string]wire.SourceInfo)
	for _, s := range heard {
		of[s.Source] = s
	}
	for i := range st.Sources {
		if s, ok := of[st.Sources[i].Source]; ok {
			st.Sources[i].Heard, st.Sources[i].State = s.Heard, state(s)
		}
	}
}

// hearWithin is how long a watcher and a server on this machine are waited for,
// both at once: somebody waits here to know whether they live.
const hearWithin = 1500 * time.Millisecond

// heardHere is what the server of this store says of its sources; nil where none
// runs, or this user is not its operator.
func (a *app) heardHere(ctx context.Context) []wire.SourceInfo {
	c, _, err := a.operator()
	if err != nil {
		return nil
	}
	defer c.Close()
	heard, err := c.Sources(ctx)
	if err != nil {
		return nil
	}
	return heard
}

// joinedHere is the server that this machine's watcher has joined; empty if it has
// joined none, or this user may not know.
func joinedHere(l layout.Store) string {
	s, _, err := join.Read(join.File(l))
	if errors.Is(err, fs.ErrPermission) {
		return ""
	}
	if err != nil {
		return join.File(l) + " is damaged"
	}
	return s.URL
}

// watcherHere is how the watcher on this machine stands; nil where none answers.
// Mute: there is one.
func (a *app) watcherHere(ctx context.Context) (st *watcher.Report, mute bool) {
	socket, err := a.socket()
	if err != nil {
		return nil, false
	}
	reply, done, err := watcher.Ask(ctx, socket, watcher.Request{Do: "status"})
	if errors.Is(err, watcher.ErrNoAnswer) {
		return nil, true
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) { // nobody listens, or not any more
			a.talk("watcher      %v", err)
		}
		return nil, false
	}
	_ = done() // the answer is here
	return reply.Report, false
}

func readInto(ctx context.Context, st *render.Status, r *history.Reader) error {
	cp := r.Checkpoint()
	st.Origin, st.Key, st.Size, st.Root = cp.Origin, r.Key().VKey(), cp.Size, cp.Root.String()
	counts, found, err := r.Summary(ctx)
	if err != nil {
		return err
	}
	st.Changes, st.Kinds, st.Findings = counts.Changes, counts.Kinds, found
	for _, s := range counts.Sources {
		row := render.SourceStatus{Source: s.Source, Role: s.Role, Host: string(s.Host), Next: s.Next}
		if !s.Latest.IsZero() {
			row.Latest = s.Latest.Format(time.RFC3339)
		}
		st.Sources = append(st.Sources, row)
	}
	return nil
}
