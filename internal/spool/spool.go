// Package spool keeps, on the host, what a watcher has signed until the log has
// proved that it holds it, and what the watcher must know after a restart: the
// head of its chain, the latest change of every path, and the checkpoint it
// believes.
//
// One file of frames holds all of it, so that an entry and the state it leads
// to are durable together or not at all. Put returns when they are. The file is
// written anew, whole, when it has grown and when it is opened. Entries stay in
// the file until they are asked for: memory does not grow with an outage.
//
// Beside it lies a file of the checkpoints this source said it saw, so that a log
// that is written anew can be convicted.
//
// A spool has a limit, and keeps some space back: when the limit is reached or
// the disk is full, one more entry can say so.
package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

const (
	fileName = "spool"
	magic    = "stele spool1"

	// reserved is what is kept back, in bytes: for the entry that says that the
	// spool is full.
	reserved = 128 << 10

	// defaultLimit is how many bytes wait at the most where nothing else is said.
	defaultLimit = 256 << 20
)

// ErrFull says that there is no room: nothing was written.
var ErrFull = errors.New("spool is full")

// State is what is known of one path: what capture last saw, and the change
// that recorded it.
type State struct {
	Path  []byte // any bytes
	Entry entry.ID
	Seq   uint64 `json:",omitempty"` // of that entry
	What  int
	Gone  bool            // the path was removed
	Known json.RawMessage // capture's own
	// Secrets are the fingerprints of what was masked in its text.
	Secrets []string `json:",omitempty"`
}

// Item is one signed entry with the states it leads to.
type Item struct {
	Seq        uint64
	ID         entry.ID
	Time       time.Time
	States     []State
	Submission wire.Submission `json:"-"`
}

// Config says where the spool is.
type Config struct {
	Dir    string
	FS     durable.FS
	Source entry.Source // whose it is; zero: whoever's
	Limit  int64        // bytes of entries that may wait; 0: 256 MiB
	Diag   *slog.Logger // nil: discard
}

// Broken says that the file can no longer be written: the watcher must end and
// start again from what is on disk.
type Broken struct{ Err error }

func (e *Broken) Error() string { return fmt.Sprintf("spool is broken: %v", e.Err) }

// Unwrap returns what broke it.
func (e *Broken) Unwrap() error { return e.Err }

// Spool is an open spool. All methods may be called from any goroutine.
type Spool struct {
	cfg     Config
	path    string
	damage  []durable.Damage // found when the file was read
	seen    *checkpoints.Kept
	past    []pastBelief // that the file tells of, until they are kept
	reading bool         // while the file is read

	mu         sync.Mutex // of what follows
	file       *durable.Appender
	broken     error
	whole      int64 // size of the file when it was written anew
	states     map[string]State
	head       *headFrame
	pending    []waiting
	bytes      int64 // of what is pending
	checkpoint []byte
	believed   uint64 // size of the newest one that was handed in
	acked      uint64 // entries below this seq were let go of
	alive      time.Time
}

// ErrNewer says that a spool was written by a later version of this program.
var ErrNewer = errors.New("spool was made by a later version of stele")

