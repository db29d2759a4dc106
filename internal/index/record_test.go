package index

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

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
		if got := Nanos(c.at); got != c.want {
			t.Errorf("%v: %d, want %d", c.at, got, c.want)
		}
	}
}
