package cli

import (
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/render"
)

func (a *app) redact() *cobra.Command {
	var agent, format, name string
	var explain, asJSON bool
	cmd := &cobra.Command{
		Use:   "redact FILE|-",
		Short: "Print a file as it would be recorded, without its secrets",
		Long: `Redact prints a text as a watcher would record it. With --explain it tells on
standard error of each value whether it is masked, and why; values are not told.`,
		Example: "  stele redact --explain /etc/prometheus/prometheus.yml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := readAny(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			if name == "" && args[0] != "-" {
				name = args[0]
			}
			src, err := sourceOf(agent, format, name, raw)
			if err != nil {
				return err
			}
			r := redact.New(redact.Config{})
			if _, err := a.out.Write(r.Text(raw, src).Text); err != nil {
				return err
			}
			switch {
			case asJSON:
				return json.NewEncoder(a.err).Encode(r.Explain(raw, src))
			case explain:
				return render.Judgements(a.err, r.Explain(raw, src))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&agent, "agent", "", "agent of the catalogue that the file belongs to")
	cmd.Flags().StringVar(&format, "format", "", "syntax of the file")
	cmd.Flags().StringVar(&name, "path", "", "path of the file on its host")
	cmd.Flags().BoolVar(&explain, "explain", false, "tell why each value is masked or shown")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as JSON")
	return cmd
}

func readAny(in io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// sourceOf is what the catalogue knows of a file, as the watcher would ask it.
func sourceOf(agent, format, name string, raw []byte) (redact.Source, error) {
	known, err := catalogue.Builtin()
	if err != nil {
		return redact.Source{}, err
	}
	m, _ := known.Match(name)
	src := redact.Source{Format: m.Format, Path: name, SecretPaths: m.Secrets, Opaque: m.Opaque}
	if agent != "" {
		found := known.Agent(agent)
		if found == nil {
			return src, usagef("agent %q is not in the catalogue", agent)
		}
		src.SecretPaths = found.Secrets
	}
	if src.Format == catalogue.FormatUnknown {
		src.Format = catalogue.FormatOf(name, raw)
	}
	if format != "" {
		src.Format = format
	}
	return src, nil
}
