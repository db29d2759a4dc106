package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) show() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ENTRY",
		Short: "Everything about one entry, checked",
		Example: `  stele show 42
  stele show 9pLKzGHsIqXKZzCk+v8PcmRqB6Dx3mFPgrcGs7Hy5nE= --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := wire.Question{Ask: wire.AskShow, Name: []byte(args[0])}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				return a.showEntry(cmd.Context(), r, args[0], asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	a.addServer(cmd)
	return cmd
}

func (a *app) showEntry(ctx context.Context, r *history.Reader, ref string, asJSON bool) error {
	i, err := resolve(ctx, r, ref)
	if err != nil {
		return err
	}
	v, err := r.Entry(ctx, i)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(a.out).Encode(v)
	} else {
		printView(a.out, v)
	}
	if err == nil && v.Proof.State == history.Bad {
		return hint.With(errBadEvidence, "`stele verify` examines the whole record")
	}
	return err
}

// printView lays an entry out for reading.
func printView(w io.Writer, v *history.View) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-10s %s\n", name, terminal.Escape(value))
		}
	}
	fmt.Fprintf(w, "entry %d: %s\n", v.Index, terminal.Escape(v.Kind))
	line("id", v.ID)
	line("source", v.Source+" seq "+strconv.FormatUint(v.Seq, 10))
	line("happened", exactTime(v.Time))
	line("recorded", exactTime(v.Recorded))
	if v.Received != nil {
		line("received", receivedText(*v.Received))
	}
	line("host", v.Host)
	line("agent", v.Agent)
	for _, l := range openLines(v) {
		line("", l)
	}
	line("detail", v.Detail)
	printActor(line, v.Actor)
	if v.Reason != nil {
		line("why", v.Reason.Text)
		line("ticket", v.Reason.Ticket)
		line("learnt by", v.Reason.Learnt)
	}
	for k, c := range v.Changes {
		printChange(w, line, k, c)
	}
	for _, f := range v.Findings {
		line("FINDING", f.Code+": "+f.Detail)
	}
	line("proof", proofText(v.Proof))
}

// receivedText says between which times an entry came in; the newest have no end yet.
func receivedText(r history.Interval) string {
	var words []string
	if r.After != "" {
		words = append(words, "after", exactTime(r.After))
	}
	if r.Before != "" {
		words = append(words, "before", exactTime(r.Before))
	}
	return strings.Join(words, " ")
}

func proofText(p history.Proof) string {
	switch p.State {
	case history.Verified:
		return fmt.Sprintf("verified: in the log of %s, signed, every seal opens", terminal.Entries(p.Size))
	case history.Erased:
		return fmt.Sprintf("verified: in the log of %s, signed; parts were erased, on the record", terminal.Entries(p.Size))
	}
	return p.State
}

func printActor(line func(name, value string), a *history.Actor) {
	if a == nil {
		return
	}
	line("who", whoText(a))
	line("author", a.Author)
	line("exe", a.Exe)
	line("command", strings.Join(a.Command, " "))
	for _, p := range a.Ancestors {
		line("  below", fmt.Sprintf("%d %s", p.PID, strings.Join(p.Command, " ")))
	}
	if s := a.Session; s != nil {
		line("session", strings.TrimSpace(s.Kind+" "+s.ID+" "+s.Address))
	}
	line("seen by", strings.Trim(a.Layer+", "+a.Confidence, ", "))
}

func printChange(w io.Writer, line func(name, value string), k int, c history.Change) {
	fmt.Fprintf(w, "change %d\n", k)
	line("  path", c.Path)
	line("  from", c.From)
	line("  action", c.Action)
	line("  seen", exactTime(c.Time))
	line("  format", c.Format)
	line("  mode", strings.TrimSpace(c.Mode+" "+c.Owner))
	if c.Size != nil {
		line("  size", strconv.FormatInt(*c.Size, 10))
	}
	line("  digest", c.Digest)
	line("  marks", strings.Join(c.Marks, ", "))
	if c.SecretsChanged > 0 {
		line("  secrets", strconv.Itoa(c.SecretsChanged)+" changed")
	}
	line("  before", c.Before)
	line("  after", c.After)
}