// Open reads the spool, or begins one. A tail that a crash left unfinished is
// dropped: nobody was promised it. A file that is damaged otherwise is kept
// beside the new one; what could be read of it is used, and [Spool.Damage] says
// that something is missing. So is the spool of another source, of which nothing
// is used: the chain in it is not ours to continue. The directory must be the
// caller's alone.
func Open(cfg Config) (*Spool, error) {
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	s := &Spool{cfg: cfg, path: filepath.Join(cfg.Dir, fileName), states: make(map[string]State), reading: true}
	if err := durable.MkdirAll(cfg.FS, cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := durable.Sweep(cfg.FS, cfg.Dir); err != nil {
		return nil, err
	}
	var err error
	if s.seen, err = checkpoints.Open(cfg.FS, cfg.Dir); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("read spool %s: %w", s.path, err)
	}
	s.findMissing()
	if len(s.damage) > 0 {
		if err := s.quarantine("damaged"); err != nil {
			return nil, err
		}
		s.dropUnrecorded()
	}
	if other := s.foreign(); other != "" {
		if err := s.quarantine("of-" + other); err != nil {
			return nil, err
		}
		s.empty(other)
	}
	if err := s.keepPast(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.compact(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, s.keepBack()
}

func (s *Spool) read() error {
	data, err := durable.ReadFile(s.cfg.FS, s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.file, err = durable.OpenAppend(s.cfg.FS, s.path); err != nil {
		return err
	}
	if newer(data) {
		return ErrNewer
	}
	damage, err := durable.Walk(s.path, magic, 0, data, func(f durable.Frame) error {
		if err := s.take(f.Payload, f.Offset+durable.FrameOverhead); err != nil { // whole, and yet not what was written
			s.damage = append(s.damage, durable.Damage{Path: s.path, Offset: f.Offset, Bytes: f.End() - f.Offset, Why: err.Error()})
		}
		return nil
	})
	for _, d := range damage {
		if !d.Torn {
			s.damage = append(s.damage, d)
		}
	}
	return err
}

// Put keeps entries, all of them or none, with one sync. When it returns nil a
// crash loses nothing of them; a crash before that leaves the first few, whole.
// After [ErrFull] nothing has changed; after any other error the spool is broken.
func (s *Spool) Put(items ...Item) error {
	return s.put(items, false)
}

// PutLast keeps an entry in the space kept back, when Put has said [ErrFull].
func (s *Spool) PutLast(items ...Item) error {
	return s.put(items, true)
}

func (s *Spool) put(items []Item, last bool) error {
	var payloads [][]byte
	var size int64
	for _, it := range items {
		b, err := itemFrame(it)
		if err != nil {
			return fmt.Errorf("spool entry %d: %w", it.Seq, err)
		}
		payloads, size = append(payloads, b), size+int64(len(b))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !last && s.room() < size {
		return ErrFull
	}
	if last { // whoever fills the disk could take it first; there is no better way
		if err := s.cfg.FS.Remove(s.reservePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.write(true, payloads...)
}

// Room is how many bytes of entries there is room for.
func (s *Spool) Room() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room()
}

// Limit is how many bytes of entries may wait.
func (s *Spool) Limit() int64 { return s.cfg.Limit - reserved }

func (s *Spool) room() int64 { return s.cfg.Limit - reserved - s.bytes }

func (s *Spool) reservePath() string { return filepath.Join(s.cfg.Dir, "reserve") }

// keepBack takes up on the disk what the last entry will need. A disk without
// that much room is for Put to complain about.
func (s *Spool) keepBack() error {
	if info, err := s.cfg.FS.Stat(s.reservePath()); err == nil && info.Size() == reserved {
		return nil
	}
	err := durable.WriteFile(s.cfg.FS, s.reservePath(), make([]byte, reserved), 0o600)
	if durable.DiskFull(err) {
		return nil
	}
	return err
}

// Recover takes up again what PutLast has used.
func (s *Spool) Recover() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepBack()
}

// Believe keeps cp as believed, unless a newer one is.
func (s *Spool) Believe(cp verify.Checkpoint, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := frame(frameBelief, forgetFrame{Checkpoint: s.newest(cp), Time: now})
	if err != nil {
		return err
	}
	return s.note(b)
}

// newest is the newer one of cp and what is believed: two that were proved one
// after the other may be handed in the other way round. The caller holds mu.
func (s *Spool) newest(cp verify.Checkpoint) []byte {
	if cp.Size < s.believed {
		return s.checkpoint
	}
	s.believed = cp.Size
	return cp.Note
}

// note writes what a crash may take back. A full disk must not keep a spool from
// getting emptier: it holds in memory then. The caller holds mu.
func (s *Spool) note(payload []byte) error {
	err := s.write(false, payload)
	if errors.Is(err, ErrFull) {
		return s.take(payload, 0)
	}
	return err
}

// Forget lets go of every entry up to seq, which the log has proved to hold
// under cp, and keeps cp as believed, unless a newer one is. A crash may bring the
// entries back; they are then sent again and known to the log.
func (s *Spool) Forget(seq uint64, cp verify.Checkpoint, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := frame(frameForget, forgetFrame{seq, s.newest(cp), now})
	if err != nil {
		return err
	}
	if err := s.note(b); err != nil {
		return err
	}
	if s.file.Size() > compactAt && s.file.Size() > compactFactor*s.whole {
		return s.compact()
	}
	return nil
}

// Alive notes that the watcher is running, for the gap if it is not later.
func (s *Spool) Alive(now time.Time) error {
	b, err := frame(frameAlive, now)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(false, b)
}

// write appends frames and applies them. A full disk leaves everything as it was.
// The caller holds mu.
func (s *Spool) write(sync bool, payloads ...[]byte) error {
	if s.broken != nil {
		return &Broken{s.broken}
	}
	var frames []byte
	for i, p := range payloads {
		frames = durable.AppendFrame(frames, p, i == len(payloads)-1)
	}
	at := s.file.Size() + durable.FrameOverhead
	_, err := s.file.Write(frames)
	if err == nil && sync {
		err = s.file.Sync()
		if err != nil { // the kernel may have dropped what it could not write
			s.broken = err
			return &Broken{err}
		}
	}
	if durable.DiskFull(err) {
		if err = s.file.Rollback(); err == nil {
			return ErrFull
		}
	}
	if err != nil {
		s.broken = err
		return &Broken{err}
	}
	for _, p := range payloads {
		if err := s.take(p, at); err != nil {
			return err
		}
		at += int64(len(p)) + durable.FrameOverhead
	}
	return nil
}

// Close closes the file.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return s.seen.Close()
	}
	s.broken = errors.New("closed")
	return errors.Join(s.seen.Sync(), s.seen.Close(), s.file.Sync(), s.file.Close())
}

// Damage is what of the file could not be used when it was opened.
func (s *Spool) Damage() []durable.Damage { return s.damage }

// Head is the head of the chain; ok is false in a new spool.
func (s *Spool) Head() (h record.Head, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head == nil {
		return h, false
	}
	return record.Head{Next: s.head.Next, Prev: s.head.Prev}, true
}

// States are what is known of every path.
func (s *Spool) States() map[string]State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.states)
}

