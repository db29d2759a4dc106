package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/login"
	"github.com/stele-log/stele/verify"
)

// printCheckpoints prints the checkpoints kept on this machine: those that its watcher
// saw, and those that hosts handed on to the server here. It needs neither of them.
func (a *app) printCheckpoints(cmd *cobra.Command) error {
	for _, other := range []string{"json", "server", "token-file"} {
		if cmd.Flags().Changed(other) {
			return usagef("--checkpoints and --%s exclude each other", other)
		}
	}
	l, err := a.layout()
	if err != nil {
		return err
	}
	joined, _, err := join.Read(join.File(l))
	if err != nil {
		return hintKept(err)
	}
	var notes [][]byte
	for _, path := range []string{filepath.Join(joined.Spool(l), checkpoints.FileName), l.Checkpoints()} {
		kept, damage, err := checkpoints.Read(durable.OS, path)
		if err != nil {
			return hintKept(fmt.Errorf("read kept checkpoints: %w", err))
		}
		for _, d := range damage {
			a.talk("damaged      %v", d.Error())
		}
		for _, note := range kept {
			if !slices.ContainsFunc(notes, func(n []byte) bool { return bytes.Equal(n, note) }) {
				notes = append(notes, note)
			}
		}
	}
	if len(notes) == 0 {
		return hint.With(errors.New("no checkpoints are kept on this machine"), "run it on a host with a watcher, with the --data of that watcher")
	}
	_, err = a.out.Write(checkpoints.Join(notes))
	return err
}

func hintKept(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return hint.With(err, "run it as root, or as the user of the watcher")
	}
	return err
}

// handedOn adds the checkpoints that hosts handed on to a server to those at hand.
// They are read before the log, which can only be longer then. A server may withhold
// them; what it shows and its log's key did not sign counts for nothing.
func (a *app) handedOn(ctx context.Context, r *login.Remote, atHand func(*entry.LogKey) ([]verify.Checkpoint, error)) func(*entry.LogKey) ([]verify.Checkpoint, error) {
	notes, err := r.Checkpoints(ctx)
	if err != nil {
		a.talk("not checked: checkpoints of hosts, which the server does not show: %v", err)
	}
	return func(key *entry.LogKey) ([]verify.Checkpoint, error) {
		list, err := atHand(key)
		for _, note := range notes {
			if cp, err := verify.OpenCheckpoint(key, note); err == nil {
				list = append(list, cp)
			}
		}
		return list, err
	}
}
