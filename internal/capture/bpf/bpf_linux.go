//go:build amd64 || arm64

package bpf

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
)

// Programs are loaded and attached until Close. One goroutine at a time.
type Programs struct {
	objects processesObjects
	links   []attached
	reader  *ringbuf.Reader
	record  ringbuf.Record // used again and again

	received uint64
	refused  uint64 // records the ring had no room for
	vanished uint64 // records that were sent and never came
	missed   uint64 // times the kernel passed over a program
}

// attached is a link, and what must stay true of it.
type attached struct {
	link    link.Link
	id      link.ID
	program *ebpf.Program
}

// Open loads and attaches the programs. Queue is the descriptor of a fanotify
// group of this process, whose length the records tell.
func Open(queue int) (*Programs, error) { return open(queue, 0) }

// open takes the size of the ring, too; 0: what the programs say.
func open(queue int, ring uint32) (*Programs, error) {
	if err := sameNumbers(); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil { // does nothing since Linux 5.11
		return nil, fmt.Errorf("lock memory: %w", err)
	}
	p := &Programs{}
	if err := p.load(queue, ring); err != nil {
		return nil, fmt.Errorf("load programs: %w", err)
	}
	if err := p.attach(); err != nil {
		return nil, errors.Join(fmt.Errorf("attach programs: %w", err), p.Close())
	}
	return p, nil
}

// initialPIDs is the name of the first pid namespace (PROC_PID_INIT_INO).
const initialPIDs = "pid:[4026531836]"

// sameNumbers: the programs tell the kernel's own process numbers. Inside a pid
// namespace others are in use, and one process would be taken for another.
func sameNumbers() error {
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return fmt.Errorf("find the pid namespace: %w", err)
	}
	if ns != initialPIDs {
		return errors.New("in a pid namespace of its own: the kernel's process numbers are others")
	}
	return nil
}

func (p *Programs) load(queue int, ring uint32) error {
	spec, err := loadProcesses()
	if err != nil {
		return err
	}
	if err := spec.Variables[processesVarQueueFd].Set(uint32(queue)); err != nil {
		return err
	}
	if ring > 0 {
		spec.Maps[processesMapRecords].MaxEntries = ring
	}
	if err := spec.LoadAndAssign(&p.objects, nil); err != nil {
		return err
	}
	// Linux before 5.10 cannot: the records then say that the length is unset.
	_, _ = p.objects.FindQueue.Run(&ebpf.RunOptions{})
	p.reader, err = ringbuf.NewReader(p.objects.Records)
	if err != nil {
		return errors.Join(err, p.objects.Close())
	}
	p.reader.SetDeadline(time.Unix(0, 0)) // never wait
	return nil
}

// attach takes fork last: whoever is known from there on is known from the
// first program on.
func (p *Programs) attach() error {
	for _, program := range []*ebpf.Program{p.objects.OnExec, p.objects.OnExit, p.objects.OnFork} {
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return err
		}
		p.links = append(p.links, attached{link: l, program: program})
		info, err := l.Info()
		if err != nil {
			return fmt.Errorf("look at a link: %w", err)
		}
		p.links[len(p.links)-1].id = info.ID
	}
	return nil
}

// Close detaches and unloads.
func (p *Programs) Close() error {
	var errs []error
	for _, a := range p.links {
		errs = append(errs, a.link.Close())
	}
	return errors.Join(append(errs, p.reader.Close(), p.objects.Close())...)
}

// Drain hands over every record that lay in the ring at the time of the call,
// and any that come meanwhile, in the order they were written.
func (p *Programs) Drain(each func(*Record)) error {
	sent, err := get(p.objects.Sent)
	if err != nil {
		return err
	}
	if p.reader.AvailableBytes() > 0 {
		if err := p.read(each); err != nil {
			return err
		}
	}
	if p.received < sent { // somebody else reads the ring, or moves its marks
		p.vanished += sent - p.received
		p.received = sent
	}
	p.refused, err = get(p.objects.Lost)
	return err
}

func get(v *ebpf.Variable) (n uint64, err error) {
	if err := v.Get(&n); err != nil {
		return 0, fmt.Errorf("read a counter of the programs: %w", err)
	}
	return n, nil
}

func (p *Programs) read(each func(*Record)) error {
	for {
		err := p.reader.ReadInto(&p.record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the ring: %w", err)
		}
		p.received++
		r, err := parse(p.record.RawSample)
		if err != nil {
			return err
		}
		each(r)
	}
}

// Lost counts the records that never came, as of the last Drain and Check.
func (p *Programs) Lost() uint64 { return p.refused + p.vanished + p.missed }

// Ordered says whether records tell how many notifications were in the queue.
func (p *Programs) Ordered() bool {
	queue, err := get(p.objects.Queue)
	return err == nil && queue != 0
}

// Check returns an error if the programs do not hear any more: a link is gone or
// is another one.
func (p *Programs) Check() error {
	missed := uint64(0)
	for _, a := range p.links {
		info, err := a.link.Info()
		if err != nil {
			return fmt.Errorf("program is detached: %w", err)
		}
		if info.ID != a.id {
			return errors.New("program is detached: its link was exchanged")
		}
		stats, err := a.program.Stats()
		if err != nil {
			return fmt.Errorf("program is gone: %w", err)
		}
		missed += stats.RecursionMisses
	}
	p.missed = missed
	return nil
}
