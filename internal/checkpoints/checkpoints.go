// Package checkpoints keeps checkpoints that the key of a log has signed, so that a
// log that is written anew later can be convicted of it: whichever of them is of a
// size above the place of the rewrite has another root than the new tree.
//
// So not every one has to be kept for ever. A file holds the newest 1,024 distinct
// ones and of those before one an hour, at most 1 MiB in all; those that are known
// to contradict the log are set apart and stay. What was added is durable after
// Sync; a crash loses no more than what came since.
//
// To people and other programs checkpoints are one text: signed notes one after the
// other, an empty line between, each beginning with its origin ([Join], [Split]).
//
// The package does not judge: it takes what its caller has opened.
package checkpoints

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/verify"
)

// FileName is the name of the file, wherever it lies.
const FileName = "checkpoints"

// MaxNote is the largest checkpoint that is kept, in bytes.
const MaxNote = 16 << 10

const magic = "stele chkpt1"

// The first byte of a frame says what it holds: a kept checkpoint, one that is set
// apart, or that all before it were handed on.
const (
	frameKept    = 'k'
	frameApart   = 'a'
	frameShipped = 's'
)

// item is one checkpoint.
type item struct {
	size  uint64
	root  entry.Hash
	at    time.Time // when it was added
	apart bool      // it contradicts the log
	note  []byte
}

// Kept is the checkpoints in a file, which nobody else writes. All methods may be
// called from any goroutine.
type Kept struct {
	fsys durable.FS
	path string

	mu      sync.Mutex
	list    []item
	shipped int               // so many of the first were handed on
	file    *durable.Appender // nil: there is none yet
	fresh   int               // frames since the file was written anew
	unsaved bool              // something was added since the last Sync
	closed  bool
}

// Open opens the file in a directory. What is damaged in it is passed over, and
// written anew without.
func Open(fsys durable.FS, dir string) (*Kept, error) {
	k := &Kept{fsys: fsys, path: filepath.Join(dir, FileName)}
	damage, err := k.read()
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err == nil && len(damage) > 0 {
		err = k.rewrite()
	}
	if err == nil && k.file == nil {
		k.file, err = durable.OpenAppend(fsys, k.path)
	}
	if err != nil {
		return nil, fmt.Errorf("kept checkpoints: %w", err)
	}
	return k, nil
}

// Read returns the notes in a file, oldest first, and what in it is damaged; none
// where there is no file.
func Read(fsys durable.FS, path string) (notes [][]byte, damage []durable.Damage, err error) {
	k := &Kept{fsys: fsys, path: path}
	damage, err = k.read()
	if durable.Absent(err) {
		return nil, nil, nil
	}
	return k.Notes(), damage, err
}

func (k *Kept) read() (damage []durable.Damage, err error) {
	data, err := durable.ReadFile(k.fsys, k.path)
	if err != nil {
		return nil, err
	}
	damage, err = durable.Walk(k.path, magic, 0, data, func(f durable.Frame) error {
		if err := k.take(f.Payload); err != nil {
			damage = append(damage, durable.Damage{Path: k.path, Offset: f.Offset, Bytes: f.End() - f.Offset, Why: err.Error()})
		}
		return nil
	})
	return damage, err
}

func (k *Kept) take(payload []byte) error {
	if payload[0] == frameShipped {
		k.shipped = len(k.list)
		return nil
	}
	at, n := binary.Varint(payload[1:])
	if n <= 0 || payload[0] != frameKept && payload[0] != frameApart {
		return fmt.Errorf("a frame of unknown kind %q", payload[0])
	}
	note := slices.Clone(payload[1+n:])
	cp, err := verify.ReadCheckpoint(note)
	if err != nil {
		return err
	}
	k.list = append(k.list, item{cp.Size, cp.Root, time.Unix(at, 0), payload[0] == frameApart, note})
	return nil
}

func (it *item) appendFrame(b []byte) []byte {
	kind := byte(frameKept)
	if it.apart {
		kind = frameApart
	}
	payload := binary.AppendVarint([]byte{kind}, it.at.Unix())
	return durable.AppendFrame(b, append(payload, it.note...), true)
}

// Has reports whether a checkpoint of that size and root is kept.
func (k *Kept) Has(size uint64, root entry.Hash) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.has(size, root)
}

func (k *Kept) has(size uint64, root entry.Hash) bool {
	for i := range slices.Backward(k.list) { // it is among the last, if anywhere
		if it := &k.list[i]; it.size == size && it.root == root {
			return true
		}
	}
	return false
}

// Add keeps a checkpoint, unless it has that one. apart says that it contradicts
// the log. After an error of a full disk it is kept in memory alone.
func (k *Kept) Add(cp verify.Checkpoint, at time.Time, apart bool) (added bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if cp.Size == 0 || len(cp.Note) == 0 || len(cp.Note) > MaxNote || k.has(cp.Size, cp.Root) {
		return false, nil
	}
	it := item{cp.Size, cp.Root, at, apart, slices.Clone(cp.Note)}
	k.list = append(k.list, it)
	k.unsaved = true
	return true, k.append(it.appendFrame(nil))
}

// append writes frames. The caller holds mu.
func (k *Kept) append(b []byte) error {
	if k.closed {
		return fs.ErrClosed
	}
	if k.file == nil || k.file.Size()+int64(len(b)) > maxBytes || k.fresh >= newest {
		return k.rewrite()
	}
	k.fresh++
	_, err := k.file.Write(b)
	if durable.DiskFull(err) {
		return errors.Join(err, k.file.Rollback())
	}
	return err
}

// Sync makes durable what was added.
func (k *Kept) Sync() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.unsaved || k.file == nil || k.closed {
		return nil
	}
	if err := k.file.Sync(); err != nil {
		return err
	}
	k.unsaved = false
	return nil
}

// Notes are the checkpoints, oldest first.
func (k *Kept) Notes() [][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	notes := make([][]byte, len(k.list))
	for i := range k.list {
		notes[i] = k.list[i].note
	}
	return notes
}

// Unshipped are the oldest that were not handed on: at most n, and of at most so many
// bytes, but one in any case.
func (k *Kept) Unshipped(n, bytes int) [][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	var notes [][]byte
	for _, it := range k.list[k.shipped:min(k.shipped+n, len(k.list))] {
		if bytes -= len(it.note); bytes < 0 && len(notes) > 0 {
			break
		}
		notes = append(notes, it.note)
	}
	return notes
}

// Shipped notes that those were handed on. A crash may have them handed on again.
func (k *Kept) Shipped(notes [][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for n < len(notes) && k.shipped+n < len(k.list) && string(k.list[k.shipped+n].note) == string(notes[n]) {
		n++
	}
	if n == 0 {
		return nil
	}
	if k.shipped += n; k.shipped < len(k.list) {
		return nil // it is written once all of them were
	}
	return k.append(durable.AppendFrame(nil, []byte{frameShipped}, true))
}

// Close closes the file, once.
func (k *Kept) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	was, file := k.closed, k.file
	if k.closed = true; was || file == nil {
		return nil
	}
	return file.Close()
}
