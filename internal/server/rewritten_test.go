package server_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/verify"
)

// rewritten is a copy of the store whose log was written anew, with the log's key and
// everything it holds but one entry.
func (d *door) rewritten(t *testing.T, without uint64) steletest.Store {
	t.Helper()
	leaves := d.leaves(t)
	st := d.copied(t)
	must(t, os.RemoveAll(st.Layout.Log()))
	must(t, os.RemoveAll(st.Layout.Dir+"/index"))
	st.Rewrite(t, slices.Delete(leaves, int(without), int(without)+1))
	return st
}

// newcomer verifies the whole log over the network, knowing its key and nothing else
// but these checkpoints.
func (d *door) newcomer(t *testing.T, notes [][]byte) *examine.Report {
	t.Helper()
	remote := d.remote(t, d.client(t, client.Config{Secret: d.readToken(t, "").Secret}))
	rep, err := examine.Run(t.Context(), examine.Config{Remote: &remote, Trust: remote.Trust, AtHand: func(key *entry.LogKey) (list []verify.Checkpoint, err error) {
		for _, n := range notes {
			cp, err := verify.OpenCheckpoint(key, n)
			if err != nil {
				return nil, err
			}
			list = append(list, cp)
		}
		return list, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// TestRewrittenLog: a log that was written anew with its own key, after hosts had seen
// it, is convicted before a newcomer by what the hosts handed on, if the server shows
// it, and by what one host keeps in any case. Where neither is at hand it is contested,
// and said who saw what on which host. The twin is an honest log.
func TestRewrittenLog(t *testing.T) {
	d := open(t)
	one, two, three := d.join(t, 1), d.join(t, 2), d.join(t, 3)
	one.proves(t)
	lost := uint64(slices.IndexFunc(d.entries(t), func(e *entry.Entry) bool { return e.Source == one.key.Source() })) // nobody is to know of it
	two.believed, three.believed = one.believed, one.believed
	var kept [][]byte
	for _, path := range []string{"/etc/b", "/etc/c"} {
		for _, s := range []*source{two, three} {
			s.believed = one.believed // both were shown one tree, with that entry in it
			s.chain.Saw(entry.Saw{Size: one.believed.Size, Root: one.believed.Root})
			s.post(t, s.sign(t, path)...)
		}
		must(t, one.beats(t, 1, 0)) // and one learns of a later tree
		kept = append(kept, one.believed.Note)
	}
	kept = append(kept, two.believed.Note)
	must(t, two.hands(t, two.believed.Note))
	d.published(t)
	if rep := d.newcomer(t, kept); rep.Status() != 0 || len(rep.Findings)+len(rep.Contested) > 0 {
		t.Fatalf("an honest log: %+v, contested %+v", rep.Findings, rep.Contested)
	}

	liar := d.reopen(t, d.rewritten(t, lost))
	notes, err := liar.client(t, client.Config{}).Checkpoints(t.Context())
	must(t, err)
	for name, notes := range map[string][][]byte{"handed on": notes, "kept by a host": checkpoints.Split(checkpoints.Join(kept))} {
		rep := liar.newcomer(t, notes)
		if rep.Status() != 3 || !slices.ContainsFunc(rep.Findings, func(f verify.Finding) bool { return f.Code == verify.Fork && f.Accused == verify.TheLog }) {
			t.Errorf("%s: status %d, %+v, contested %+v", name, rep.Status(), rep.Findings, rep.Contested)
		}
	}
	rep := liar.newcomer(t, nil)
	if rep.Status() != 1 || len(rep.Findings) > 0 || len(rep.Contested) == 0 {
		t.Fatalf("withheld: status %d, %+v, contested %+v", rep.Status(), rep.Findings, rep.Contested)
	}
	var hosts []string
	for _, s := range rep.Contested[0].Saw {
		if !slices.Contains(hosts, s.Host) {
			hosts = append(hosts, s.Host)
		}
	}
	if !slices.Contains(hosts, "host-2") || !slices.Contains(hosts, "host-3") {
		t.Errorf("seen on hosts %q", hosts)
	}
}
