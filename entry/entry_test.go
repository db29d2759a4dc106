package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/body"
)

var (
	allKinds = []Kind{Enrol, Revoke, Change, Gap, Remark, RollCall, Erase, Finding, Access}
	allRoles = []Role{Watcher, Receiver, Importer, Recorder, Person, Monitor}
)

func testKey(t interface{ Fatal(...any) }, name string) SecretKey {
	seed := sha256.Sum256([]byte("key of " + name))
	k, err := NewSecretKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rerender is the only spelling of an entry that was read.
func rerender(e *Entry) []byte {
	sig := append(e.hash[:], e.sig[:]...)
	return fmt.Appendf(e.appendText(nil), "\n— %s %s\n", e.Source, b64(sig))
}

// anEntry draws an entry of any kind, with any of its open lines.
func anEntry(r *rapid.T) *Entry {
	e := &Entry{
		Kind: rapid.SampledFrom(allKinds).Draw(r, "kind"),
		Seq:  aNumber(r, "seq"), Prev: aHash(r, "prev"), Time: aTime(r, "time"),
		Saw: Saw{Size: aNumber(r, "size"), Root: aHash(r, "root")},
		Who: aHash(r, "who"), Why: aHash(r, "why"), How: aHash(r, "how"),
	}
	if e.Saw.Size == 0 {
		e.Saw.Root = EmptyRoot
	}
	if e.Kind == Change {
		e.What = rapid.SliceOfN(rapid.Custom(someHash), 1, 20).Draw(r, "what")
	}
	e.Open = anOpen(r, e.Kind)
	return e
}

func anOpen(r *rapid.T, k Kind) (o Open) {
	switch k {
	case Enrol:
		return anEnrol(r)
	case Revoke:
		s := aSource(r, "source")
		o.Source, o.Last = &s, aNumber(r, "last")
	case Gap:
		o.Since = aTime(r, "since")
	case Remark:
		o.About = []ID{aHash(r, "about")}
		o.Says = rapid.SampledFrom([]string{"reason", "approve", "waive"}).Draw(r, "says")
		if rapid.Bool().Draw(r, "until") {
			o.Until = aTime(r, "until when")
		}
	case RollCall:
		o.Absent, o.Present = aRollCall(r)
	case Erase:
		for range rapid.IntRange(1, 9).Draw(r, "voids") {
			o.Voids = append(o.Voids, Void{aHash(r, "void"), aLine(r)})
		}
	case Finding:
		o.Code = rapid.StringMatching(`[a-z][a-z0-9-]{0,63}`).Draw(r, "code")
		for range rapid.IntRange(0, 5).Draw(r, "abouts") {
			o.About = append(o.About, aHash(r, "about"))
		}
	}
	return o
}

func anEnrol(r *rapid.T) (o Open) {
	o.Key = testKey(r, rapid.String().Draw(r, "key")).Public()
	o.Role = rapid.SampledFrom(allRoles).Draw(r, "role")
	o.Erasers = rapid.IntRange(0, 99).Draw(r, "erasers")
	if rapid.Bool().Draw(r, "follows") {
		s := aSource(r, "followed")
		o.Follows = &s
	}
	if rapid.Bool().Draw(r, "log") {
		o.Erasers = max(1, o.Erasers)
		o.Log = &LogKey{anOrigin(r), o.Key.key}
		if rapid.Bool().Draw(r, "succeeds") {
			o.Succeeds = &Succession{anOrigin(r), aNumber(r, "size"), aHash(r, "root")}
		}
	}
	return o
}

func aRollCall(r *rapid.T) (absent, present []Source) {
	n := rapid.IntRange(0, 8).Draw(r, "sources")
	for i := range n {
		switch s := (Source{0: byte(i), 15: byte(n)}); rapid.IntRange(0, 2).Draw(r, "state") {
		case 0:
			absent = append(absent, s)
		case 1:
			present = append(present, s)
		}
	}
	return absent, present
}

func someHash(r *rapid.T) Hash { return aHash(r, "hash") }

func aHash(r *rapid.T, label string) Hash {
	return sha256.Sum256([]byte(rapid.String().Draw(r, label)))
}

func aSource(r *rapid.T, label string) Source { h := aHash(r, label); return Source(h[:16]) }
func aNumber(r *rapid.T, label string) uint64 { return rapid.Uint64Range(0, MaxNumber).Draw(r, label) }

func anOrigin(r *rapid.T) string { return rapid.StringMatching(`[!-*,-~]{1,255}`).Draw(r, "origin") }

func aTime(r *rapid.T, label string) string {
	const first, last = -62135596800, 253402300799 // years 1 and 9999
	s := rapid.Int64Range(first, last).Draw(r, label)
	return body.FormatTime(time.Unix(s, rapid.Int64Range(0, 999999999).Draw(r, label+" ns")))
}

func aLine(r *rapid.T) Line {
	k := rapid.IntRange(0, MaxWhats-1).Draw(r, "k")
	return rapid.SampledFrom([]Line{LineWho, LineWhy, LineHow, LineWhat(k), LineText(k)}).Draw(r, "line")
}

// same compares what an entry says, not the bytes it keeps.
var same = []cmp.Option{
	cmpopts.IgnoreUnexported(Entry{}), cmpopts.EquateEmpty(), cmp.AllowUnexported(Line{}, PublicKey{}, LogKey{}),
}

func TestSignParse(t *testing.T) {
	k := testKey(t, "signer")
	rapid.Check(t, func(r *rapid.T) {
		want := anEntry(r)
		e := *want
		note, err := e.Sign(k)
		if err != nil {
			r.Fatal(err)
		}
		want.Source = k.Source()
		got, err := Parse(note)
		if err != nil {
			r.Fatal(err)
		}
		if d := cmp.Diff(want, got, same...); d != "" {
			r.Fatal(d)
		}
		if d := cmp.Diff(&e, got, same...); d != "" {
			r.Fatalf("Sign left another entry: %s", d)
		}
		checkRead(r, got, note, k)
	})
}

// checkRead holds what is true of every entry that was read.
func checkRead(r *rapid.T, e *Entry, note []byte, k SecretKey) {
	if err := e.Verify(k.Public()); err != nil {
		r.Fatal(err)
	}
	if again := rerender(e); !bytes.Equal(again, note) {
		r.Fatalf("rendered again %q differs from %q", again, note)
	}
	text, _, _ := bytes.Cut(note, []byte("\n\n"))
	if e.ID() != sha256.Sum256(append(text, '\n')) {
		r.Fatal("the id is not the digest of the text")
	}
	if body.FormatTime(e.At()) != e.Time {
		r.Fatalf("%s is read as %s", e.Time, e.At())
	}
	if !bytes.Contains(text, bytes.TrimSuffix(e.OpenText(), []byte("\n"))) {
		r.Fatalf("open lines %q do not stand in %q", e.OpenText(), text)
	}
}

// accepted reports whether altered bytes still count as an entry of the key.
func accepted(b []byte, k *PublicKey) bool {
	e, err := Parse(b)
	return err == nil && e.Verify(k) == nil
}

// examples is one signed entry of each kind.
func examples(t *testing.T) [][]byte {
	k := testKey(t, "signer")
	var list [][]byte
	for i := 0; len(list) < len(allKinds); i++ {
		e := rapid.Custom(anEntry).Example(i)
		if e.Kind != allKinds[len(list)] {
			continue
		}
		note, err := e.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, note)
	}
	return list
}

