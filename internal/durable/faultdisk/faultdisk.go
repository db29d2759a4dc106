// Package faultdisk is a disk for tests that fails as disks do. It keeps files
// in memory and knows for each byte and each name whether a power cut would
// take it.
//
// It forgets at Crash what was not synced, directories too, fails a chosen call with or without
// having done the work, and can be full. The same seed gives the same faults.
// It does not model read errors, permissions or links.
package faultdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stele-log/stele/internal/durable"
)

// Keep says what a power cut leaves of what was not synced.
type Keep int

// What a crash may leave.
const (
	Nothing    Keep = iota // only what was synced
	Prefix                 // the first few unsynced operations, the next one in part
	Everything             // all, as if there had been no crash for the disk
	Scattered              // any of the unsynced operations, not in order
)

// Outcome is what becomes of a failing call.
type Outcome int

// Outcomes of the call that fails.
const (
	Lost Outcome = iota // nothing was done
	Done                // it was done, and reported as failed
	Torn                // a write was done in part; other calls as Lost
)

// ErrInjected is what a failing call returns.
var ErrInjected = fmt.Errorf("injected: %w", syscall.EIO)

// ErrCrashed is what a handle from before a crash returns.
var ErrCrashed = errors.New("file was opened before the crash")

// Disk is a file system. Its zero value is not usable: see New.
type Disk struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	names map[string]*inode // as programs see them
	kept  map[string]*inode // as a crash would leave them
	log   []nameOp          // unsynced changes of names
	born  int               // files and directories made so far
	epoch int

	calls   int // that change something
	failAt  int
	outcome Outcome
	dead    bool // after a fault that stops: every call fails
	stops   bool
	room    int64 // bytes that can still be written; negative: no limit
	limited bool
}

type inode struct {
	dir  bool
	born int    // order of making, which does not hang on names
	data []byte // as programs see it
	kept []byte // as synced
	log  []dataOp
}

// dataOp is a write, or a change of size where data is nil.
type dataOp struct {
	off  int64
	data []byte
}

// nameOp makes name stand for node, or for nothing.
type nameOp struct {
	dir  string
	sets map[string]*inode // nil: removed
}

var _ durable.FS = (*Disk)(nil)

// New returns an empty disk.
func New(seed uint64) *Disk {
	return &Disk{rnd: rand.New(rand.NewPCG(seed, 0)), names: map[string]*inode{}, kept: map[string]*inode{}}
}

// node makes a file or a directory that has no name yet.
func (d *Disk) node(dir bool) *inode {
	d.born++
	return &inode{dir: dir, born: d.born}
}

func (d *Disk) isDir(name string) bool {
	n := d.names[name]
	return name == "/" || name == "." || n != nil && n.dir
}

// FailAt makes the n-th changing call from now fail, counted from 1. If stops
// is set, every later call fails too, until Crash: the process cannot go on.
func (d *Disk) FailAt(n int, o Outcome, stops bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.outcome, d.stops = d.calls+n, o, stops
}

// Calls says how many changing calls there have been.
func (d *Disk) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// SetRoom lets n more bytes be written before the disk is full. Truncating and
// removing give nothing back; call it again for that. Negative: no limit.
func (d *Disk) SetRoom(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room, d.limited = n, n >= 0
}

// Crash cuts the power: open files are gone, faults are forgotten, and of what
// was not synced there remains what keep says.
func (d *Disk) Crash(keep Keep) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range pick(d.rnd, d.log, keep) {
		op.apply(d.kept)
	}
	d.log = nil
	for _, n := range d.inodes() {
		n.crash(d.rnd, keep)
	}
	d.names = maps.Clone(d.kept)
	maps.DeleteFunc(d.kept, func(name string, _ *inode) bool { return !d.reached(name) })
	d.names = maps.Clone(d.kept)
	d.epoch++
	d.failAt, d.dead, d.limited = 0, false, false
}

