package index

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

func signed(t *testing.T, e *entry.Entry, seed byte) *entry.Entry {
	t.Helper()
	key, err := entry.NewSecretKey(slices.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	e.Source, e.Time, e.Saw.Root = key.Source(), body.FormatTime(epoch), entry.EmptyRoot
	if _, err := e.Sign(key); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFromChange(t *testing.T) {
	e := signed(t, &entry.Entry{Kind: entry.Change, Seq: 7, What: make([]entry.Hash, 3)}, 1)
	early := epoch.Add(-time.Hour)
	o := Opened{
		Who: &body.Who{User: "root", LoginUser: "jane", Author: "root"},
		How: &body.How{Import: &body.Import{File: "ab", First: 3, Rows: 2}},
		What: []*body.What{
			{Host: "h", Agent: "a", Path64: "L/8=", Action: body.Rename, From: "/old", Time: body.FormatTime(early)},
			nil,
			{Path: "/b", From: "/ignored", Action: body.Modify, Time: body.FormatTime(epoch)},
		},
		Loc: 5, Texts: []uint64{11, 12},
	}
	want := Record{
		Index: 9, Kind: entry.Change, Source: e.Source, Seq: 7, ID: e.ID(), Recorded: epoch, Happened: early,
		Actors: []string{"root", "jane"}, Loc: 5, Import: o.How.Import,
		Changes: []Change{
			{Host: "h", Agent: "a", Path: "/\xff", From: "/old", Action: body.Rename, Text: 11},
			{Text: 12},
			{Path: "/b", Action: body.Modify},
		},
	}
	if d := cmp.Diff(want, From(9, e, o)); d != "" {
		t.Error(d)
	}
	o.How.Claimed = &body.Claimed{Time: "2019-05-06T07:08:09+02:00"}
	if got := From(9, e, o).Happened; !got.Equal(time.Date(2019, 5, 6, 5, 8, 9, 0, time.UTC)) {
		t.Errorf("claimed time: %v", got)
	}
	o.How.Claimed.Time = "last week"
	if got := From(9, e, o).Happened; !got.Equal(early) {
		t.Errorf("with a claimed time that is none: %v", got)
	}
	want = Record{Index: 9, Kind: entry.Change, Source: e.Source, Seq: 7, ID: e.ID(), Recorded: epoch, Happened: epoch, Changes: make([]Change, 3)}
	if d := cmp.Diff(want, From(9, e, Opened{})); d != "" {
		t.Errorf("with everything erased: %s", d)
	}
	if d := cmp.Diff(Record{Index: 3}, From(3, nil, Opened{})); d != "" {
		t.Errorf("a leaf that was not understood: %s", d)
	}
}

func TestFromOtherKinds(t *testing.T) {
	key, err := entry.NewSecretKey(slices.Repeat([]byte{9}, 32))
	if err != nil {
		t.Fatal(err)
	}
	en := signed(t, &entry.Entry{Kind: entry.Enrol, Seq: 1, Open: entry.Open{Key: key.Public(), Role: entry.Watcher}}, 1)
	r := From(1, en, Opened{How: &body.How{Host: &body.Host{Name: "web-1"}}})
	if d := cmp.Diff(&Enrolled{key.Source(), entry.Watcher, "web-1"}, r.Enrols); d != "" {
		t.Error(d)
	}
	if r := From(1, en, Opened{}); r.Enrols.Host != "" {
		t.Errorf("host of an enrolment not disclosed: %q", r.Enrols.Host)
	}
	a, b := entry.ID{1}, entry.ID{2}
	er := signed(t, &entry.Entry{Kind: entry.Erase, Seq: 2, Open: entry.Open{Voids: []entry.Void{{ID: b, Line: entry.LineWho}, {ID: a, Line: entry.LineWho}, {ID: b, Line: entry.LineHow}}}}, 1)
	if got := From(2, er, Opened{}).Refs; !slices.Equal(got, []entry.ID{a, b}) {
		t.Errorf("refs of an erase: %v", got)
	}
	fi := signed(t, &entry.Entry{Kind: entry.Finding, Seq: 3, Open: entry.Open{Code: "bad-chain", About: []entry.ID{a}}}, 1)
	if r := From(3, fi, Opened{}); r.Code != "bad-chain" || !slices.Equal(r.Refs, []entry.ID{a}) {
		t.Errorf("finding: %+v", r)
	}
}

func TestNumbersStandOnDisk(t *testing.T) {
	if kinds[kindChange] != entry.Change || roles[1] != entry.Watcher || perEntry != 1024 || blockSize != 4096 || perEntry < entry.MaxWhats {
		t.Error("statements spell these numbers out")
	}
	for d, n := range map[dim]int64{dimPath: 1, dimAgent: 2, dimActors: 3, dimHost: 4, dimToldHost: 5, dimFile: 6, dimCode: 7} {
		if int64(d) != n {
			t.Errorf("dimension %d is %d", n, d)
		}
	}
}

func TestNanos(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want int64
	}{
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), math.MinInt64},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxInt64},
		{time.Unix(0, 17), 17},
		{time.Unix(0, math.MaxInt64), math.MaxInt64},
		{time.Unix(0, math.MinInt64), math.MinInt64},
	} {
		if got := nanos(c.at); got != c.want {
			t.Errorf("%v: %d, want %d", c.at, got, c.want)
		}
	}
}

func TestPackNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.String()).Draw(t, "names")
		if got := unpackNames(packNames(names)); !slices.Equal(got, names) {
			t.Errorf("%q became %q", names, got)
		}
	})
}

func FuzzUnpackNames(f *testing.F) {
	f.Add("\x03abc")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, s string) {
		total := 0
		for _, n := range unpackNames(s) {
			total += len(n) + 1
		}
		if total > len(s) {
			t.Errorf("%q: more than there is", s)
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 20 {
			return // the model is exponential
		}
		if got := glob(p, s); got != like(p, s) {
			t.Errorf("glob(%q, %q) is %v", p, s, got)
		}
	})
}

func TestAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 0xfe, 0xff}), 0, 4)
		p, s := string(bytes.Draw(t, "prefix")), string(bytes.Draw(t, "s"))
		end, ok := after(p)
		within := s >= p && (!ok || s < end)
		if has := len(s) >= len(p) && s[:len(p)] == p; has != within {
			t.Errorf("%q begins with %q: %v, between it and %q: %v", s, p, has, end, within)
		}
	})
}
