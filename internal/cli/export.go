package cli

import (
	"bufio"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/vault"
)

func (a *app) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Hand out what others verify with",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "disclosures",
		Short: "Print every disclosure, one JSON object a line",
		Long: `Disclosures opens the whole record: whoever has them, the log's directory and its
key can verify everything and read everything. The form is that of docs/format.md,
section 5.`,
		Example: `  stele export disclosures > disclosures.ndjson
  node contrib/verifier/verify.mjs --vkey "$(stele admin key)" --disclosures disclosures.ndjson DIR/log`,
		Args: exactly(0),
		RunE: func(*cobra.Command, []string) error { return a.exportDisclosures() },
	})
	return cmd
}

func (a *app) exportDisclosures() error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
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
