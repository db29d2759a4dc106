package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// fleet makes entries of n hosts, each with changes of the files of its agents.
type fleet struct {
	hosts   int
	changes int // in an entry
	files   int // on each host
	next    uint64
}

func (f *fleet) batch(n int) []index.Record {
	out := make([]index.Record, 0, n)
	for range n {
		out = append(out, f.record())
	}
	return out
}

func (f *fleet) record() index.Record {
	i := f.next
	f.next++
	rec := sourceN(recorderN)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], i)
	r := index.Record{Index: i, ID: sha256.Sum256(b[:]), Recorded: epoch.Add(time.Duration(i) * 100 * time.Millisecond), Loc: i * 350}
	r.Happened = r.Recorded
	if i <= uint64(f.hosts) {
		r.Kind, r.Source, r.Seq = entry.Enrol, rec, i
		r.Enrols = &index.Enrolled{Source: rec, Role: entry.Recorder, Host: "server"}
		if i > 0 {
			r.Enrols = &index.Enrolled{Source: hostSource(i - 1), Role: entry.Watcher, Host: fmt.Sprintf("web-%d.example.net", i-1)}
		}
		return r
	}
	if i%600 == 0 {
		r.Kind, r.Source, r.Seq = entry.RollCall, rec, uint64(f.hosts)+i/600
		return r
	}
	host := i * 7919 % uint64(f.hosts)
	r.Kind, r.Source, r.Seq = entry.Change, hostSource(host), i/uint64(f.hosts)
	r.Actors = []string{fmt.Sprintf("person%d", i*31%200), "root"}
	for k := range f.changes {
		file := (i/uint64(f.hosts) + uint64(k)) % uint64(f.files)
		r.Changes = append(r.Changes, index.Change{
			Agent: fmt.Sprintf("agent%d", file%12), Path: fmt.Sprintf("/etc/agent%d/conf.d/%d.conf", file%12, file),
			Action: body.Modify, Text: i + 1,
		})
	}
	return r
}

func hostSource(n uint64) (s entry.Source) {
	binary.BigEndian.PutUint64(s[:], n*0x9e3779b97f4a7c15+1)
	return s
}

func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct{ hosts, changes, batch int }{{1000, 1, 8}, {1000, 1, 512}, {10000, 1, 512}, {1000, 1, 8192}, {1000, 100, 50}} {
		b.Run(fmt.Sprintf("hosts=%d/changes=%d/batch=%d", c.hosts, c.changes, c.batch), func(b *testing.B) {
			x := open(b, filepath.Join(b.TempDir(), "index.db"))
			f := &fleet{hosts: c.hosts, changes: c.changes, files: 40}
			add(b, x, f.batch(c.hosts+1))
			b.ResetTimer()
			var used time.Duration
			for n := b.N; n > 0; n -= c.batch {
				b.StopTimer()
				records := f.batch(min(n, c.batch))
				start := processorTime(b)
				b.StartTimer()
				add(b, x, records)
				used += processorTime(b) - start
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(b.N)/used.Seconds(), "entries/cpu-s")
			b.ReportMetric(float64(b.N*c.changes)/used.Seconds(), "changes/cpu-s")
		})
	}
}

