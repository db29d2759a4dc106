// Package bpf hears from the kernel of every process that is made, starts
// another program or ends: the programs in processes.bpf.c, and what they tell. And
// it asks the kernel who changed a file last: those in touches.bpf.c remember; and who
// sent this process the signal to end: that in signals.bpf.c does.
//
// It promises that a record of a process lies in the ring before that process
// goes on, so that whoever drains the ring after an act of the process knows all
// that led to it; that a record which was lost is counted; and that [Programs]
// which no longer hear say so. It keeps nothing and judges nothing. A command
// line in a record is as it was given, secrets and all.
package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:generate go tool -modfile=../../../tools/go.mod bpf2go -target bpfel -tags linux -no-global-types -type record -cflags "-Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" processes processes.bpf.c
//go:generate go tool -modfile=../../../tools/go.mod bpf2go -target bpfel -tags linux -no-global-types -type file -type touch -type touches -cflags "-Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" touches touches.bpf.c
//go:generate go tool -modfile=../../../tools/go.mod bpf2go -target bpfel -tags linux -no-global-types -type sender -cflags "-Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" signals signals.bpf.c

// Kind is what a record tells of.
type Kind uint32

// The kinds, as enum kind of processes.bpf.c.
const (
	Fork Kind = 1 + iota
	Exec
	Exit
)

// Record is what the kernel knew of a process at one moment. Times are since
// boot.
type Record struct {
	Kind        Kind
	Time, Until time.Duration // it was written between the two
	PID         int
	Start       time.Duration // of the process
	Maker       int           // Fork: who made it
	MakerStart  time.Duration
	IDs         IDs
	TTY         Device
	Cgroup      uint64 // id in the unified hierarchy
	Queued      uint32 // notifications in the watcher's queue at that moment, or Unset
	Exe         string // Exec: path in the mount namespace of the process
	Args        []byte // Exec: the command line, each argument with a NUL
	CutPath     bool   // Exe lacks its beginning
	CutArgs     bool   // Args lack their end
	UnknownArgs bool   // Args could not be read
}

// Touch is the last time at which a process, in one of its turns, changed a file or
// what the file system keeps of it. Times but CtimeNs are since boot.
type Touch struct {
	PID     int
	Start   time.Duration // of the process
	Time    time.Duration
	CtimeNs int64  // the time of change that the file had from then on
	Parent  uint64 // inode of the directory it was in until then; 0: it was just made
}

// IDs are the numbers a process acts under.
type IDs struct {
	UID, EUID, GID    uint32
	LoginUID, Session uint32 // or Unset
}

// Unset is a number the kernel does not have.
const Unset = 1<<32 - 1

// Device is the number of a terminal.
type Device struct{ Major, Minor int }

const (
	cutPath = 1 << iota
	cutArgs
	unknownArgs
	deleted
)

// raw is struct record of processes.bpf.c; a test holds the two together.
type raw struct {
	Time, Until, Start, MakerStart, Cgroup uint64
	Kind, Flags, PID, Maker                uint32
	IDs                                    IDs
	TTY, Queued                            uint32
	PathSize, ArgsSize                     uint16
}

var rawSize = binary.Size(raw{})

// parse reads one record. It keeps nothing of b.
func parse(b []byte) (*Record, error) {
	var h raw
	if _, err := binary.Decode(b, binary.NativeEndian, &h); err != nil {
		return nil, fmt.Errorf("record of %d bytes: %w", len(b), err)
	}
	path, args, err := h.tail(b[rawSize:])
	if err != nil {
		return nil, fmt.Errorf("record of %d bytes: %w", len(b), err)
	}
	r := &Record{
		Kind: Kind(h.Kind), Time: time.Duration(h.Time), Until: time.Duration(h.Until), PID: int(h.PID), Start: time.Duration(h.Start),
		Maker: int(h.Maker), MakerStart: time.Duration(h.MakerStart), IDs: h.IDs, Cgroup: h.Cgroup, Queued: h.Queued,
		TTY:     Device{int(h.TTY >> 20), int(h.TTY & (1<<20 - 1))},
		CutPath: h.Flags&cutPath != 0, CutArgs: h.Flags&cutArgs != 0, UnknownArgs: h.Flags&unknownArgs != 0,
	}
	if r.Kind == Exec {
		r.Exe, r.Args = joinPath(path, h.Flags), bytes.Clone(args)
	}
	return r, nil
}

func (h *raw) tail(b []byte) (path, args []byte, err error) {
	if h.Kind < uint32(Fork) || h.Kind > uint32(Exit) {
		return nil, nil, fmt.Errorf("unknown kind %d", h.Kind)
	}
	if int(h.PathSize)+int(h.ArgsSize) > len(b) {
		return nil, nil, errors.New("path and command line are longer than the record")
	}
	return b[:h.PathSize], b[h.PathSize:][:h.ArgsSize], nil
}

// joinPath puts components that come last one first in order, as /proc/PID/exe
// would show them.
func joinPath(b []byte, flags uint32) string {
	if len(b) == 0 {
		return ""
	}
	parts := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	slices.Reverse(parts)
	path := "/" + strings.Join(parts, "/")
	if flags&cutPath != 0 {
		path = "…" + path
	}
	if flags&deleted != 0 {
		path += " (deleted)"
	}
	return path
}
