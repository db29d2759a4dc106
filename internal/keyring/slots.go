package keyring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/stele-log/stele/internal/durable"
)

// slotKind says what a slot holds. A slot of zeros was never written.
type slotKind byte

const (
	slotKept      slotKind = 1 // the secret
	slotListed    slotKind = 2 // nothing: the salts are listed
	slotDestroyed slotKind = 3 // nothing: there was a secret
)

// slot is one place of the keyring: kind, secret, CRC-32C of number and both.
// Its number is its place, so slots cannot be swapped unnoticed.
type slot struct {
	kind   slotKind
	secret []byte
}

// perFile bounds what is rewritten when one key is destroyed.
const perFile = 1 << 16

// slots is a run of files of equal slots. A file has a number, which says which
// slots are in it, and a generation, which goes up when it is replaced.
type slots struct {
	fs     durable.FS
	dir    string
	name   string
	magic  string
	secret int // bytes

	mu    sync.RWMutex // files are closed under it only
	files map[uint64]*slotFile

	writing map[uint64]*durable.Appender // of the writer, by file; guarded by it
}

type slotFile struct {
	generation uint64
	path       string
	f          durable.File
}

func newSlots(fsys durable.FS, dir, name, magic string, secret int) *slots {
	return &slots{fs: fsys, dir: dir, name: name, magic: magic, secret: secret, files: map[uint64]*slotFile{}, writing: map[uint64]*durable.Appender{}}
}

func (s *slots) width() int64          { return int64(1 + s.secret + 4) }
func (s *slots) offset(n uint64) int64 { return durable.HeaderSize + int64(n%perFile)*s.width() }

// append appends the bytes of a slot.
func (s *slots) append(b []byte, n uint64, c slot) []byte {
	start := len(b)
	b = append(b, byte(c.kind))
	b = append(b, c.secret...)
	b = append(b, make([]byte, s.secret-len(c.secret))...) // a slot without secret is as wide
	return binary.LittleEndian.AppendUint32(b, slotSum(n, b[start:]))
}

func slotSum(n uint64, b []byte) uint32 {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], n)
	return durable.CRC(number[:], b)
}

var errHole = errors.New("no key was ever written here")