// processorTime is what the process has used: the machine may have others.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRaw is what the driver can do: the same row of entries, nothing else.
func BenchmarkRaw(b *testing.B) {
	x := open(b, filepath.Join(b.TempDir(), "index.db"))
	ctx := context.Background()
	at, start := int64(0), processorTime(b)
	b.ResetTimer()
	for n := b.N; n > 0; n -= 512 {
		if err := x.w.exec(ctx, `BEGIN`); err != nil {
			b.Fatal(err)
		}
		err := x.w.conn.Raw(func(c any) error {
			ins := newInserts(c.(driverConn))
			ins.begin(ctx)
			defer ins.close()
			for range min(n, 512) {
				sum := sha256.Sum256(binary.AppendVarint(nil, at))
				head, rest := splitID(sum)
				ins.entries.row(at, int64(3), at%1000, at/1000, head, rest, at*1000000, nil, at%200, at*350)
				at++
			}
			return ins.flush()
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := x.w.exec(ctx, `COMMIT`); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(b.N)/(processorTime(b)-start).Seconds(), "entries/cpu-s")
}

func BenchmarkMillion(b *testing.B) {
	const n, hosts = 1_000_000, 1000
	path := filepath.Join(b.TempDir(), "index.db")
	x := open(b, path)
	f := &fleet{hosts: hosts, changes: 1, files: 120}
	start := time.Now()
	for f.next < n {
		add(b, x, f.batch(min(4096, int(n-f.next))))
	}
	built := time.Since(start)
	if err := x.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%d entries in %v, %d bytes each\n", n, built.Round(time.Millisecond), st.Size()/n)
	b.Run("Open", func(b *testing.B) {
		for range b.N {
			y, err := Open(b.Context(), Config{Path: path})
			if err != nil {
				b.Fatal(err)
			}
			y.Close()
		}
	})
	reader, err := Open(b.Context(), Config{Path: path, ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	src := hostSource(3)
	end := epoch.Add(n * 100 * time.Millisecond)
	for name, q := range map[string]index.Filter{
		"Newest":           {},
		"Host":             {Host: "web-17.example.net"},
		"Actor":            {Actor: "PERSON7"},
		"PathGlobRare":     {Path: "/etc/agent3/*/3*.conf"},
		"PathGlobAll":      {Path: "*.conf"},
		"PathExact":        {Path: "/etc/agent3/conf.d/39.conf"},
		"HostsTwoHours":    {Host: "web-1*", Since: end.Add(-2 * time.Hour), Agent: "agent5"},
		"TwoHoursYear":     {Since: end.Add(-8 * time.Hour), Until: end.Add(-6 * time.Hour)},
		"ActorOnHost":      {Actor: "person9", Host: "web-9*"},
		"RollCalls":        {Kinds: []entry.Kind{entry.RollCall}},
		"Source":           {Source: &src},
		"NoSuchPath":       {Path: "/nowhere/*"},
		"Old":              {To: n / 2, Path: "/etc/agent7/*"},
		"ActorNoMatchHost": {Actor: "person1", Host: "web-10.example.net"},
	} {
		q.Limit, q.NewestFirst = 50, true
		b.Run(name, func(b *testing.B) {
			found := 0
			for range b.N {
				found = len(indexes(b, reader, q))
			}
			b.ReportMetric(float64(found), "found")
		})
	}
	lookups(b, x, reader)
	b.Run("Erase", func(b *testing.B) {
		again := &fleet{hosts: hosts, changes: 1, files: 120, next: n / 2}
		for range b.N {
			r := again.record()
			r.Changes, r.Actors = make([]index.Change, len(r.Changes)), nil
			if err := x.Erase(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func lookups(b *testing.B, x, reader *Index) {
	s := index.Subject{Host: "web-17.example.net", Path: "/etc/agent3/conf.d/39.conf"}
	for name, do := range map[string]func(i int, x *Index) error{
		"History": func(_ int, x *Index) error {
			for _, err := range x.History(b.Context(), s, false) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Latest":     func(_ int, x *Index) error { _, _, err := x.Latest(b.Context(), s); return err },
		"LatestText": func(_ int, x *Index) error { _, err := x.LatestText(b.Context(), s); return err },
		"BySeq": func(i int, x *Index) error {
			_, err := x.BySeq(b.Context(), hostSource(uint64(i%1000)), uint64(i%990))
			return err
		},
		"ByID": func(_ int, x *Index) error {
			_, _, err := x.ByID(b.Context(), sha256.Sum256(make([]byte, 8)))
			return err
		},
		"Status":   func(_ int, x *Index) error { _, err := x.Status(b.Context()); return err },
		"Subjects": func(_ int, x *Index) error { _, err := x.Subjects(b.Context(), "", "*/39.conf", 100); return err },
	} {
		for who, x := range map[string]*Index{"writer": x, "reader": reader} {
			b.Run(name+"/"+who, func(b *testing.B) {
				for i := range b.N {
					if err := do(i, x); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
