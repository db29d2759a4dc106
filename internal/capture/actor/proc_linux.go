package actor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/doors"
)

const (
	maxAncestors = 8
	maxCommand   = 32 << 10 // bytes of a command line that are read
	maxShort     = 4 << 10  // the same, of an ancestor
	clockTick    = 100      // USER_HZ, the same on every Linux that Go runs on
	tickLength   = time.Second / clockTick
	unset        = 1<<32 - 1 // a login uid or session there is none of
)

// procActors reads actors from /proc. It is used by one goroutine.
//
// All of a process is read through one descriptor of its directory, which the
// kernel binds to that process: when the number is given to another, reads fail
// instead of telling about the other.
type procActors struct {
	names  *accounts
	boot   time.Time
	recent map[int]cached
}

// cached is what was read of a process lately. One process often writes many
// files, and one that is gone now could be read when it opened the file.
type cached struct {
	id    ident
	at    time.Time
	actor Actor
}

// ident is what must be equal for two notifications to have one actor; exec
// changes most of it, and without exec a process can still become another user.
type ident struct {
	pid, ppid    int
	started      uint64
	exe, command string
	ids          ids
	known        bool // ids could be read
}

// complete: it was read while the process lived. One that is reaped meanwhile
// loses its parent.
func (id ident) complete() bool {
	return id.exe != "" && id.command != "" && (id.ppid != 0 || id.pid == 1)
}

const (
	freshFor   = 200 * time.Millisecond // ancestors are believed unchanged
	recentFor  = 2 * time.Second        // a number is believed not to be given to another process
	recentSize = 256
)

// Proc is the source that asks /proc alone.
func Proc() Source { return newProcActors() }

func newProcActors() *procActors {
	return &procActors{names: newAccounts("/etc"), recent: map[int]cached{}, boot: time.Now().Add(-SinceBoot())}
}

// SinceBoot reads the clock that processes' times are told on.
func SinceBoot() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // never fails with this clock
	return time.Duration(ts.Nano())
}

func (p *procActors) Layer() string { return LayerProc }

// Actor implements [Source].
func (p *procActors) Actor(n Named) Actor {
	pid, same := n.PID, n.Same
	dir, err := openProc(pid)
	if err != nil {
		return p.remembered(pid, 0)
	}
	defer dir.close()
	if same != nil && !same() {
		return p.remembered(pid, 0) // the directory may be that of a later process
	}
	id, st := dir.ident()
	if c, ok := p.recent[pid]; ok && id.exe != "" && c.id == id && time.Since(c.at) < freshFor {
		return c.actor
	}
	if !id.complete() {
		if a := p.remembered(pid, st.started); a.Who != nil {
			return a
		}
	}
	who, chain := p.who(dir, id, st)
	if who == nil {
		return Actor{PID: pid}
	}
	a := Actor{PID: pid, Who: who, Line: line(pid, ticks(st.started), chain), Confidence: body.Likely}
	if same != nil && id.complete() && !isShared(chain) {
		a.Confidence = body.Certain
	}
	p.remember(id, a)
	return a
}

// remember keeps what was read of a living process.
func (p *procActors) remember(id ident, a Actor) {
	if id.exe == "" {
		return
	}
	if len(p.recent) >= recentSize {
		maps.DeleteFunc(p.recent, func(_ int, c cached) bool { return time.Since(c.at) > freshFor })
	}
	if len(p.recent) < recentSize {
		p.recent[id.pid] = cached{id, time.Now(), a}
	}
}

// remembered is what was read a moment ago of a process that is gone now. It
// may have called exec since: likely, never certain. Started 0 is not known.
func (p *procActors) remembered(pid int, started uint64) Actor {
	c, ok := p.recent[pid]
	if !ok || time.Since(c.at) > recentFor || (started != 0 && started != c.id.started) {
		return Actor{PID: pid}
	}
	a := c.actor
	a.Confidence = body.Likely
	return a
}

