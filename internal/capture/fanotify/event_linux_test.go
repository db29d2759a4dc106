package fanotify

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// encodeEvent writes an event as the kernel does.
func encodeEvent(mask uint64, pid int32, records ...[]byte) []byte {
	var info []byte
	for _, r := range records {
		info = append(info, r...)
	}
	b := make([]byte, metadataSize, metadataSize+len(info))
	binary.NativeEndian.PutUint32(b, uint32(metadataSize+len(info)))
	b[4] = unix.FANOTIFY_METADATA_VERSION
	binary.NativeEndian.PutUint16(b[6:], metadataSize)
	binary.NativeEndian.PutUint64(b[8:], mask)
	binary.NativeEndian.PutUint32(b[16:], 0xffffffff)
	binary.NativeEndian.PutUint32(b[20:], uint32(pid))
	return append(b, info...)
}

func record(kind byte, body []byte) []byte {
	for (infoHeaderSize+len(body))%4 != 0 {
		body = append(body, 0)
	}
	b := []byte{kind, 0, 0, 0}
	binary.NativeEndian.PutUint16(b[2:], uint16(infoHeaderSize+len(body)))
	return append(b, body...)
}

func fid(fsid, bytes, name string) []byte {
	b := []byte(fsid)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(bytes)))
	b = binary.NativeEndian.AppendUint32(b, 1)
	b = append(b, bytes...)
	if name != "" {
		b = append(append(b, name...), 0)
	}
	return b
}

func collect(b []byte) ([]event, error) {
	var es []event
	err := parseEvents(b, func(e event) { es = append(es, e) })
	return es, err
}

func TestParseEvents(t *testing.T) {
	gone := binary.NativeEndian.AppendUint32(nil, 0xffffffff)
	b := encodeEvent(unix.FAN_CLOSE_WRITE, 42,
		record(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, fid("fsidfsid", "dirhandl", "a.conf")),
		record(unix.FAN_EVENT_INFO_TYPE_FID, fid("fsidfsid", "filehand", "")),
		record(unix.FAN_EVENT_INFO_TYPE_PIDFD, gone), record(99, []byte("from the future")))
	b = append(b, encodeEvent(unix.FAN_RENAME|unix.FAN_ONDIR, 43,
		record(unix.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, fid("fsidfsid", "old", "from")),
		record(unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, fid("fsidfsid", "new", "to")))...)
	b = append(b, encodeEvent(mountCame, 44, record(infoMount, []byte{0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0}))...)
	b = append(b, encodeEvent(unix.FAN_Q_OVERFLOW, 0)...)
	got, err := collect(b)
	if err != nil {
		t.Fatal(err)
	}
	h := func(s string) handle { return newHandle([]byte("fsidfsid"), 1, []byte(s)) }
	want := []event{
		{mask: unix.FAN_CLOSE_WRITE, pid: 42, pidfd: -1, pidGone: true, dir: dirent{h("dirhandl"), "a.conf"}, self: h("filehand")},
		{mask: unix.FAN_RENAME | unix.FAN_ONDIR, pid: 43, pidfd: -1, dir: dirent{h("old"), "from"}, to: dirent{h("new"), "to"}},
		{mask: mountCame, pid: 44, pidfd: -1, mount: binary.NativeEndian.Uint64([]byte{9, 0, 0, 0, 0, 0, 0, 0})},
		{mask: unix.FAN_Q_OVERFLOW, pidfd: -1},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{}, dirent{})); diff != "" {
		t.Error(diff)
	}
	if !got[3].overflow() || got[0].overflow() {
		t.Error("overflow not told apart")
	}
}

func TestParseEventsRefuses(t *testing.T) {
	good := encodeEvent(unix.FAN_CREATE, 1, record(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, fid("fsidfsid", "h", "name")))
	edit := func(at int, v byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"short head":         {good[:10], "shorter than its head"},
		"cut":                {good[:len(good)-1], "with a head of"},
		"version":            {edit(4, 2), "of version 2"},
		"head too small":     {edit(6, 8), "with a head of 8"},
		"length zero":        {edit(0, 0), "event of 0 bytes"},
		"record length zero": {edit(metadataSize+2, 0), "record says 0"},
		"record too long":    {edit(metadataSize+2, 250), "record says 250"},
		"handle too long":    {edit(metadataSize+infoHeaderSize+fsidSize, 200), "handle says 200"},
		"name without end":   {encodeEvent(1, 1, record(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, fid("fsidfsid", "h678", ""))), "has no end"},
		"short mount":        {encodeEvent(1, 1, record(infoMount, []byte{1, 2, 3, 4})), "too few for a mount"},
		"short pidfd":        {encodeEvent(1, 1, []byte{unix.FAN_EVENT_INFO_TYPE_PIDFD, 0, 4, 0}), "too few for a descriptor"},
	} {
		if _, err := collect(c.b); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func FuzzParseEvents(f *testing.F) {
	f.Add(encodeEvent(unix.FAN_CREATE, 1, record(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, fid("fsidfsid", "h", "name"))))
	f.Add(encodeEvent(unix.FAN_RENAME, 1, record(unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, fid("fsidfsid", "h", "n"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		err := parseEvents(b, func(e event) { n++ })
		if err == nil && n > len(b)/metadataSize {
			t.Errorf("%d events in %d bytes", n, len(b))
		}
	})
}
