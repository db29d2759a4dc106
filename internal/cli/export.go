package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/seal"
)

func (a *app) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Export evidence for other verifiers",
		Example: `  stele export disclosures > disclosures.ndjson`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	disclosures := &cobra.Command{
		Use:   "disclosures",
		Short: "Print every disclosure, one JSON object a line",
		Long: `Disclosures open the whole record: with them, the directory of the log and its key
everything can be verified and read. Their form is in docs/format.md, section 5.`,
		Example: `  stele export disclosures > disclosures.ndjson
  node contrib/verifier/verify.mjs --vkey "$(stele admin key)" --disclosures disclosures.ndjson DIR/log`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.isRemote() {
				return a.fetchDisclosures(cmd.Context())
			}
			return a.exportDisclosures()
		},
	}
	a.addServer(disclosures)
	cmd.AddCommand(disclosures)
	return cmd
}

// fetchDisclosures prints what a server has. Each is tried before it is handed on.
func (a *app) fetchDisclosures(ctx context.Context) error {
	r, err := a.dial()
	if err != nil {
		return err
	}
	defer r.Close()
	far, err := a.logOf(r)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.out)
	enc := json.NewEncoder(out)
	err = history.Disclosures(ctx, far, func(d seal.Disclosure) error { return enc.Encode(&d) })
	return errors.Join(err, out.Flush())
}

func (a *app) exportDisclosures() error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return hintRead(err)
	}
	r, err := vault.OpenReader(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring()})
	if err != nil {
		return err
	}
	defer r.Close()
	out := bufio.NewWriter(a.out)
	enc := json.NewEncoder(out)
	err = r.Scan(func(loc vault.Loc, rec *vault.Record) error {
		ds, err := rec.Disclosures()
		if err != nil {
			return fmt.Errorf("openings at %s: %w", loc, err)
		}
		for i := range ds {
			if err := enc.Encode(&ds[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
