package record_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

func newChain(t *testing.T) (*record.Chain, *entry.PublicKey) {
	t.Helper()
	key, err := entry.NewSecretKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return record.NewChain(key, record.Head{Prev: entry.Hash{1}}), key.Public()
}

// draft is a change of one subject with a text.
func draft() record.Draft {
	return record.Draft{
		Kind: entry.Change, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Who: body.Who{User: "jane"}, Why: body.Why{Reason: "because"}, How: body.How{Layer: "scan"},
		Changes: []record.Change{{What: body.What{Action: body.Create, Path: "/etc/a"}, Text: []byte("a: 1\n")}},
	}
}

func sign(t *testing.T, c *record.Chain, d record.Draft) (*wire.Submission, *entry.Entry) {
	t.Helper()
	sub, e, err := c.Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	return sub, e
}

// TestSign opens what was signed with the keys and salts that are handed over.
func TestSign(t *testing.T) {
	c, key := newChain(t)
	sub, e := sign(t, c, draft())
	parsed, err := entry.Parse(sub.Note)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e.ID(), parsed.ID()); d != "" || parsed.Verify(key) != nil {
		t.Errorf("the note is not that of the entry or not signed: %s", d)
	}
	for _, l := range []struct {
		line entry.Line
		seal entry.Hash
		body []byte
	}{
		{entry.LineWho, e.Who, sub.Who},
		{entry.LineWhy, e.Why, sub.Why},
		{entry.LineHow, e.How, sub.How},
		{entry.LineWhat(0), e.What[0], sub.What[0]},
	} {
		if got := seal.Seal(e.Source, e.Seq, l.line, sub.Seed.Salt(l.line), l.body); got != l.seal {
			t.Errorf("%s does not open", l.line)
		}
	}
	var what body.What
	if err := body.Unmarshal(sub.What[0], &what); err != nil {
		t.Fatal(err)
	}
	text := entry.LineText(0)
	if got := seal.Seal(e.Source, e.Seq, text, sub.Seed.Salt(text), sub.Texts[0].Body); got.String() != what.After {
		t.Error("the text does not open")
	}
}

func TestChain(t *testing.T) {
	c, _ := newChain(t)
	_, first := sign(t, c, draft())
	c.Saw(entry.Saw{Size: 9, Root: entry.Hash{9}})
	c.Saw(entry.Saw{Size: 3, Root: entry.Hash{3}}) // late news
	_, second := sign(t, c, draft())
	if first.Seq != 0 || second.Seq != 1 || second.Prev != first.ID() || first.Prev != (entry.Hash{1}) {
		t.Errorf("the chain is %d %s, %d %s", first.Seq, first.Prev, second.Seq, second.Prev)
	}
	if first.Saw.Size != 0 || second.Saw.Size != 9 {
		t.Errorf("it saw %d, then %d", first.Saw.Size, second.Saw.Size)
	}
	if c.Head() != (record.Head{Next: 2, Prev: second.ID()}) {
		t.Errorf("the head is %+v", c.Head())
	}
}

// TestErrorsLeaveTheHead: a number that was not used is used next.
func TestErrorsLeaveTheHead(t *testing.T) {
	c, _ := newChain(t)
	sign(t, c, draft())
	before := c.Head()
	for name, spoil := range map[string]func(*record.Draft){
		"a long path":     func(d *record.Draft) { d.Changes[0].What.Path = strings.Repeat("p", seal.MaxBody) },
		"a long host":     func(d *record.Draft) { d.Changes[0].What.Host = strings.Repeat("h", seal.MaxBody) },
		"no such kind":    func(d *record.Draft) { d.Kind = "frobnicate" },
		"no change":       func(d *record.Draft) { d.Changes = nil },
		"1,001 changes":   func(d *record.Draft) { d.Changes = slices.Repeat(d.Changes, entry.MaxWhats+1) },
		"five-digit year": func(d *record.Draft) { d.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		d := draft()
		spoil(&d)
		if _, _, err := c.Sign(d); err == nil {
			t.Errorf("%s was signed", name)
		}
		if c.Head() != before {
			t.Fatalf("%s moved the head", name)
		}
	}
	if _, e := sign(t, c, draft()); e.Seq != before.Next {
		t.Errorf("seq %d, want %d", e.Seq, before.Next)
	}
}

// TestLongBodiesAreCut: what only tells is cut, says how long it was and keeps
// the digest of the whole.
func TestLongBodiesAreCut(t *testing.T) {
	long := strings.Repeat("é\x01", 1<<18)
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(long)))
	many := slices.Repeat([]string{"argument"}, 1<<18)
	for name, spoil := range map[string]func(*record.Draft){
		"reason":    func(d *record.Draft) { d.Why.Reason = long },
		"ticket":    func(d *record.Draft) { d.Why.Ticket = long },
		"both":      func(d *record.Draft) { d.Why.Reason, d.Why.Ticket = long, long },
		"author":    func(d *record.Draft) { d.Who.Author, d.Who.User = long, long },
		"detail":    func(d *record.Draft) { d.How.Detail = long },
		"argument":  func(d *record.Draft) { d.Who.Command = []string{"sh", "-c", long} },
		"arguments": func(d *record.Draft) { d.Who.Command = many; d.Why.Reason = long },
		"ancestors": func(d *record.Draft) {
			d.Who.Ancestors = slices.Repeat([]body.Process{{PID: 1, Command: []string{long, "x"}}}, 8)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newChain(t)
			d := draft()
			spoil(&d)
			sub, _ := sign(t, c, d)
			all := string(slices.Concat(sub.Who, sub.Why, sub.How))
			if !strings.Contains(all, "… cut: ") || !strings.Contains(all, digest) {
				t.Error("no mark, or no digest of the whole")
			}
			for _, b := range [][]byte{sub.Who, sub.Why, sub.How} {
				if len(b) > seal.MaxBody || !utf8.Valid(b) {
					t.Errorf("a body of %d bytes", len(b))
				}
			}
			if strings.Contains(d.Why.Reason, "… cut: ") || slices.ContainsFunc(d.Who.Ancestors, func(p body.Process) bool { return len(p.Command) != 2 || p.Command[0] != long }) {
				t.Error("the draft was changed")
			}
		})
	}
}

