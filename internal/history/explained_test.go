package history_test

import (
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/steletest"
)

// TestWhoExplained: the reason of the actor or of root counts before that of others,
// and one from elsewhere last; it is shown by whom a reason is that is not the actor's.
func TestWhoExplained(t *testing.T) { both(t, testWhoExplained) }

func testWhoExplained(t *testing.T, open opener) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	own, other := steletest.Enrol(t, srv, entry.Watcher, 1), steletest.Enrol(t, srv, entry.Watcher, 2)
	d := steletest.Change(here, "text\n", nil) // by jane, 1000
	d.Why = body.Why{}
	sub, e, err := own.Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	at := steletest.Submit(t, srv, append(steletest.Sign(t, own), *sub))[0]
	steletest.Stop(t, srv)

	joe, root, jane := uint32(1001), uint32(0), uint32(1000)
	said := rune(0)
	for _, c := range []struct {
		chain *record.Chain
		uid   *uint32
		user  string
		shown string // the reason's text, and by whom
	}{
		{other, &jane, "jane", "1 jane on host-2"},
		{own, nil, "", "2 somebody unknown"},
		{own, &joe, "joe", "3 joe"},
		{other, &root, "root", "3 joe"},
		{own, &root, "root", "5 root"},
		{own, &joe, "joe", "5 root"},
		{own, &jane, "jane", "7 "},
		{own, &joe, "joe", "7 "},
	} {
		said++
		srv := st.Open(t)
		steletest.Submit(t, srv, steletest.Sign(t, c.chain, record.Draft{
			Kind: entry.Remark, Time: time.Now(), Open: entry.Open{About: []entry.ID{e.ID()}, Says: "reason"},
			Who: body.Who{UID: c.uid, User: c.user}, Why: body.Why{Reason: string('0' + said), Learnt: "explain"},
			How: body.How{Layer: "socket", Confidence: body.Certain},
		}))
		steletest.Stop(t, srv)
		v := once(t, open, st, at)
		if v.Reason == nil {
			t.Fatalf("after remark %c: no reason", '0'+said)
		}
		if got := v.Reason.Text + " " + render.Giver(v.Reason.GivenBy); got != c.shown {
			t.Errorf("after remark %c: %q, want %q", '0'+said, got, c.shown)
		}
	}
}
