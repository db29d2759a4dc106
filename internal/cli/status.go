package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/terminal"
)

// status is what the status command shows.
type status struct {
	Store      string            `json:"store"`
	Origin     string            `json:"origin"`
	Key        string            `json:"key"`
	Size       uint64            `json:"size"`
	Root       string            `json:"root"`
	Writer     bool              `json:"writer"` // a process holds the store for writing
	Changes    uint64            `json:"changes"`
	Kinds      map[string]uint64 `json:"kinds"`
	Sources    []sourceStatus    `json:"sources"`
	Bytes      map[string]int64  `json:"bytes"`
	BytesTotal int64             `json:"bytes_total"`
}

type sourceStatus struct {
	Source string `json:"source"`
	Role   string `json:"role"`
	Host   string `json:"host,omitempty"`
	Next   uint64 `json:"next"`
	Latest string `json:"latest,omitempty"`
}

func (a *app) status() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "What is recorded, by whom, and what it takes on disk",
		Example: `  stele status`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReader(cmd.Context(), func(r *history.Reader) error {
				l, err := a.layout()
				if err != nil {
					return err
				}
				st, err := readStatus(cmd, r, l)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(a.out).Encode(st)
				}
				a.printStatus(st)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func readStatus(cmd *cobra.Command, r *history.Reader, l server.Layout) (*status, error) {
	cp := r.Checkpoint()
	st := &status{Store: l.Dir, Origin: cp.Origin, Key: r.Key().VKey(), Size: cp.Size, Root: cp.Root.String()}
	counts, err := r.Index().Status(cmd.Context())
	if err != nil {
		return nil, err
	}
	st.Changes, st.Kinds = counts.Changes, make(map[string]uint64)
	for k, n := range counts.Kinds {
		st.Kinds[string(k)] = n
	}
	for _, s := range counts.Sources {
		row := sourceStatus{Source: s.Source.String(), Role: string(s.Role), Host: s.Host}
		if s.Head != nil {
			row.Next, row.Latest = s.Head.Seq+1, s.Head.Recorded.Format(time.RFC3339)
		}
		st.Sources = append(st.Sources, row)
	}
	st.Writer = l.Writing()
	st.Bytes, st.BytesTotal, err = sizes(l)
	return st, err
}

// sizes is what each part takes on disk, in bytes of files.
func sizes(l server.Layout) (map[string]int64, int64, error) {
	parts := map[string]string{"log": l.Log(), "vault": l.Vault(), "keyring": l.Keyring(), "index": filepath.Dir(l.Index()), "watch": l.Watch()}
	out, total := make(map[string]int64), int64(0)
	for name, dir := range parts {
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a writer beside us removed it
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if info, err := d.Info(); err == nil {
				out[name] += info.Size()
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		total += out[name]
	}
	return out, total, nil
}

func (a *app) printStatus(st *status) {
	w := a.out
	fmt.Fprintf(w, "store    %s\n", terminal.Escape(st.Store))
	fmt.Fprintf(w, "log      %s, %d entries, %d changes\n", st.Origin, st.Size, st.Changes)
	if st.Writer {
		fmt.Fprintln(w, "writer   at work")
	} else {
		fmt.Fprintln(w, "writer   none; `stele up` starts one")
	}
	for _, s := range st.Sources {
		fmt.Fprintf(w, "source   %s  %-9s %-20s %d entries, latest %s\n", s.Source, s.Role, terminal.Escape(s.Host), s.Next, s.Latest)
	}
	for _, part := range []string{"log", "vault", "keyring", "index", "watch"} {
		per := ""
		if st.Changes > 0 {
			per = fmt.Sprintf("%d a change", st.Bytes[part]/int64(st.Changes))
		}
		fmt.Fprintf(w, "%-8s %12d bytes  %s\n", part, st.Bytes[part], per)
	}
}
