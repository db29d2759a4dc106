package inode

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"testing"
)

func keyed() hash.Hash { return hmac.New(sha256.New, []byte("k")) }

// However many attributes there are and however long, what is handed over is
// bounded, and a change of any of them shows.
func TestAttributesAreBounded(t *testing.T) {
	b := beside{new: keyed}
	for i := range 100 {
		b.add(fmt.Sprintf("user.%03d", i), bytes.Repeat([]byte("x"), 20*i), false)
	}
	if len(b.list) != mostAttributes+1 || b.list[mostAttributes].Name != Others || b.list[mostAttributes].Size != 100-mostAttributes {
		t.Fatalf("%d are listed, the last is %+v", len(b.list), b.list[len(b.list)-1])
	}
	for _, a := range b.list {
		if len(a.Value) > longestAttribute || (a.Value == nil) != (a.Size > longestAttribute || a.Name == Others) {
			t.Errorf("%s of %d bytes: %d are handed over", a.Name, a.Size, len(a.Value))
		}
	}
	others := b.list[mostAttributes].Sum
	b.add("user.100", nil, false)
	if b.list[mostAttributes].Sum == others {
		t.Error("one more does not show")
	}
}

// Of a file that a user led the watcher to, the values are not handed over; what
// anybody can see of it is.
func TestAttributesWithheld(t *testing.T) {
	b := beside{new: keyed}
	b.add("security.capability", []byte("1"), true)
	b.add("user.secret", []byte("2"), true)
	if b.list[0].Value == nil || b.list[1].Value != nil || b.list[1].Sum == [32]byte{} {
		t.Errorf("handed over: %+v", b.list)
	}
}
