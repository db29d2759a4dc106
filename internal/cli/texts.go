package cli

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
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
			return a.withReader(cmd.Context(), func(r *history.Reader) error {
				v, err := a.version(cmd.Context(), r, args[0], at, host)
				if err != nil {
					return err
				}
				text, err := r.Text(cmd.Context(), v.Index, v.K)
				if errors.Is(err, history.ErrNoText) {
					return withHint(err, "`stele show %d` says what happened", v.Index)
				}
				if err != nil {
					return err
				}
				if onTerminal(a.out) {
					text = []byte(terminal.EscapeText(string(text)))
				}
				_, err = a.out.Write(text)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "as it stood then: 2h, 2026-01-31, RFC 3339")
	cmd.Flags().StringVar(&host, "host", "", "on this host, where several have the path")
	return cmd
}

func (a *app) withReader(ctx context.Context, do func(*history.Reader) error) error {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(r), r.Close())
}

// version finds the change that a path or a reference names.
func (a *app) version(ctx context.Context, r *history.Reader, name, at, host string) (history.Version, error) {
	if !strings.HasPrefix(name, "/") {
		if i, k, err := a.findEntry(ctx, r, name); err == nil {
			return history.Version{Index: i, K: k}, nil
		}
	}
	until := time.Time{}
	if at != "" {
		var err error
		if until, err = parseWhen(at, time.Now()); err != nil {
			return history.Version{}, usagef("--at: %w", err)
		}
	}
	vs, err := a.versions(ctx, r, name, host)
	if err != nil {
		return history.Version{}, err
	}
	v, err := before(ctx, r, vs, until)
	if err != nil {
		return history.Version{}, err
	}
	if v == nil {
		return history.Version{}, withHint(fmt.Errorf("%s was not recorded by then", name), "`stele log --path %s` shows when it was", name)
	}
	return *v, nil
}

// before is the newest version that had come about by then; at the zero time,
// the newest of all.
func before(ctx context.Context, r *history.Reader, vs []history.Version, until time.Time) (*history.Version, error) {
	for i := len(vs) - 1; i >= 0; i-- {
		if until.IsZero() {
			return &vs[i], nil
		}
		t, err := r.When(ctx, vs[i])
		if err != nil {
			return nil, err
		}
		if !t.After(until) {
			return &vs[i], nil
		}
	}
	return nil, nil
}

// versions are all changes of the one subject that a path names.
func (a *app) versions(ctx context.Context, r *history.Reader, name, host string) ([]history.Version, error) {
	subs, err := r.Subjects(ctx, host, name)
	if err != nil {
		return nil, err
	}
	switch len(subs) {
	case 0:
		return nil, withHint(fmt.Errorf("nothing is recorded of %s", name), "`stele status` lists what is")
	case 1:
		return r.Versions(ctx, subs[0])
	}
	var hosts []string
	for i, s := range subs {
		if i == 8 {
			hosts = append(hosts, "…")
			break
		}
		hosts = append(hosts, s.Host+":"+s.Path)
	}
	return nil, withHint(usagef("%s is recorded %d times", name, len(subs)), "say which with --host: %s", strings.Join(hosts, ", "))
}

