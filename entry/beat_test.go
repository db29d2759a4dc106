package entry_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
)

func beat(t testing.TB) (note []byte, key entry.SecretKey) {
	t.Helper()
	key, err := entry.NewSecretKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	b := entry.Beat{Origin: "example.org/log", Next: 12, Kept: 3, Time: "2026-01-02T03:04:05.000000006Z", Saw: entry.Saw{Size: 9, Root: entry.Hash{1}}}
	if note, err = b.Sign(key); err != nil {
		t.Fatal(err)
	}
	return note, key
}

func TestBeat(t *testing.T) {
	note, key := beat(t)
	b, err := entry.ParseBeat(note)
	if err != nil || b.Verify(key.Public()) != nil || b.Source != key.Source() || b.Next != 12 || b.Kept != 3 || b.Saw.Size != 9 || b.Origin != "example.org/log" {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := entry.Parse(note); err == nil {
		t.Error("a beat passes for an entry")
	}
	other, err := entry.NewSecretKey(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(other.Public()); !errors.Is(err, entry.ErrSignature) {
		t.Errorf("under another key: %v", err)
	}
}

// TestBeatMalformed: there is one spelling of each beat, and what says something
// else is not signed.
func TestBeatMalformed(t *testing.T) {
	note, key := beat(t)
	for name, change := range map[string][2]string{
		"an entry's header":  {"stele/beat/v1", "stele/entry/v1"},
		"a later version":    {"beat/v1", "beat/v2"},
		"a leading zero":     {" 12 3", " 012 3"},
		"more than there is": {" 12 3", " 12 13"},
		"no number":          {" 12 3", " 12"},
		"a line more":        {"\n\n", "\nmore\n\n"},
		"two signatures":     {"\n\n", "\n\n— x y\n"},
		"a space in it":      {"example.org/log", "example org"},
		"CR":                 {"Z\n", "Z\r\n"},
		"another source":     {key.Source().String() + " 12", strings.Repeat("0", 32) + " 12"},
	} {
		bad := strings.Replace(string(note), change[0], change[1], 1)
		var syntax *entry.SyntaxError
		if _, err := entry.ParseBeat([]byte(bad)); !errors.As(err, &syntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
	forged := bytes.Replace(note, []byte(" 12 3"), []byte(" 13 3"), 1)
	if b, err := entry.ParseBeat(forged); err != nil || b.Verify(key.Public()) == nil {
		t.Errorf("a number that was not signed: %v", err)
	}
}

func FuzzParseBeat(f *testing.F) {
	note, key := beat(f)
	f.Add(note)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := entry.ParseBeat(b)
		if err != nil {
			return
		}
		if got.Source != key.Source() {
			return
		}
		text, _, _ := bytes.Cut(b, []byte("\n\n"))
		if again, err := got.Sign(key); err != nil || !bytes.HasPrefix(again, append(text, "\n\n"...)) {
			t.Errorf("%q is signed again as %q, %v", text, again, err)
		}
	})
}
