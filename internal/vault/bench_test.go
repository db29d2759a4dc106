package vault

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/seal"
)

// unsynced is the real file system without the waiting for the disk, so that
// what is measured is our own work.
type unsynced struct{ durable.FS }

type unsyncedFile struct{ durable.File }

func (unsyncedFile) Sync() error { return nil }

func (u unsynced) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := u.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

func benchEntry(m *maker, whats int, text []byte) Disclosures {
	seed := seal.Seed(m.bytes(32))
	m.n++
	o := Disclosures{
		Source: [16]byte{1}, Seq: m.n, Seed: &seed,
		Who: []byte(`{"command":["vim","/etc/telegraf/telegraf.conf"],"exe":"/usr/bin/vim","login_uid":1000,"login_user":"jane","pid":4711,"uid":0,"user":"root"}`),
		Why: []byte(`{"learnt":"run","reason":"raise the interval, ticket OPS-17"}`),
		How: []byte(`{"confidence":"certain","layer":"fanotify","version":"0.1.0"}`),
	}
	for k := range whats {
		o.What = append(o.What, fmt.Appendf(nil, `{"action":"modify","after":"%x","agent":"telegraf","format":"toml","mode":"0644","path":"/etc/telegraf/telegraf.d/input-%d.conf","size":%d,"time":"2026-03-01T12:01:15.123456789Z"}`, m.bytes(22), k, k*37))
		o.Texts = append(o.Texts, Text{K: k, Body: text})
	}
	return o
}

func benchPut(b *testing.B, entries, whats int) {
	v := open(b, Config{Dir: b.TempDir(), KeyringDir: b.TempDir(), FS: unsynced{durable.OS}})
	defer v.Close()
	m := newMaker(1)
	text := m.bytes(1500)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		batch := make([]Disclosures, entries)
		for i := range batch {
			batch[i] = benchEntry(m, whats, text)
		}
		b.StartTimer()
		if _, err := v.Put(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entries*whats), "ns/change")
}

func BenchmarkPutSet(b *testing.B)    { benchPut(b, 50, 100) }
func BenchmarkPutSingle(b *testing.B) { benchPut(b, 256, 1) }

func BenchmarkDisclosures(b *testing.B) {
	v := open(b, Config{Dir: b.TempDir(), KeyringDir: b.TempDir(), FS: unsynced{durable.OS}})
	defer v.Close()
	placed, err := v.Put([]Disclosures{benchEntry(newMaker(1), 100, make([]byte, 1500))})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		rec, err := v.At(placed[0].Loc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := rec.Disclosures(); err != nil {
			b.Fatal(err)
		}
	}
}
