package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// holds reports in which files beside path a string stands.
func holds(t *testing.T, path, s string) (in []string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(s)) {
			in = append(in, filepath.Base(f))
		}
	}
	return in
}

func TestEraseLeavesNoBytes(t *testing.T) {
	for _, folded := range []bool{true, false} {
		t.Run(fmt.Sprintf("folded=%v", folded), func(t *testing.T) {
			w := newLog(4, 3, 100)
			marked := w.record(sourceN(1), entry.Change)
			marked.Actors = []string{"MARK-user", "MARK-author"}
			marked.Import = &body.Import{File: "MARK-file", Rows: 3}
			marked.Changes = []index.Change{
				{Agent: "MARK-agent", Path: "/MARK/path", From: "/MARK/from", Action: body.Rename, Text: 9},
				{Agent: "telegraf", Path: "/etc/app/a.conf", Action: body.Modify, Text: 10},
			}
			w.keep(marked)
			told := w.record(sourceN(recorderN+1), entry.Change)
			told.Changes = []index.Change{{Host: "MARK-host", Path: "/etc/app/a.conf", Action: body.Modify}}
			w.keep(told)
			// Many long paths before and after: pages split, rows move.
			for i := range 400 {
				r := w.record(sourceN(i%3), entry.Change)
				r.Changes = []index.Change{{Agent: "a", Path: fmt.Sprintf("/MARK/%d/%s", i*7919%400, strings.Repeat("x", i%300)), Action: body.Create}}
				w.keep(r)
				w.random()
			}
			x := open(t, filepath.Join(t.TempDir(), "index.db"))
			add(t, x, w.all[:len(w.all)-5])
			if folded {
				foldNow(t, x)
			}
			add(t, x, w.all[len(w.all)-5:])
			if holds(t, x.cfg.Path, "MARK") == nil {
				t.Fatal("the marks are not there to be erased")
			}
			var gone []index.Record
			for i := range w.all {
				r := &w.all[i]
				if strings.Contains(fmt.Sprint(r.Actors, r.Import, r.Changes), "MARK") {
					r.Actors, r.Import, r.Changes = nil, nil, make([]index.Change, len(r.Changes))
					gone = append(gone, *r)
				}
			}
			if err := x.Erase(t.Context(), gone...); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{"MARK", "xxxxxxxx"} {
				if in := holds(t, x.cfg.Path, s); in != nil {
					t.Errorf("%s still stands in %v", s, in)
				}
			}
			mustCheck(t, x, w.all)
			mustEqual(t, x, w)
		})
	}
}

// Rows that moved from page to page before they were erased may have left
// copies behind, in the gaps of pages that others still fill.
func TestEraseLeavesNoCopies(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	w := newLog(4, 3, 20)
	const n = 2500
	start := len(w.all)
	for i := range n {
		r := w.record(sourceN(i%3), entry.Change)
		path := fmt.Sprintf("/%08x/MARK%04d/%s", rng.Uint32(), i, strings.Repeat("y", rng.IntN(200)))
		r.Changes = []index.Change{{Agent: "a", Path: path, Action: body.Create}}
		w.keep(r)
	}
	x := open(t, filepath.Join(t.TempDir(), "index.db"))
	for at := 0; at < len(w.all); at += 100 {
		add(t, x, w.all[at:min(len(w.all), at+100)])
	}
	for range 5 {
		var gone []index.Record
		var marks []string
		for range 100 {
			i := rng.IntN(n)
			r := &w.all[start+i]
			r.Changes = make([]index.Change, 1)
			gone, marks = append(gone, *r), append(marks, fmt.Sprintf("MARK%04d", i))
		}
		if err := x.Erase(t.Context(), gone...); err != nil {
			t.Fatal(err)
		}
		for _, m := range marks {
			if in := holds(t, x.cfg.Path, m); in != nil {
				t.Fatalf("%s still stands in %v", m, in)
			}
		}
	}
	mustCheck(t, x, w.all)
}

