package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

func (a *app) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Export evidence for other verifiers",
		Example: `  stele export disclosures > disclosures.ndjson`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var o exportOptions
	disclosures := &cobra.Command{
		Use:   "disclosures",
		Short: "Print every disclosure, one JSON object a line",
		Long: `Disclosures open the whole record: with them, the directory of the log and its key
everything can be verified and read. Their form is in docs/format.md, section 5.

A log that is written to grows meanwhile. Disclosures are those of one tree, whose
size is said; --checkpoint writes its checkpoint beside them, under which a verifier
finds all of them and no other entries.`,
		Example: `  mkdir out
  stele export disclosures --checkpoint out/checkpoint > disclosures.ndjson
  cp -r DIR/log/tile out/
  node contrib/verifier/verify.mjs --vkey "$(stele admin key)" --disclosures disclosures.ndjson out`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.size > 0 && o.checkpoint != "" {
				return usagef("--size and --checkpoint exclude each other: the log signs no checkpoint of a size that is asked for")
			}
			return a.exportDisclosures(cmd.Context(), o)
		},
	}
	a.addServer(disclosures)
	disclosures.Flags().Uint64Var(&o.size, "size", 0, "only of the first N entries (default: of the log's newest tree)")
	disclosures.Flags().StringVar(&o.checkpoint, "checkpoint", "", "write the checkpoint of that tree to this file")
	cmd.AddCommand(disclosures)
	return cmd
}

type exportOptions struct {
	size       uint64
	checkpoint string
}

// wanted says of how many entries disclosures are exported, and writes the
// checkpoint that covers them before the first is read.
func (a *app) wanted(o exportOptions) history.UpTo {
	return func(cp verify.Checkpoint) (uint64, error) {
		if o.size > cp.Size {
			return 0, fmt.Errorf("--size %d: the log has %s", o.size, terminal.Entries(cp.Size))
		}
		size := cp.Size
		if o.size > 0 {
			size = o.size
		}
		if o.checkpoint != "" {
			if err := os.WriteFile(o.checkpoint, cp.Note, 0o644); err != nil {
				return 0, err
			}
		}
		a.talk("disclosures of the tree of size %d", size)
		return size, nil
	}
}

// exportDisclosures prints what a store has, or a server; of the latter each is tried
// before it is handed on.
func (a *app) exportDisclosures(ctx context.Context, o exportOptions) error {
	out := bufio.NewWriter(a.out)
	enc := json.NewEncoder(out)
	export := a.exportLocal
	if a.isRemote() {
		export = a.exportRemote
	}
	err := export(ctx, a.wanted(o), func(d seal.Disclosure) error { return enc.Encode(&d) })
	return errors.Join(hintRead(err), out.Flush())
}

func (a *app) exportRemote(ctx context.Context, wanted history.UpTo, do func(seal.Disclosure) error) error {
	r, err := a.dial()
	if err != nil {
		return err
	}
	defer r.Close()
	remote, err := a.logOf(r)
	if err != nil {
		return err
	}
	return history.Disclosures(ctx, remote, wanted, do)
}

func (a *app) exportLocal(ctx context.Context, wanted history.UpTo, do func(seal.Disclosure) error) error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
	}
	file, err := a.belief(l)
	if err != nil {
		return err
	}
	return history.LocalDisclosures(ctx, l, file, wanted, do)
}