// parse reads the slot of number n; why says what is wrong with it.
func (s *slots) parse(n uint64, b []byte) (c slot, why error) {
	switch {
	case int64(len(b)) < s.width():
		return c, errors.New("slot is cut short")
	case isZero(b):
		return c, errHole
	case binary.LittleEndian.Uint32(b[1+s.secret:]) != slotSum(n, b[:1+s.secret]):
		return c, errors.New("checksum of slot is wrong")
	}
	c = slot{slotKind(b[0]), b[1 : 1+s.secret]}
	if c.kind < slotKept || c.kind > slotDestroyed {
		return c, fmt.Errorf("slot of kind %d", c.kind)
	}
	return c, nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// generations is where the files of a keyring lie: number → generations,
// ascending. All but the last are leftovers.
func generations(fsys durable.FS, dir, name string) (map[uint64][]uint64, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil && !durable.Absent(err) { // then the files are missing, one by one
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	found := map[uint64][]uint64{}
	for _, e := range entries {
		var n, g uint64
		if _, err := fmt.Sscanf(e.Name(), name+"-%d.%d", &n, &g); err == nil && e.Name() == generationName(name, n, g) {
			found[n] = append(found[n], g)
		}
	}
	for _, gs := range found {
		slices.Sort(gs)
	}
	return found, nil
}

func generationName(name string, n, g uint64) string { return fmt.Sprintf("%s-%06d.%d", name, n, g) }

// read returns a slot. Where the file was replaced by another process meanwhile
// it looks again. What is wrong is a *[durable.Damage].
func (s *slots) read(n uint64) (slot, error) {
	c, generation, err := s.readOpen(n)
	if err == nil {
		return c, nil
	}
	if now, lerr := s.latest(n / perFile); lerr != nil || now == generation {
		return slot{}, errors.Join(err, lerr)
	}
	s.forget(n / perFile)
	c, _, err = s.readOpen(n)
	return c, err
}

func (s *slots) readOpen(n uint64) (slot, uint64, error) {
	f, err := s.open(n / perFile)
	if err != nil {
		return slot{}, 0, err
	}
	defer s.mu.RUnlock()
	b, err := durable.ReadUpTo(f.f, s.offset(n), int(s.width()))
	if err != nil {
		return slot{}, f.generation, fmt.Errorf("read %s: %w", f.path, err)
	}
	c, why := s.parse(n, b)
	if why != nil {
		return slot{}, f.generation, &durable.Damage{Path: f.path, Offset: s.offset(n), Bytes: s.width(), Why: why.Error()}
	}
	return c, f.generation, nil
}

// open returns the file of a number, with the lock held for reading.
func (s *slots) open(num uint64) (*slotFile, error) {
	for {
		s.mu.RLock()
		if f := s.files[num]; f != nil {
			return f, nil
		}
		s.mu.RUnlock()
		if err := s.load(num); err != nil {
			return nil, err
		}
	}
}

func (s *slots) load(num uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[num] != nil {
		return nil
	}
	for range 10 { // a generation may go between listing and opening
		g, err := s.latest(num)
		if err != nil {
			return err
		}
		path := filepath.Join(s.dir, generationName(s.name, num, g))
		if g == 0 {
			return &durable.Damage{Path: filepath.Join(s.dir, generationName(s.name, num, 1)), Why: "no such file"}
		}
		f, err := s.fs.OpenFile(path, os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return durable.Damaged(err)
		}
		s.files[num] = &slotFile{g, path, f}
		return nil
	}
	return fmt.Errorf("open %s of number %d: replaced all the time", s.name, num)
}

// latest is the newest generation of a file, 0 if there is none.
func (s *slots) latest(num uint64) (uint64, error) {
	found, err := generations(s.fs, s.dir, s.name)
	if err != nil || len(found[num]) == 0 {
		return 0, err
	}
	return found[num][len(found[num])-1], nil
}

func (s *slots) forget(num uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[num]; f != nil {
		_ = f.f.Close() // only read from
		delete(s.files, num)
	}
}

func (s *slots) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for num, f := range s.files {
		errs = append(errs, f.f.Close())
		delete(s.files, num)
	}
	for num := range s.writing {
		errs = append(errs, s.done(num))
	}
	return errors.Join(errs...)
}

// foundSlot is one slot as a file has it.
type foundSlot struct {
	n    uint64
	slot slot
	off  int64
	why  error // errHole where it was never written
}

// each hands every slot of a file to fn and returns what is wrong besides them.
func (s *slots) each(num uint64, fn func(foundSlot)) ([]durable.Damage, error) {
	f, err := s.open(num)
	var missing *durable.Damage
	if errors.As(err, &missing) {
		return []durable.Damage{*missing}, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	data, err := durable.ReadFrom(f.f, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	if len(data) < durable.HeaderSize || string(data[:durable.HeaderSize]) != string(durable.Header(s.magic)) {
		n := int64(min(len(data), durable.HeaderSize))
		return []durable.Damage{{Path: f.path, Bytes: n, Why: "header is not that of " + s.magic}}, nil
	}
	w := int(s.width())
	for i, at := uint64(0), durable.HeaderSize; at < len(data); i, at = i+1, at+w {
		n := num*perFile + i
		c, why := s.parse(n, data[at:min(at+w, len(data))])
		fn(foundSlot{n, c, int64(at), why})
	}
	return nil, nil
}

// numbers lists the files there are, ascending.
func (s *slots) numbers() ([]uint64, error) {
	found, err := generations(s.fs, s.dir, s.name)
	if err != nil {
		return nil, err
	}
	var ns []uint64
	for n := range found {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	return ns, nil
}

// end is the number behind the last slot that has room in a file.
func (s *slots) end() (uint64, error) {
	ns, err := s.numbers()
	if err != nil || len(ns) == 0 {
		return 0, err
	}
	num := ns[len(ns)-1]
	f, err := s.open(num)
	if err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	used := max(0, info.Size()-durable.HeaderSize)
	return num*perFile + uint64((used+s.width()-1)/s.width()), nil
}

// write puts slots at consecutive numbers, behind all there are. Numbers passed
// over become holes. Nothing is durable before the appenders are synced.
func (s *slots) write(first uint64, cs []slot) ([]*durable.Appender, error) {
	var used []*durable.Appender
	for len(cs) > 0 {
		n := min(uint64(len(cs)), perFile-first%perFile)
		app, err := s.appender(first / perFile)
		if err != nil {
			return used, err
		}
		used = append(used, app)
		pad := s.offset(first) - app.Size()
		if pad < 0 {
			return used, fmt.Errorf("write %s: slot %d is taken", app.Path(), first)
		}
		b := make([]byte, pad, pad+int64(n)*s.width())
		for i, c := range cs[:n] {
			b = s.append(b, first+uint64(i), c)
		}
		if _, err := app.Write(b); err != nil {
			return used, err
		}
		first, cs = first+n, cs[n:]
	}
	return used, nil
}

// appender is kept open from batch to batch; earlier files are done with.
func (s *slots) appender(num uint64) (*durable.Appender, error) {
	if a := s.writing[num]; a != nil {
		return a, nil
	}
	g, err := s.latest(num)
	if err != nil {
		return nil, err
	}
	var a *durable.Appender
	if g == 0 {
		path := filepath.Join(s.dir, generationName(s.name, num, 1))
		a, err = durable.Create(s.fs, path, durable.Header(s.magic), 0o600)
	} else {
		a, err = durable.OpenAppend(s.fs, filepath.Join(s.dir, generationName(s.name, num, g)))
	}
	if err != nil {
		return nil, err
	}
	s.writing[num] = a
	return a, s.done(num - 2)
}

// done closes the appender of a file, if there is one.
func (s *slots) done(num uint64) error {
	a := s.writing[num]
	if a == nil {
		return nil
	}
	delete(s.writing, num)
	return a.Close()
}

// replace sets slots and leaves no copy of what they held: each file concerned
// is written anew, then the old one is overwritten and removed. A crash leaves
// the old file, or both, or the new one; [Prepare] finishes the work.
func (s *slots) replace(change map[uint64]slot) error {
	byFile := map[uint64][]uint64{}
	for n := range change {
		byFile[n/perFile] = append(byFile[n/perFile], n)
	}
	for num, ns := range byFile {
		if err := s.replaceIn(num, ns, change); err != nil {
			return err
		}
	}
	return nil
}

func (s *slots) replaceIn(num uint64, ns []uint64, change map[uint64]slot) error {
	g, err := s.latest(num)
	if err != nil {
		return err
	}
	old := filepath.Join(s.dir, generationName(s.name, num, g))
	data, err := durable.ReadFile(s.fs, old)
	if err != nil {
		return durable.Damaged(err)
	}
	for _, n := range ns {
		at := s.offset(n)
		if at+s.width() > int64(len(data)) {
			return &durable.Damage{Path: old, Offset: at, Why: "slot is cut short"}
		}
		s.append(data[:at], n, change[n])
	}
	next := filepath.Join(s.dir, generationName(s.name, num, g+1))
	if err := durable.WriteFile(s.fs, next, data, 0o600); err != nil {
		return err
	}
	s.forget(num) // from here on readers find the new file
	if err := s.done(num); err != nil {
		return err
	}
	return durable.Shred(s.fs, old)
}

// path is the newest generation of a file.
func (s *slots) path(num uint64) (string, error) {
	g, err := s.latest(num)
	return filepath.Join(s.dir, generationName(s.name, num, g)), err
}