// TestFitsIsNotCut: a body that just fits stays as it is.
func TestFitsIsNotCut(t *testing.T) {
	c, _ := newChain(t)
	d := draft()
	d.Why.Reason = strings.Repeat("x", seal.MaxBody-len(`{"reason":""}`))
	if sub, _ := sign(t, c, d); len(sub.Why) != seal.MaxBody || bytes.Contains(sub.Why, []byte("cut")) {
		t.Errorf("%d bytes", len(sub.Why))
	}
}

func TestSetText(t *testing.T) {
	cat, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	red := redact.New(redact.Config{})
	for _, tc := range []struct {
		name       string
		what       body.What
		content    string
		text, form string
		marks      []string
	}{
		{"format of the catalogue", body.What{Path: "/etc/ssh/sshd_config"}, "Port 22\n", "Port 22\n", "sshd", nil},
		{"format by the look", body.What{Path: "/srv/x"}, "---\na: 1\n", "---\na: 1\n", "yaml", nil},
		{"format as told", body.What{Path: "/srv/x.yaml", Format: "toml"}, "a = 1\n", "a = 1\n", "toml", nil},
		{"no format", body.What{Path: "/srv/x"}, "?", "?", "", []string{"unparsed"}},
		{"path that is not UTF-8", body.What{Path64: "/y55YW1s"}, "a: 1\n", "a: 1\n", "yaml", nil},
		{"a link", body.What{Path: "/srv/x.yaml", Marks: []string{"link"}}, "to", "to", "", []string{"link"}},
		{"a secret", body.What{Path: "/srv/x.yaml", Marks: []string{"hard-link", "torn"}}, "password: hunter2hunter2\n", "password: " + redact.Mark + "\n", "yaml", []string{"hard-link", "redacted", "torn"}},
		{"not text", body.What{Path: "/srv/x.yaml"}, "\x00", redact.Mark, "", []string{"binary", "redacted", "unparsed"}},
		{"nothing", body.What{Path: "/srv/x.yaml"}, "", "", "yaml", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := record.Change{What: tc.what}
			m, _ := cat.MatchSuffix(body.Text(tc.what.Path, tc.what.Path64))
			c.SetText(red, m, "", []byte(tc.content))
			if c.Text == nil || string(c.Text) != tc.text || c.What.Format != tc.form {
				t.Errorf("%q as %q, want %q as %q", c.Text, c.What.Format, tc.text, tc.form)
			}
			if d := cmp.Diff(tc.marks, c.What.Marks); d != "" {
				t.Errorf("marks (-want +got):\n%s", d)
			}
			if n := strings.Count(tc.text, redact.Mark); n != len(c.What.Secrets) {
				t.Errorf("%d fingerprints for %d marks", len(c.What.Secrets), n)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	for _, s := range []string{"", "/etc/a", "é\uFFFD", "\xff", "a\xed\xa0\x80"} {
		plain, encoded := record.Encode(s)
		if plain != "" && encoded != "" || !utf8.ValidString(plain) || body.Text(plain, encoded) != s {
			t.Errorf("%q becomes %q and %q", s, plain, encoded)
		}
	}
}
