//go:build amd64 || arm64

package bpf

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Touches remember who changed a file last, until Close. Its methods may be called
// from any goroutine, but for Close.
type Touches struct {
	objects touchesObjects
	links   []link.Link
}

// OpenTouches loads and attaches the programs. Kernels before Linux 6.13 have
// nothing to attach them to.
func OpenTouches() (*Touches, error) {
	t := &Touches{}
	if err := loadTouchesObjects(&t.objects, nil); err != nil {
		return nil, fmt.Errorf("load programs: %w", err)
	}
	for _, program := range []*ebpf.Program{t.objects.OnSet, t.objects.OnExchange, t.objects.OnSkip} {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("attach programs: %w", err), t.Close())
		}
		t.links = append(t.links, l)
	}
	return t, nil
}

// Close detaches and unloads.
func (t *Touches) Close() error {
	var errs []error
	for _, l := range t.links {
		errs = append(errs, l.Close())
	}
	return errors.Join(append(errs, t.objects.Close())...)
}

// Check returns an error if the programs do not hear any more.
func (t *Touches) Check() error {
	for _, l := range t.links {
		if _, err := l.Info(); err != nil {
			return fmt.Errorf("program is detached: %w", err)
		}
	}
	return nil
}

// readTries is how often what the kernel writes meanwhile is read again.
const readTries = 4

// Of lists who touched a file, the latest first: the number of its file system's
// device, as stat tells it, and its own. Few are remembered, and of few files; whole:
// they are all who did since the file was made.
func (t *Touches) Of(device, inode uint64) (by []Touch, whole bool) {
	key := touchesFile{Inode: inode, Device: unix.Major(device)<<20 | unix.Minor(device)}
	var was, is touchesTouches
	for range readTries {
		if t.objects.Files.Lookup(&key, &is) != nil {
			return nil, false
		}
		if is == was {
			return is.list(), is.Whole != 0
		}
		was = is
	}
	return nil, false
}

func (v *touchesTouches) list() []Touch {
	var all []Touch
	for _, b := range v.By {
		if b.Pid == 0 {
			break
		}
		all = append(all, Touch{
			PID: int(b.Pid), Start: time.Duration(b.Start), Time: time.Duration(b.Time),
			CtimeNs: b.Sec*int64(time.Second) + int64(b.Nsec), Parent: b.Parent,
		})
	}
	return all
}
