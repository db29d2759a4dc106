package rescan_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/rescan"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/trust"
)

var texts = flag.Int("texts", 600, "texts of the store that is rescanned and killed")

// inClear is a change whose text, as a record made by older rules has it, was not
// masked.
func inClear(path, text string) record.Draft {
	d := steletest.Change(path, text, nil)
	d.Changes[0].Text = []byte(text)
	return d
}

func place(index uint64, line, path string, at int, key string) rescan.Place {
	return rescan.Place{Index: index, Line: line, Path: path, At: at, Key: key}
}

var placesOnly = cmpopts.IgnoreFields(rescan.Place{}, "Entry", "Source", "Host", "Why")

// TestPlaces: what would be masked is listed, each place, and nothing else is.
func TestPlaces(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	first := steletest.Change("/etc/masked.yaml", "password: "+redact.Mark+"\nport: 1\n", nil)
	two := inClear("/etc/a.yaml", "user: jane\npassword: sunflower\ntoken: "+redact.Mark+"\n")
	two.Changes = append(two.Changes, inClear("/etc/b.ini", "[db]\nhost = h\npassword = marigold\n").Changes...)
	same := inClear("/etc/a.yaml", "user: jane\npassword: sunflower\ntoken: "+redact.Mark+"\n")
	who := steletest.Change("/etc/c.yaml", "a: 1\n", nil)
	who.Who.Command = []string{"mysql", "-psunflower", "db"}
	who.Who.Ancestors = []body.Process{{PID: 2, Command: []string{"sh", "-c", "true"}}, {PID: 3, Command: []string{"curl", "-u", "jane:marigold", "https://example.org"}}}
	who.Why.Reason = "restart with PGPASSWORD=marigold99"
	at := steletest.Submit(t, srv, steletest.Sign(t, chain, first, two, same, who))
	steletest.Stop(t, srv)

	s, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now"})
	if err != nil {
		t.Fatal(err)
	}
	want := []rescan.Place{
		place(at[1], "text 0", "/etc/a.yaml", 2, "password"),
		place(at[1], "text 1", "/etc/b.ini", 3, "db.password"),
		place(at[2], "text 0", "/etc/a.yaml", 2, "password"),
		place(at[3], "who", "", 0, "command[1]"),
		place(at[3], "who", "", 0, "ancestors[1].command[2]"),
		place(at[3], "why", "", 0, "reason"),
	}
	if d := cmp.Diff(want, s.Places, placesOnly); d != "" {
		t.Errorf("listed: %s", d)
	}
	for _, p := range s.Places {
		if p.Host == "" || p.Entry == "" || strings.Contains(fmt.Sprint(p), "sunflower") {
			t.Errorf("place %+v", p)
		}
	}

	again, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now"})
	if err != nil || !cmp.Equal(s, again, cmpopts.IgnoreUnexported(rescan.State{})) {
		t.Errorf("by the same rules: %v, %s", err, cmp.Diff(s, again, cmpopts.IgnoreUnexported(rescan.State{})))
	}
	newer, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "newer"})
	if err != nil || !cmp.Equal(s.Places, newer.Places) || newer.Texts != s.Texts {
		t.Errorf("by newer rules: %v, %d places of %d texts", err, len(newer.Places), newer.Texts)
	}
}

