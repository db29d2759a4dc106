package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
	"github.com/stele-log/stele/internal/wire"
)

// status is what the status command shows: of the store on this machine, or of a
// server, and of the watcher on this machine. An absent part is not there.
type status struct {
	Store      string            `json:"store,omitempty"`
	Server     string            `json:"server,omitempty"`
	Origin     string            `json:"origin,omitempty"`
	Key        string            `json:"key,omitempty"`
	Size       uint64            `json:"size"`
	Root       string            `json:"root,omitempty"`
	Writer     bool              `json:"writer"` // a process holds the store for writing
	Changes    uint64            `json:"changes"`
	Kinds      map[string]uint64 `json:"kinds,omitempty"`
	Sources    []sourceStatus    `json:"sources,omitempty"`
	Findings   []*history.View   `json:"findings,omitempty"` // recorded last
	Bytes      map[string]int64  `json:"bytes,omitempty"`
	BytesTotal int64             `json:"bytes_total"`
	Watcher    *watcher.Standing `json:"watcher,omitempty"`
	Mute       bool              `json:"watcher_mute,omitempty"` // it is there and does not answer: stopped, or starved
	Joined     string            `json:"joined,omitempty"`       // the server that the watcher on this machine records with
}

type sourceStatus struct {
	Source string `json:"source"`
	Role   string `json:"role"`
	Host   string `json:"host,omitempty"`
	Next   uint64 `json:"next"`
	Latest string `json:"latest,omitempty"`
	Heard  string `json:"heard,omitempty"` // by the server, when last
	State  string `json:"state,omitempty"` // as the server sees it: present, silent, revoked or own
}

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
			a.printStatus(st)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	cmd.Flags().BoolVar(&seen, "checkpoints", false, "print the checkpoints of the log kept on this machine, for stele verify --checkpoint")
	a.addServer(cmd)
	return cmd
}

func (a *app) readStatus(ctx context.Context) (*status, error) {
	if a.isRemote() {
		return a.farStatus(ctx)
	}
	l, err := a.layout()
	if err != nil {
		return nil, err
	}
	st := &status{Joined: joinedHere(l)}
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
	if err := errors.Join(st.read(ctx, r), r.Close()); err != nil {
		return nil, err
	}
	st.hear(heard)
	st.Store, st.Writer = l.Dir, l.Writing()
	st.Bytes, st.BytesTotal, err = l.Sizes()
	return st, err
}

// farStatus is the status of a server, and who it has heard of late: that alone is
// its word.
func (a *app) farStatus(ctx context.Context) (*status, error) {
	st := &status{}
	return st, a.withFar(ctx, wire.Question{Ask: wire.AskStatus}, func(srv *login.Remote, r *history.Reader) error {
		if err := st.read(ctx, r); err != nil {
			return err
		}
		st.Server = srv.URL.String()
		heard, err := srv.ReadSources(ctx)
		if err != nil {
			return err
		}
		st.hear(heard)
		return nil
	})
}

