// Package spool keeps, on the host, what a watcher has signed until the log has
// proved that it holds it, and what the watcher must know after a restart: the
// head of its chain, the latest change of every path, and the checkpoint it
// believes.
//
// One file of frames holds all of it, so that an entry and the state it leads
// to are durable together or not at all. Put returns when they are. The file is
// written anew, whole, when it has grown and when it is opened.
package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

const (
	fileName = "spool"
	magic    = "stele spool1"

	// compactAt is how large the file may grow before it is written anew, and
	// compactFactor by how much it must have grown since.
	compactAt     = 4 << 20
	compactFactor = 4
)

// The first byte of a frame says what it holds.
const (
	frameEntry  = 'e' // an Item
	frameForget = 'f' // everything up to a seq, and the checkpoint now believed
	frameState  = 's' // one State, in a file written anew
	frameHead   = 'h' // the head, in a file written anew
	frameAlive  = 'a' // the watcher was running then
)

// State is what is known of one path: what capture last saw, and the change
// that recorded it.
type State struct {
	Path  []byte // any bytes
	Entry entry.ID
	What  int
	Gone  bool            // the path was removed
	Known json.RawMessage // capture's own
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
	Dir  string
	FS   durable.FS
	Diag *slog.Logger // nil: discard
}

// Broken says that the file can no longer be written: the watcher must end and
// start again from what is on disk.
type Broken struct{ Err error }

func (e *Broken) Error() string { return fmt.Sprintf("spool is broken: %v", e.Err) }

// Unwrap returns what broke it.
func (e *Broken) Unwrap() error { return e.Err }

// Spool is an open spool. All methods may be called from any goroutine.
type Spool struct {
	cfg    Config
	path   string
	damage []durable.Damage // found when the file was read

	mu         sync.Mutex // of what follows
	file       *durable.Appender
	broken     error
	whole      int64 // size of the file when it was written anew
	states     map[string]State
	head       *headFrame
	pending    []Item
	checkpoint []byte
	alive      time.Time
}

type headFrame struct {
	Next       uint64
	Prev       entry.ID
	Checkpoint []byte
	Alive      time.Time
}

type forgetFrame struct {
	Seq        uint64
	Checkpoint []byte
	Time       time.Time
}

// Open reads the spool, or begins one. A tail that a crash left unfinished is
// dropped: nobody was promised it. A file that is damaged otherwise is kept
// beside the new one; what could be read of it is used, and [Spool.Damage] says
// that something is missing.
func Open(cfg Config) (*Spool, error) {
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	s := &Spool{cfg: cfg, path: filepath.Join(cfg.Dir, fileName), states: make(map[string]State)}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("read spool %s: %w", s.path, err)
	}
	if len(s.damage) > 0 {
		if err := s.keepDamaged(); err != nil {
			return nil, err
		}
	}
	return s, s.compact()
}

