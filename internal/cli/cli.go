// Package cli is the command line: one file for each command. It parses, calls
// the parts that do the work, and prints. Data goes to standard output, talk to
// standard error; an exit status says fine (0), could not (1), usage (2) or
// evidence is bad (3).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Exit statuses.
const (
	exitFine  = 0
	exitError = 1
	exitUsage = 2
	exitBad   = 3
)

// app is what every command works with.
type app struct {
	in        io.Reader
	out, err  io.Writer
	data      string // --data
	server    string // --server, of the commands that have it
	tokenFile string // --token-file
	trust     string // where beliefs are kept; empty: trust.Dir
	believed  string // the file with what is believed of the store at hand
	isCopy    bool   // --copy, of the commands that have it
	verbose   bool
}

// Main runs one command line and returns the exit status.
func Main(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	a := &app{in: in, out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	cmd, err := root.ExecuteContextC(ctx)
	err = a.hintBelief(hint.Answer(err))
	a.complain(cmd, err)
	return exitStatus(err)
}

// Watches reports whether a command line runs a watcher, whose end has to be told
// on the record with who asked for it.
func Watches(args []string) bool {
	cmd, _, err := (&app{}).root().Find(args)
	return err == nil && (cmd.Name() == "up" || cmd.Name() == "watch")
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "stele",
		Short: "An immutable, tamper-evident record of agents' configuration",
		Long: `Stele records every change of the configuration of agents, with who, what,
when and why, in a Merkle log that nobody can quietly change.

  stele demo              a tour in a temporary directory, in a minute
  stele up                watch the agents on this machine
  stele log --since 2h    what changed
  stele verify            prove that nothing was altered`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          fitting(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&a.data, "data", "", "directory of the store (default $STELE_DATA, else per user)")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "print diagnostics")
	root.AddGroup(&cobra.Group{ID: "record", Title: "Recording:"}, &cobra.Group{ID: "read", Title: "Reading:"}, &cobra.Group{ID: "keep", Title: "Keeping:"})
	a.add(root, "record", a.up(), a.serve(), a.watch(), a.demo(), a.run(), a.explain(), a.redact(), a.importCommand())
	a.add(root, "read", a.log(), a.show(), a.diff(), a.blame(), a.cat(), a.list(), a.restore(), a.fleet(), a.status(), a.verify(), a.export(), a.connect())
	a.add(root, "keep", a.admin(), a.settings())
	return root
}

// add adds commands to a group; too many or too few arguments are a usage error.
func (a *app) add(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		if c.Args != nil {
			c.Args = fitting(c.Args)
		}
		root.AddCommand(c)
	}
}

// fitting has arguments that do not fit be a usage error which says what would.
func fitting(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		switch {
		case err == nil, errors.As(err, new(usageError)):
			return err
		case !cmd.HasSubCommands():
			return usagef("wrong arguments; usage: %s", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		}
		cmd.SuggestionsMinimumDistance = 2 // letters that differ, as cobra has it where it asks itself
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usagef("%w; did you mean %s?", err, near[0])
		}
		return usageError{err}
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// badEvidence ends a command that has reported bad evidence itself.
var errBadEvidence = errors.New("the evidence is bad")

// exitStatus derives the exit status from an error, here and nowhere else.
func exitStatus(err error) int {
	var (
		usage  usageError
		found  *verify.Finding
		status exitWith
	)
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errBadEvidence):
		return exitBad
	case errors.As(err, &found) && found.Code != finding.UnsafeStore && found.Accused != verify.TheSource:
		return exitBad
	}
	return exitError
}

// exitWith is the exit status of a command that ran another one.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// complain says what went wrong with a command, and what to do.
func (a *app) complain(cmd *cobra.Command, err error) {
	var status exitWith
	if err == nil || errors.As(err, &status) {
		return
	}
	for _, line := range parts(err) {
		fmt.Fprintf(a.err, "stele: error: %s\n", terminal.Escape(line))
	}
	if next := hint.Of(err); next != "" {
		fmt.Fprintf(a.err, "stele: hint: %s\n", terminal.Escape(next))
	}
	var u usageError
	if errors.As(err, &u) {
		fmt.Fprintf(a.err, "stele: hint: `%s --help` shows its usage\n", cmd.CommandPath())
	}
}

// parts are the messages of errors that were joined to one, each once.
func parts(err error) []string {
	switch e := err.(type) {
	case hint.Error:
		return parts(e.Err)
	case usageError:
		return parts(e.error)
	case interface{ Unwrap() []error }:
		var each, all []string
		for _, x := range e.Unwrap() {
			each = append(each, x.Error())
			all = append(all, parts(x)...)
		}
		if strings.Join(each, "\n") != err.Error() { // one message around several errors
			break
		}
		var once []string
		for _, line := range all {
			if !slices.Contains(once, line) {
				once = append(once, line)
			}
		}
		return once
	}
	return []string{err.Error()}
}

// layout is the store that the flags and the environment name.
func (a *app) layout() (layout.Store, error) {
	dir := a.data
	if dir == "" {
		dir = os.Getenv("STELE_DATA")
	}
	if dir == "" && os.Geteuid() == 0 {
		dir = "/var/lib/stele"
	}
	if dir == "" {
		state := os.Getenv("XDG_STATE_HOME")
		if state == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return layout.Store{}, hint.With(fmt.Errorf("find a place for the store: %w", err), "name one with --data DIR")
			}
			state = filepath.Join(home, ".local", "state")
		}
		dir = filepath.Join(state, "stele")
	}
	abs, err := filepath.Abs(dir)
	return layout.Store{Dir: abs}, err
}

// belief is where what is believed of a store is kept.
func (a *app) belief(l layout.Store) (trust.File, error) {
	dir := a.trust
	if dir == "" {
		var err error
		if dir, err = trust.Dir(); err != nil {
			return trust.File{}, err
		}
	}
	file, err := trust.Of(dir, l.Dir)
	a.believed = file.Path()
	if a.isCopy {
		file = file.AsCopy()
	}
	return file, err
}

// hintBelief says what to do about a store that is shorter than it was, and about
// a belief that is damaged.
func (a *app) hintBelief(err error) error {
	var f *verify.Finding
	var d *trust.Damaged
	switch {
	case hint.Of(err) != "":
	case errors.As(err, &d):
		return hint.With(err, damagedHint, d.Path)
	case errors.As(err, &f) && f.Code == verify.Shrunk && a.believed != "":
		return hint.With(err, shrunkHint)
	}
	return err
}

const (
	shrunkHint  = "an older copy was put in its place, or its end was lost: record in a new store (--data); --copy reads a backup"
	damagedHint = "find out who wrote to it; without %s the log is met as if for the first time"
)

func (a *app) diag() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}

// talk prints a line to people.
func (a *app) talk(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// version is the version this binary was built as.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}
