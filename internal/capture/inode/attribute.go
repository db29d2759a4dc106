package inode

import (
	"crypto/sha256"
	"hash"

	"github.com/stele-log/stele/internal/attribute"
	"github.com/stele-log/stele/internal/capture/reach"
)

// Attribute is an extended attribute of a file.
type Attribute struct {
	Name  string
	Value []byte // nil: too long, or not for whoever may see what is in the file
	Size  int
	Sum   [sha256.Size]byte // HMAC-SHA256 of the value
}

// Others is the name under which all attributes beyond the first are
// counted together: Size is how many they are.
const Others = "…"

// Bounds of the attributes that are handed over.
const (
	mostAttributes   = 32
	longestAttribute = 1 << 10
)

// beside is what a file has that lstat does not show.
type beside struct {
	list   []Attribute
	all    hash.Hash // of every attribute
	others hash.Hash // of those that are not listed by themselves
	new    func() hash.Hash
}

// add takes in one attribute, in the order of names; withheld: its value is not to
// be handed over.
func (b *beside) add(name string, value []byte, withheld bool) {
	sum := b.new()
	sum.Write(value)
	a := Attribute{Name: name, Size: len(value)}
	sum.Sum(a.Sum[:0])
	if len(value) <= longestAttribute && (!withheld || attribute.Public(name)) {
		a.Value = append([]byte{}, value...)
	}
	b.sum(&b.all, &a)
	if len(b.list) < mostAttributes {
		b.list = append(b.list, a)
		return
	}
	b.sum(&b.others, &a)
	if len(b.list) == mostAttributes {
		b.list = append(b.list, Attribute{Name: Others})
	}
	last := &b.list[mostAttributes]
	last.Size++
	b.others.Sum(last.Sum[:0])
}

func (b *beside) sum(into *hash.Hash, a *Attribute) {
	if *into == nil {
		*into = b.new()
	}
	(*into).Write([]byte(a.Name))
	(*into).Write([]byte{0})
	(*into).Write(a.Sum[:])
}

// Attributes reads the extended attributes of a file, with a keyed digest of each, and
// is a digest of them all; zero: there are none.
func Attributes(f *reach.File, keyed func() hash.Hash) (list []Attribute, sum [sha256.Size]byte) {
	b := beside{new: keyed}
	eachAttribute(f, b.add)
	if b.all != nil {
		b.all.Sum(sum[:0])
	}
	return b.list, sum
}
