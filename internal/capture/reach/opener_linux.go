package reach

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/helper"
)

// Task is the name of the task of [Serve].
const Task = "open"

// openWithin is how long a helper is waited for: a user's file system can make it
// wait for ever.
const openWithin = 2 * time.Second

// mostOpeners bounds the helpers that are kept; the one that was asked first goes.
const mostOpeners = 16

// opener opens as one user.
type opener struct {
	process *helper.Process
	asked   time.Time
}

func (o *opener) close() { o.process.Close() }

// Serve is the task of a helper: it opens paths with the rights that it has.
func Serve(c *helper.Conn) {
	for {
		order, _, err := c.Receive()
		if err != nil || len(order) < 2 {
			return
		}
		fds, err := openHere(string(order[1:]), order[0] == 'd')
		answer := []byte{0}
		if e := unix.Errno(0); errors.As(err, &e) {
			answer = strconv.AppendInt(nil, int64(e), 10)
		}
		err = c.Send(answer, fds...)
		for _, fd := range fds {
			unix.Close(fd)
		}
		if err != nil {
			return
		}
	}
}

// openHere opens a path and, where it is one to read and may be, again to be read.
func openHere(path string, follow bool) (fds []int, err error) {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return nil, err
	}
	fds = []int{fd}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fds, err
	}
	if read, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		fds = append(fds, read)
	}
	return fds, nil
}

// as opens path with the rights of a user.
func (r *Reach) as(uid uint32, path string, follow bool, refused *RefusedError) (*File, error) {
	if uid == 0 {
		return nil, refused
	}
	o, err := r.opener(uid)
	if err != nil {
		return nil, refused
	}
	order := "o" + path
	if follow {
		order = "d" + path
	}
	answer, fds, err := o.process.Ask([]byte(order), nil, openWithin)
	f := &File{Path: path, fd: -1, read: -1, user: refused}
	for i, fd := range fds {
		switch i {
		case 0:
			f.fd = fd
		case 1:
			f.read = fd
		default:
			unix.Close(fd)
		}
	}
	if len(fds) == 0 && err == nil {
		if e, bad := strconv.Atoi(string(answer)); bad == nil {
			err = &os.PathError{Op: "open", Path: path, Err: unix.Errno(e)}
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, refused
	case err != nil:
		return nil, err
	case f.fd < 0:
		return nil, refused
	}
	if err = unix.Fstat(f.fd, &f.Stat); err == nil {
		err = notKernels(f, refused)
	}
	if err == nil && f.read >= 0 && !f.sameToRead() {
		err = refused
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// notKernels refuses the file systems that are the kernel's own talk: to read there can
// have effects, and it is nobody's configuration.
func notKernels(f *File, refused *RefusedError) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(f.fd, &st); err != nil {
		return err
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC,
		unix.CGROUP2_SUPER_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.BPF_FS_MAGIC, unix.DEVPTS_SUPER_MAGIC:
		return refused
	}
	return nil
}

// sameToRead reports whether what was opened for reading is that very file, and
// open for nothing else. A helper's word for it is its user's.
func (f *File) sameToRead() bool {
	var st unix.Stat_t
	if unix.Fstat(f.read, &st) != nil || st.Dev != f.Stat.Dev || st.Ino != f.Stat.Ino || f.readable() != nil {
		return false
	}
	flags, err := unix.FcntlInt(uintptr(f.read), unix.F_GETFL, 0)
	return err == nil && flags&(unix.O_ACCMODE|unix.O_PATH) == unix.O_RDONLY
}

// opener is the helper of a user, kept or new.
func (r *Reach) opener(uid uint32) (*opener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.openers[uid]
	if o != nil && o.process.Ended() {
		o.close()
		delete(r.openers, uid)
		o = nil
	}
	if o == nil {
		if len(r.openers) >= mostOpeners {
			r.dropOldest()
		}
		p, err := helper.Start(Task, idsOf(uid))
		if err != nil {
			return nil, err
		}
		o = &opener{process: p}
		r.openers[uid] = o
	}
	o.asked = time.Now()
	return o, nil
}

func (r *Reach) dropOldest() {
	var oldest uint32
	for uid, o := range r.openers {
		if first := r.openers[oldest]; first == nil || o.asked.Before(first.asked) {
			oldest = uid
		}
	}
	r.openers[oldest].close()
	delete(r.openers, oldest)
}

// idsOf are the ids that a login of the user would have; of a user that is not in
// the account files, no group but nobody's.
func idsOf(uid uint32) helper.IDs {
	ids := helper.IDs{UID: uid, GID: nobody}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return ids
	}
	if gid, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
		ids.GID = uint32(gid)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return ids
	}
	for _, g := range groups {
		if gid, err := strconv.ParseUint(g, 10, 32); err == nil && gid != 0 {
			ids.Groups = append(ids.Groups, uint32(gid))
		}
	}
	slices.Sort(ids.Groups)
	return ids
}

const nobody = 65534
