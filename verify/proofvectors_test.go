package verify_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// proofVector is one element of proofs.json: of inclusion with a leaf, of
// consistency with an old root.
type proofVector struct {
	Name    string   `json:"name"`
	Comment string   `json:"comment"`
	Size    uint64   `json:"size"`
	Root    string   `json:"root"`
	Index   uint64   `json:"index,omitempty"`
	Leaf    []byte   `json:"leaf,omitempty"`
	OldSize uint64   `json:"old_size,omitempty"`
	OldRoot string   `json:"old_root,omitempty"`
	Proof   []string `json:"proof"`
	Expect  string   `json:"expect"`
}

func proofName(v proofVector) string { return v.Name }

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// auditPath is PATH of RFC 6962, section 2.1.1.
func auditPath(i int, leaves [][]byte) []string {
	n := len(leaves)
	if n == 1 {
		return []string{}
	}
	k := split(n)
	if i < k {
		return append(auditPath(i, leaves[:k]), treeRoot(leaves[k:]).String())
	}
	return append(auditPath(i-k, leaves[k:]), treeRoot(leaves[:k]).String())
}

// subProof is SUBPROOF of RFC 6962, section 2.1.2.
func subProof(m int, leaves [][]byte, whole bool) []string {
	n := len(leaves)
	if m == n {
		if whole {
			return []string{}
		}
		return []string{treeRoot(leaves).String()}
	}
	k := split(n)
	if m <= k {
		return append(subProof(m, leaves[:k], whole), treeRoot(leaves[k:]).String())
	}
	return append(subProof(m-k, leaves[k:], false), treeRoot(leaves[:k]).String())
}

// makeProofVectors is proofs.json.
func makeProofVectors() []proofVector {
	var leaves [][]byte
	for i := range 7 {
		leaves = append(leaves, fmt.Appendf(nil, "leaf %d", i))
	}
	return slices.Concat(inclusionVectors(leaves), consistencyVectors(leaves))
}

func inclusionVectors(leaves [][]byte) (list []proofVector) {
	proof := func(name string, size, i int, expect string, edit func(*proofVector)) {
		v := proofVector{
			Name: fmt.Sprintf("leaf %d of %d%s", i, size, name), Size: uint64(size), Root: treeRoot(leaves[:size]).String(),
			Index: uint64(i), Leaf: leaves[i], Proof: auditPath(i, leaves[:size]), Expect: expect,
		}
		edit(&v)
		list = append(list, v)
	}
	bad := func(name string, edit func(*proofVector)) { proof(", "+name, 7, 4, "tree-mismatch", edit) }
	for size := range leaves {
		for i := range size + 1 {
			proof("", size+1, i, "ok", func(*proofVector) {})
		}
	}
	bad("another leaf", func(v *proofVector) { v.Leaf = leaves[5] })
	bad("another index", func(v *proofVector) { v.Index = 5 })
	bad("an index beyond", func(v *proofVector) { v.Index = 7 })
	bad("another size", func(v *proofVector) { v.Size = 5 })
	bad("another root", func(v *proofVector) { v.Root = treeRoot(leaves[:6]).String() })
	bad("a hash less", func(v *proofVector) { v.Proof = v.Proof[1:] })
	bad("a hash more", func(v *proofVector) { v.Proof = append(v.Proof, digest("x")) })
	bad("no proof", func(v *proofVector) { v.Proof = []string{} })
	proof(", size 0", 1, 0, "tree-mismatch", func(v *proofVector) { v.Size, v.Root = 0, emptyRoot })
	return list
}

func consistencyVectors(leaves [][]byte) (list []proofVector) {
	proof := func(name string, old, size int, expect string, edit func(*proofVector)) {
		v := proofVector{
			Name: fmt.Sprintf("from %d to %d%s", old, size, name), Size: uint64(size), Root: treeRoot(leaves[:size]).String(),
			OldSize: uint64(old), OldRoot: treeRoot(leaves[:old]).String(), Proof: []string{}, Expect: expect,
		}
		if 0 < old && old < size {
			v.Proof = subProof(old, leaves[:size], true)
		}
		edit(&v)
		list = append(list, v)
	}
	bad := func(name string, edit func(*proofVector)) { proof(", "+name, 3, 7, "fork", edit) }
	for size := range len(leaves) + 1 {
		for old := range size + 1 {
			proof("", old, size, "ok", func(*proofVector) {})
		}
	}
	bad("another old root", func(v *proofVector) { v.OldRoot = digest("x") })
	bad("another root", func(v *proofVector) { v.Root = digest("x") })
	bad("no proof", func(v *proofVector) { v.Proof = []string{} })
	bad("a hash less", func(v *proofVector) { v.Proof = v.Proof[1:] })
	bad("a hash more", func(v *proofVector) { v.Proof = append(v.Proof, digest("x")) })
	proof(", another root", 7, 7, "fork", func(v *proofVector) { v.OldRoot = digest("x") })
	proof(", fewer leaves", 3, 7, "shrunk", func(v *proofVector) { v.Size, v.Root = 2, treeRoot(leaves[:2]).String() })
	proof(", no leaf", 3, 7, "shrunk", func(v *proofVector) { v.Size, v.Root = 0, emptyRoot })
	return list
}

func checkProof(t *testing.T, v proofVector) {
	cp := verify.Checkpoint{Size: v.Size, Root: must(entry.ParseHash(v.Root))}
	proof := []tlog.Hash{}
	for _, h := range v.Proof {
		proof = append(proof, tlog.Hash(must(entry.ParseHash(h))))
	}
	err := verify.Included(cp, v.Index, v.Leaf, proof)
	if v.OldRoot != "" {
		err = verify.Consistent(verify.Checkpoint{Size: v.OldSize, Root: must(entry.ParseHash(v.OldRoot))}, cp, proof)
	}
	got := "ok"
	if f := (*verify.Finding)(nil); errors.As(err, &f) {
		got = string(f.Code)
	} else if err != nil {
		t.Fatal(err)
	}
	if got != v.Expect {
		t.Fatalf("got %s (%v), want %s", got, err, v.Expect)
	}
}
