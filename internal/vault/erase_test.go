package vault

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable/faultdisk"
	"github.com/stele-log/stele/seal"
)

// chain puts n texts, each a small change of the one before.
func chain(t *testing.T, v *Vault, m *maker, n int) []*made {
	t.Helper()
	base := bytes.Repeat([]byte("a line that stays as it is, number "), 40)
	var all []*made
	var near []TextID
	for i := range n {
		d := m.entry(1)
		seed := seal.Seed(m.bytes(32))
		d.o.Seed, d.o.Salts = &seed, nil
		body := fmt.Appendf(bytes.Clone(base), "\nand one for %d: %x\n", i, m.bytes(20))
		d.o.Texts = []Text{{Body: body, Near: near}}
		clear(d.seals)
		for j, l := range d.o.lines() {
			b := body
			if !l.IsText() {
				b = d.o.body(j)
			}
			d.seals[l] = seal.Seal(d.o.Source, d.o.Seq, l, seed.Salt(l), b)
		}
		if err := store(v, []*made{d}); err != nil {
			t.Fatal(err)
		}
		all, near = append(all, d), d.at.Texts
	}
	return all
}

func TestErasingWithinAChainLeavesAllElse(t *testing.T) {
	for gone := range 6 {
		disk := faultdisk.New(1)
		v := open(t, config(disk))
		all := chain(t, v, newMaker(7), 6)
		if p, _ := v.texts.place(all[5].at.Texts[0]); p.depth != 5 {
			t.Fatalf("chain is %d deep, want 5", p.depth)
		}
		erased := map[Void]bool{}
		void := Void{all[gone].at.Loc, entry.LineText(0)}
		secret, err := v.keys.Text(uint64(all[gone].at.Texts[0]))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Erase([]Void{void}); err != nil {
			t.Fatal(err)
		}
		erased[void] = true
		sound(t, v, all, erased)
		if _, err := v.Text(all[gone].at.Texts[0]); !errors.Is(err, ErrErased) {
			t.Errorf("text %d: want ErrErased, got %v", gone, err)
		}
		salt := all[gone].o.Seed.Salt(void.Line)
		absent(t, disk, map[string][]byte{"key": secret.Key[:], "salt": salt[:], "seed": all[gone].o.Seed[:]})
		v = reopen(t, v, disk)
		sound(t, v, all, erased)
	}
}

// absent demands that none of the secrets is in any file.
func absent(t *testing.T, disk *faultdisk.Disk, secrets map[string][]byte) {
	t.Helper()
	for path, data := range disk.Files() {
		for name, s := range secrets {
			if bytes.Contains(data, s) {
				t.Errorf("%s still holds the %s", path, name)
			}
		}
	}
}

func reopen(t *testing.T, v *Vault, disk *faultdisk.Disk) *Vault {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, config(disk))
}

func TestTextStaysWhileALineRefersToIt(t *testing.T) {
	disk := faultdisk.New(1)
	v := open(t, config(disk))
	m := newMaker(8)
	text := m.text()
	var all []*made
	for range 3 {
		d := chain(t, v, m, 1)[0]
		d.o.Texts = []Text{{Body: text}}
		d.seals[entry.LineText(0)] = seal.Seal(d.o.Source, d.o.Seq, entry.LineText(0), d.o.Seed.Salt(entry.LineText(0)), text)
		if err := store(v, []*made{d}); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	id := all[0].at.Texts[0]
	erased := map[Void]bool{}
	for i, d := range all {
		void := Void{d.at.Loc, entry.LineText(0)}
		if err := v.Erase([]Void{void}); err != nil {
			t.Fatal(err)
		}
		erased[void] = true
		sound(t, v, all, erased)
		_, err := v.Text(id)
		if last := i == len(all)-1; last != errors.Is(err, ErrErased) {
			t.Errorf("after %d of 3 lines: %v", i+1, err)
		}
	}
	// What is put after it is another text: nothing leads back to the old one.
	d := m.entry(0)
	d.o.Seed, d.o.Salts = &seal.Seed{3}, nil
	d.o.What, d.o.Texts = [][]byte{[]byte("{}")}, []Text{{Body: text}}
	if err := store(v, []*made{d}); err != nil {
		t.Fatal(err)
	}
	if d.at.Texts[0] == id {
		t.Error("an erased text came back under its name")
	}
}

func TestEraseAgainIsNothing(t *testing.T) {
	disk := faultdisk.New(1)
	v := open(t, config(disk))
	m := newMaker(9)
	all := m.batch(3, 3)
	if err := store(v, all); err != nil {
		t.Fatal(err)
	}
	erased := map[Void]bool{}
	for _, l := range all[1].o.lines() {
		void := Void{all[1].at.Loc, l}
		for range 2 {
			if err := v.Erase([]Void{void}); err != nil {
				t.Fatal(err)
			}
		}
		erased[void] = true
		sound(t, v, all, erased)
	}
}

func TestEraseRefusesLinesThatAreNotThere(t *testing.T) {
	v := open(t, config(faultdisk.New(1)))
	m := newMaker(10)
	all := m.batch(1, 1)
	if err := store(v, all); err != nil {
		t.Fatal(err)
	}
	var damage *Damage
	if err := v.Erase([]Void{{all[0].at.Loc, entry.LineWhat(7)}}); !errors.Is(err, errUnknown) {
		t.Errorf("want errUnknown, got %v", err)
	}
	if err := v.Erase([]Void{{all[0].at.Loc + 1, entry.LineWho}}); !errors.As(err, &damage) {
		t.Errorf("want a Damage, got %v", err)
	}
	sound(t, v, all, nil)
}
