package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/stele-log/stele/internal/durable"
)

// segments is a run of numbered files of frames. Frames stay where they are.
type segments struct {
	fs    durable.FS
	dir   string
	name  string // of the files, before the number
	magic string

	mu    sync.Mutex
	files map[uint32]durable.File // opened for reading
}

func newSegments(fsys durable.FS, dir, name, magic string) *segments {
	return &segments{fs: fsys, dir: dir, name: name, magic: magic, files: map[uint32]durable.File{}}
}

// Owns reports whether a file of the vault may have that name.
func Owns(name string) bool {
	for _, run := range []string{disclosuresName, textsName} {
		var n uint32
		if _, err := fmt.Sscanf(name, run+"-%d.seg", &n); err == nil && name == segmentName(run, n) && n > 0 {
			return true
		}
	}
	return false
}

func segmentName(run string, n uint32) string { return fmt.Sprintf("%s-%06d.seg", run, n) }

func (s *segments) path(n uint32) string {
	return filepath.Join(s.dir, segmentName(s.name, n))
}

// list returns the numbers of the segments there are, ascending.
func (s *segments) list() ([]uint32, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", s.dir, err)
	}
	var ns []uint32
	for _, e := range entries {
		var n uint32
		if _, err := fmt.Sscanf(e.Name(), s.name+"-%d.seg", &n); err == nil && filepath.Base(s.path(n)) == e.Name() {
			ns = append(ns, n)
		}
	}
	slices.Sort(ns)
	return ns, nil
}

func (s *segments) file(n uint32) (durable.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[n]; f != nil {
		return f, nil
	}
	f, err := s.fs.OpenFile(s.path(n), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Damage{Path: s.path(n), Why: "no such file"}
	}
	if err != nil {
		return nil, durable.Damaged(err)
	}
	s.files[n] = f
	return f, nil
}

// readAhead is how much is read at once: most frames are shorter.
const readAhead = 2048

// frame reads the frame at an offset of a segment; what is wrong is a *[Damage].
func (s *segments) frame(n uint32, off int64) (durable.Frame, error) {
	f, err := s.file(n)
	if err != nil {
		return durable.Frame{}, err
	}
	b, err := durable.ReadUpTo(f, off, readAhead)
	if err != nil {
		return durable.Frame{}, fmt.Errorf("read %s: %w", s.path(n), err)
	}
	if len(b) >= durable.FrameOverhead {
		whole := durable.FrameOverhead + durable.FrameLen([durable.FrameOverhead]byte(b))
		info, err := f.Stat()
		if err != nil {
			return durable.Frame{}, fmt.Errorf("read %s: %w", s.path(n), err)
		}
		// The length may be nonsense: the file's size bounds what is read for it.
		if whole > len(b) && off+int64(whole) <= info.Size() {
			if b, err = durable.ReadUpTo(f, off, whole); err != nil {
				return durable.Frame{}, fmt.Errorf("read %s: %w", s.path(n), err)
			}
		}
	}
	return durable.ParseFrame(s.path(n), off, b)
}

// walk hands every frame from an offset of a segment on to fn and returns what
// is no frame.
func (s *segments) walk(n uint32, from int64, fn func(durable.Frame) error) ([]Damage, error) {
	f, err := s.file(n)
	var missing *Damage
	if errors.As(err, &missing) {
		return []Damage{*missing}, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := durable.ReadFrom(f, from)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path(n), err)
	}
	return durable.Walk(s.path(n), s.magic, from, data, fn)
}

func (s *segments) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for n, f := range s.files {
		errs = append(errs, f.Close())
		delete(s.files, n)
	}
	return errors.Join(errs...)
}

// tail is the segment that is being written.
type tail struct {
	n   uint32 // 0: none yet
	app *durable.Appender
}

// ready sees to it that there is a segment to append to: the present one, or
// the next where the present one is full or must not be touched.
func (t *tail) ready(s *segments, limit int64) error {
	if t.app != nil && t.app.Size() < limit {
		return nil
	}
	// A crash here leaves a segment with a header only, which is gone on with.
	app, err := durable.Create(s.fs, s.path(t.n+1), durable.Header(s.magic), 0o600)
	if err != nil {
		return err
	}
	if err := t.close(); err != nil {
		return errors.Join(err, app.Close())
	}
	t.n, t.app = t.n+1, app
	return nil
}

func (t *tail) close() error {
	if t.app == nil {
		return nil
	}
	app := t.app
	t.app = nil
	return app.Close()
}
