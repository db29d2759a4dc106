package watcher

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture"
)

// P9: a request says what somebody did or means. Nothing in it is executed, and a
// watcher is sent nothing else.

// Request is one line of JSON a process on this machine sends to the watcher.
type Request struct {
	Do     string  `json:"do"` // run, explain or status
	Reason string  `json:"reason"`
	Ticket string  `json:"ticket,omitempty"`
	Index  *uint64 `json:"index,omitempty"` // explain: where the log has the entry
	About  string  `json:"about,omitempty"` // explain: the id of that entry, where it is known
}

// Reply is the watcher's answer, one line of JSON.
type Reply struct {
	Error    string  `json:"error,omitempty"`
	ID       string  `json:"id,omitempty"`       // explain: of the remark
	Index    uint64  `json:"index,omitempty"`    // explain: of the remark
	Spooled  bool    `json:"spooled,omitempty"`  // explain: the remark waits for the server; it has no index yet
	Nameless bool    `json:"nameless,omitempty"` // run: no layer says which process changed a file, so no change gets the reason
	Report   *Report `json:"report,omitempty"`   // status
}

// maxRequest bounds one request in bytes.
const maxRequest = 64 << 10

// mostOfOne bounds the connections of one user other than root, and the reasons that
// one keeps here: everybody may connect, and each costs memory and a descriptor.
const mostOfOne = 256

// strangers is the number under which all users without an account here count
// together: in a user namespace one person is as many of them as there are numbers in
// /etc/subuid.
const strangers = 1<<32 - 1

// account is the number under which a peer counts where users are bounded.
func account(user string, uid *uint32) uint32 {
	if n := deref(uid); user != "" || n == 0 || int(n) == os.Geteuid() {
		return n
	}
	return strangers
}

func userOf(account uint32) string {
	if account == strangers {
		return "the users without an account here together"
	}
	return fmt.Sprintf("user %d", account)
}

// callers counts connections by user.
type callers struct {
	mu sync.Mutex
	of map[uint32]int
}

func (c *callers) enter(uid uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if uid != 0 && c.of[uid] == mostOfOne {
		return false
	}
	c.of[uid]++
	return true
}

func (c *callers) leave(uid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[uid]--; c.of[uid] == 0 {
		delete(c.of, uid)
	}
}

// listen opens the socket.
func listen(path string, mode os.FileMode) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for run and explain: %w", err)
	}
	return l, os.Chmod(path, cmp.Or(mode, 0o600))
}

// acceptor is a listening socket.
type acceptor interface {
	AcceptUnix() (*net.UnixConn, error)
	Close() error
}

// acceptAgain is how long after a connection that there was no descriptor for the next
// one is accepted.
const acceptAgain = 100 * time.Millisecond

// scarce: the system has no descriptor or memory for one more connection now. That is
// no reason to end: who wants it to end could take them all.
func scarce(err error) bool {
	return slices.ContainsFunc([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}, func(e error) bool { return errors.Is(err, e) })
}

// serve answers requests until the context ends.
func (w *Watcher) serve(ctx context.Context, l acceptor) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := l.AcceptUnix()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case scarce(err):
			w.cfg.Diag.Warn("local request not accepted", "error", err)
			select {
			case <-time.After(acceptAgain):
			case <-ctx.Done():
			}
			continue
		default:
			return fmt.Errorf("accept on the socket: %w", err)
		}
		wg.Go(func() {
			defer conn.Close()
			done := context.AfterFunc(ctx, func() { conn.Close() })
			defer done()
			if err := w.attend(ctx, conn); err != nil {
				w.cfg.Diag.Warn("local request failed", "error", err)
			}
		})
	}
}

// attend answers one connection: one request, and for run the wait for its end.
func (w *Watcher) attend(ctx context.Context, conn *net.UnixConn) error {
	peer, err := peerOf(conn)
	if err != nil {
		return fmt.Errorf("find out who asks: %w", err)
	}
	if u, err := user.LookupId(strconv.FormatUint(uint64(deref(peer.UID)), 10)); err == nil {
		peer.User = u.Username
	}
	by := account(peer.User, peer.UID)
	if !w.callers.enter(by) {
		return answer(conn, Reply{Error: fmt.Sprintf("connections already open by %s: %d", userOf(by), mostOfOne)})
	}
	defer w.callers.leave(by)
	in := bufio.NewReader(io.LimitReader(conn, maxRequest))
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	var req Request
	if err := json.Unmarshal(line, &req); err != nil {
		return answer(conn, Reply{Error: "the request is not JSON"})
	}
	switch req.Do {
	case "run":
		return w.holdReason(conn, peer, req)
	case "explain":
		return answer(conn, w.explain(ctx, peer, req))
	case "status":
		return answer(conn, w.report(peer))
	}
	return answer(conn, Reply{Error: fmt.Sprintf("%.40q is not run, explain or status", req.Do)})
}

// holdReason keeps a reason for as long as the process that gave it runs and its
// connection is open.
func (w *Watcher) holdReason(conn *net.UnixConn, peer *body.Who, req Request) error {
	from, err := askingOf(conn, peer)
	if err != nil {
		return fmt.Errorf("find out which process asks: %w", err)
	}
	if from == nil {
		return answer(conn, Reply{Nameless: true})
	}
	x := &run{why: w.why(req, "run"), giver: body.Giver{User: peer.User, UID: peer.UID}}
	if !w.reasons.begin(from.Ident, x, w.cfg.Now()) {
		from.close()
		return answer(conn, Reply{Error: fmt.Sprintf("reasons already kept for %s: %d; those of runs that ended count for %v", userOf(account(peer.User, peer.UID)), mostOfOne, runGrace)})
	}
	defer func() { w.reasons.end(x, w.cfg.Now()) }()
	if err := answer(conn, Reply{Nameless: !w.namesProcesses()}); err != nil {
		from.close()
		return err
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		from.wait()
		conn.Close() // others may hold the other end
	})
	// Until the other end is closed; whoever goes on talking is not listened to.
	_, _ = conn.Read(make([]byte, 1))
	conn.Close()
	from.close()
	waiting.Wait()
	return nil
}

// namesProcesses reports whether a layer tells which process changed a file.
func (w *Watcher) namesProcesses() bool {
	return slices.ContainsFunc(w.Status().Layers, func(l capture.Layer) bool {
		return l.Live && (l.Name == capture.LayerBPF || l.Name == capture.LayerProc)
	})
}

func answer(conn net.Conn, r Reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = conn.Write(append(b, '\n'))
	return err
}

func (w *Watcher) why(req Request, learnt string) body.Why {
	return body.Why{Reason: w.cfg.Redactor.String(req.Reason), Ticket: w.cfg.Redactor.String(req.Ticket), Learnt: learnt}
}
