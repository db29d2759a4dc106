package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenOrCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.key")
	a, err := OpenOrCreate(path, "watcher", "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenOrCreate(path, "watcher", "")
	if err != nil || string(a.Secret.Bytes()) != string(b.Secret.Bytes()) {
		t.Fatalf("another key the second time: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Open(path, "recorder"); err == nil {
		t.Fatal("a key was opened in a role it was not made for")
	}
	if _, err := Open(path+"x", "watcher"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an absent key: %v", err)
	}
}

// TestOtherMachine: a key that came with a copied disk is told apart, and a key
// that was altered in any way is not taken for one.
func TestOtherMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.key")
	k, err := OpenOrCreate(path, "watcher", "")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := k
	elsewhere.Machine = "00112233445566778899aabbccddeeff"
	if err := os.WriteFile(path, elsewhere.render(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Open(path, "watcher"); !errors.Is(err, ErrOtherMachine) || got.Secret.p == nil {
		t.Fatalf("%v", err)
	}
	whole := k.render()
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, "watcher"); err == nil {
			t.Fatalf("byte %d altered and the key was opened", i)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	s := newSecret()
	copy(s.Bytes(), "0123456789abcdef0123456789abcdef")
	outer := struct{ k Key }{Key{Secret: s}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		for _, v := range []any{s, outer} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, "0123") || strings.Contains(out, "48 49 50") || strings.Contains(out, "303132") {
				t.Fatalf("%s printed: %s", verb, out)
			}
		}
	}
}

// TestMachine: an id makes a machine, the same each time; an image that has none
// yet is no machine, so that its copies are not one.
func TestMachine(t *testing.T) {
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "machine-id")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, other := file("0123456789abcdef0123456789abcdef\n"), file("00000000000000000000000000000001\n")
	first, again := machineOf(one), machineOf(one)
	if first != again || first == machineOf(other) || len(first) != 32 {
		t.Fatalf("%s, %s, %s", first, again, machineOf(other))
	}
	for _, none := range []string{"", "\n", "uninitialized\n"} {
		if got := machineOf(file(none)); got != "unknown" {
			t.Errorf("%q is machine %s", none, got)
		}
		if machineOf(file(none), one) != machineOf(one) {
			t.Errorf("%q hides the second file", none)
		}
	}
	if got := machineOf(one + ".none"); got != "unknown" {
		t.Errorf("no file is machine %s", got)
	}
}

// TestMove: a key is moved when somebody says so, and stays the same key.
func TestMove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.key")
	k, err := OpenOrCreate(path, "log", "stele/a")
	if err != nil {
		t.Fatal(err)
	}
	k.Machine = "00112233445566778899aabbccddeeff"
	if err := os.WriteFile(path, k.render(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Move(path, "recorder"); err == nil {
		t.Fatal("a key was moved in a role it was not made for")
	}
	for range 2 { // what is of this machine already stays
		if err := Move(path, "log"); err != nil {
			t.Fatal(err)
		}
		got, err := Open(path, "log")
		if err != nil || string(got.Secret.Bytes()) != string(k.Secret.Bytes()) || got.Name != k.Name {
			t.Fatalf("another key after moving: %v", err)
		}
	}
}
