package examine_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
)

// fill records n entries of several subjects.
func fill(t *testing.T, st steletest.Store, n int) {
	t.Helper()
	srv := st.Open(t)
	defer steletest.Stop(t, srv)
	c := steletest.Enrol(t, srv, entry.Watcher, 1)
	last := map[string]*body.Ref{}
	var subs []wire.Submission
	for i := range n {
		path := fmt.Sprintf("/etc/agent/%d.conf", i%7)
		text := fmt.Sprintf("interval = %d\nhost = web-%d\n%s", i, i%7, strings.Repeat("line of configuration\n", 20))
		sub, e, err := c.Sign(steletest.Change(path, text, last[path]))
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, *sub)
		last[path] = &body.Ref{Entry: e.ID().String()}
		if len(subs) == 15 {
			steletest.Submit(t, srv, subs)
			subs = nil
		}
	}
	steletest.Submit(t, srv, subs)
}

func examined(t *testing.T, st steletest.Store) (*examine.Report, error) {
	t.Helper()
	return examine.Run(context.Background(), examine.Config{Layout: st.Layout, Trust: st.Trust})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

// believe carries the belief about one store over to its copy.
func believe(t *testing.T, from, to steletest.Store) {
	t.Helper()
	b, ok, err := from.Trust.Read()
	if err != nil || !ok {
		t.Fatal("no belief", err)
	}
	steletest.Believe(t, to.Trust, b)
}
