package fanotify

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/stele-log/stele/internal/capture/reach"
)

// Restore compares the marks that there should be with those that the kernel
// lists, and sets again those that are missing. A mark is missing if its name still
// is what was marked. Where ctx ends first, or a name does not answer in time, it was
// not the whole: names come in no order, and those that were left out have their turn.
func (f *Sensor) Restore(ctx context.Context, wait Patience) (lost []string, whole bool, err error) {
	missing, err := f.unlisted()
	if err != nil {
		return nil, false, err
	}
	whole = true
	for path, was := range missing {
		if ctx.Err() != nil {
			whole = false
			break
		}
		var now handle
		var failed error
		switch late := wait(path, func() { now, failed = f.handleAt(path) }); {
		case late != nil:
			whole = false
		case reach.Absent(failed): // of what a user removes there may be no notification left
			f.gone(path, was)
		case failed == nil && now == was: // else its notification is on the way
			lost = append(lost, path)
			// If that fails, or takes too long, the next look finds it missing.
			_ = wait(path, func() { f.remark(path, was) })
		}
	}
	slices.Sort(lost)
	return lost, whole, nil
}

// gone forgets what a name stood for, and nothing that may have come there since.
func (f *Sensor) gone(path string, was handle) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[path] == was {
		f.release(path, "")
	}
}

// remark sets a mark again. If that fails the next look finds it missing.
func (f *Sensor) remark(path string, h handle) {
	f.mu.RLock()
	p, is := f.dirs[h]
	var r Role
	if is {
		r = p.role
	}
	f.mu.RUnlock()
	if is {
		_ = f.MarkDir(path, r)
	} else {
		_ = f.MarkFile(path)
	}
}

// unlisted are the names whose inodes the kernel lists no mark of. None is added
// while it lists them: what was marked after would seem to be missing.
func (f *Sensor) unlisted() (map[string]handle, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	have, err := f.group.marked()
	if err != nil {
		return nil, err
	}
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
	return names, nil
}

func (f *Sensor) handleAt(path string) (handle, error) {
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

// NamesProcesses: the kernel says who did it.
func (f *Sensor) NamesProcesses() bool { return f.group.privileged() }

// FileSystems names, for each file system of which something is watched, a directory
// on it that is not to be passed over, by the file system's id.
func (f *Sensor) FileSystems(pass func(dir string) bool) map[string]string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	found := map[string]string{}
	for h, p := range f.dirs {
		if p.role != Way && len(p.paths) > 0 && !pass(p.paths[0]) {
			found[string(h[:fsidSize])] = p.paths[0]
		}
	}
	return found
}

// FileSystem is the id of the file system that path is on.
func (f *Sensor) FileSystem(path string) string {
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
