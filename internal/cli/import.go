package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/daemon"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/join"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/progress"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
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
	cmd.Flags().StringVar(&join, "join", "", "join token for an importer, once, or - for standard input")
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
	err := a.importRows(ctx, l, name, func(ctx context.Context) (s *importer.Sender, err error) {
		p, err := a.process(l)
		if err != nil {
			return nil, err
		}
		if srv, err = p.OpenStore(ctx); err != nil {
			return nil, err
		}
		key, err := daemon.Source(l, entry.Importer)
		if err != nil {
			return nil, err
		}
		head, err := srv.Enrol(ctx, key.Public(), entry.Importer, &body.Host{Name: daemon.HostName()})
		if err != nil {
			return nil, fmt.Errorf("enrol the importer: %w", err)
		}
		return importer.NewSender(storeServer{srv}, srv.LogKey(), key, head), nil // it keeps no belief between runs
	})
	if srv != nil {
		err = errors.Join(err, srv.Stop(context.WithoutCancel(ctx)))
	}
	return err
}

// importRows imports what a file holds and the log has not yet. The log is opened
// once the file has been read.
func (a *app) importRows(ctx context.Context, l layout.Store, name string, open func(context.Context) (*importer.Sender, error)) error {
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
	done, err := s.Imported(ctx, digest)
	if err != nil {
		return err
	}
	if done >= len(rows) {
		fmt.Fprintf(a.out, "already imported: %s\n", terminal.Count(len(rows), "row", "rows"))
		return nil
	}
	bar := progress.Start(a.err, "importing")
	defer bar.Done()
	im, err := newImport(ctx, l, s, rows, digest, blobs, func(n int) { bar.At(uint64(n), uint64(len(rows))) })
	if err != nil {
		return err
	}
	if err := im.Run(ctx, done); durable.DiskFull(err) {
		return hint.With(fmt.Errorf("import %s: %w", name, err), "the disk is full: accepted entries are safe; make room and run the import again, which resumes")
	} else if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	bar.Done()
	fmt.Fprintf(a.out, "imported %s\n", terminal.Count(len(rows)-done, "row", "rows"))
	return nil
}

func newImport(ctx context.Context, l layout.Store, s *importer.Sender, rows []importer.Row, digest string, blobs *importer.Blobs, progress func(int)) (*importer.Import, error) {
	if err := durable.MkdirAll(durable.OS, l.Keys(), 0o700); err != nil {
		return nil, hint.Store(err)
	}
	red, _, err := daemon.Redactor(l)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue.Builtin()
	if err != nil {
		return nil, err
	}
	if err := s.Believe(ctx, nil, nil); err != nil {
		return nil, err
	}
	return importer.New(importer.Config{
		Chain: s.Chain, Redactor: red, Version: version(), Now: time.Now, Progress: progress, Submit: s.Send,
		Secrets: func(path string) ([]string, bool) {
			m, _ := cat.MatchSuffix("/" + path)
			return m.Secrets, m.Opaque
		},
		Latest: func(ctx context.Context, host, path string) (importer.Place, bool, error) {
			at, err := s.Latest(ctx, host, []string{path})
			if err != nil || !at[0].Found {
				return importer.Place{}, false, err
			}
			return importer.Place{ID: entry.ID(at[0].ID), What: at[0].What}, true, nil
		},
	}, rows, digest, blobs), nil
}

// importToServer imports a file into the log of a server.
func (a *app) importToServer(ctx context.Context, name, token string) error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	var im *join.Importer
	err = a.importRows(ctx, l, name, func(ctx context.Context) (s *importer.Sender, err error) {
		if im, err = a.openImporter(ctx, l, token); err != nil {
			return nil, err
		}
		return a.senderTo(ctx, im)
	})
	if im != nil {
		err = errors.Join(err, im.Close())
	}
	return err
}

// openImporter opens the importer for a server, and joins that if a token is given.
func (a *app) openImporter(ctx context.Context, l layout.Store, token string) (_ *join.Importer, err error) {
	cfg := join.Config{Layout: l, Name: daemon.HostName()}
	if token != "" {
		if cfg.Token, err = join.Token(wire.JoinToken, a.in, token); err != nil {
			return nil, err
		}
		if a.server == "" {
			a.server = cfg.Token.URL
		}
	}
	u, err := address(a.serverName())
	if err != nil {
		return nil, err
	}
	return join.OpenImporter(ctx, cfg, u)
}

// senderTo goes on where the log sees the importer's chain, and from what was
// believed of the log before.
func (a *app) senderTo(ctx context.Context, im *join.Importer) (*importer.Sender, error) {
	file, err := a.believes(im.Log)
	if err != nil {
		return nil, err
	}
	head, last, err := im.Head(ctx, im.Key.Source())
	if err == nil {
		err = head.EndsWith(last, im.Key.Public())
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the head of the importer's chain: %w", err)
	}
	before, err := file.Newest(im.Log)
	if err != nil {
		return nil, fmt.Errorf("read belief: %w", err)
	}
	s := importer.NewSender(importer.Patient{Client: im.Client, Say: a.talk}, im.Log, im.Key, head)
	s.Believed = before.Checkpoint
	s.Keep = keeper(im, file, before.Checkpoint)
	return s, nil
}

// keeper keeps what an importer has come to believe, receipt by receipt, each of
// which proves its checkpoint to continue the one before. Where somebody else on
// this machine believes in another one meanwhile, the log has to prove that too.
func keeper(im *join.Importer, file trust.File, last verify.Checkpoint) func(context.Context, verify.Checkpoint) error {
	return func(ctx context.Context, cp verify.Checkpoint) error {
		_, err := file.Grow(ctx, trust.Growth{Key: im.Log, Checkpoint: cp, Continues: func(ctx context.Context, before verify.Checkpoint) error {
			if before.Size == last.Size && before.Root == last.Root {
				return nil
			}
			return tlog.NewTree(tlog.NewFetched(im.File), cp).Consistent(ctx, before)
		}})
		last = cp
		return err
	}
}

// storeServer is a store in this process, as an importer sees a server.
type storeServer struct{ *store.Store }

func (t storeServer) Latest(ctx context.Context, host string, paths []string) ([]wire.Latest, error) {
	all := make([]wire.Latest, len(paths))
	for i, p := range paths {
		id, what, found, err := t.Store.Latest(ctx, index.Subject{Host: host, Told: true, Path: p})
		if err != nil {
			return nil, err
		}
		all[i] = wire.Latest{Found: found, ID: sumdb.Hash(id), What: what}
	}
	return all, nil
}