// mustEqual compares an index with one built anew.
func mustEqual(t *testing.T, x *Index, w *world) {
	t.Helper()
	again := built(t, w.all)
	if d := cmp.Diff(dump(t, again), dump(t, x), cmp.AllowUnexported(flat{}, flatChange{}, flatSubject{})); d != "" {
		t.Errorf("erased differs from rebuilt: %s", d)
	}
	a, errA := answers(t, again)
	b, errB := answers(t, x)
	if d := cmp.Diff(a, b); d != "" || errA != nil || errB != nil {
		t.Errorf("answers differ: %v %v %s", errA, errB, d)
	}
}

func TestEraseHostOfEnrolment(t *testing.T) {
	w := newLog(4, 3, 300)
	i := slices.IndexFunc(w.all, func(r index.Record) bool { return r.Enrols != nil && r.Enrols.Host == "web-1" })
	for at := range w.all { // as told by the importer it is another host, and stays
		for k := range w.all[at].Changes {
			if c := &w.all[at].Changes[k]; c.Host == "web-1" {
				c.Host = "web-2"
			}
		}
	}
	x := built(t, w.all)
	r := &w.all[i]
	was := *r.Enrols
	was.Host = ""
	r.Enrols = &was
	also := &w.all[slices.IndexFunc(w.all, func(r index.Record) bool { return r.Source == was.Source && len(r.Changes) > 0 })]
	also.Changes = make([]index.Change, len(also.Changes))
	if err := x.Erase(t.Context(), *also, *r); err != nil {
		t.Fatal(err)
	}
	if in := holds(t, x.cfg.Path, "web-1"); in != nil {
		t.Errorf("the host still stands in %v", in)
	}
	mustCheck(t, x, w.all)
	mustEqual(t, x, w)
	add(t, x, []index.Record{w.random()})
	mustCheck(t, x, w.all)
}

func TestEraseAtRandomEqualsRebuild(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	w := newLog(6, 3, 500)
	x := built(t, w.all)
	for range 25 {
		var gone []index.Record
		for range 1 + rng.IntN(4) {
			r := &w.all[rng.IntN(len(w.all))]
			switch rng.IntN(4) {
			case 0:
				r.Actors = nil
			case 1:
				r.Import, r.Happened = nil, r.Recorded
			case 2:
				for k := range r.Changes {
					r.Changes[k].Text = 0
				}
			case 3:
				r.Changes = make([]index.Change, len(r.Changes))
			}
			gone = append(gone, *r)
		}
		if err := x.Erase(t.Context(), gone...); err != nil {
			t.Fatal(err)
		}
		more := []index.Record{w.random(), w.random()}
		add(t, x, more)
		mustCheck(t, x, w.all)
	}
	mustEqual(t, x, w)
}

func TestEraseRefusesAnotherEntry(t *testing.T) {
	w := newLog(6, 3, 50)
	x := built(t, w.all)
	other := w.all[20]
	other.ID[3]++
	for _, r := range []index.Record{other, {Index: 5000}} {
		if err := x.Erase(t.Context(), r); !errors.Is(err, index.ErrPosition) {
			t.Errorf("erase of entry %d: %v", r.Index, err)
		}
	}
	mustCheck(t, x, w.all)
}

func TestEraseSaysWhenAReaderHoldsIt(t *testing.T) {
	w := newLog(6, 3, 50)
	x := built(t, w.all)
	alter(t, x, `PRAGMA busy_timeout = 1`)
	tx, err := x.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collect[int64](t.Context(), tx, `SELECT folded FROM state`); err != nil {
		t.Fatal(err)
	}
	w.all[30].Actors = nil
	if err := x.Erase(t.Context(), w.all[30]); !errors.Is(err, index.ErrHeld) {
		t.Fatalf("with a reader in the way: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := x.Flush(t.Context()); err != nil {
		t.Errorf("without it: %v", err)
	}
	mustCheck(t, x, w.all)
}
