package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/watcher"
)

func (a *app) run() *cobra.Command {
	var reason, ticket string
	cmd := &cobra.Command{
		Use:                   "run --reason TEXT [--ticket REF] -- COMMAND [ARG…]",
		DisableFlagsInUseLine: true, // flags stand before the command
		Short:                 "Run a command and attach a reason to its changes",
		Example: `  stele run --reason "rotate the scrape token" --ticket OPS-42 -- vi /etc/prometheus/prometheus.yml
  stele run --reason "weekly update" -- apt-get -y upgrade`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason+ticket) == "" {
				return usagef("run needs --reason or --ticket")
			}
			return a.runCommand(cmd.Context(), watcher.Request{Do: "run", Reason: reason, Ticket: ticket}, args)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&ticket, "ticket", "", "reference into a change-management system")
	return cmd
}

// hintWatcher says what to do where the watcher was not reached: as told, unless it
// is another user's. What it answered speaks for itself.
func hintWatcher(err error, told string) error {
	var dial *net.OpError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return hint.With(err, "the watcher here is another user's; run this as that user")
	case errors.As(err, &dial):
		return hint.With(err, "%s", told)
	}
	return err
}

// runCommand tells the watcher the reason, then runs the command with the
// terminal to itself. The exit status is the command's.
func (a *app) runCommand(ctx context.Context, req watcher.Request, args []string) error {
	socket, err := a.socket()
	if err != nil {
		return err
	}
	reply, done, err := watcher.Ask(ctx, socket, req)
	if err != nil {
		return hintWatcher(err, "no watcher answers here; start one with `stele up`, or name its store with --data")
	}
	defer done()
	if reply.Nameless {
		a.talk("stele: no capture layer reports processes here: the reason will not be attached; give it afterwards with `stele explain`")
	}
	// Interrupts from the terminal reach the command too, and it decides. They are
	// caught and not ignored: an ignored signal would stay ignored in the command.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGQUIT)
	c := exec.Command(args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = a.in, a.out, a.err
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return exitWith(128 + int(s.Signal()))
		}
		return exitWith(exit.ExitCode())
	}
	return err
}