// who describes the process, or nil if not even its status could be read, and those
// above it.
func (p *procActors) who(dir procDir, id ident, st stats) (w *body.Who, chain []ancestor) {
	if !id.known || st.started == 0 {
		return nil, nil
	}
	ids := id.ids
	w = &body.Who{
		User: p.names.user(ids.uid), UID: &ids.uid, GID: &ids.gid, PID: id.pid,
		Started: p.since(ticks(st.started)),
		Command: splitCommand(id.command), TTY: ttyName(st.tty), NamedBy: LayerProc,
	}
	w.Exe, w.Exe64 = encode(id.exe)
	if ids.euid != ids.uid {
		w.EUID = &ids.euid
	}
	p.person(dir, w)
	w.Unit, w.Container = parseCgroup(dir.read("cgroup", 8<<10))
	chain = p.ancestors(st)
	w.Ancestors = p.names.above(chain, ids.uid)
	arrival(w, dir.number("sessionid"), sshPeer(dir.read("environ", maxCommand)), chain)
	return w, chain
}

func ticks(n uint64) time.Duration { return time.Duration(n) * tickLength }

// line is a process and those above it.
func line(pid int, start time.Duration, chain []ancestor) []Ident {
	all := []Ident{{pid, start.Truncate(tickLength)}}
	for _, a := range chain {
		all = append(all, Ident{a.PID, a.start.Truncate(tickLength)})
	}
	return all
}

// Living is the process that has that number now, as /proc tells, and the user it
// acts as; not ok where there is none or where it acts as several.
func Living(pid int) (id Ident, uid uint32, ok bool) {
	dir, err := openProc(pid)
	if err != nil {
		return Ident{}, 0, false
	}
	defer dir.close()
	st := parseStat(dir.read("stat", 2<<10))
	ids, known := parseStatus(dir.read("status", 8<<10))
	return Ident{pid, ticks(st.started)}, ids.uid, known && st.started != 0 && ids.uid == ids.euid
}

// since turns a time since boot into one of the calendar, as exact as /proc
// tells it.
func (p *procActors) since(d time.Duration) string {
	return body.FormatTime(p.boot.Add(d.Truncate(tickLength)).Truncate(tickLength))
}

// person is the one who logged in, whatever the process has become since.
func (p *procActors) person(dir procDir, w *body.Who) {
	p.login(w, dir.number("loginuid"))
}

func (p *procActors) login(w *body.Who, uid uint32) {
	if uid != unset {
		w.LoginUID, w.LoginUser = &uid, p.names.user(uid)
	}
}

// ancestor is a process further up, and what it says about the session.
type ancestor struct {
	body.Process
	start    time.Duration
	address  string // peer, from the environment sshd gave it
	peer     string // of root's end of an ssh session: the other end of its connection
	loginUID uint32
}

// ancestors climbs from a process to its parents. A parent that started after
// its child is another process with an old number, and ends the climb.
func (p *procActors) ancestors(st stats) []ancestor {
	var chain []ancestor
	for len(chain) < maxAncestors && st.ppid > 0 {
		dir, err := openProc(st.ppid)
		if err != nil {
			break
		}
		a, next := p.ancestor(dir)
		dir.close()
		if next.started == 0 || next.started > st.started {
			break
		}
		chain = append(chain, a)
		st = next
	}
	return chain
}

func (p *procActors) ancestor(dir procDir) (ancestor, stats) {
	st := parseStat(dir.read("stat", 2<<10))
	a := ancestor{Process: body.Process{PID: dir.pid, Command: splitCommand(dir.command(maxShort))}, start: ticks(st.started)}
	a.Exe, a.Exe64 = encode(dir.link("exe"))
	if ids, ok := parseStatus(dir.read("status", 8<<10)); ok {
		a.UID = &ids.uid
	}
	a.address, a.loginUID = sshPeer(dir.read("environ", maxCommand)), dir.number("loginuid")
	if doors.Kind(a.Exe, a.UID) == doors.SSH {
		a.peer = peerOf(dir)
	}
	return a, st
}

// procDir is an open /proc/PID.
type procDir struct{ fd, pid int }

