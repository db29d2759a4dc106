package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
)

// newestOnTerminal is how many entries log shows to people.
const newestOnTerminal = 50

// checkedAtMost is how many entries log checks one by one; more are shown
// unchecked, and verify is the command to check them all.
const checkedAtMost = 1000

func (a *app) log() *cobra.Command {
	var f filterFlags
	var limit int
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "log",
		Short: "What changed: newest first",
		Example: `  stele log --since 2h
  stele log --host 'web-*' --agent sshd --since 2026-01-01 --until 2026-02-01
  stele log --actor jane --path /etc/ssh --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			if !all && len(filter.Kinds) == 0 {
				filter.Kinds = []string{"change", "gap", "finding", "remark", "erase", "revoke"}
			}
			if limit < 0 {
				return usagef("--limit: %d is not a number of entries", limit)
			}
			if filter.Limit = limit; !asJSON && !cmd.Flags().Changed("limit") {
				filter.Limit = newestOnTerminal
			}
			return a.withReader(cmd.Context(), filter.Question(checkedAtMost), func(r *history.Reader) error {
				return a.printLog(cmd.Context(), r, filter, asJSON)
			})
		},
	}
	f.add(cmd)
	a.addServer(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "show at most N entries (0: all; default 50, with --json all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(allKinds, cobra.ShellCompDirectiveNoFileComp)) // it was added above
	cmd.Flags().BoolVar(&all, "all", false, "entries of every kind, roll calls and enrolments too")
	return cmd
}

func (a *app) printLog(ctx context.Context, r *history.Reader, f history.Filter, asJSON bool) error {
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	shown, bad := 0, false
	for v, err := range r.Log(ctx, f, checkedAtMost) {
		if err != nil {
			return err
		}
		shown++
		bad = bad || v.Proof.State == history.Bad
		if asJSON {
			if err := json.NewEncoder(out).Encode(v); err != nil {
				return err
			}
			continue
		}
		printEntry(out, v, f)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if shown == 0 && !asJSON {
		a.talk("no entry matches")
	}
	if bad {
		return hint.With(errBadEvidence, "`stele verify` names the findings")
	}
	return nil
}

// Changes of one entry that are shown in full, and how many are if there are more.
const (
	mostChanges = 10
	someChanges = 8
)

// printEntry shows an entry in a few lines: when, who, where and what, why. Of
// its changes it shows those that were asked for, and not too many.
func printEntry(w io.Writer, v *history.View, f history.Filter) {
	fmt.Fprintf(w, "%6d  %s  %-9s %s%s\n", v.Index, when(v.Time), v.Proof.State, terminal.Escape(headline(v)), reasonText(v))
	shown := slices.DeleteFunc(slices.Clone(v.Changes), func(c history.Change) bool { return !f.Asks(c) })
	if len(shown) > mostChanges {
		shown = shown[:someChanges]
	}
	for _, c := range shown {
		fmt.Fprintf(w, "        %-10s %s%s\n", terminal.Escape(c.Action), terminal.Escape(place(v, c)), notes(c))
	}
	if more := len(v.Changes) - len(shown); more > 0 {
		fmt.Fprintf(w, "        … %d more; `stele show %d` lists them\n", more, v.Index)
	}
	for _, found := range v.Findings {
		fmt.Fprintf(w, "        ! %s: %s\n", terminal.Escape(found.Code), terminal.Escape(found.Detail))
	}
}

// when is a time for people: in the zone of this machine, with its offset, as
// everywhere. Machines are given UTC.
func when(t string) string { return zoned(t, "2006-01-02 15:04:05Z07:00") }

// exactTime is when to the nanosecond.
func exactTime(t string) string { return zoned(t, "2006-01-02 15:04:05.999999999Z07:00") }

func zoned(t, layout string) string {
	if p, err := time.Parse(time.RFC3339Nano, t); err == nil {
		return p.Local().Format(layout)
	}
	return terminal.Escape(t)
}

func headline(v *history.View) string {
	if v.Kind == "change" {
		return whoText(v.Actor)
	}
	text := strings.TrimSpace(v.Kind + " " + strings.Join(openLines(v), ", "))
	if v.Kind == "access" || v.Kind == "remark" {
		text += " by " + whoText(v.Actor)
	}
	if v.Detail != "" {
		text += ": " + shortened(v.Detail)
	}
	return text
}

// openLines are the open lines of an entry, in which entries are named by index,
// as people name them, where they stand in this log.
func openLines(v *history.View) []string {
	lines, about := slices.Clone(v.Lines), v.About
	for k, l := range lines {
		if strings.HasPrefix(l, "about ") && len(about) > 0 {
			lines[k], about = fmt.Sprintf("about entry %d", about[0]), about[1:]
		}
	}
	return lines
}

// shortened fits into a line.
func shortened(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:99]) + "…"
	}
	return s
}

// whoText names the person first, then what they acted through.
func whoText(a *history.Actor) string {
	if a == nil {
		return "unknown"
	}
	var who string
	switch {
	case a.LoginUser != "" && a.User != "" && a.LoginUser != a.User:
		who = a.LoginUser + " as " + a.User
	case a.Author != "" && a.Author != a.User:
		who = a.Author
		if a.User != "" {
			who += ", applied by " + a.User
		}
	case a.User != "":
		who = a.User
	case a.LoginUser != "":
		who = a.LoginUser
	case a.UID != nil:
		who = fmt.Sprintf("uid %d", *a.UID)
	default:
		who = "unknown"
	}
	if a.Session != nil && a.Session.Address != "" {
		who += " from " + a.Session.Address
	}
	if a.Exe != "" {
		who += " with " + path.Base(a.Exe)
	}
	return who
}

func reasonText(v *history.View) string {
	if v.Reason == nil || v.Reason.Text+v.Reason.Ticket == "" {
		return ""
	}
	text, _, more := strings.Cut(strings.TrimSpace(v.Reason.Text), "\n")
	if more {
		text += " …"
	}
	if v.Reason.Ticket != "" {
		text = strings.TrimSpace(v.Reason.Ticket + " " + text)
	}
	return ": " + terminal.Escape(shortened(text))
}

func place(v *history.View, c history.Change) string {
	s := c.Path
	if c.From != "" {
		s = c.From + " → " + s
	}
	if v.Host != "" {
		s = v.Host + ":" + s
	}
	return s
}

func notes(c history.Change) string {
	var n []string
	n = append(n, c.Marks...)
	if c.SecretsChanged > 0 {
		n = append(n, terminal.Count(c.SecretsChanged, "secret", "secrets")+" changed")
	}
	if len(n) == 0 {
		return ""
	}
	return "  [" + terminal.Escape(strings.Join(n, ", ")) + "]"
}
