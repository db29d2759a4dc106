package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Record a history that was kept elsewhere",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "ndjson FILE",
		Short: "Import rows of JSON, with the contents beside them",
		Long: `Import records each row of FILE (plain or .zst) as told: author, applier, times
and message are claims. The contents are in blobs.tar.zst, blobs.tar or blobs/
beside it, by SHA-256; they are redacted before anything is stored. The format
is described in docs/import.md. A second run goes on where the first one ended.`,
		Example: `  stele import ndjson changes.ndjson.zst`,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.layout()
			if err != nil {
				return err
			}
			return a.importFile(cmd.Context(), l, args[0])
		},
	})
	return cmd
}

// exactly is cobra.ExactArgs as a usage error, for commands below a command.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

func (a *app) importFile(ctx context.Context, l server.Layout, name string) (err error) {
	rows, digest, err := importer.ReadRows(name)
	if err != nil {
		return err
	}
	blobs, err := importer.OpenBlobs(name)
	if err != nil {
		return err
	}
	srv, err := a.openServer(ctx, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Stop(context.WithoutCancel(ctx))) }()
	done, err := srv.Imported(ctx, digest)
	if err != nil {
		return err
	}
	if done >= len(rows) {
		fmt.Fprintf(a.out, "all %d rows were imported before\n", len(rows))
		return nil
	}
	bar := a.progress("importing")
	defer bar.done()
	im, err := a.newImport(ctx, l, srv, rows, digest, blobs, func(n int) { bar.at(uint64(n), uint64(len(rows))) })
	if err != nil {
		return err
	}
	if err := im.Run(ctx, done); durable.DiskFull(err) {
		return withHint(fmt.Errorf("import %s: %w", name, err), "the disk is full; what was accepted is safe and can be read; make room and import again: it goes on where it ended")
	} else if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	bar.done()
	fmt.Fprintf(a.out, "imported %d rows\n", len(rows)-done)
	return nil
}

func (a *app) newImport(ctx context.Context, l server.Layout, srv *server.Server, rows []importer.Row, digest string, blobs *importer.Blobs, progress func(int)) (*importer.Import, error) {
	key, err := openSource(l, entry.Importer)
	if err != nil {
		return nil, err
	}
	head, err := srv.Enrol(ctx, key.Public(), entry.Importer, &body.Host{Name: hostName()})
	if err != nil {
		return nil, fmt.Errorf("enrol the importer: %w", err)
	}
	red, _, err := openRedactor(l)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return nil, err
	}
	s := &importSender{srv: srv, chain: record.NewChain(key, head)}
	if err := s.believe(ctx, nil, nil); err != nil { // an importer keeps nothing between runs
		return nil, err
	}
	return importer.New(importer.Config{
		Chain: s.chain, Redactor: red, Version: version(), Now: time.Now, Progress: progress, Submit: s.submit,
		Secrets: func(path string) ([]string, bool) {
			m, _ := cat.MatchSuffix("/" + path)
			return m.Secrets, m.Opaque
		},
		Latest: func(ctx context.Context, host, path string) (importer.Place, bool, error) {
			id, what, ok, err := srv.Latest(ctx, index.Subject{Host: host, Told: true, Path: path})
			return importer.Place{ID: id, What: what}, ok, err
		},
	}, rows, digest, blobs), nil
}

// importSender hands entries in and believes only what is proved to it.
type importSender struct {
	srv      *server.Server
	chain    *record.Chain
	believed verify.Checkpoint
}

func (s *importSender) submit(ctx context.Context, subs []wire.Submission) error {
	answers, err := s.srv.Submit(ctx, subs)
	if err != nil {
		return err
	}
	indexes := make([]uint64, len(answers))
	for i, ans := range answers {
		if ans.Refused != nil {
			return fmt.Errorf("entry refused: %w", ans.Refused)
		}
		indexes[i] = ans.Index
	}
	notes := make([][]byte, len(subs))
	for i := range subs {
		notes[i] = subs[i].Note
	}
	return s.believe(ctx, indexes, notes)
}

// believe asks for a receipt and verifies it.
func (s *importSender) believe(ctx context.Context, indexes []uint64, notes [][]byte) error {
	r, err := s.srv.Receipt(ctx, s.believed.Size, indexes)
	if err != nil {
		return err
	}
	cp, err := r.Check(s.srv.LogKey(), s.believed, indexes, notes)
	if err != nil {
		return err
	}
	s.believed = cp
	s.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	return nil
}
