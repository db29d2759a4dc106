package server

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/wire"
)

func readingBy(id string) *reading {
	return &reading{&http.Request{RemoteAddr: "192.0.2.7:1234"}, wire.Reader{ID: id}}
}

// TestAccessIsFolded: however much is read, and by whatever names, an entry about
// it stays small, and there is one in a few minutes.
func TestAccessIsFolded(t *testing.T) {
	a, now := newAccess(), time.Now()
	for i := range 10_000 {
		a.note(readingBy("one"), wire.Question{
			Ask: wire.AskShow, Name: bytes.Repeat([]byte{0xff, byte(i)}, 4000), Host: fmt.Append(nil, i),
		}, now)
	}
	a.note(readingBy("two"), wire.Question{Ask: wire.AskLog}, now)
	due := a.take(now, false)
	if len(due) != 2 || due["one"].count != 10_000 || due["two"].detail() != "1 read: log 1" {
		t.Fatalf("%d readers: %+v", len(due), due["two"])
	}
	if d := due["one"].detail(); len(d) > 16<<10 || !strings.Contains(d, "and 9980 more") || strings.ToValidUTF8(d, "") != d {
		t.Errorf("%d bytes: %.200s", len(d), d)
	}
	if due["one"].who.User != "token one" || due["one"].who.Session.Address != "192.0.2.7" {
		t.Errorf("%+v", due["one"].who)
	}
	a.note(readingBy("one"), wire.Question{Ask: wire.AskCat}, now)
	a.note(readingBy("one"), wire.Question{Ask: wire.AskGround}, now) // shows nothing
	if early := a.take(now.Add(accessEvery-time.Second), false); len(early) != 0 {
		t.Errorf("too early: %v", early)
	}
	if late := a.take(now.Add(accessEvery), false); len(late) != 1 || late["one"].count != 1 {
		t.Errorf("then: %v", late)
	}
	a.note(readingBy("one"), wire.Question{Ask: wire.AskCat, Name: []byte("/etc/b")}, now) // while it is tried
	a.again("one", &reads{count: 3, asked: map[string]int{wire.AskCat: 3}, names: []string{"/etc/a"}})
	if all := a.take(now, true); len(all) != 1 || all["one"].detail() != "4 reads: cat 4; of /etc/a, /etc/b" {
		t.Errorf("what could not be recorded: %+v", all["one"])
	}
}

// TestAnswersOfOneReader: one reader leaves room for the others.
func TestAnswersOfOneReader(t *testing.T) {
	a := newAccess()
	for i := range answersEach {
		if !a.enter("one") {
			t.Fatalf("answer %d is refused", i)
		}
	}
	if a.enter("one") || !a.enter("two") {
		t.Error("one reader has all, or keeps the other out")
	}
	a.leave("one")
	if !a.enter("one") {
		t.Error("an answer that ended counts for ever")
	}
}