// TestMutations alters one entry of each kind in every place: each bit flipped,
// each byte left out, each byte doubled.
func TestMutations(t *testing.T) {
	k := testKey(t, "signer").Public()
	for n, note := range examples(t) {
		t.Run(string(allKinds[n]), func(t *testing.T) {
			if !accepted(note, k) {
				t.Fatal("the entry itself is not accepted")
			}
			for i := range note {
				for bit := range 8 {
					other := bytes.Clone(note)
					other[i] ^= 1 << bit
					refuse(t, other, k, "bit %d of byte %d flipped", bit, i)
				}
				refuse(t, slices.Delete(bytes.Clone(note), i, i+1), k, "byte %d left out", i)
				refuse(t, slices.Insert(bytes.Clone(note), i, note[i]), k, "byte %d doubled", i)
			}
		})
	}
}

func refuse(t *testing.T, b []byte, k *PublicKey, format string, args ...any) {
	t.Helper()
	if accepted(b, k) {
		t.Errorf("accepted with "+format, args...)
	}
}

// TestMutateAnyByte sets any byte of any entry to any other.
func TestMutateAnyByte(t *testing.T) {
	k := testKey(t, "signer")
	rapid.Check(t, func(r *rapid.T) {
		note, err := anEntry(r).Sign(k)
		if err != nil {
			r.Fatal(err)
		}
		i := rapid.IntRange(0, len(note)-1).Draw(r, "place")
		note[i] += rapid.ByteRange(1, 255).Draw(r, "by")
		if accepted(note, k.Public()) {
			r.Fatalf("accepted %q", note)
		}
	})
}

