package keyring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/seal"
)

// SaltList is the salts of one entry that has no seed (any more), by line.
type SaltList map[entry.Line]seal.Salt

// lists holds the salt lists: few, and all in memory. An entry comes to have one
// when its first line is erased, or when its sender had no seed.
//
// The payload of a frame is the number of the slot and then for each line: the
// length of its name, its name, its salt.
type lists struct {
	fs  durable.FS
	dir string

	mu    sync.Mutex
	seen  string // what the directory looked like when it was read
	bySl  map[uint64]SaltList
	files map[uint64][]uint64 // file → slots with a list in it
}

func newLists(fsys durable.FS, dir string) *lists { return &lists{fs: fsys, dir: dir} }

func (l *lists) path(n, g uint64) string {
	return filepath.Join(l.dir, generationName(saltsName, n, g))
}

// get returns the list of a slot; false where there is none. It looks whether
// the files have changed, for the process that writes may be another.
func (l *lists) get(slot uint64) (SaltList, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(); err != nil {
		return nil, false, err
	}
	list, ok := l.bySl[slot]
	return list, ok, nil
}

func (l *lists) refresh() error {
	for range 10 { // files may go between listing and reading
		err := l.tryRefresh()
		if !durable.Absent(err) {
			return err
		}
	}
	return &durable.Damage{Path: l.newest(), Why: "a link that leads nowhere, or replaced all the time"}
}

// newest is the last file of lists, or the first one that there should be.
func (l *lists) newest() string {
	n, g := uint64(1), uint64(1)
	found, err := generations(l.fs, l.dir, saltsName)
	if err != nil {
		return l.path(n, g)
	}
	for num, gs := range found {
		if num >= n {
			n, g = num, gs[len(gs)-1]
		}
	}
	return l.path(n, g)
}

func (l *lists) tryRefresh() error {
	found, err := generations(l.fs, l.dir, saltsName)
	if err != nil {
		return err
	}
	look, err := l.look(found)
	if err != nil || look == l.seen && l.bySl != nil {
		return err
	}
	l.bySl, l.files, l.seen = map[uint64]SaltList{}, map[uint64][]uint64{}, look
	for n, gs := range found { // no slot has a list in two files
		_, err := l.walk(l.path(n, gs[len(gs)-1]), func(slot uint64, list SaltList) {
			l.bySl[slot] = list
			l.files[n] = append(l.files[n], slot)
		})
		if err != nil {
			l.bySl = nil
			return err
		}
	}
	return nil
}

// look changes when a file grows or is replaced.
func (l *lists) look(found map[uint64][]uint64) (string, error) {
	ns := make([]uint64, 0, len(found))
	for n := range found {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	look := "."
	for _, n := range ns {
		g := found[n][len(found[n])-1]
		info, err := l.fs.Stat(l.path(n, g))
		if err != nil {
			return "", err
		}
		look += fmt.Sprintf(" %d.%d:%d", n, g, info.Size())
	}
	return look, nil
}

// walk hands every list in a file to fn and returns what is none.
func (l *lists) walk(path string, fn func(uint64, SaltList)) ([]durable.Damage, error) {
	data, err := durable.ReadFile(l.fs, path)
	var odd *durable.Damage
	if err = durable.Damaged(err); errors.As(err, &odd) {
		return []durable.Damage{*odd}, nil
	}
	if err != nil {
		return nil, err
	}
	var bad []durable.Damage
	damages, err := durable.Walk(path, saltsMagic, 0, data, func(f durable.Frame) error {
		slot, list, err := parseList(f.Payload)
		if err != nil {
			bad = append(bad, durable.Damage{Path: path, Offset: f.Offset, Why: err.Error()})
			return nil
		}
		fn(slot, list)
		return nil
	})
	return append(damages, bad...), err
}

func appendList(b []byte, slot uint64, list SaltList) []byte {
	b = binary.LittleEndian.AppendUint64(b, slot)
	lines := make([]string, 0, len(list))
	salts := map[string]seal.Salt{}
	for l, s := range list {
		name := l.String()
		lines, salts[name] = append(lines, name), s
	}
	slices.Sort(lines)
	for _, name := range lines {
		b = append(append(b, byte(len(name))), name...)
		s := salts[name]
		b = append(b, s[:]...)
	}
	return b
}

var errShort = errors.New("record is cut short")

func parseList(b []byte) (slot uint64, list SaltList, err error) {
	if len(b) < 8 {
		return 0, nil, errShort
	}
	slot, b = binary.LittleEndian.Uint64(b), b[8:]
	list = SaltList{}
	for len(b) > 0 {
		n := 1 + int(b[0])
		if len(b) < n+len(seal.Salt{}) {
			return 0, nil, errShort
		}
		line, err := entry.ParseLine(string(b[1:n]))
		if err != nil {
			return 0, nil, err
		}
		b = b[n:]
		list[line] = seal.Salt(b[:len(seal.Salt{})])
		b = b[len(seal.Salt{}):]
	}
	return slot, list, nil
}

// addLists writes new lists to the end of a tail, not durable before it is synced.
func addLists(t *durable.Appender, lists map[uint64]SaltList) error {
	slots := make([]uint64, 0, len(lists))
	for n := range lists {
		slots = append(slots, n)
	}
	slices.Sort(slots)
	var b []byte
	for i, n := range slots {
		b = durable.AppendFrame(b, appendList(nil, n, lists[n]), i == len(slots)-1)
	}
	_, err := t.Write(b)
	return err
}

// replace puts other lists in the place of those there are and leaves no copy
// of the old ones. A crash leaves the old file, or both, or the new one.
func (l *lists) replace(change map[uint64]SaltList) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refresh(); err != nil {
		return err
	}
	for n, slots := range l.files {
		if slices.ContainsFunc(slots, func(s uint64) bool { _, ok := change[s]; return ok }) {
			if err := l.replaceFile(n, slots, change); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lists) replaceFile(n uint64, slots []uint64, change map[uint64]SaltList) error {
	found, err := generations(l.fs, l.dir, saltsName)
	if err != nil {
		return err
	}
	g := found[n][len(found[n])-1]
	b := durable.Header(saltsMagic)
	for i, s := range slots {
		list, ok := change[s]
		if !ok {
			list = l.bySl[s]
		}
		b = durable.AppendFrame(b, appendList(nil, s, list), i == len(slots)-1)
	}
	if err := durable.WriteFile(l.fs, l.path(n, g+1), b, 0o600); err != nil {
		return err
	}
	return durable.Shred(l.fs, l.path(n, g))
}