// reached reports whether all directories above a name are there: what lies in
// one that was lost is lost too.
func (d *Disk) reached(name string) bool {
	dir := filepath.Dir(name)
	return dir == name || d.isDir(dir) && d.reached(dir)
}

// inodes lists what a crash would keep, in a fixed order.
func (d *Disk) inodes() []*inode {
	return slices.SortedFunc(maps.Values(d.kept), func(a, b *inode) int { return a.born - b.born })
}

// pick chooses which unsynced operations reached the disk.
func pick[T any](rnd *rand.Rand, ops []T, keep Keep) []T {
	switch keep {
	case Everything:
		return ops
	case Prefix:
		return ops[:rnd.IntN(len(ops)+1)]
	case Scattered:
		var some []T
		for _, op := range ops {
			if rnd.IntN(2) == 0 {
				some = append(some, op)
			}
		}
		return some
	}
	return nil
}

func (op nameOp) apply(names map[string]*inode) {
	for name, n := range op.sets {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

func (n *inode) crash(rnd *rand.Rand, keep Keep) {
	ops := pick(rnd, n.log, keep)
	data := slices.Clone(n.kept)
	for _, op := range ops {
		data = op.apply(data)
	}
	if keep == Prefix && len(ops) < len(n.log) {
		if next := n.log[len(ops)]; len(next.data) > 0 {
			next.data = next.data[:rnd.IntN(len(next.data))]
			data = next.apply(data)
		}
	}
	n.data, n.kept, n.log = data, slices.Clone(data), nil
}

func (op dataOp) apply(data []byte) []byte {
	if op.data == nil {
		return resize(data, op.off)
	}
	if end := op.off + int64(len(op.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[op.off:], op.data)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// change counts a changing call and decides its fate. do is run unless the call
// is lost.
func (d *Disk) change(do func()) error {
	if d.dead {
		return ErrInjected
	}
	d.calls++
	if d.calls != d.failAt {
		do()
		return nil
	}
	d.dead = d.stops
	if d.outcome == Done {
		do()
	}
	return ErrInjected
}

func (d *Disk) link(sets map[string]*inode) {
	var dir string
	for name := range sets {
		dir = filepath.Dir(name)
	}
	op := nameOp{dir, sets}
	op.apply(d.names)
	d.log = append(d.log, op)
}

// OpenFile implements durable.FS.
func (d *Disk) OpenFile(name string, flag int, _ fs.FileMode) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	n, ok := d.names[name]
	switch {
	case !ok && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case !ok && !d.isDir(filepath.Dir(name)):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case ok && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case ok && n.dir:
		return nil, &durable.OddFile{Path: name, Why: "is a directory, not a file"}
	}
	var err error
	if !ok {
		n = d.node(false)
		err = d.change(func() { d.link(map[string]*inode{name: n}) })
	} else if flag&os.O_TRUNC != 0 {
		err = d.change(func() { n.do(dataOp{}) })
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{d, n, name, d.epoch, flag&(os.O_WRONLY|os.O_RDWR) != 0}, nil
}

func (n *inode) do(op dataOp) {
	n.data = op.apply(n.data)
	n.log = append(n.log, op)
}

// Rename implements durable.FS.
func (d *Disk) Rename(oldName, newName string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	oldName, newName = filepath.Clean(oldName), filepath.Clean(newName)
	n, ok := d.names[oldName]
	if !ok {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	return d.change(func() { d.link(map[string]*inode{oldName: nil, newName: n}) })
}

// Remove implements durable.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	if _, ok := d.names[name]; !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	return d.change(func() { d.link(map[string]*inode{name: nil}) })
}

// Mkdir implements durable.FS.
func (d *Disk) Mkdir(name string, _ fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	err := fs.ErrExist
	if d.names[name] == nil && name != "/" && name != "." {
		err = fs.ErrNotExist
		if d.isDir(filepath.Dir(name)) {
			err = d.change(func() { d.link(map[string]*inode{name: d.node(true)}) })
		}
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

// ReadDir implements durable.FS.
func (d *Disk) ReadDir(name string) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	if !d.isDir(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var list []fs.DirEntry
	for p, n := range d.names {
		if filepath.Dir(p) == name {
			list = append(list, fs.FileInfoToDirEntry(n.info(p)))
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Stat implements durable.FS.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	n, ok := d.names[name]
	if !ok && d.isDir(name) {
		return info{name, 0, true}, nil
	}
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return n.info(name), nil
}

// SyncDir implements durable.FS.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	return d.change(func() {
		d.log = slices.DeleteFunc(d.log, func(op nameOp) bool {
			if op.dir != name {
				return false
			}
			op.apply(d.kept)
			return true
		})
	})
}

// Files returns the content of every file, as a crash that keeps everything
// would leave it.
func (d *Disk) Files() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := map[string][]byte{}
	for p, n := range d.names {
		if !n.dir {
			files[p] = slices.Clone(n.data)
		}
	}
	return files
}

// Put sets a file to these bytes, durably; nil removes it. It is how a test
// tampers.
func (d *Disk) Put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = filepath.Clean(name)
	d.log = slices.DeleteFunc(d.log, func(op nameOp) bool { _, ok := op.sets[name]; return ok })
	if data == nil {
		delete(d.names, name)
		delete(d.kept, name)
		return
	}
	n := d.node(false)
	n.data, n.kept = slices.Clone(data), slices.Clone(data)
	d.names[name], d.kept[name] = n, n
	for dir := filepath.Dir(name); !d.isDir(dir); dir = filepath.Dir(dir) {
		n := d.node(true)
		d.names[dir], d.kept[dir] = n, n
	}
}

type file struct {
	d        *Disk
	n        *inode
	name     string
	epoch    int
	writable bool
}

func (f *file) lock() error {
	f.d.mu.Lock()
	if f.epoch != f.d.epoch {
		return &fs.PathError{Op: "use", Path: f.name, Err: ErrCrashed}
	}
	return nil
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	err := f.lock()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	err := f.lock()
	defer f.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if !f.writable {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	b = slices.Clone(b)
	if f.d.limited && int64(len(b)) > f.d.room {
		return f.partly(b[:f.d.room], off, syscall.ENOSPC)
	}
	torn := f.d.outcome == Torn && f.d.calls+1 == f.d.failAt && !f.d.dead
	err = f.d.change(func() { f.n.do(dataOp{off, b}) })
	switch {
	case torn:
		return f.partly(b[:f.d.rnd.IntN(max(len(b), 1))], off, ErrInjected)
	case err != nil:
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: err}
	}
	f.d.room -= int64(len(b))
	return len(b), nil
}

// partly writes what there is room for and returns why it was not all.
func (f *file) partly(b []byte, off int64, why error) (int, error) {
	if len(b) > 0 {
		f.n.do(dataOp{off, b})
	}
	f.d.room -= int64(len(b))
	return len(b), &fs.PathError{Op: "write", Path: f.name, Err: why}
}

func (f *file) Sync() error {
	err := f.lock()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	return f.d.change(func() { f.n.kept, f.n.log = slices.Clone(f.n.data), nil })
}

func (f *file) Truncate(size int64) error {
	err := f.lock()
	defer f.d.mu.Unlock()
	if err != nil {
		return err
	}
	return f.d.change(func() { f.n.do(dataOp{off: size}) })
}

func (f *file) Stat() (fs.FileInfo, error) {
	err := f.lock()
	defer f.d.mu.Unlock()
	return f.n.info(f.name), err
}

func (f *file) Close() error { return nil }

// info describes a file or a directory; none has a time.
type info struct {
	name string
	size int64
	dir  bool
}

func (n *inode) info(path string) info {
	return info{filepath.Base(path), int64(len(n.data)), n.dir}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return 0o700 | fs.ModeDir
	}
	return 0o600
}