func (a *app) diff() *cobra.Command {
	var since, until, host string
	cmd := &cobra.Command{
		Use:   "diff PATH | ENTRY[/CHANGE]",
		Short: "What a change changed, or what changed in a configuration over a time",
		Example: `  stele diff 42
  stele diff /etc/prometheus/prometheus.yml --since 3d`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReader(cmd.Context(), func(r *history.Reader) error {
				pairs, err := a.pairs(cmd.Context(), r, args[0], since, until, host)
				if err != nil {
					return err
				}
				return a.printDiffs(cmd.Context(), r, pairs)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "against the text as it stood then")
	cmd.Flags().StringVar(&until, "until", "", "up to the text as it stood then")
	cmd.Flags().StringVar(&host, "host", "", "on this host, where several have the path")
	return cmd
}

// pair is two versions of a subject; a nil one has no text.
type pair struct {
	name          string
	before, after *history.Version
}

func (a *app) pairs(ctx context.Context, r *history.Reader, name, since, until, host string) ([]pair, error) {
	if strings.HasPrefix(name, "/") || since != "" {
		return a.pairOver(ctx, r, name, since, until, host)
	}
	i, k, err := a.findEntry(ctx, r, name)
	if err != nil {
		return a.pairOver(ctx, r, name, since, until, host)
	}
	v, err := r.Entry(ctx, i)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for n, c := range v.Changes {
		if strings.Contains(name, "/") && n != k && name != v.ID {
			continue
		}
		p := pair{name: c.Path}
		if c.After != "" {
			p.after = &history.Version{Index: i, K: n}
		}
		if c.Before != "" {
			bi, bk, err := a.findEntry(ctx, r, c.Before)
			if err != nil {
				return nil, err
			}
			p.before = &history.Version{Index: bi, K: bk}
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// pairOver compares a subject at two times; without any, its last two texts.
func (a *app) pairOver(ctx context.Context, r *history.Reader, name, since, until, host string) ([]pair, error) {
	after, err := a.version(ctx, r, name, until, host)
	if err != nil {
		return nil, err
	}
	p := pair{name: name, after: &after}
	vs, err := a.versions(ctx, r, name, host)
	if err != nil {
		return nil, err
	}
	from := time.Time{}
	if since != "" {
		if from, err = parseWhen(since, time.Now()); err != nil {
			return nil, usagef("--since: %w", err)
		}
	}
	at := slices.IndexFunc(vs, func(v history.Version) bool { return v.Index == after.Index && v.K == after.K })
	p.before, err = before(ctx, r, vs[:max(at, 0)], from)
	return []pair{p}, err
}

func (a *app) printDiffs(ctx context.Context, r *history.Reader, pairs []pair) error {
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	for _, p := range pairs {
		before, err := textOf(ctx, r, p.before)
		if err != nil {
			return err
		}
		after, err := textOf(ctx, r, p.after)
		if err != nil {
			return err
		}
		name := terminal.Escape(p.name)
		d := udiff.Unified("a/"+strings.TrimPrefix(name, "/"), "b/"+strings.TrimPrefix(name, "/"), before, after)
		if d == "" {
			fmt.Fprintf(out, "%s: the texts are equal; `stele show` says what else changed\n", name)
			continue
		}
		out.WriteString(terminal.EscapeText(d))
	}
	return out.Flush()
}

func textOf(ctx context.Context, r *history.Reader, v *history.Version) (string, error) {
	if v == nil {
		return "", nil
	}
	b, err := r.Text(ctx, v.Index, v.K)
	if errors.Is(err, history.ErrNoText) {
		return "", nil
	}
	return string(b), err
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
			return a.withReader(cmd.Context(), func(r *history.Reader) error {
				return a.printBlame(cmd.Context(), r, args[0], at, host, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "as it stood then")
	cmd.Flags().StringVar(&host, "host", "", "on this host, where several have the path")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
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

func (a *app) printBlame(ctx context.Context, r *history.Reader, name, at, host string, asJSON bool) error {
	last, err := a.version(ctx, r, name, at, host)
	if err != nil {
		return err
	}
	vs, err := a.versions(ctx, r, name, host)
	if err != nil {
		return err
	}
	lines, err := r.Blame(ctx, vs, last)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	views := make(map[uint64]*history.View)
	for n, l := range lines {
		v := views[l.Index]
		if v == nil {
			if v, err = r.Entry(ctx, l.Index); err != nil {
				return err
			}
			views[l.Index] = v
		}
		if asJSON {
			b := blamedLine{n + 1, l.Text, encode64(l.Text), v.Index, v.ID, v.Time, v.Actor, v.Reason}
			if err := json.NewEncoder(out).Encode(b); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "%6d  %s  %-20s %s\n", v.Index, when(v.Time), cut(terminal.Escape(whoText(v.Actor)), 20), terminal.EscapeText(l.Text))
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