// Pending are the oldest entries that wait for the log: at most n, and of at most
// so many bytes, but one in any case.
func (s *Spool) Pending(n int, bytes int64) ([]Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, &Broken{s.broken}
	}
	var items []Item
	for _, w := range s.pending[:min(n, len(s.pending))] {
		if bytes -= int64(w.size); bytes < 0 && len(items) > 0 {
			break
		}
		it, err := s.item(w)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}

// All are the entries that wait, in order. What is put meanwhile is not among
// them.
func (s *Spool) All() iter.Seq2[Item, error] {
	s.mu.Lock()
	pending := slices.Clone(s.pending)
	s.mu.Unlock()
	return func(yield func(Item, error) bool) {
		for _, w := range pending {
			it, err := s.item(w)
			if !yield(it, err) || err != nil {
				return
			}
		}
	}
}

// Begin writes down, in a spool without a head, where the chain begins, the
// checkpoint under which that was proved, and when something was known last.
func (s *Spool) Begin(h record.Head, cp verify.Checkpoint, alive time.Time) error {
	f := headFrame{Next: h.Next, Prev: h.Prev, Checkpoint: cp.Note, Alive: alive}
	if s.cfg.Source != (entry.Source{}) {
		f.Source = s.cfg.Source.String()
	}
	b, err := frame(frameHead, f)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != nil {
		return errors.New("the spool has begun")
	}
	return s.write(true, b)
}

// Acknowledged is how many entries of the chain the log was once proved to hold.
func (s *Spool) Acknowledged() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// First is the seq of the oldest entry that waits; ok is false if none does.
func (s *Spool) First() (seq uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return 0, false
	}
	return s.pending[0].seq, true
}

// Waits reports whether an entry waits.
func (s *Spool) Waits(id entry.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.pending, func(w waiting) bool { return w.id == id })
}

// Len is how many entries wait.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// Latest is when the watcher was last known to run; zero in a new spool.
func (s *Spool) Latest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive
}

// Believed is the checkpoint believed last, of size 0 in a new spool.
func (s *Spool) Believed(key *entry.LogKey) (verify.Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.checkpoint) == 0 {
		return verify.Checkpoint{Origin: key.Origin(), Root: entry.EmptyRoot}, nil
	}
	return verify.OpenCheckpoint(key, s.checkpoint)
}