func TestVerifyOtherKey(t *testing.T) {
	note, err := rapid.Custom(anEntry).Example(1).Sign(testKey(t, "signer"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(note)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(testKey(t, "another").Public()); !errors.Is(err, ErrSignature) {
		t.Fatalf("got %v, want %v", err, ErrSignature)
	}
}

func TestSignRefuses(t *testing.T) {
	k := testKey(t, "signer")
	good := Entry{Kind: Gap, Time: "2026-01-02T03:04:05.000000006Z", Saw: Saw{Root: EmptyRoot}, Open: Open{Since: "2026-01-02T03:04:05.000000006Z"}}
	for name, spoil := range map[string]func(*Entry){
		"no kind":                func(e *Entry) { e.Kind = "" },
		"no time":                func(e *Entry) { e.Time = "" },
		"no root":                func(e *Entry) { e.Saw.Root = Hash{} },
		"seq of 2^53":            func(e *Entry) { e.Seq = MaxNumber + 1 },
		"line of another kind":   func(e *Entry) { e.Open.Code = "x" },
		"no open line":           func(e *Entry) { e.Open.Since = "" },
		"LF in a line":           func(e *Entry) { e.Open.Since += "\nwho x" },
		"what in a gap":          func(e *Entry) { e.What = []Hash{{}} },
		"change without what":    func(e *Entry) { e.Kind, e.Open = Change, Open{} },
		"change of 1001 whats":   func(e *Entry) { e.Kind, e.Open, e.What = Change, Open{}, make([]Hash, MaxWhats+1) },
		"erasers negative":       func(e *Entry) { e.Kind, e.Open = Enrol, Open{Erasers: -1, Key: k.Public(), Role: Person} },
		"line number of 1000":    func(e *Entry) { e.Kind, e.Open = Erase, Open{Voids: []Void{{Line: LineText(MaxWhats)}}} },
		"line that is no line":   func(e *Entry) { e.Kind, e.Open = Erase, Open{Voids: []Void{{}}} },
		"remark about two":       func(e *Entry) { e.Kind, e.Open = Remark, Open{About: make([]ID, 2), Says: "reason"} },
		"more than 65,535 bytes": func(e *Entry) { e.Kind, e.Open = Finding, Open{Code: "x", About: make([]ID, 1300)} },
	} {
		e := good
		spoil(&e)
		var syntax *SyntaxError
		if note, err := e.Sign(k); !errors.As(err, &syntax) {
			t.Errorf("%s: signed %.200q, %v", name, note, err)
		}
	}
	if _, err := good.Sign(k); err != nil {
		t.Fatalf("the entry all others are spoilt from: %v", err)
	}
}

// TestErrorsNameTheLine spoils one line after another.
func TestErrorsNameTheLine(t *testing.T) {
	k := testKey(t, "signer")
	change := Entry{Kind: Change, Time: "2026-01-02T03:04:05.000000006Z", Saw: Saw{Root: EmptyRoot}, What: make([]Hash, 2)}
	note, err := change.Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(note), "\n") // 1-10 text, 11 empty, 12 signature
	for i := range 10 {
		spoilt := slices.Clone(lines)
		spoilt[i] = "\x00" + spoilt[i]
		wantLine(t, i+1, strings.Join(spoilt, ""))
	}
	for line, edit := range map[int][2]string{
		2:  {"change\n", "changes\n"},
		3:  {" 0 ", " 00 "},
		4:  {"03:04:05", "03:04:60"},
		5:  {"saw 0 ", "saw 1x "},
		7:  {"why ", "why  "},
		8:  {"how ", "what "},
		11: {"\n\n", "\nwhat x\n\n"},
		12: {"— ", "- "},
		0:  {"\n\n", "\n"},
	} {
		wantLine(t, line, strings.Replace(string(note), edit[0], edit[1], 1))
	}
	wantLine(t, 12, string(note)+"more\n")
	wantLine(t, 0, strings.Repeat("x", MaxSize+1))
}

func wantLine(t *testing.T, line int, note string) {
	t.Helper()
	_, err := Parse([]byte(note))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("line %d: got %v, want a syntax error", line, err)
		return
	}
	if syntax.Line != line {
		t.Errorf("got %v, want line %d", err, line)
	}
	if says := fmt.Sprintf("line %d:", line); strings.Contains(err.Error(), says) != (line > 0) {
		t.Errorf("%q does not say %q", err, says)
	}
}

