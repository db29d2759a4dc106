package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/monitor"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/watcher"
)

// Status is what the status command shows: of the store on this machine, or of a
// server, and of the watcher on this machine. An absent part is not there.
type Status struct {
	Store      string            `json:"store,omitempty"`
	Server     string            `json:"server,omitempty"`
	Origin     string            `json:"origin,omitempty"`
	Key        string            `json:"key,omitempty"`
	Size       uint64            `json:"size"`
	Root       string            `json:"root,omitempty"`
	Writer     bool              `json:"writer"` // a process holds the store for writing
	Changes    uint64            `json:"changes"`
	Kinds      map[string]uint64 `json:"kinds,omitempty"`
	Sources    []SourceStatus    `json:"sources,omitempty"`
	Findings   []*history.View   `json:"findings,omitempty"` // recorded last
	Bytes      map[string]int64  `json:"bytes,omitempty"`
	BytesTotal int64             `json:"bytes_total"`
	Monitor    *monitor.Pass     `json:"monitor,omitempty"` // how the store was examined last, while it was served
	Watcher    *watcher.Report   `json:"watcher,omitempty"`
	Mute       bool              `json:"watcher_mute,omitempty"` // it is there and does not answer: stopped, or starved
	Joined     string            `json:"joined,omitempty"`       // the server that the watcher on this machine records with
}

// SourceStatus is how a source stands.
type SourceStatus struct {
	Source string `json:"source"`
	Role   string `json:"role"`
	Host   string `json:"host,omitempty"`
	Next   uint64 `json:"next"`
	Latest string `json:"latest,omitempty"`
	Heard  string `json:"heard,omitempty"` // by the server, when last
	State  string `json:"state,omitempty"` // as the server sees it: present, silent, revoked or own
}

// Print lays it out for reading.
func (st *Status) Print(w io.Writer) {
	switch {
	case st.Server != "":
		fmt.Fprintf(w, "server   %s\n", terminal.Escape(st.Server))
	case st.Store != "":
		fmt.Fprintf(w, "store    %s\n", terminal.Escape(st.Store))
	}
	if st.Origin != "" {
		st.printLog(w)
	}
	if st.Monitor != nil {
		st.printMonitor(w)
	}
	if st.Bytes != nil {
		st.printSizes(w)
	}
	if st.Joined != "" {
		fmt.Fprintf(w, "joined   %s\n", terminal.Escape(st.Joined))
	}
	switch {
	case st.Watcher != nil:
		printReport(w, st.Watcher)
	case st.Mute:
		fmt.Fprintln(w, "watcher  does not answer: its process is stopped or starved, and nothing is recorded meanwhile; continue it, or end it and start it anew")
	case st.Joined != "":
		fmt.Fprintln(w, "watcher  not running here; `stele watch` starts it, and its spool is kept")
	}
}

func (st *Status) printMonitor(w io.Writer) {
	p := st.Monitor
	fmt.Fprintf(w, "monitor  %s and every file examined by %s, in %s: ", terminal.Entries(p.Entries), When(p.Ended.UTC().Format(time.RFC3339)), p.Took.Round(time.Millisecond))
	if p.Findings == 0 {
		fmt.Fprintln(w, "as recorded")
		return
	}
	fmt.Fprintf(w, "%s; `stele verify` names them\n", terminal.Count(uint64(p.Findings), "finding", "findings"))
}

func (st *Status) printLog(w io.Writer) {
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
		fmt.Fprintf(w, "finding  %d  %s  %s\n", v.Index, When(v.Recorded), terminal.Escape(Headline(v)))
	}
	if n := st.Kinds[string(entry.Finding)]; n > 0 {
		fmt.Fprintf(w, "findings %d on the record; `stele log --kind finding` shows them\n", n)
	}
}

// seen says when a source signed last, and whether it is there.
func (s *SourceStatus) seen() string {
	text := "latest " + cmp.Or(When(s.Latest), "-")
	if s.State != "" {
		text += ", " + s.State
	}
	if s.Heard != "" {
		text += ", heard " + When(s.Heard)
	}
	return text
}

func (st *Status) printSizes(w io.Writer) {
	for _, part := range []string{"log", "vault", "keyring", "index", "watch"} {
		per := ""
		if st.Changes > 0 {
			per = fmt.Sprintf("%d a change", st.Bytes[part]/int64(st.Changes))
		}
		fmt.Fprintf(w, "%-8s %12d bytes  %s\n", part, st.Bytes[part], per)
	}
}

// fullDisk is how little is left on a disk that is as good as full: less than one
// entry may need.
const fullDisk = 1 << 20

// printReport shows how the watcher on this machine stands.
func printReport(w io.Writer, s *watcher.Report) {
	fmt.Fprintf(w, "watcher  %s, %s watched under %s, %s signed\n", s.Source, terminal.Count(s.Watched, "file", "files"), terminal.Count(s.Marks, "mark", "marks"), terminal.Entries(s.Next))
	fmt.Fprintf(w, "believes %s, %s\n", terminal.Escape(s.Origin), terminal.Entries(s.Believed))
	fmt.Fprintf(w, "pending  %s not acknowledged yet; room for %d bytes more\n", terminal.Entries(s.Pending), s.Room)
	if s.DiskFree != nil && *s.DiskFree < fullDisk {
		fmt.Fprintf(w, "disk     FULL: %d bytes free where the spool is\n", *s.DiskFree)
	}
	for _, l := range s.Layers {
		fmt.Fprintf(w, "layer    %-14s %s\n", terminal.Escape(l.Name), terminal.Escape(daemon.LayerText(l.Live, l.Detail)))
	}
	for _, p := range slices.Sorted(maps.Keys(s.Unreadable)) {
		fmt.Fprintf(w, "cannot read %s\n", terminal.Escape(daemon.UnreadableText(p, s.Unreadable[p])))
	}
	for _, f := range s.Findings {
		fmt.Fprintf(w, "FINDING  %s since %s: %s\n", terminal.Escape(string(f.Code)), When(f.Since.Format(time.RFC3339)), terminal.Escape(f.Detail))
	}
	if len(s.Findings) == 0 {
		fmt.Fprintln(w, "watcher  no findings of its own")
	}
}
