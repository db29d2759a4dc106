package cli

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/asking"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/wire"
)

func (a *app) cat() *cobra.Command {
	var at, host string
	cmd := &cobra.Command{
		Use:   "cat PATH | ENTRY[/CHANGE]",
		Short: "The text of a configuration at a time, as it was recorded",
		Example: `  stele cat /etc/ssh/sshd_config
  stele cat /etc/ssh/sshd_config --at 2026-03-01 --host web-1
  stele cat 42/0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := moment("at", at)
			if err != nil {
				return err
			}
			q := wire.Question{Ask: wire.AskCat, Name: []byte(args[0]), Host: []byte(host), Until: until}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				return a.printText(cmd.Context(), r, args[0], host, until)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "text at this time: 2h, 2026-01-31, RFC 3339")
	cmd.Flags().StringVar(&host, "host", "", "host, if several have the path")
	a.addServer(cmd)
	return cmd
}

func (a *app) printText(ctx context.Context, r *history.Reader, name, host string, until time.Time) error {
	v, err := r.Version(ctx, name, host, until)
	if err != nil {
		return hintName(err, name)
	}
	text, err := r.TextOf(ctx, v)
	if errors.Is(err, history.ErrNoText) || errors.Is(err, history.ErrErased) {
		return hint.With(err, "`stele show %d` describes the change", v.Index)
	}
	if err != nil {
		return err
	}
	if progress.OnTerminal(a.out) {
		text = []byte(terminal.EscapeText(string(text)))
	}
	_, err = a.out.Write(text)
	return err
}

func (a *app) diff() *cobra.Command {
	var since, until, host string
	var text bool
	cmd := &cobra.Command{
		Use:   "diff PATH | ENTRY[/CHANGE]",
		Short: "Differences made by a change, or between two times",
		Example: `  stele diff 42
  stele diff /etc/prometheus/prometheus.yml --since 3d`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := moment("since", since)
			if err != nil {
				return err
			}
			to, err := moment("until", until)
			if err != nil {
				return err
			}
			q := wire.Question{Ask: wire.AskDiff, Name: []byte(args[0]), Host: []byte(host), Since: from, Until: to}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				pairs, err := r.Pairs(cmd.Context(), args[0], host, from, to)
				if err != nil {
					return hintName(err, args[0])
				}
				if len(pairs) == 0 {
					a.talk("entry %s changed no file; `stele show %s` describes it", args[0], args[0])
				}
				return a.printDiffs(cmd.Context(), r, pairs, text)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "compare with the text at this time")
	cmd.Flags().StringVar(&until, "until", "", "compare up to the text at this time")
	cmd.Flags().BoolVar(&text, "text", false, "the lines alone, without what they mean")
	cmd.Flags().StringVar(&host, "host", "", "host, if several have the path")
	a.addServer(cmd)
	return cmd
}

func (a *app) printDiffs(ctx context.Context, r *history.Reader, pairs []history.Pair, text bool) error {
	d := asking.Diff{Text: text, Out: bufio.NewWriter(a.out), Talk: a.talk}
	return errors.Join(d.Pairs(ctx, r, pairs), d.Out.Flush())
}

func (a *app) blame() *cobra.Command {
	var at, host string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "blame PATH",
		Short: "Who wrote each line of a configuration, when and why",
		Example: `  stele blame /etc/sudoers
  stele blame /etc/prometheus/prometheus.yml --at 3d --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := moment("at", at)
			if err != nil {
				return err
			}
			q := wire.Question{Ask: wire.AskBlame, Name: []byte(args[0]), Host: []byte(host), Until: until}
			return a.withReader(cmd.Context(), q, func(r *history.Reader) error {
				return a.printBlame(cmd.Context(), r, args[0], host, until, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "text at this time")
	cmd.Flags().StringVar(&host, "host", "", "host, if several have the path")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	a.addServer(cmd)
	return cmd
}

// blamedLine is one line of a text and the entry it came with. Text has U+FFFD
// for what is not UTF-8; Text64 is then the line itself, in base64.
type blamedLine struct {
	Line   int             `json:"line"`
	Text   string          `json:"text"`
	Text64 string          `json:"text64,omitempty"`
	Index  uint64          `json:"index"`
	ID     string          `json:"id"`
	Time   string          `json:"time"`
	Actor  *history.Actor  `json:"actor,omitempty"`
	Reason *history.Reason `json:"reason,omitempty"`
}

func (a *app) printBlame(ctx context.Context, r *history.Reader, name, host string, until time.Time, asJSON bool) error {
	lines, views, err := r.Blamed(ctx, name, host, until)
	if err != nil {
		return hintName(err, name)
	}
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	for n, l := range lines {
		v := views[l.Index]
		if asJSON {
			b := blamedLine{n + 1, l.Text, encode64(l.Text), v.Index, v.ID, v.Time, v.Actor, v.Reason}
			if err := json.NewEncoder(out).Encode(b); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "%6d  %s  %-20s %s\n", v.Index, render.When(v.Time), cut(terminal.Escape(render.Actor(v.Actor)), 20), terminal.EscapeText(l.Text))
	}
	return out.Flush()
}

// encode64 is s in base64 where JSON could not hold it, else nothing.
func encode64(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
