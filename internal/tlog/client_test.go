package tlog

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"filippo.io/torchwood"
	sumdb "golang.org/x/mod/sumdb/tlog"
)

// A client that is not ours reads the log over HTTP as plain files, and verifies
// it with nothing but the log's key.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{1, 256, 1000} {
		dir := makeLog(t, size, 150)
		web := httptest.NewServer(http.FileServer(http.Dir(dir)))
		t.Cleanup(web.Close)
		fetcher, err := torchwood.NewTileFetcher(web.URL)
		check(t, err)
		client, err := torchwood.NewClient(fetcher)
		check(t, err)
		signed, err := fetcher.ReadEndpoint(t.Context(), "checkpoint")
		check(t, err)
		tree := verifiedBy(t, signed)
		if tree.N != int64(size) {
			t.Fatalf("checkpoint covers %d, want %d", tree.N, size)
		}
		read := uint64(0)
		for i, e := range client.AllEntries(t.Context(), tree, 0) {
			if uint64(i) != read || !bytes.Equal(e, content(read)) {
				t.Fatalf("entry %d came in place of %d, or has other bytes", i, read)
			}
			read++
		}
		check(t, client.Err())
		if read != size {
			t.Fatalf("client read %d of %d entries", read, size)
		}
		_, ours := openTree(t, dir)
		for i := uint64(0); i < size; i += 99 {
			e, proof, err := client.Entry(t.Context(), tree, int64(i))
			check(t, err)
			check(t, sumdb.CheckRecord(proof, tree.N, tree.Hash, int64(i), sumdb.RecordHash(e)))
			consistency, err := ours.Consistency(t.Context(), i+1)
			check(t, err)
			check(t, sumdb.CheckTree(consistency, tree.N, tree.Hash, int64(i+1), sumdb.Hash(rootOf(t, i+1))))
		}
	}
}

func verifiedBy(t *testing.T, signed []byte) sumdb.Tree {
	t.Helper()
	policy, err := torchwood.ParsePolicy([]byte("log " + vkeyOf(t) + "\nquorum none\n"))
	check(t, err)
	cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
	check(t, err)
	return cp.Tree
}

func vkeyOf(t *testing.T) string {
	_, key := testKey(t)
	return key.VKey()
}
