// Package store wires the server's side together: log, vault, index, intake
// and the recorder, in one directory with one writer.
//
// Opening a store and recovering one after a crash are the same thing: what the
// log holds decides; the index catches up with it, and the vault must have an
// opening for every entry in it. A log that has lost its tail is refused.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/index/sqlite"
	"github.com/stele-log/stele/internal/intake"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/signature"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Config says where the store is and what it is opened with.
type Config struct {
	Layout  layout.Store
	Trust   trust.File
	Version string            // of this program, recorded by the recorder
	Erasers int               // persons an erasure needs, recorded when the log begins
	Follows *entry.Succession // the log that this one continues; nil: none
	Now     func() time.Time  // nil: time.Now
	Diag    *slog.Logger      // nil: discard
}

// Store is a store opened for writing.
type Store struct {
	cfg      Config
	lock     *durable.Lock
	keys     keys
	log      *tlog.Log
	dir      *tlog.Dir
	vault    *vault.Vault
	index    *sqlite.Index
	intake   *intake.Intake
	recorder *recorder
	believer *believer

	tell atomic.Pointer[func(*verify.Finding, entry.ID)] // what is odd about entries; nil: nobody

	mu   sync.Mutex
	tree *tlog.Tree // of the newest checkpoint a receipt was made under, with what it has read

	roots *lru.Cache[uint64, entry.Hash] // of trees that were shown, by size
}