func TestErrorsNameTheOpenLine(t *testing.T) {
	k := testKey(t, "signer")
	id := EmptyRoot.String()
	for _, c := range []struct {
		kind Kind
		open string // from line 6
		line int
	}{
		{Gap, "since now", 6},
		{Gap, "until now", 6},
		{Remark, "about " + id + "\nsays no", 7},
		{Remark, "about " + id + "\nsays waive\nuntil never", 8},
		{Revoke, "source x\nlast 1", 6},
		{Revoke, "source " + k.Source().String() + "\nlast x", 7},
		{RollCall, "absent " + k.Source().String() + "\npresent " + k.Source().String(), 7},
		{Erase, "void " + id + " who\nvoid " + id + " whose", 7},
		{Finding, "code x\nabout " + id + "\nabout y", 8},
		{Enrol, "vkey " + k.Public().VKey() + "\nrole king", 7},
		{Enrol, "erasers 0", 6},
		{Enrol, "vkey x", 6},
		{Access, "since now", 6},
	} {
		e := Entry{Kind: Access, Time: "2026-01-02T03:04:05.000000006Z", Saw: Saw{Root: EmptyRoot}}
		note, err := e.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		s := strings.Replace(string(note), "\naccess\n", "\n"+string(c.kind)+"\n", 1)
		wantLine(t, c.line, strings.Replace(s, "\nwho ", "\n"+c.open+"\nwho ", 1))
	}
}

func TestVersion(t *testing.T) {
	for _, s := range []string{"stele/entry/v2\n", "stele/entry/v17\n\n\nanything"} {
		if _, err := Parse([]byte(s)); !errors.Is(err, ErrVersion) {
			t.Errorf("%q: got %v, want %v", s, err, ErrVersion)
		}
	}
}

func TestMay(t *testing.T) {
	table := map[Kind]string{ // the last column of the table of format.md section 4
		Enrol:    "recorder",
		Revoke:   "recorder person",
		Change:   "watcher receiver importer",
		Gap:      "watcher receiver importer recorder person monitor",
		Remark:   "watcher receiver importer recorder person monitor",
		RollCall: "recorder",
		Erase:    "person",
		Finding:  "recorder monitor",
		Access:   "recorder",
		"":       "",
		"other":  "",
	}
	for kind, roles := range table {
		for _, role := range append(allRoles, "", "king", "Watcher") {
			want := role != "" && slices.Contains(strings.Fields(roles), string(role))
			if got := role.May(kind); got != want {
				t.Errorf("a %q may sign a %q: %v", role, kind, got)
			}
		}
	}
}