func openProc(pid int) (procDir, error) {
	path := "/proc/" + strconv.Itoa(pid)
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return procDir{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return procDir{fd, pid}, nil
}

func (d procDir) close() { unix.Close(d.fd) }

// ident reads first what is gone first: a process loses exe and command line
// when it exits, its status only when it is reaped.
func (d procDir) ident() (ident, stats) {
	exe := d.link("exe")
	command := d.command(maxCommand)
	st := parseStat(d.read("stat", 2<<10))
	ids, known := parseStatus(d.read("status", 8<<10))
	return ident{d.pid, st.ppid, st.started, exe, command, ids, known}, st
}

// command returns at most limit bytes of the command line.
func (d procDir) command(limit int) string {
	line := string(d.read("cmdline", limit+1))
	if len(line) <= limit {
		return line
	}
	// Half a secret is not known for one.
	return line[:strings.LastIndexByte(line[:limit], 0)+1] + "…"
}

// read returns at most limit bytes of a file; nil if it cannot be read.
func (d procDir) read(name string, limit int) []byte {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	b := make([]byte, limit)
	n := 0
	for n < limit {
		m, err := unix.Read(fd, b[n:])
		if err != nil || m <= 0 {
			break
		}
		n += m
	}
	return b[:n]
}

// number reads a file that holds one; unset if it does not.
func (d procDir) number(name string) uint32 {
	n, err := strconv.ParseUint(string(d.read(name, 16)), 10, 32)
	if err != nil {
		return unset
	}
	return uint32(n)
}

func (d procDir) link(name string) string {
	b := make([]byte, 4<<10)
	n, err := unix.Readlinkat(d.fd, name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// stats is what is used of /proc/PID/stat.
type stats struct {
	ppid, tty int
	started   uint64 // ticks since boot; 0: could not be read
}

// parseStat reads proc_pid_stat(5). The name in parentheses can hold anything:
// fields are counted from the last one.
func parseStat(b []byte) stats {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return stats{}
	}
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) < 20 {
		return stats{}
	}
	ppid, err1 := strconv.Atoi(fields[1])
	tty, err2 := strconv.Atoi(fields[4])
	started, err3 := strconv.ParseUint(fields[19], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return stats{}
	}
	return stats{ppid, tty, started}
}

type ids struct{ uid, euid, gid uint32 }

// parseStatus reads the ids of proc_pid_status(5).
func parseStatus(b []byte) (ids, bool) {
	var r ids
	found := 0
	for line := range strings.Lines(string(b)) {
		n, want := 0, 0
		switch {
		case strings.HasPrefix(line, "Uid:"):
			want = 2
			n, _ = fmt.Sscanf(line, "Uid:\t%d\t%d", &r.uid, &r.euid)
		case strings.HasPrefix(line, "Gid:"):
			want = 1
			n, _ = fmt.Sscanf(line, "Gid:\t%d", &r.gid)
		}
		if want > 0 && n == want {
			found++
		}
	}
	return r, found == 2
}

// splitCommand splits a command line at its NULs. What is not UTF-8 is
// replaced: a body holds text.
func splitCommand(line string) []string {
	line = strings.TrimSuffix(line, "\x00")
	if line == "" {
		return nil
	}
	args := strings.Split(line, "\x00")
	for i, a := range args {
		if !utf8.ValidString(a) {
			args[i] = strings.ToValidUTF8(a, "\uFFFD")
		}
	}
	return args
}

// encode gives a name as text or, if it is not UTF-8, in base64.
func encode(name string) (text, encoded string) {
	if utf8.ValidString(name) {
		return name, ""
	}
	return "", base64.StdEncoding.EncodeToString([]byte(name))
}

// ttyName names a terminal by its device number (proc_pid_stat(5): minor in
// bits 31–20 and 7–0, major in 15–8).
func ttyName(nr int) string {
	major, minor := nr>>8&0xff, nr>>12&0xfff00|nr&0xff
	switch {
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	case nr != 0:
		return fmt.Sprintf("%d:%d", major, minor)
	}
	return ""
}
