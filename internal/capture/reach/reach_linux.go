package reach

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the links on one way, as the kernel does.
const maxLinks = 40

func (r *Reach) open(path string, follow bool) (*File, error) {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_NO_SYMLINKS})
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // a link on the way, or no such call
		fd, _, err = walk(path, follow)
	}
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return r.as(refused.UID, path, follow, refused)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := &File{Path: path, fd: fd, read: -1}
	if err := unix.Fstat(fd, &f.Stat); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return r.own(f, follow)
}

// own gives away f unless a user may have put it there under a second name: then
// that user's rights count.
func (r *Reach) own(f *File, follow bool) (*File, error) {
	if os.Geteuid() != 0 || f.Stat.Mode&unix.S_IFMT != unix.S_IFREG || f.Stat.Nlink < 2 {
		return f, nil
	}
	path := f.Path
	fd, above, err := walk(path, follow)
	if err == nil {
		unix.Close(fd)
	}
	if err == nil && (above.secure && !above.shared || above.uid != 0 && above.uid == f.Stat.Uid) {
		return f, nil
	}
	if err != nil { // it was exchanged meanwhile
		f.Close()
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	uid := above.uid
	if uid == 0 { // others can put names there, and nobody knows who did: its owner may have
		uid = f.Stat.Uid
	}
	refused := &RefusedError{path, uid, "a second name in a directory"}
	if uid == 0 { // what it is can be told, and not what is in it
		f.user = refused
		return f, nil
	}
	f.Close()
	return r.as(uid, path, follow, refused)
}

// Keeper is the user who decides what lies in a directory: the owner of the first
// directory on the way that is not root's; 0: nobody but root.
func Keeper(dir string) (uint32, error) {
	at := "/"
	for _, part := range strings.Split(strings.Trim(dir, "/"), "/") {
		at = filepath.Join(at, part)
		var stx unix.Statx_t
		// What is cached will do: nobody is to be asked who may not answer.
		err := unix.Statx(unix.AT_FDCWD, at, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, unix.STATX_UID|unix.STATX_TYPE, &stx)
		if err != nil || stx.Uid != 0 {
			return stx.Uid, err
		}
	}
	return 0, nil
}

// way is where a walk from the root has come to.
type way struct {
	dir    int    // descriptor; open
	secure bool   // only root can put another file in the place of what is here
	shared bool   // others can put new names here
	uid    uint32 // else, the first who can
	links  int
}

func (w *way) to(fd int) {
	unix.Close(w.dir)
	w.dir = fd
}

// walk opens path name by name. A link on the way, or at its end with follow, is
// followed where it is root's. above is who can put something in its place.
func walk(path string, follow bool) (fd int, above way, err error) {
	w := &way{secure: true}
	if err := w.begin(); err != nil {
		return -1, above, err
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for len(parts) > 0 {
		name := parts[0]
		parts = parts[1:]
		if name == "" || name == "." {
			continue
		}
		fd, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		var st unix.Stat_t
		if err == nil {
			err = unix.Fstat(fd, &st)
		}
		if err != nil {
			unix.Close(w.dir)
			return -1, above, err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK || len(parts) == 0 && !follow {
			above = *w
			w.to(fd)
			w.enter(&st)
			continue
		}
		target, err := w.link(path, fd, &st)
		unix.Close(fd)
		if err == nil && filepath.IsAbs(target) {
			unix.Close(w.dir)
			err = w.begin()
		}
		if err != nil {
			unix.Close(w.dir)
			return -1, above, err
		}
		parts = append(strings.Split(strings.Trim(target, "/"), "/"), parts...)
	}
	return w.dir, above, nil
}

func (w *way) begin() (err error) {
	w.shared = false
	w.dir, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return err
}

// enter notes who can put something into a directory.
func (w *way) enter(st *unix.Stat_t) {
	sticky := st.Mode&unix.S_ISVTX != 0
	w.shared = st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && st.Gid != 0 && !sticky
	open := st.Mode&0o022 != 0 && !sticky
	if w.secure && (st.Uid != 0 || open) {
		w.secure, w.uid = false, st.Uid
	}
}

// link says where a link leads, if it may be followed.
func (w *way) link(path string, fd int, st *unix.Stat_t) (string, error) {
	uid := st.Uid
	if !w.secure {
		uid = w.uid
	}
	if os.Geteuid() == 0 && (!w.secure || st.Uid != 0) {
		return "", &RefusedError{path, uid, "a link on the way,"}
	}
	if w.links++; w.links > maxLinks {
		return "", unix.ELOOP
	}
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", b)
	return string(b[:max(n, 0)]), err
}

// Proc is a path to the open file itself, for calls that take no descriptor. It
// leads nowhere else.
func (f *File) Proc() string { return fmt.Sprintf("/proc/self/fd/%d", f.fd) }

// FD is good for calls on the file that need no right to read it.
func (f *File) FD() int { return f.fd }

// Reader opens a file or directory for reading.
func (f *File) Reader() (*os.File, error) {
	if err := f.readable(); err != nil {
		return nil, err
	}
	if f.user != nil {
		if f.read < 0 {
			return nil, f.user
		}
		fd := f.read
		f.read = -1
		return os.NewFile(uintptr(fd), f.Path), nil
	}
	fd, err := unix.Open(f.Proc(), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.Path, Err: err}
	}
	return os.NewFile(uintptr(fd), f.Path), nil
}

// Again is what Stat is now.
func (f *File) Again() (st unix.Stat_t, err error) {
	err = unix.Fstat(f.fd, &st)
	return st, err
}

// Link is the target of a symbolic link.
func (f *File) Link() (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(f.fd, "", b)
	return string(b[:max(n, 0)]), err
}
