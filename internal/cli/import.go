package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

func (a *app) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import",
		Short:   "Record a history that was kept elsewhere",
		Example: `  stele import ndjson changes.ndjson.zst`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.importNDJSON())
	return cmd
}

func (a *app) importNDJSON() *cobra.Command {
	var join string
	cmd := &cobra.Command{
		Use:   "ndjson FILE",
		Short: "Import rows of JSON, with the contents beside them",
		Long: `Import records each row of FILE (plain or .zst) as told: author, applier, times
and message are claims. The contents are in blobs.tar.zst, blobs.tar or blobs/
beside it, by SHA-256; they are redacted before anything is stored. The format
is described in docs/import.md. A second run goes on where the first one ended.

With --server the rows go into the log of a server, which this machine's importer
has to join once with a token of its own; import waits until the server has proved
that it holds them.`,
		Example: `  stele import ndjson changes.ndjson.zst
  stele import ndjson changes.ndjson.zst --join - < token
  stele import ndjson more.ndjson --server https://log.example.org:7835`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.isRemote() || join != "" {
				return a.importToServer(cmd.Context(), args[0], join)
			}
			l, err := a.layout()
			if err != nil {
				return err
			}
			return a.importFile(cmd.Context(), l, args[0])
		},
	}
	cmd.Flags().StringVar(&a.server, "server", "", "import into the log of the server at this address (default $STELE_SERVER, else into the store on this machine)")
	cmd.Flags().StringVar(&join, "join", "", "the first time: join token for an importer, or - to read it from standard input")
	_ = cmd.RegisterFlagCompletionFunc("server", a.completeServer) // it is the name of a flag added above
	return cmd
}

// exactly is cobra.ExactArgs as a usage error, for commands below a command.
func exactly(n int) cobra.PositionalArgs {
	return fitting(cobra.ExactArgs(n))
}

// importFile imports a file into the store on this machine.
func (a *app) importFile(ctx context.Context, l layout.Store, name string) error {
	var srv *store.Store
	err := a.importRows(ctx, l, name, func(ctx context.Context) (s *importSender, err error) {
		if srv, err = a.openServer(ctx, l); err != nil {
			return nil, err
		}
		key, err := openSource(l, entry.Importer)
		if err != nil {
			return nil, err
		}
		head, err := srv.Enrol(ctx, key.Public(), entry.Importer, &body.Host{Name: hostName()})
		if err != nil {
			return nil, fmt.Errorf("enrol the importer: %w", err)
		}
		return newImportSender(told{srv}, srv.LogKey(), key, head), nil // it keeps no belief between runs
	})
	if srv != nil {
		err = errors.Join(err, srv.Stop(context.WithoutCancel(ctx)))
	}
	return err
}

// importRows imports what a file holds and the log has not yet. The log is opened
// once the file has been read.
func (a *app) importRows(ctx context.Context, l layout.Store, name string, open func(context.Context) (*importSender, error)) error {
	rows, digest, err := importer.ReadRows(name)
	if err != nil {
		return err
	}
	blobs, err := importer.OpenBlobs(name)
	if err != nil {
		return err
	}
	s, err := open(ctx)
	if err != nil {
		return err
	}
	done, err := s.srv.Imported(ctx, digest)
	if err != nil {
		return err
	}
	if done >= len(rows) {
		fmt.Fprintf(a.out, "all imported before: %s\n", count(len(rows), "row", "rows"))
		return nil
	}
	bar := a.progress("importing")
	defer bar.done()
	im, err := newImport(ctx, l, s, rows, digest, blobs, func(n int) { bar.at(uint64(n), uint64(len(rows))) })
	if err != nil {
		return err
	}
	if err := im.Run(ctx, done); durable.DiskFull(err) {
		return withHint(fmt.Errorf("import %s: %w", name, err), "the disk is full; what was accepted is safe and can be read; make room and import again: it goes on where it ended")
	} else if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	bar.done()
	fmt.Fprintf(a.out, "imported %s\n", count(len(rows)-done, "row", "rows"))
	return nil
}

func newImport(ctx context.Context, l layout.Store, s *importSender, rows []importer.Row, digest string, blobs *importer.Blobs, progress func(int)) (*importer.Import, error) {
	if err := os.MkdirAll(l.Keys(), 0o700); err != nil {
		return nil, hintStore(err)
	}
	red, _, err := openRedactor(l)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return nil, err
	}
	if err := s.believe(ctx, nil, nil); err != nil {
		return nil, err
	}
	return importer.New(importer.Config{
		Chain: s.chain, Redactor: red, Version: version(), Now: time.Now, Progress: progress, Submit: s.submit,
		Secrets: func(path string) ([]string, bool) {
			m, _ := cat.MatchSuffix("/" + path)
			return m.Secrets, m.Opaque
		},
		Latest: func(ctx context.Context, host, path string) (importer.Place, bool, error) {
			at, err := s.srv.Latest(ctx, host, []string{path})
			if err != nil || !at[0].Found {
				return importer.Place{}, false, err
			}
			return importer.Place{ID: entry.ID(at[0].ID), What: at[0].What}, true, nil
		},
	}, rows, digest, blobs), nil
}

// importServer is the part of a server that an importer needs, across a network or
// not.
type importServer interface {
	// Submit hands in entries. After an error nothing is known of the outcome.
	Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error)
	// Receipt proves that entries stand in the log, and that it continues the tree of
	// believed leaves.
	Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error)
	// Imported is how many rows of a file, named by its digest, are in the log.
	Imported(ctx context.Context, file string) (int, error)
	// Latest is the latest change of each of those paths of a host that is told.
	Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error)
}

// told is a server in this process, as an importer sees it.
type told struct{ *store.Store }

func (t told) Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error) {
	all := make([]wire.Latest, len(paths))
	for i, p := range paths {
		id, what, found, err := t.Store.Latest(ctx, index.Subject{Host: host, Told: true, Path: p})
		if err != nil {
			return nil, err
		}
		all[i] = wire.Latest{Found: found, ID: tlog.Hash(id), What: what}
	}
	return all, nil
}

// importSender hands entries in and believes only what is proved to it.
type importSender struct {
	srv      importServer
	log      *entry.LogKey
	chain    *record.Chain
	believed verify.Checkpoint
	keep     func(verify.Checkpoint) error // keeps what is believed; nil: nobody does
}

func newImportSender(srv importServer, log *entry.LogKey, key entry.SecretKey, head record.Head) *importSender {
	return &importSender{
		srv: srv, log: log, chain: record.NewChain(key, head),
		believed: verify.Checkpoint{Origin: log.Origin(), Root: entry.EmptyRoot},
	}
}

func (s *importSender) submit(ctx context.Context, subs []wire.Submission) error {
	answers, err := s.srv.Submit(ctx, subs)
	if err != nil {
		return err
	}
	if len(answers) != len(subs) {
		return fmt.Errorf("%d answers to %d entries", len(answers), len(subs))
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
	cp, err := r.Check(s.log, s.believed, indexes, notes)
	if err != nil {
		return err
	}
	s.believed = cp
	s.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	if s.keep == nil {
		return nil
	}
	return s.keep(cp)
}
