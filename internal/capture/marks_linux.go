package capture

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// restore compares the marks that there should be with those that the kernel
// lists. A mark is missing if its name still is what was marked. Where ctx ends first,
// or a name does not answer in time, it was not the whole: names come in no order,
// and those that were left out have their turn.
func (f *fanotify) restore(ctx context.Context, of func(path string) *hands) (lost []string, whole bool, err error) {
	have, err := f.group.marked()
	if err != nil {
		return nil, false, err
	}
	whole = true
	for path, was := range f.unlisted(have) {
		if ctx.Err() != nil {
			whole = false
			break
		}
		type found struct {
			now handle
			err error
		}
		got, err := by(of(path), path, func() found {
			now, err := f.handleAt(path)
			return found{now, err}
		})
		switch {
		case err != nil:
			whole = false
		case absent(got.err): // of what a user removes there may be no notification left
			f.gone(path, was)
		case got.err == nil && got.now == was: // else its notification is on the way
			lost = append(lost, path)
			// If that fails, or takes too long, the next look finds it missing.
			_, _ = by(of(path), path, func() struct{} { f.remark(path, was); return struct{}{} })
		}
	}
	slices.Sort(lost)
	return lost, whole, nil
}

// gone forgets what a name stood for, and nothing that may have come there since.
func (f *fanotify) gone(path string, was handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[path] == was {
		f.release(path, "")
	}
}

// remark sets a mark again. If that fails the next look finds it missing.
func (f *fanotify) remark(path string, h handle) {
	f.mu.RLock()
	p, is := f.dirs[h]
	var r role
	if is {
		r = p.role
	}
	f.mu.RUnlock()
	if is {
		_ = f.markDir(path, r)
	} else {
		_ = f.markFile(path)
	}
}

// unlisted are the names whose inodes the kernel lists no mark of.
func (f *fanotify) unlisted(have map[uint64]bool) map[string]handle {
	f.mu.RLock()
	defer f.mu.RUnlock()
	names := map[string]handle{}
	for h, p := range f.dirs {
		if !have[p.ino] && len(p.paths) > 0 {
			names[p.paths[0]] = h
		}
	}
	for h, file := range f.files {
		if !have[file.ino] {
			names[file.path] = h
		}
	}
	return names
}

func (f *fanotify) handleAt(path string) (handle, error) {
	file, err := f.group.reach.OpenDir(path)
	if err != nil {
		file, err = f.group.reach.Open(path)
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	return handleOf(file.FD())
}

// marked are the inodes with a mark of this group, as the kernel lists them. Those
// of different file systems are not told apart: a number that two have hides a
// mark that is missing, until the next.
func (g *group) marked() (map[uint64]bool, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", g.fd))
	if err != nil {
		return nil, err
	}
	have := map[uint64]bool{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		rest, ok := bytes.CutPrefix(lines.Bytes(), []byte("fanotify ino:"))
		if !ok {
			continue
		}
		number, _, _ := bytes.Cut(rest, []byte(" "))
		if ino, err := strconv.ParseUint(string(number), 16, 64); err == nil {
			have[ino] = true
		}
	}
	return have, lines.Err()
}

func (f *fanotify) namesProcesses() bool { return f.group.privileged() }

func (f *fanotify) fileSystems() map[string]string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	found := map[string]string{}
	for h, p := range f.dirs {
		if p.role != roleWay && len(p.paths) > 0 && !f.cages.cage(p.paths[0]) {
			found[string(h[:fsidSize])] = p.paths[0]
		}
	}
	return found
}

func (f *fanotify) fileSystem(path string) string {
	file, err := f.group.reach.OpenDir(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	h, err := handleOf(file.FD())
	if err != nil {
		return ""
	}
	return string(h[:fsidSize])
}

// lose takes away the marks, as somebody with a debugger can (tests).
func (g *group) lose(path string, mask uint64) error {
	return unix.FanotifyMark(g.fd, unix.FAN_MARK_REMOVE, mask, unix.AT_FDCWD, path)
}
