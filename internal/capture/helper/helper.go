// Package helper runs processes of this very program under another user's ids:
// for what a watcher that is root must not do as root, or must have somebody else
// do.
//
// A helper of root's drops to its ids before it takes its first order, for good, and
// only then is anything of it the user's: while it still had to become this program
// the user could stop it, and with it whoever waits for its start. From then on the
// user may stop or end it and may not trace it. It gets its orders over a socket that it inherits, one at a
// time, and ends when the other side does. It promises nothing of what an order
// finds: that is the user's, and may be a lie.
//
// [Main] comes first in main of every program that calls [Start]; a program
// without it has no helpers.
package helper

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Task is what a helper does: it takes orders and answers until the socket ends.
type Task func(*Conn)

// name is what a helper is called among processes. The task follows it.
const name = "stele-helper"

// willing: main of this program starts with Main. Without it a helper would be
// the whole program once more.
var willing atomic.Bool

// Main runs the task this process was started for, and does not return, or
// returns at once where it is no helper.
func Main(tasks map[string]Task) {
	if len(os.Args) != 3 || os.Args[0] != name {
		willing.Store(true)
		return
	}
	task, ok := tasks[os.Args[1]]
	if !ok || drop(os.Args[2]) != nil {
		os.Exit(2)
	}
	task(&Conn{fd: socket})
	os.Exit(0)
}

// drop gives up root for good and lets nobody trace this process. Whatever started
// it, no task runs as root.
func drop(text string) error {
	var ids IDs
	if err := json.Unmarshal([]byte(text), &ids); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := becomeUser(ids); err != nil {
			return err
		}
	}
	if os.Getuid() != int(ids.UID) || os.Geteuid() != int(ids.UID) || ids.UID == 0 || syscall.Setuid(0) == nil {
		return ErrNone
	}
	return closeToTracers()
}

// becomeUser sets the ids of all threads; with them the kernel takes away every
// capability.
func becomeUser(ids IDs) error {
	groups := make([]int, len(ids.Groups))
	for i, g := range ids.Groups {
		groups[i] = int(g)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	if err := syscall.Setgid(int(ids.GID)); err != nil {
		return err
	}
	return syscall.Setuid(int(ids.UID))
}

// socket is the descriptor a helper finds its orders at.
const socket = 3

// IDs are those of a user.
type IDs struct {
	UID, GID uint32
	Groups   []uint32
}

// Process is a running helper. Its methods may be called from any goroutine.
type Process struct {
	mu   sync.Mutex // one order at a time
	cmd  *exec.Cmd
	conn *Conn
	end  sync.Once
	over chan struct{}
}

// ErrNone is that of a program or a user that cannot have helpers.
var ErrNone = errors.New("no helper process under another user's ids")

// ErrGone is that of a helper that has ended, or was ended because it did not
// answer.
var ErrGone = errors.New("helper ended")

// Start starts a helper under the ids of a user other than root. Without
// privilege the only ids there are are the own ones.
func Start(task string, ids IDs) (*Process, error) {
	if !willing.Load() || ids.UID == 0 {
		return nil, ErrNone
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	theirs := os.NewFile(uintptr(fds[1]), name)
	defer theirs.Close()
	to, err := json.Marshal(ids)
	if err == nil && os.Geteuid() != 0 && int(ids.UID) != os.Geteuid() {
		err = ErrNone
	}
	if err != nil {
		unix.Close(fds[0])
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir = []string{name, task, string(to)}, []string{"GOMAXPROCS=1", "GOGC=20"}, "/"
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		unix.Close(fds[0])
		return nil, fmt.Errorf("start a helper of user %d: %w", ids.UID, err)
	}
	p := &Process{cmd: cmd, conn: &Conn{fd: fds[0]}, over: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.over) }() // however it ended: the next order finds out
	return p, nil
}

// PID is the helper's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ask sends an order with descriptors and waits for the answer. After an error,
// a late answer among them, the helper has ended: what came of the order is not
// known.
func (p *Process) Ask(order []byte, fds []int, within time.Duration) (answer []byte, got []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := time.AfterFunc(within, p.stop) // ends the wait below
	defer limit.Stop()
	if err = p.conn.Send(order, fds...); err == nil {
		answer, got, err = p.conn.Receive()
	}
	if err != nil {
		p.stop()
		for _, fd := range got {
			unix.Close(fd)
		}
		return nil, nil, fmt.Errorf("%w: process %d: %w", ErrGone, p.PID(), err)
	}
	return answer, got, nil
}

// Ended reports whether the helper is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// Close ends the helper and waits until it has, if it can.
func (p *Process) Close() {
	if p == nil {
		return
	}
	p.end.Do(func() {
		p.stop()
		select {
		case <-p.over:
		case <-time.After(closeWithin): // a file system holds it, even against a signal
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conn.close()
	})
}

// closeWithin bounds the wait for the end of a helper.
const closeWithin = time.Second

// stop ends the helper, which holds nothing that would have to be put in order:
// by a signal, and where that is not allowed by the end of its socket. Whoever
// waits for an answer is woken.
func (p *Process) stop() {
	_ = p.cmd.Process.Kill() // the socket will do
	p.conn.shut()
}
