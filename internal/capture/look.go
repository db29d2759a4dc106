package capture

import (
	"bytes"
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
)

// sight is what a path was when it was looked at, and who had touched it.
type sight struct {
	exists  bool
	known   Known
	content []byte
	has     bool   // content is the text
	sum     string // SHA-256 of a content too large to keep
	marks   []string

	unread      bool // it was there, and gone before it could be looked at
	provisional bool // its writer may still be at it
	unreported  bool // found by a scan, though notifications are live
	from        string
	by          actor.Actor
	layer       string
	at          time.Time
	events      int
}

// tries to read a text that does not change under the reading.
const readTries = 4

// racy is how far the time stamps of files can lag behind the clock: they move
// with the timer tick.
const racy = 20 * time.Millisecond

var errMoved = errors.New("changed while it was read")

// eye looks at files.
type eye struct {
	key []byte
	max int64
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
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return sight{}, nil
	case err != nil && s.exists:
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
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return sight{}, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	s := sight{exists: true, known: knownOf(&st)}
	s.known.Extra = e.extra(path)
	switch s.known.format() {
	case unix.S_IFREG:
		if st.Nlink > 1 {
			s.mark(body.MarkHardLink)
		}
		err := e.readFile(path, &s)
		return s, err
	case unix.S_IFLNK:
		err := e.readLink(path, &s)
		return s, err
	case unix.S_IFDIR: // what is in it has paths of its own
		return sight{}, nil
	}
	// A FIFO, device or socket is never opened: that alone can have effects.
	s.mark(body.MarkSpecial)
	m := e.hmac()
	fmt.Fprintf(m, "special %d", st.Rdev)
	m.Sum(s.known.Digest[:0])
	return s, nil
}

func (e *eye) hmac() hash.Hash { return hmac.New(sha256.New, e.key) }

func (e *eye) readLink(path string, s *sight) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	var after unix.Stat_t
	if err := unix.Lstat(path, &after); err != nil || !knownOf(&after).sameStat(s.known) {
		return errMoved
	}
	s.mark(body.MarkLink)
	s.content, s.has = []byte(target), true
	s.known.Size = int64(len(target))
	m := e.hmac()
	m.Write(s.content)
	m.Sum(s.known.Digest[:0])
	return nil
}

// readFile reads a regular file between two fstats that must agree.
func (e *eye) readFile(path string, s *sight) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENOENT) {
		return errMoved // replaced since lstat; the next try sees by what
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if !unchanged(f, s.known) {
		return errMoved
	}
	if err := e.readContent(f, s); err != nil {
		return err
	}
	if !unchanged(f, s.known) {
		return errMoved
	}
	return nil
}

func unchanged(f *os.File, k Known) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && knownOf(&st).sameStat(k)
}

func (e *eye) readContent(f *os.File, s *sight) error {
	keyed := e.hmac()
	defer func() { keyed.Sum(s.known.Digest[:0]) }()
	if s.known.Size > e.max {
		return s.readDigest(f, keyed)
	}
	buf := bytes.NewBuffer(make([]byte, 0, s.known.Size+bytes.MinRead))
	// A file that grows past its size is noticed by the second fstat.
	if _, err := buf.ReadFrom(io.LimitReader(f, s.known.Size+1)); err != nil {
		return err
	}
	s.content, s.has = buf.Bytes(), true
	keyed.Write(s.content)
	return nil
}

func (s *sight) readDigest(f *os.File, keyed hash.Hash) error {
	plain := sha256.New()
	if _, err := io.Copy(io.MultiWriter(plain, keyed), io.LimitReader(f, s.known.Size)); err != nil {
		return err
	}
	s.sum = hex.EncodeToString(plain.Sum(nil))
	s.mark(body.MarkTooLarge)
	return nil
}

// extra is the keyed digest of what lstat does not show.
func (e *eye) extra(path string) (sum [32]byte) {
	m, any := e.hmac(), false
	extraAttributes(path, func(b []byte) {
		any = true
		fmt.Fprintf(m, "%d ", len(b))
		m.Write(b)
	})
	if any {
		m.Sum(sum[:0])
	}
	return sum
}

// stat is lstat alone.
func stat(path string) (Known, bool) {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return Known{}, false
	}
	return knownOf(&st), true
}