func (s *Spool) read() error {
	data, err := durable.ReadFile(s.cfg.FS, s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	damage, err := durable.Walk(s.path, magic, 0, data, func(f durable.Frame) error { return s.take(f.Payload) })
	for _, d := range damage {
		if !d.Torn {
			s.damage = append(s.damage, d)
		}
	}
	return err
}

// keepDamaged puts a damaged file aside: it is evidence.
func (s *Spool) keepDamaged() error {
	aside := s.path + ".damaged"
	data, err := durable.ReadFile(s.cfg.FS, s.path)
	if err != nil {
		return err
	}
	s.cfg.Diag.Error("spool was damaged", "path", s.path, "offset", s.damage[0].Offset, "kept_as", aside)
	return durable.WriteFile(s.cfg.FS, aside, data, 0o600)
}

// take applies one frame: the same function reads a spool back and keeps it up
// to date.
func (s *Spool) take(payload []byte) error {
	switch payload[0] {
	case frameEntry:
		it, err := parseItem(payload[1:])
		if err != nil {
			return err
		}
		s.pending = append(s.pending, it)
		for _, st := range it.States {
			s.states[string(st.Path)] = st
		}
		s.setHead(it)
	case frameForget:
		var f forgetFrame
		if err := json.Unmarshal(payload[1:], &f); err != nil {
			return err
		}
		s.forget(f)
	case frameState:
		var st State
		if err := json.Unmarshal(payload[1:], &st); err != nil {
			return err
		}
		s.states[string(st.Path)] = st
	case frameHead:
		var h headFrame
		if err := json.Unmarshal(payload[1:], &h); err != nil {
			return err
		}
		s.head, s.checkpoint, s.alive = &h, h.Checkpoint, h.Alive
	case frameAlive:
		return json.Unmarshal(payload[1:], &s.alive)
	default:
		return fmt.Errorf("a frame of unknown kind %q", payload[0])
	}
	return nil
}

func (s *Spool) setHead(it Item) {
	s.head = &headFrame{Next: it.Seq + 1, Prev: it.ID}
	s.alive = it.Time
}

func (s *Spool) forget(f forgetFrame) {
	n := 0
	for n < len(s.pending) && s.pending[n].Seq <= f.Seq {
		n++
	}
	s.pending = slices.Delete(s.pending, 0, n)
	s.checkpoint, s.alive = f.Checkpoint, f.Time
}

func frame(kind byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append([]byte{kind}, b...), err
}

// itemFrame is the JSON of an item, its length before it, and the submission.
func itemFrame(it Item) ([]byte, error) {
	meta, err := json.Marshal(it)
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint([]byte{frameEntry}, uint64(len(meta)))
	return it.Submission.AppendBinary(append(b, meta...))
}

func parseItem(b []byte) (it Item, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return it, errors.New("an entry that is cut short")
	}
	if err := json.Unmarshal(b[used:used+int(n)], &it); err != nil {
		return it, err
	}
	return it, it.Submission.UnmarshalBinary(b[used+int(n):])
}

// Put keeps an entry. When it returns nil a crash loses nothing of it. After an
// error the spool is broken.
func (s *Spool) Put(it Item) error {
	b, err := itemFrame(it)
	if err != nil {
		return fmt.Errorf("spool entry %d: %w", it.Seq, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(b, true)
}

// Forget lets go of every entry up to seq, which the log has proved to hold
// under cp, and keeps cp as believed. A crash may bring the entries back; they
// are then sent again and known to the log.
func (s *Spool) Forget(seq uint64, cp verify.Checkpoint, now time.Time) error {
	b, err := frame(frameForget, forgetFrame{seq, cp.Note, now})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(b, false); err != nil {
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
	return s.write(b, false)
}

// write appends a frame and applies it. The caller holds mu.
func (s *Spool) write(payload []byte, sync bool) error {
	if s.broken != nil {
		return &Broken{s.broken}
	}
	_, err := s.file.Write(durable.AppendFrame(nil, payload, true))
	if err == nil && sync {
		err = s.file.Sync()
	}
	if err != nil {
		s.broken = err
		return &Broken{err}
	}
	return s.take(payload)
}

// compact writes the file anew with nothing in it that is no longer needed. A
// crash leaves the old file or the new one, which say the same.
func (s *Spool) compact() error {
	b := durable.Header(magic)
	add := func(kind byte, v any) error {
		p, err := frame(kind, v)
		b = durable.AppendFrame(b, p, true)
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(s.states)) {
		if err := add(frameState, s.states[path]); err != nil {
			return err
		}
	}
	if s.head != nil {
		h := *s.head
		h.Checkpoint, h.Alive = s.checkpoint, s.alive
		if err := add(frameHead, h); err != nil {
			return err
		}
	}
	for _, it := range s.pending {
		p, err := itemFrame(it)
		if err != nil {
			return err
		}
		b = durable.AppendFrame(b, p, true)
	}
	return s.replace(b)
}

func (s *Spool) replace(b []byte) error {
	if s.file != nil {
		if err := s.file.Close(); err != nil {
			s.broken = err
			return &Broken{err}
		}
	}
	var err error
	if err = durable.WriteFile(s.cfg.FS, s.path, b, 0o600); err == nil {
		s.file, err = durable.OpenAppend(s.cfg.FS, s.path)
	}
	if err != nil {
		s.broken = err
		return &Broken{err}
	}
	s.whole = int64(len(b))
	return nil
}

// Close closes the file.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	s.broken = errors.New("closed")
	return errors.Join(s.file.Sync(), s.file.Close())
}

// Damage is what of the file could not be read when it was opened.
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

// Pending are the oldest entries that wait for the log, at most n.
func (s *Spool) Pending(n int) []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pending[:min(n, len(s.pending))])
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
