package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/seal"
)

// The suite of package vault goes through every write that may fail and every
// byte that may flip; here is what the keyring promises by itself.

func config(d *faultdisk.Disk) Config {
	return Config{Dir: "/keyring", FS: d, Log: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, d *faultdisk.Disk, last Last) *Keyring {
	t.Helper()
	if err := Prepare(config(d)); err != nil {
		t.Fatal(err)
	}
	k, err := Open(config(d))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Recover(last); err != nil {
		t.Fatal(err)
	}
	return k
}

func synced(t *testing.T) func([]*durable.Appender, error) {
	return func(apps []*durable.Appender, err error) {
		t.Helper()
		for _, a := range apps {
			err = errors.Join(err, a.Sync())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

var (
	seed  = seal.Seed(bytes.Repeat([]byte{7}, 32))
	salts = SaltList{entry.LineWho: {1, 2, 3}, entry.LineWhy: {4, 5, 6}}
	text  = TextKey{Key: Key(bytes.Repeat([]byte{8}, 32)), Digest: Digest(bytes.Repeat([]byte{9}, 16))}
	other = TextKey{Key: Key(bytes.Repeat([]byte{10}, 32)), Digest: Digest(bytes.Repeat([]byte{11}, 16))}
)

// filled is a keyring with a seed in slot 1, a list in slot 2, and two texts.
func filled(t *testing.T) (*faultdisk.Disk, *Keyring) {
	t.Helper()
	d := faultdisk.New(1)
	k := open(t, d, Last{})
	synced(t)(k.PutEntries(1, []EntryKeys{{Seed: &seed}, {Salts: salts}}))
	synced(t)(k.PutTexts(1, []TextKey{text, other}))
	return d, k
}

// checked examines a keyring of which those slots are in use.
func checked(t *testing.T, k *Keyring, entries, texts int) (bad []string) {
	t.Helper()
	c, err := k.BeginCheck(func(d durable.Damage) { bad = append(bad, fmt.Sprintf("%s: %s", d.Path, d.Why)) })
	if err != nil {
		t.Fatal(err)
	}
	for n := range entries {
		c.UseEntry(uint64(n + 1))
	}
	for n := range texts {
		c.UseText(uint64(n + 1))
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return bad
}

func saltIs(t *testing.T, k *Keyring, slot uint64, l entry.Line, want seal.Salt, wanted bool) {
	t.Helper()
	of, err := k.Salts(slot)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := of(l); ok != wanted || ok && got != want {
		t.Errorf("slot %d: %s: salt %x, %t; want %x, %t", slot, l, got, ok, want, wanted)
	}
}

func TestWhatWasSyncedSurvivesACrash(t *testing.T) {
	d, _ := filled(t)
	d.Crash(faultdisk.Nothing)
	k := open(t, d, Last{2, 2})
	if torn := k.Torn(); len(torn) > 0 {
		t.Errorf("torn: %v", torn)
	}
	saltIs(t, k, 1, entry.LineHow, seed.Salt(entry.LineHow), true)
	saltIs(t, k, 2, entry.LineWhy, salts[entry.LineWhy], true)
	saltIs(t, k, 2, entry.LineHow, seal.Salt{}, false)
	if got, err := k.Text(2); err != nil || got != other {
		t.Errorf("key of text 2: %v, %v", got, err)
	}
	if bad := checked(t, k, 2, 2); len(bad) > 0 {
		t.Errorf("a sound keyring: %q", bad)
	}
}

// TestDestroyedLeavesNoCopy destroys one text and one line of either kind of
// entry: nothing of them is in any file, and all else opens.
func TestDestroyedLeavesNoCopy(t *testing.T) {
	d, k := filled(t)
	if err := k.DestroyTexts([]uint64{1}); err != nil {
		t.Fatal(err)
	}
	why, who := seed.Salt(entry.LineWhy), salts[entry.LineWho]
	if err := k.Keep(map[uint64]SaltList{1: {entry.LineWhy: why}, 2: {entry.LineWhy: salts[entry.LineWhy]}}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Text(1); !errors.Is(err, ErrErased) {
		t.Errorf("text 1: %v, want it erased", err)
	}
	if got, err := k.Text(2); err != nil || got != other {
		t.Errorf("text 2: %v, %v", got, err)
	}
	saltIs(t, k, 1, entry.LineWhy, why, true)
	saltIs(t, k, 1, entry.LineWho, seal.Salt{}, false)
	saltIs(t, k, 2, entry.LineWho, seal.Salt{}, false)
	for path, data := range d.Files() {
		for name, secret := range map[string][]byte{"seed": seed[:], "salt": who[:], "key": text.Key[:], "digest": text.Digest[:]} {
			if bytes.Contains(data, secret) {
				t.Errorf("%s still holds the %s", path, name)
			}
		}
	}
	if bad := checked(t, k, 2, 2); len(bad) > 0 {
		t.Errorf("after destroying: %q", bad)
	}
}

// TestKeysOfNothing: keys that nothing in the vault belongs to are torn where
// they are the last, can be dropped, and their slots are not given again.
func TestKeysOfNothing(t *testing.T) {
	d, k := filled(t)
	if bad := checked(t, k, 1, 2); len(bad) != 1 || bad[0] != "/keyring/seeds-000000.1: key that belongs to nothing" {
		t.Errorf("one key too many: %q", bad)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k, err := Open(config(d))
	if err != nil {
		t.Fatal(err)
	}
	last, err := k.Recover(Last{Entry: 1, Text: 1})
	if err != nil || last != (Last{2, 2}) || len(k.Torn()) != 2 {
		t.Fatalf("last %+v, torn %v, %v", last, k.Torn(), err)
	}
	if err := k.DropTorn(); err != nil {
		t.Fatal(err)
	}
	if bad := checked(t, k, 1, 1); len(bad) > 0 {
		t.Errorf("after dropping: %q", bad)
	}
}

// TestStrayGeneration: a file beside the one of its number is not used in its place
// and does not make it go, unless the one was made of the other.
func TestStrayGeneration(t *testing.T) {
	for name, put := range map[string]func(d *faultdisk.Disk){
		"an older copy": func(d *faultdisk.Disk) {
			seeds := d.Files()["/keyring/seeds-000000.1"]
			d.Put("/keyring/seeds-000000.2", seeds[:durable.HeaderSize+1+seedSecret+4])
		},
		"other keys": func(d *faultdisk.Disk) {
			o := faultdisk.New(2)
			k := open(t, o, Last{})
			third := TextKey{Key: Key(bytes.Repeat([]byte{12}, 32))}
			synced(t)(k.PutTexts(1, []TextKey{third, other}))
			d.Put("/keyring/texts-000000.2", o.Files()["/keyring/texts-000000.1"])
		},
		"a key that was destroyed": func(d *faultdisk.Disk) {
			before := d.Files()["/keyring/texts-000000.1"]
			k := open(t, d, Last{Entry: 2, Text: 2})
			if err := k.DestroyTexts([]uint64{1}); err != nil {
				t.Fatal(err)
			}
			d.Put("/keyring/texts-000000.3", before)
		},
		"a later one": func(d *faultdisk.Disk) {
			d.Put("/keyring/seeds-000000.7", d.Files()["/keyring/seeds-000000.1"])
		},
		"salts of another": func(d *faultdisk.Disk) {
			b := durable.AppendFrame(durable.Header(saltsMagic), appendList(nil, 2, SaltList{entry.LineWho: {9}}), true)
			for path := range d.Files() {
				if dir, n, ok := strings.Cut(path, "salts-"); ok {
					d.Put(dir+"salts-"+strings.TrimSuffix(n, "1")+"2", b)
				}
			}
		},
	} {
		d, k := filled(t)
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		put(d)
		before := len(d.Files())
		if err := Prepare(config(d)); !errors.As(err, new(*StrayError)) {
			t.Errorf("%s: a writer began: %v", name, err)
		}
		if len(d.Files()) != before {
			t.Errorf("%s: something was removed: %v", name, d.Files())
		}
		k, err := Open(config(d))
		if err != nil {
			t.Fatal(err)
		}
		var stray []durable.Damage
		if _, err := k.BeginCheck(func(d durable.Damage) {
			if d.Extra {
				stray = append(stray, d)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if len(stray) != 1 || stray[0].Torn {
			t.Errorf("%s: named as %+v", name, stray)
		}
	}
}

// TestOwns: the names of the keyring's own files, and of no others.
func TestOwns(t *testing.T) {
	d, _ := filled(t)
	for path := range d.Files() {
		if !Owns(strings.TrimPrefix(path, "/keyring/")) {
			t.Errorf("%s is not known", path)
		}
	}
	for _, name := range []string{"", "seeds", "seeds-000000", "seeds-0.1", "seeds-000000.1x", "dedup2", "stray"} {
		if Owns(name) {
			t.Errorf("%s is known", name)
		}
	}
}
