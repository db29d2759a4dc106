package watcher

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
)

const regular, link = 0o100000, 0o120000

func observing(t *testing.T) *Watcher {
	t.Helper()
	known, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return &Watcher{cfg: Config{Catalogue: known, Redactor: redact.New(redact.Config{}), Now: time.Now}, reasons: newReasons(), besides: besides{}}
}

// seen is an observation of a file that was there before.
func seen(before, now inode.Known, list ...inode.Attribute) *capture.Observation {
	return &capture.Observation{
		Path: "/etc/a.conf", Action: body.Attributes, Mode: now.Mode, Owner: body.Owner{UID: now.UID, GID: now.GID},
		Known: now, Before: before, Attributes: list,
	}
}

func attr(name, value string) inode.Attribute {
	return inode.Attribute{Name: name, Value: []byte(value), Size: len(value), Sum: [32]byte{byte(len(value))}}
}

func size(n int64) *int64 { return &n }

// A change says how each thing beside the text was before, and nothing of what it
// left alone.
func TestFormerly(t *testing.T) {
	plain := inode.Known{Mode: regular | 0o644, Links: 1}
	netRaw := "\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14)
	for _, c := range []struct {
		name string
		now  func(*inode.Known)
		is   []inode.Attribute
		want body.What
	}{
		{name: "nothing", want: body.What{Mode: "0644"}},
		{name: "mode", now: func(k *inode.Known) { k.Mode = regular | 0o4600 }, want: body.What{Mode: "4600", Was: &body.Was{Mode: "0644"}}},
		{name: "owner", now: func(k *inode.Known) { k.GID = 7 }, want: body.What{Mode: "0644", Owner: &body.Owner{GID: 7}, Was: &body.Was{Owner: &body.Owner{}}}},
		{name: "a second name", now: func(k *inode.Known) { k.Links = 2 }, want: body.What{Mode: "0644", Links: 2, Was: &body.Was{Links: 1}}},
		{name: "flags", now: func(k *inode.Known) { k.Flags = 0x10 }, want: body.What{
			Mode: "0644", Attributes: []body.Attribute{{Name: "flags", Value: "immutable"}}, Was: &body.Was{Attributes: []body.Attribute{{Name: "flags"}}},
		}},
		{name: "capabilities", is: []inode.Attribute{attr("security.capability", netRaw)}, want: body.What{
			Mode: "0644", Attributes: []body.Attribute{{Name: "security.capability", Value: "cap_net_raw+ep", Size: size(20)}},
			Was: &body.Was{Attributes: []body.Attribute{{Name: "security.capability"}}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := plain
			if c.now != nil {
				c.now(&now)
			}
			c.want.Action, c.want.Path, c.want.Size = body.Attributes, "/etc/a.conf", size(0)
			if c.want.Owner == nil {
				c.want.Owner = &body.Owner{}
			}
			got := observing(t).observe(seen(plain, now, c.is...)).what
			got.Time = ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What an attribute was is known from one change to the next, over a restart, and
// under another name of the file.
func TestFormerAttributes(t *testing.T) {
	w := observing(t)
	plain := inode.Known{Mode: regular | 0o644, Links: 1}
	marked := plain
	marked.Extra = [32]byte{1}
	first := w.observe(seen(plain, marked, attr("user.a", "1"), attr("user.b", "2")))
	raw, err := json.Marshal(known{first.known, first.beside})
	if err != nil {
		t.Fatal(err)
	}
	again := observing(t)
	if k, err := again.besides.load("/etc/a.conf", raw); err != nil || k != marked {
		t.Fatalf("after a restart: %+v, %v", k, err)
	}
	o := seen(marked, marked, attr("user.b", "3"), attr("user.c", "4"))
	o.Action, o.From, o.Path = body.Rename, o.Path, "/etc/b.conf"
	was := again.observe(o).what.Was
	want := &body.Was{Attributes: []body.Attribute{{Name: "user.a", Value: "1", Size: size(1)}, {Name: "user.b", Value: "2", Size: size(1)}, {Name: "user.c"}}}
	if diff := cmp.Diff(want, was); diff != "" {
		t.Error(diff)
	}
	if len(again.besides) != 1 || again.besides["/etc/b.conf"] == nil {
		t.Errorf("known after the rename: %v", again.besides)
	}
	// Where they were not recorded, as before there was such a thing, nothing is said.
	if was := observing(t).observe(seen(marked, marked, attr("user.a", "1"))).what.Was; was != nil {
		t.Errorf("not recorded before: got %+v", was)
	}
}

// The target of a link, before and after; a file that was a link and is none.
func TestFormerTarget(t *testing.T) {
	w := observing(t)
	k := inode.Known{Mode: link | 0o777}
	see := func(target string, before inode.Known) body.What {
		o := seen(before, k)
		o.Action, o.Marks, o.Content, o.HasContent = body.Modify, []string{body.MarkLink}, []byte(target), true
		return w.observe(o).what
	}
	if got := see("../a", inode.Known{}); got.Target != "../a" || got.Was != nil {
		t.Errorf("at first sight: %q, was %+v", got.Target, got.Was)
	}
	if got := see("/dev/null", k); got.Target != "/dev/null" || got.Was == nil || got.Was.Target != "../a" {
		t.Errorf("swapped: %q, was %+v", got.Target, got.Was)
	}
	if got := see("/dev/null", k); got.Was != nil {
		t.Errorf("made again as it was: was %+v", got.Was)
	}
	if got := w.observe(seen(k, inode.Known{Mode: regular | 0o644, Links: 1})).what; got.Target != "" || got.Was == nil || got.Was.Target != "/dev/null" {
		t.Errorf("no link any more: %q, was %+v", got.Target, got.Was)
	}
}

// No value is shown that may be secret, is long or is not text.
func TestValuesThatAreNotShown(t *testing.T) {
	w := observing(t)
	for _, a := range []inode.Attribute{
		attr("user.db_password", "hunter2hunter2"),
		attr("user.note", "password = hunter2hunter2"),
		attr("user.binary", "\xff\x00"),
		attr("user.lines", "a\nb"),
		attr("user.long", strings.Repeat("a ", longestValue)),
		{Name: "user.withheld", Size: 7, Sum: [32]byte{1}},
	} {
		got := w.attributes([]inode.Attribute{a}, false)
		if len(got) != 1 || got[0].Value != "" || len(got[0].Fingerprint) != 12 || *got[0].Size != int64(a.Size) {
			t.Errorf("%s: got %+v", a.Name, got)
		}
	}
	label := attr("security.selinux", "system_u:object_r:etc_t:s0\x00")
	for _, opaque := range []bool{false, true} {
		shown := w.attributes([]inode.Attribute{label}, opaque)[0].Value != ""
		if shown == opaque {
			t.Errorf("a label beside a text that is secret as a whole (%t): shown %t", opaque, shown)
		}
	}
}

// What was gone before it was looked at has neither mode nor owner, and what is
// known of the path stays.
func TestUnreadHasNoMode(t *testing.T) {
	w := observing(t)
	marked := inode.Known{Mode: regular | 0o644, Links: 1, Extra: [32]byte{1}}
	w.observe(seen(inode.Known{}, marked, attr("user.a", "1")))
	o := capture.Observation{Path: "/etc/a.conf", Action: body.Modify, Marks: []string{body.MarkUnread}, Known: marked}
	c := w.observe(&o)
	if c.what.Mode != "" || c.what.Owner != nil || c.what.Size != nil || c.what.Was != nil {
		t.Errorf("got %+v", c.what)
	}
	if c.beside == nil || len(c.beside.Attributes) != 1 || w.besides["/etc/a.conf"] == nil {
		t.Error("what was known of the path is lost")
	}
}

// Of changes that are folded into one, the first says how it was.
func TestEarlier(t *testing.T) {
	first := &body.Was{Mode: "0644", Attributes: []body.Attribute{{Name: "flags"}, {Name: "user.a", Value: "1", Size: size(1)}}}
	then := &body.Was{Mode: "0600", Links: 1, Attributes: []body.Attribute{{Name: "flags", Value: "immutable"}}}
	is := &body.What{Mode: "0640", Links: 2}
	want := &body.Was{Mode: "0644", Links: 1, Attributes: []body.Attribute{{Name: "user.a", Value: "1", Size: size(1)}}}
	if diff := cmp.Diff(want, earlier(first, then, is)); diff != "" {
		t.Error(diff)
	}
	is.Mode, is.Links, is.Attributes = "0644", 0, first.Attributes[1:]
	if got := earlier(first, then, is); got != nil {
		t.Errorf("as it was at first: got %+v", got)
	}
}