func TestLines(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := aLine(r)
		got, err := ParseLine(l.String())
		if err != nil || got != l {
			r.Fatalf("%s is read as %v, %v", l, got, err)
		}
		if l.IsText() != strings.HasPrefix(l.String(), "text ") || !strings.HasPrefix(l.String(), l.Name()) {
			r.Fatalf("%s has the name %s", l, l.Name())
		}
	})
	for _, s := range []string{"", "Who", "who ", "who 0", "what", "what ", "what 01", "what 1000", "what -1", "what 0 ", "text", "texts 0"} {
		if l, err := ParseLine(s); err == nil {
			t.Errorf("%q is read as %s", s, l)
		}
	}
}

func TestSeal(t *testing.T) {
	e := Entry{Who: Hash{1}, Why: Hash{2}, How: Hash{3}, What: []Hash{{4}, {5}}}
	var got []string
	for _, l := range e.Lines() {
		h, ok := e.Seal(l)
		got = append(got, fmt.Sprint(l, " ", h[0], " ", ok))
	}
	want := []string{"who 1 true", "why 2 true", "how 3 true", "what 0 4 true", "what 1 5 true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	for _, l := range []Line{{}, LineWhat(2), LineText(0)} {
		if h, ok := e.Seal(l); ok {
			t.Errorf("%q has the seal %s", l, h)
		}
	}
}

// TestTimes holds the parser of times against that of the standard library.
func TestTimes(t *testing.T) {
	two := func(r *rapid.T, label string, high int) string {
		return fmt.Sprintf("%02d", rapid.IntRange(0, high).Draw(r, label))
	}
	rapid.Check(t, func(r *rapid.T) {
		s := fmt.Sprintf("%04d-%s-%sT%s:%s:%s.%09dZ", rapid.IntRange(0, 9999).Draw(r, "year"), two(r, "month", 14), two(r, "day", 33),
			two(r, "hour", 25), two(r, "minute", 61), two(r, "second", 61), rapid.IntRange(0, 999999999).Draw(r, "ns"))
		at, err := time.Parse(body.TimeFormat, s)
		want := err == nil && at.Year() > 0
		if got := validTime([]byte(s)); got != want {
			r.Fatalf("%s is valid: %v; the library says %v", s, got, err)
		}
	})
}

func TestNumbers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.Uint64().Draw(r, "n")
		got, ok := parseNumber(fmt.Append(nil, n))
		if ok != (n <= MaxNumber) || ok && got != n {
			r.Fatalf("%d is read as %d, %v", n, got, ok)
		}
	})
}

func FuzzParse(f *testing.F) {
	k := testKey(f, "signer")
	for i := range 40 {
		note, err := rapid.Custom(anEntry).Example(i).Sign(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(note)
	}
	f.Add([]byte("stele/entry/v2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(bytes.Clone(b))
		var syntax *SyntaxError
		switch {
		case errors.Is(err, ErrVersion) || errors.As(err, &syntax):
			return
		case err != nil:
			t.Fatalf("error of another type: %v", err)
		}
		if again := rerender(e); !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, whose only spelling is %q", b, again)
		}
	})
}

// FuzzBase64 holds the reader of digests against the standard one, which passes
// over line ends.
func FuzzBase64(f *testing.F) {
	f.Add([]byte(EmptyRoot.String()))
	f.Add([]byte("QUI="))
	f.Add([]byte("QQ=="))
	f.Add([]byte("QUJ="))
	f.Fuzz(func(t *testing.T, s []byte) {
		want, err := base64.StdEncoding.Strict().DecodeString(string(s))
		sound := err == nil && !bytes.ContainsAny(s, "\r\n")
		for n := range 72 {
			got := make([]byte, n)
			if ok := decodeBase64(got, s); ok != (sound && len(want) == n) || ok && !bytes.Equal(got, want) {
				t.Fatalf("%q as %d bytes: %v %x, want %v %x", s, n, ok, got, sound, want)
			}
		}
	})
}