// hear adds what a server says of its sources.
func (st *status) hear(heard []wire.SourceInfo) {
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
func (a *app) watcherHere(ctx context.Context) (st *watcher.Standing, mute bool) {
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
	return reply.Standing, false
}

func (st *status) read(ctx context.Context, r *history.Reader) error {
	cp := r.Checkpoint()
	st.Origin, st.Key, st.Size, st.Root = cp.Origin, r.Key().VKey(), cp.Size, cp.Root.String()
	counts, found, err := r.Standing(ctx)
	if err != nil {
		return err
	}
	st.Changes, st.Kinds, st.Findings = counts.Changes, counts.Kinds, found
	for _, s := range counts.Sources {
		row := sourceStatus{Source: s.Source, Role: s.Role, Host: string(s.Host), Next: s.Next}
		if !s.Latest.IsZero() {
			row.Latest = s.Latest.Format(time.RFC3339)
		}
		st.Sources = append(st.Sources, row)
	}
	return nil
}

func (a *app) printStatus(st *status) {
	switch {
	case st.Server != "":
		fmt.Fprintf(a.out, "server   %s\n", terminal.Escape(st.Server))
	case st.Store != "":
		fmt.Fprintf(a.out, "store    %s\n", terminal.Escape(st.Store))
	}
	if st.Origin != "" {
		a.printLogStatus(st)
	}
	if st.Bytes != nil {
		a.printSizes(st)
	}
	if st.Joined != "" {
		fmt.Fprintf(a.out, "joined   %s\n", terminal.Escape(st.Joined))
	}
	switch {
	case st.Watcher != nil:
		a.printStanding(st.Watcher)
	case st.Mute:
		fmt.Fprintln(a.out, "watcher  does not answer: its process is stopped or starved, and nothing is recorded meanwhile; continue it, or end it and start it anew")
	case st.Joined != "":
		fmt.Fprintln(a.out, "watcher  not running here; `stele watch` starts it, and its spool is kept")
	}
}

func (a *app) printLogStatus(st *status) {
	w := a.out
	fmt.Fprintf(w, "log      %s, %s, %s\n", terminal.Escape(st.Origin), terminal.Entries(st.Size), terminal.Count(st.Changes, "change", "changes"))
	switch {
	case st.Server != "":
	case st.Writer:
		fmt.Fprintln(w, "writer   at work")
	default:
		fmt.Fprintln(w, "writer   none; `stele up` or `stele serve` starts one")
	}
	for _, s := range st.Sources {
		fmt.Fprintf(w, "source   %s  %-9s %-20s %s, %s\n", terminal.Escape(s.Source), terminal.Escape(s.Role), terminal.Escape(s.Host), terminal.Entries(s.Next), terminal.Escape(s.seen()))
	}
	for _, v := range st.Findings {
		fmt.Fprintf(w, "finding  %d  %s  %s\n", v.Index, render.When(v.Recorded), terminal.Escape(render.Headline(v)))
	}
	if n := st.Kinds[string(entry.Finding)]; n > 0 {
		fmt.Fprintf(w, "findings %d on the record; `stele log --kind finding` shows them\n", n)
	}
}

// seen says when a source signed last, and whether it is there.
func (s *sourceStatus) seen() string {
	text := "latest " + cmp.Or(render.When(s.Latest), "-")
	if s.State != "" {
		text += ", " + s.State
	}
	if s.Heard != "" {
		text += ", heard " + render.When(s.Heard)
	}
	return text
}

func (a *app) printSizes(st *status) {
	for _, part := range []string{"log", "vault", "keyring", "index", "watch"} {
		per := ""
		if st.Changes > 0 {
			per = fmt.Sprintf("%d a change", st.Bytes[part]/int64(st.Changes))
		}
		fmt.Fprintf(a.out, "%-8s %12d bytes  %s\n", part, st.Bytes[part], per)
	}
}

// printStanding shows how the watcher on this machine stands.
func (a *app) printStanding(s *watcher.Standing) {
	w := a.out
	fmt.Fprintf(w, "watcher  %s, %s watched under %s, %s signed\n", s.Source, terminal.Count(s.Watched, "file", "files"), terminal.Count(s.Marks, "mark", "marks"), terminal.Entries(s.Next))
	fmt.Fprintf(w, "believes %s, %s\n", terminal.Escape(s.Origin), terminal.Entries(s.Believed))
	fmt.Fprintf(w, "pending  %s not acknowledged yet; %d bytes of the spool free\n", terminal.Entries(s.Pending), s.Room)
	for _, l := range s.Layers {
		fmt.Fprintf(w, "layer    %-14s %s\n", terminal.Escape(l.Name), terminal.Escape(daemon.LayerText(l.Live, l.Detail)))
	}
	for _, p := range slices.Sorted(maps.Keys(s.Unreadable)) {
		fmt.Fprintf(w, "cannot read %s: %s\n", terminal.Escape(p), terminal.Escape(s.Unreadable[p]))
	}
	for _, f := range s.Findings {
		fmt.Fprintf(w, "FINDING  %s since %s: %s\n", terminal.Escape(string(f.Code)), render.When(f.Since.Format(time.RFC3339)), terminal.Escape(f.Detail))
	}
	if len(s.Findings) == 0 {
		fmt.Fprintln(w, "watcher  no findings of its own")
	}
}
