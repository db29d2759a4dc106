package bpf

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func encoded(t testing.TB, h raw, tail string) []byte {
	t.Helper()
	b, err := binary.Append(nil, binary.NativeEndian, h)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, tail...)
}

func TestParse(t *testing.T) {
	path, args := "sed\x00bin\x00usr\x00", "sed\x00-i\x00"
	h := raw{
		Time: 5, Until: 6, Start: 4, MakerStart: 3, Kind: uint32(Exec), PID: 42, Maker: 41, IDs: IDs{1, 2, 3, 4, Unset},
		TTY: 136<<20 | 7, Queued: 9, PathSize: uint16(len(path)), ArgsSize: uint16(len(args)),
	}
	want := &Record{
		Kind: Exec, Time: 5, Until: 6, Start: 4, MakerStart: 3, PID: 42, Maker: 41, IDs: IDs{1, 2, 3, 4, Unset},
		TTY: Device{136, 7}, Queued: 9, Exe: "/usr/bin/sed", Args: []byte(args),
	}
	got, err := parse(encoded(t, h, path+args+"beyond"))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	h.Flags = cutPath | cutArgs | unknownArgs | deleted
	want.Exe, want.CutPath, want.CutArgs, want.UnknownArgs = "…/usr/bin/sed (deleted)", true, true, true
	got, err = parse(encoded(t, h, path+args))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestParseRefuses(t *testing.T) {
	good := raw{Kind: uint32(Exec), PathSize: 3, ArgsSize: 2}
	for name, b := range map[string][]byte{
		"empty":    nil,
		"cut head": encoded(t, good, "")[:rawSize-1],
		"cut tail": encoded(t, good, "abcd"),
		"no kind":  encoded(t, raw{}, ""),
		"new kind": encoded(t, raw{Kind: 4}, ""),
	} {
		if r, err := parse(b); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encoded(f, raw{Kind: uint32(Exec), PathSize: 4, ArgsSize: 2}, "sh\x00\x00a\x00"))
	f.Add(encoded(f, raw{Kind: uint32(Fork), Time: uint64(time.Hour)}, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parse(bytes.Clone(b))
		if err == nil && (r.Kind < Fork || r.Kind > Exit || len(r.Args) > len(b) || len(r.Exe) > len(b)+len("…/ (deleted)")) {
			t.Errorf("%+v of %q", r, b)
		}
	})
}
