// Package tlog is the append-only Merkle log: C2SP tlog-tiles in a directory.
//
// A [Log] writes it, through Tessera's POSIX driver. What Append has returned is
// integrated and durable, in the order it was given; the log key never signs a
// checkpoint that does not continue the last one. A [Tree] reads it, beside the
// writer and in any process, and believes only the checkpoint it was given:
// whatever it returns leads to that root, and what does not is named by file and
// entry ([Mismatch]). [Dir.CheckFiles] does so for every byte of every file.
//
// The package does not know what an entry means, does not fetch cosignatures,
// and does not keep the memory of old checkpoints that finds a rollback of the
// whole directory: its callers do.
package tlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

const (
	// batchSize and batchAge are when Tessera writes out a batch. The size also
	// bounds what a crash can leave behind that no tree covers. The age is how
	// long a batch waits that is not full; the writer has the whole batch in hand
	// and adds it in one go, so that to wait longer would gather nothing more.
	batchSize = 256
	batchAge  = time.Millisecond

	// collectEvery is how often Tessera clears away partial tiles, 100 bundles at
	// a time at the most.
	collectEvery = 5 * time.Second

	defaultInFlight = 4096
	defaultInterval = 100 * time.Millisecond
)

// errInUse says that another writer has the log open.
var errInUse = errors.New("another writer has the log open")

// errClosed says that the log was closed before it took an entry.
var errClosed = errors.New("log is closed")

// Config is what a log is opened with.
type Config struct {
	// Dir is the directory of the log, on a local file system; made if absent.
	Dir string
	// Signer signs the checkpoints. Its name is the origin of the log.
	Signer note.Signer
	// Key is what verifiers of this log are given: each checkpoint is opened with it
	// before anybody sees it. Nil: it is not, which is for tests.
	Key *entry.LogKey
	// MaxInFlight bounds the entries that are handed over and not yet durable;
	// Append waits for room. 0: 4096.
	MaxInFlight int
	// CheckpointInterval is the least time between two checkpoints, 100 ms or
	// more. 0: 100 ms.
	CheckpointInterval time.Duration
	// Log takes diagnostics. Nil: discard.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = defaultInFlight
	}
	if c.CheckpointInterval == 0 {
		c.CheckpointInterval = defaultInterval
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Log is a log open for writing. Its methods may be called from any goroutine.
//
// After an error whose outcome is unknown the log is of no more use: every
// later Append returns that error, nothing more is signed, and the caller opens
// the log again to learn from disk what is in it.
type Log struct {
	cfg   Config
	dir   *Dir
	lock  *os.File // the directory, locked
	gate  *gate
	add   tessera.AddFn
	stop  func(context.Context) error // Tessera's shutdown
	end   context.CancelFunc          // ends Tessera's goroutines
	room  *semaphore.Weighted         // for entries in flight
	queue chan *request               // to the writer
	done  chan struct{}               // closed when the writer has ended
	size  atomic.Uint64               // integrated; advanced by the writer

	published publication

	mu     sync.RWMutex // of closed; held for reading while sending to queue
	closed bool

	failure atomic.Pointer[error] // set once
}

// Open opens a log for writing, or begins one in an empty directory. What a
// crash left behind is cleared away. A log that does not continue what it last
// signed, or whose right edge is damaged, is not opened: the error is then a
// *verify.Finding. A directory that another writer has open is an error of its own.
func Open(ctx context.Context, cfg Config) (_ *Log, err error) {
	cfg = cfg.withDefaults()
	if err := durable.MkdirAll(durable.OS, filepath.Join(cfg.Dir, ".state"), 0o755); err != nil {
		return nil, fmt.Errorf("make log directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	dir, err := OpenDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	signed, err := dir.recover(ctx, cfg.Signer.Name(), cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("recover log: %w", err)
	}
	l := &Log{
		cfg: cfg, dir: dir, lock: lock,
		room:  semaphore.NewWeighted(int64(cfg.MaxInFlight)),
		queue: make(chan *request, 64),
		done:  make(chan struct{}),
	}
	l.gate = &gate{Signer: cfg.Signer, key: cfg.Key, dir: dir, last: signed, refused: l.giveUp}
	if err := l.start(ctx); err != nil {
		l.end()
		releaseDiagnostics(cfg.Log)
		return nil, err
	}
	return l, nil
}

// start opens Tessera and lets the writer run. Tessera's goroutines outlive the
// call that opened the log.
func (l *Log) start(ctx context.Context) error {
	ctx, l.end = context.WithCancel(context.WithoutCancel(ctx))
	routeDiagnostics(l.cfg.Log)
	driver, err := newDriver(ctx, l.cfg.Dir, &l.size)
	if err != nil {
		return fmt.Errorf("open log storage: %w", err)
	}
	appender, stop, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(l.gate).
		WithBatching(batchSize, batchAge).
		WithCheckpointInterval(l.cfg.CheckpointInterval).
		// A checkpoint carries no time, and to sign it again gives the same bytes.
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(collectEvery))
	if err != nil {
		return fmt.Errorf("open log storage: %w", err)
	}
	l.add, l.stop = appender.Add, stop
	go l.write(ctx)
	return nil
}

// Size is how many entries are integrated and durable. The published checkpoint
// may cover fewer.
func (l *Log) Size() uint64 { return l.size.Load() }

// err is why the log is of no more use, or nil.
func (l *Log) err() error {
	if p := l.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail makes the log useless. Nothing is signed from here on: what the disk
// holds is not known.
func (l *Log) fail(err error) {
	l.gate.shut()
	l.giveUp(err)
}

func (l *Log) giveUp(err error) {
	if l.failure.CompareAndSwap(nil, &err) {
		l.cfg.Log.Error("log stopped", "error", err)
	}
}

// Close waits until what was handed over is durable and covered by a published
// checkpoint, then ends the log. When ctx ends before that, nothing acknowledged
// is lost: the next Open publishes it. Tessera's own goroutines end with Close,
// but for clearing away of partial tiles that is under way.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.done

	err := l.err()
	if err == nil {
		err = l.finish(ctx)
	}
	l.settle(ctx)
	l.end()
	releaseDiagnostics(l.cfg.Log)
	return errors.Join(err, l.lock.Close())
}

func (l *Log) finish(ctx context.Context) error {
	if _, err := l.WaitPublished(ctx, l.Size()); err != nil {
		return fmt.Errorf("publish the last checkpoint: %w", err)
	}
	if err := l.stop(ctx); err != nil {
		return fmt.Errorf("shut down log storage: %w", err)
	}
	return nil
}

// settle waits for a checkpoint that is signed but perhaps not written yet, so
// that no write comes after Close. Where writing it failed it never comes.
func (l *Log) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	last := l.gate.shut()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for last.Origin != "" {
		signed, err := l.dir.ReadCheckpoint()
		if cp, bad := verify.ReadCheckpoint(signed); err == nil && bad == nil && cp.Size == last.Size {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}
