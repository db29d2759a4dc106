package capture

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/hands"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/reach"
)

// sight is what a path was when it was looked at, and who had touched it.
type sight struct {
	exists  bool
	known   inode.Known
	content []byte
	has     bool   // content is the text
	sum     string // SHA-256 of a content too large to keep
	beside  []inode.Attribute
	marks   []string

	link   *inode.Known // of the link itself that was followed
	target string       // of that
	way    []string     // from a link to what is, or is to come, behind it

	kept        bool  // unread, and told even if one process did all of it
	unread      bool  // it was there, and gone before it could be looked at
	provisional bool  // its writer may still be at it
	linked      bool  // nothing but the number of its names is otherwise than before
	unreported  *scan // found it, though notifications are live
	from        string
	by          actor.Actor
	layer       string
	at, since   time.Time // when it was told of; when it had not happened yet
	events      int
}

// tries to read a text that does not change under the reading.
const readTries = 4

// maxDigest is the size from which a content is not read at all: size, times and a
// mark stand for it. A hole of any size costs its owner nothing.
const maxDigest = 256 << 20

// racy is how far the time stamps of files can lag behind the clock: they move
// with the timer tick.
const racy = 20 * time.Millisecond

var errMoved = errors.New("changed while it was read")

// eye looks at files.
type eye struct {
	key   []byte
	max   int64
	reach *reach.Reach
	share *hands.Allowances
}

// look reads path. A path that is not there is a sight too; an error means that
// it could not be read, or not even be looked for.
func (e *eye) look(path string) (sight, error) {
	var s sight
	var err error
	for range readTries {
		s, err = e.once(path)
		if !errors.Is(err, errMoved) {
			break
		}
	}
	switch {
	case errors.Is(err, errMoved):
		s.mark(body.MarkTorn)
		return s, nil
	case reach.Absent(err):
		return sight{}, nil
	case err != nil && s.exists && !s.has:
		s.mark(body.MarkUnread)
	}
	return s, err
}

func (s *sight) mark(m string) {
	if !slices.Contains(s.marks, m) {
		s.marks = append(s.marks, m)
		slices.Sort(s.marks)
	}
}

func (e *eye) once(path string) (sight, error) {
	f, err := e.reach.Open(path)
	if err != nil {
		return sight{}, err
	}
	defer f.Close()
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return e.read(f)
	}
	behind, way, failed := e.reach.Follow(path)
	if behind == nil {
		s, err := e.read(f)
		if reach.Absent(failed) {
			s.way = way
			return s, err
		}
		return s, cmp.Or(err, failed)
	}
	defer behind.Close()
	target, err := f.Link()
	if err != nil {
		return sight{}, err
	}
	s, err := e.read(behind)
	link := inode.Of(&f.Stat)
	s.link, s.target, s.way, s.known.Target = &link, target, way, e.sum(target)
	return s, err
}

func (e *eye) read(f *reach.File) (sight, error) {
	s := sight{exists: true, known: inode.Of(&f.Stat)}
	s.known.Flags = inode.FlagsOf(f)
	s.beside, s.known.Extra = inode.Attributes(f, e.hmac)
	switch s.known.Format() {
	case unix.S_IFREG:
		if f.Stat.Nlink > 1 {
			s.mark(body.MarkHardLink)
		}
		err := e.readFile(f, &s)
		return s, err
	case unix.S_IFLNK:
		err := e.readLink(f, &s)
		return s, err
	case unix.S_IFDIR: // what is in it has paths of its own
		return sight{}, nil
	}
	// A FIFO, device or socket is never opened: that alone can have effects.
	s.mark(body.MarkSpecial)
	m := e.hmac()
	fmt.Fprintf(m, "special %d", f.Stat.Rdev)
	m.Sum(s.known.Digest[:0])
	return s, nil
}

func (e *eye) hmac() hash.Hash { return hmac.New(sha256.New, e.key) }

func (e *eye) sum(text string) (sum [sha256.Size]byte) {
	m := e.hmac()
	m.Write([]byte(text))
	m.Sum(sum[:0])
	return sum
}

func (e *eye) readLink(f *reach.File, s *sight) error {
	target, err := f.Link()
	if err != nil {
		return err
	}
	s.mark(body.MarkLink)
	s.content, s.has = []byte(target), true
	s.known.Size, s.known.Digest = int64(len(target)), e.sum(target)
	return nil
}

// readFile reads a regular file between two stats that must agree.
func (e *eye) readFile(f *reach.File, s *sight) error {
	if s.known.Size > maxDigest {
		s.mark(body.MarkTooLarge)
		return nil
	}
	r, err := f.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	s.known.Flags = inode.AllFlags(r, s.known.Flags)
	if err := e.readContent(r, s); err != nil {
		return err
	}
	if st, err := f.Again(); err != nil || !inode.Of(&st).SameStat(s.known) {
		return errMoved
	}
	return nil
}

func (e *eye) readContent(f *os.File, s *sight) error {
	if s.known.Size > e.max {
		return e.readDigest(f, s)
	}
	buf := bytes.NewBuffer(make([]byte, 0, s.known.Size+bytes.MinRead))
	// A file that grows past its size is noticed by the second stat.
	if _, err := buf.ReadFrom(io.LimitReader(f, s.known.Size+1)); err != nil {
		return err
	}
	s.content, s.has = buf.Bytes(), true
	keyed := e.hmac()
	keyed.Write(s.content)
	keyed.Sum(s.known.Digest[:0])
	return nil
}

// readDigest reads a content that is too large to keep, as long as its owner's
// share allows. Beyond that size and times alone tell one state from another.
func (e *eye) readDigest(f *os.File, s *sight) error {
	s.mark(body.MarkTooLarge)
	begun := time.Now()
	bound := hands.Until(f, begun.Add(e.share.Left(s.known.UID, begun)))
	defer func() { e.share.Use(s.known.UID, time.Since(begun)) }()
	plain, keyed := sha256.New(), e.hmac()
	_, err := io.Copy(io.MultiWriter(plain, keyed), io.LimitReader(bound, s.known.Size))
	if errors.Is(err, hands.ErrSlow) {
		return nil
	}
	if err != nil {
		return err
	}
	s.sum = hex.EncodeToString(plain.Sum(nil))
	keyed.Sum(s.known.Digest[:0])
	return nil
}

// stat is lstat alone; with follow, of the file behind a link that can be followed.
func (e *eye) stat(path string, follow bool) (k inode.Known, way []string, err error) {
	f, err := e.reach.Open(path)
	if err != nil {
		return k, nil, err
	}
	defer f.Close()
	if k = inode.Of(&f.Stat); !follow || k.Format() != unix.S_IFLNK {
		return k, nil, nil
	}
	behind, way, _ := e.reach.Follow(path)
	if behind == nil {
		return k, nil, nil
	}
	defer behind.Close()
	target, err := f.Link()
	k = inode.Of(&behind.Stat)
	k.Target = e.sum(target)
	return k, way, err
}