// Open opens the store, or begins one in an empty directory. The context is for
// the opening only.
func Open(ctx context.Context, cfg Config) (_ *Store, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	cfg.Erasers = max(cfg.Erasers, 1)
	s := &Store{cfg: cfg}
	if s.roots, err = lru.New[uint64, entry.Hash](maxRoots); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := cfg.Layout.Prepare(); err != nil {
		return nil, err
	}
	if s.lock, err = durable.LockFile(cfg.Layout.Lock()); err != nil {
		return nil, err
	}
	if err := cfg.Layout.Begin(); err != nil {
		return nil, err
	}
	if err := sweep(cfg.Layout); err != nil {
		return nil, err
	}
	if s.keys, err = openKeys(cfg.Layout); err != nil {
		return nil, err
	}
	if err := s.openParts(ctx); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// sweep removes what crashes have left of unfinished files where the store's own
// process writes: vault and keyring see to theirs. The monitor and a rescan, which may
// be an operator's, write beside it.
func sweep(l layout.Store) error {
	own := func(name string) bool { return name != filepath.Base(l.Monitor()) && name != filepath.Base(l.Rescan()) }
	for _, dir := range []string{l.Dir, filepath.Dir(l.Index())} {
		if err := durable.SweepOf(durable.OS, dir, own); err != nil {
			return err
		}
	}
	return keyfile.Creating(l.Keys(), func() error { return durable.Sweep(durable.OS, l.Keys()) })
}

func (s *Store) openParts(ctx context.Context) (err error) {
	l := s.cfg.Layout
	if err := s.ownLog(ctx); err != nil {
		return err
	}
	signer, err := note.NewSigner(s.keys.log.signerKey())
	if err != nil {
		return fmt.Errorf("log key: %w", err)
	}
	if s.log, err = tlog.Open(ctx, tlog.Config{Dir: l.Log(), Signer: signer, Key: s.keys.log.public, Log: s.cfg.Diag}); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if s.dir, err = tlog.OpenDir(l.Log()); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if s.believer, err = newBeliever(ctx, s.cfg.Trust, s.keys.log.public, s.dir); err != nil {
		return err
	}
	if s.vault, err = vault.Open(vault.Config{Dir: l.Vault(), KeyringDir: l.Keyring(), FS: durable.OS, Log: s.cfg.Diag}); err != nil {
		return fmt.Errorf("open vault: %w", err)
	}
	s.index, err = openIndex(ctx, l, s.cfg.Diag)
	return err
}

// start brings the index level with the log, then opens the intake, then
// introduces the recorder if the log is empty.
func (s *Store) start(ctx context.Context) error {
	st, err := s.level(ctx)
	if err != nil {
		return err
	}
	if f := foreignRecorder(s.cfg.Layout, st.recorder); st.next > 0 && f != nil {
		return refuse(f)
	}
	s.intake = intake.New(intake.Config{
		Log: s.log, Vault: s.vault, Index: s.index, Diag: s.cfg.Diag, Signature: new(signature.Verifier).Verify,
		Sources: st.sources, Next: st.next, Heads: st.heads,
		Now: s.cfg.Now, Found: s.found, Root: s.RootAt,
	})
	s.recorder = newRecorder(s, st)
	if st.next == 0 {
		if err := s.recorder.begin(ctx); err != nil {
			return fmt.Errorf("begin the log: %w", err)
		}
	} else if err := s.checkFollows(ctx); err != nil {
		return err
	}
	s.recorder.start()
	return nil
}

// ErrBegun says that a log has begun otherwise than it is now said to.
var ErrBegun = errors.New("the log has begun and does not follow that one")

// checkFollows holds what the log is said to follow against its entry 0, which
// nobody can change any more.
func (s *Store) checkFollows(ctx context.Context) error {
	if s.cfg.Follows == nil {
		return nil
	}
	raw, err := s.Entry(ctx, 0)
	if err != nil {
		return fmt.Errorf("read entry 0: %w", err)
	}
	e, err := entry.Parse(raw)
	if err != nil {
		return fmt.Errorf("entry 0: %w", err)
	}
	if was := e.Open.Succeeds; was == nil || was.Origin != s.cfg.Follows.Origin {
		return fmt.Errorf("%w: %s", ErrBegun, s.cfg.Follows.Origin)
	}
	return nil
}

// Tell has what is odd about entries that are taken in told to found, which must
// not wait.
func (s *Store) Tell(found func(f *verify.Finding, about entry.ID)) { s.tell.Store(&found) }

func (s *Store) found(f *verify.Finding, about entry.ID) {
	if tell := s.tell.Load(); tell != nil {
		(*tell)(f, about)
	}
}

// Gaps tells, once each, which numbers sources passed over before that time and
// have not brought since.
func (s *Store) Gaps(before time.Time) []*verify.Finding { return s.intake.Gaps(before) }

// Next is one more than the highest number that a source has brought.
func (s *Store) Next(src entry.Source) uint64 { return s.intake.Next(src) }

// maxRoots bounds the roots that are remembered. Nearly every root a source saw
// is that of a checkpoint it was shown lately.
const maxRoots = 1 << 14

// RootAt is the root of the log's tree at a size it has published, for holding
// what sources saw against.
func (s *Store) RootAt(ctx context.Context, size uint64) (entry.Hash, bool) {
	if root, ok := s.roots.Get(size); ok {
		return root, true
	}
	cp, err := s.checkpoint()
	if err != nil || size > cp.Size {
		return entry.Hash{}, false
	}
	root, err := s.treeOf(cp).RootAt(ctx, size)
	if err != nil {
		s.cfg.Diag.Warn("the root of an earlier tree could not be read", "size", size, "error", err)
		return root, false
	}
	s.roots.Add(size, root)
	return root, true
}

// Stop ends the server: what was handed in is finished first.
func (s *Store) Stop(ctx context.Context) error { return s.close(ctx) }

func (s *Store) close(ctx context.Context) error {
	var errs []error
	if s.recorder != nil {
		errs = append(errs, s.recorder.stop(ctx))
	}
	stopped := s.intake != nil && s.intake.Stop() != nil // and every sender was told why
	if s.log != nil {
		if err := s.log.Close(ctx); !stopped {
			errs = append(errs, err)
		}
	}
	if s.believer != nil && !stopped {
		errs = append(errs, s.believer.save(ctx))
	}
	if s.vault != nil {
		errs = append(errs, s.vault.Close())
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if stopped && errors.Is(s.Err(), index.ErrDamaged) { // or the next one would stop at the same place
		errs = append(errs, removeIndex(s.cfg.Layout, s.cfg.Diag, s.Err()))
	}
	if s.lock == nil {
		return errors.Join(errs...)
	}
	if err := errors.Join(errs...); err != nil || stopped || s.recorder == nil { // there may be something left to clear away
		return errors.Join(err, s.lock.Release())
	}
	return s.lock.Finish()
}

// Err is why the server no longer accepts anything; nil while it does.
func (s *Store) Err() error { return s.intake.Err() }

// LogKey is the key a verifier of this log is given.
func (s *Store) LogKey() *entry.LogKey { return s.keys.log.public }

// Submit hands in signed entries. Accepted is not acknowledged: the sender
// verifies a receipt before it forgets anything.
func (s *Store) Submit(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	return s.intake.Submit(ctx, subs)
}

// Head is where the chain of a source stands in the log; where it has not signed
// anything the head is its enrolment. What was accepted counts, so that a source
// that has lost its own memory does not sign over it: the index may be a moment
// behind.
func (s *Store) Head(ctx context.Context, src entry.Source) (record.Head, error) {
	for {
		head, ok, err := s.index.Head(ctx, src)
		switch {
		case err != nil:
			return record.Head{}, fmt.Errorf("head of source %s: %w", src, err)
		case ok && head.Seq+1 >= s.Next(src):
			return record.Head{Next: head.Seq + 1, Prev: head.ID}, nil
		case !ok && s.Next(src) == 0:
			return s.enrolment(src)
		case s.Err() != nil:
			return record.Head{}, s.Err()
		}
		select {
		case <-time.After(indexPause):
		case <-ctx.Done():
			return record.Head{}, ctx.Err()
		}
	}
}

// indexPause is between two looks at an index that is behind.
const indexPause = 2 * time.Millisecond

// enrolment is the head of a source that has not signed anything.
func (s *Store) enrolment(src entry.Source) (record.Head, error) {
	if en := s.intake.Enrolled(src); en != nil {
		return record.Head{Prev: en.ID}, nil
	}
	return record.Head{}, fmt.Errorf("source %s is not enrolled", src)
}

// Receipt proves to a sender that its entries stand in the log: it waits for a
// checkpoint that covers them, and proves it consistent with the one the sender
// believed before.
func (s *Store) Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error) {
	last := min(believed, s.log.Size()) // who believes in more is shown less, and names it
	for _, i := range indexes {
		if i >= s.log.Size() {
			return nil, &BeyondError{i, s.log.Size()}
		}
		last = max(last, i+1)
	}
	if _, err := s.log.WaitPublished(ctx, last); err != nil {
		return nil, err
	}
	cp, err := s.checkpoint()
	if err != nil {
		return nil, err
	}
	tree := s.treeOf(cp)
	r := &wire.Receipt{Checkpoint: cp.Note}
	if believed > 0 && believed < cp.Size {
		if r.Consistency, err = tree.Consistency(ctx, believed); err != nil {
			return nil, err
		}
	}
	for _, i := range indexes {
		p, err := tree.Inclusion(ctx, i)
		if err != nil {
			return nil, err
		}
		r.Inclusion = append(r.Inclusion, p)
	}
	return r, nil
}

// BeyondError says that the log has no entry at an index.
type BeyondError struct{ Index, Size uint64 }

func (e *BeyondError) Error() string {
	return fmt.Sprintf("the log has no entry %d: it has %d entries", e.Index, e.Size)
}

// Entry is the entry at an index, as its source signed it.
func (s *Store) Entry(ctx context.Context, i uint64) ([]byte, error) {
	cp, err := s.checkpoint()
	if err != nil {
		return nil, err
	}
	if i >= cp.Size {
		return nil, &BeyondError{i, cp.Size}
	}
	return s.treeOf(cp).Entry(ctx, i)
}

// Size is how many entries the log has, and Published how many of them the
// newest checkpoint covers.
func (s *Store) Size() uint64 { return s.log.Size() }

// Published is how many entries the newest checkpoint covers.
func (s *Store) Published() uint64 {
	cp, err := s.checkpoint()
	if err != nil {
		return 0
	}
	return cp.Size
}

func (s *Store) treeOf(cp verify.Checkpoint) *tlog.Tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree == nil || s.tree.Checkpoint().Size != cp.Size {
		s.tree = tlog.NewTree(s.dir, cp)
	}
	return s.tree
}

func (s *Store) checkpoint() (verify.Checkpoint, error) {
	signed, err := s.dir.ReadCheckpoint()
	if err != nil {
		return verify.Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	cp, err := verify.OpenCheckpoint(s.keys.log.public, signed)
	if err == nil {
		s.roots.Add(cp.Size, cp.Root)
	}
	return cp, err
}