// TestTold: what could not be told is told later, and what was is not told again.
func TestTold(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	var told []uint64
	run := func(tells, again bool) {
		t.Helper()
		_, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now", Again: again, Tell: func(s *rescan.State, fresh uint64) bool {
			if tells {
				told = append(told, fresh)
			}
			return tells
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	steletest.Submit(t, srv, steletest.Sign(t, chain, inClear("/etc/a.yaml", "password: sunflower\n")))
	steletest.Stop(t, srv)
	run(true, false)
	srv = st.Open(t)
	steletest.Submit(t, srv, steletest.Sign(t, chain, inClear("/etc/b.yaml", "password: sunflower\ntoken: marigold99\n")))
	steletest.Stop(t, srv)
	run(false, false)
	run(true, false)
	run(true, false)
	run(true, true)
	if d := cmp.Diff([]uint64{1, 2}, told); d != "" {
		t.Errorf("told: %s", d)
	}
}

// TestDamagedState: what is derived costs nothing else.
func TestDamagedState(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	at := steletest.Submit(t, srv, steletest.Sign(t, steletest.Enrol(t, srv, entry.Watcher, 1), inClear("/etc/a.yaml", "password: sunflower\n")))
	steletest.Stop(t, srv)
	if err := os.WriteFile(st.Layout.Rescan(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now"})
	if err != nil || len(s.Places) != 1 || s.Places[0].Index != at[0] {
		t.Fatalf("%v, %+v", err, s)
	}
}

// TestOpenedMeanwhile: a store that is opened leaves alone what a rescan is writing, and
// the next rescan removes what a crash has left of that.
func TestOpenedMeanwhile(t *testing.T) {
	st := steletest.NewStore(t)
	steletest.Stop(t, st.Open(t))
	temp := st.Layout.Rescan() + ".0123456789abcdef.tmp"
	if err := os.WriteFile(temp, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := st.Open(t)
	steletest.Submit(t, srv, steletest.Sign(t, steletest.Enrol(t, srv, entry.Watcher, 1), inClear("/etc/a.yaml", "a: b\n")))
	steletest.Stop(t, srv)
	if b, err := os.ReadFile(temp); err != nil || string(b) != "{}" {
		t.Fatalf("after the store was opened: %q, %v", b, err)
	}
	if _, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("after a rescan: %v", err)
	}
}

// TestKilled: a rescan that is killed again and again lists what one that runs
// through does. The processes that are killed are this test's own program.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("RESCAN_STORE"); dir != "" {
		rescanned(t, dir, os.Getenv("RESCAN_TRUST"))
		return
	}
	dir, beliefs := t.TempDir(), t.TempDir()
	st := steletest.StoreIn(t, dir, beliefs)
	want := fill(t, st, *texts)
	kills := 0
	for began := time.Now(); ; kills++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "RESCAN_STORE="+dir, "RESCAN_TRUST="+beliefs)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		select {
		case err = <-ended:
		case <-time.After(time.Since(began)/4 + 300*time.Millisecond): // longer each time, so that it comes to its end
			_ = cmd.Process.Kill()
			if <-ended; kills < 1000 {
				continue
			}
		}
		if err != nil {
			t.Fatalf("after %d kills: %v", kills, err)
		}
		break
	}
	s, err := rescan.Read(st.Layout)
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint64]int{}
	for _, p := range s.Places {
		got[p.Index]++
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("after %d kills: %s", kills, d)
	}

	began := time.Now()
	whole, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now", Again: true})
	if err != nil || !cmp.Equal(whole.Places, s.Places) {
		t.Errorf("at one go: %v, %d places; after %d kills %d", err, len(whole.Places), kills, len(s.Places))
	}
	t.Logf("%d texts, %d places, %d kills; at one go %.0f texts/s", whole.Texts, len(whole.Places), kills, float64(whole.Texts)/time.Since(began).Seconds())
}

func rescanned(t *testing.T, dir, beliefs string) {
	l := layout.Store{Dir: dir}
	f, err := trust.Of(beliefs, dir)
	if err != nil {
		t.Fatal(err)
	}
	rest := func(context.Context) { time.Sleep(50 * time.Microsecond) }
	if _, err := rescan.Run(t.Context(), rescan.Config{Layout: l, Trust: f, Rules: "now", Rest: rest, SaveEvery: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
}

// fill records n texts, of which one in a hundred holds what would be masked, and
// returns in which entries that is, and how often.
func fill(t *testing.T, st steletest.Store, n int) map[uint64]int {
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	chain := steletest.Enrol(t, srv, entry.Watcher, 1)
	want := map[uint64]int{}
	for done := 0; done < n; done += 500 {
		var ds []record.Draft
		for i := done; i < min(done+500, n); i++ {
			text := fmt.Sprintf("server:\n  port: %d\n  password: %s\n", i, redact.Mark)
			if i%100 == 7 {
				text += fmt.Sprintf("  token: sunflower%d\n", i)
			}
			ds = append(ds, inClear(fmt.Sprintf("/etc/agent-%d.yaml", i), text))
		}
		for i, at := range steletest.Submit(t, srv, steletest.Sign(t, chain, ds...)) {
			if (done+i)%100 == 7 {
				want[at] = 1
			}
		}
	}
	return want
}
