package tlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	sumdb "golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

func TestClassify(t *testing.T) {
	tile := func(level int, n int64, w int) sumdb.Tile {
		return sumdb.Tile{H: tileHeight, L: level, N: n, W: w}
	}
	for path, want := range map[string]logFile{
		"checkpoint":                  {Kind: checkpointFile},
		"checkpoint1":                 {Kind: tempFile},
		"checkpoint12345678901":       {Kind: stranger},
		"checkpoints":                 {Kind: stranger},
		".state/treeState":            {Kind: stateFile},
		".state/gcState":              {Kind: stateFile},
		".state/version":              {Kind: stateFile},
		".state/version17":            {Kind: tempFile},
		".state/treeState.lock":       {Kind: lockFile},
		".state/publish.lock":         {Kind: lockFile},
		".state/gcState.lock":         {Kind: lockFile},
		".state/other":                {Kind: stranger},
		"tile/0/000":                  {Kind: tileFile, Tile: tile(0, 0, 256)},
		"tile/6/000.p/31":             {Kind: tileFile, Tile: tile(6, 0, 31)},
		"tile/7/000":                  {Kind: stranger}, // of more entries than there can be
		"tile/8/000":                  {Kind: stranger},
		"tile/1/x001/x234/067.p/9":    {Kind: tileFile, Tile: tile(1, 1234067, 9)},
		"tile/entries/000":            {Kind: bundleFile, Tile: tile(bundle, 0, 256)},
		"tile/entries/x001/000.p/255": {Kind: bundleFile, Tile: tile(bundle, 1000, 255)},
		"tile/entries/000.p/256":      {Kind: tempFile}, // a partial of 25 or 2 entries
		"tile/entries/000.p/0":        {Kind: stranger},
		"tile/entries/0001":           {Kind: tempFile},
		"tile/data/000":               {Kind: stranger},
		"tile/entries/00":             {Kind: stranger},
		"tile/0/x000/000":             {Kind: stranger},
		"tile/00/000":                 {Kind: stranger},
		"tile":                        {Kind: stranger},
		"":                            {Kind: stranger},
	} {
		want.Path = path
		if diff := cmp.Diff(want, classify(path)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", path, diff)
		}
	}
}

func TestTilePathsAreThoseOfTheSpec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tile := sumdb.Tile{
			H: tileHeight,
			L: rapid.IntRange(bundle, maxLevel).Draw(t, "level"),
			N: rapid.Int64Range(0, 1<<45).Draw(t, "n"),
			W: rapid.IntRange(1, tileWidth).Draw(t, "width"),
		}
		path := TilePath(tile)
		if want := torchwood.TilePath(tile); path != want {
			t.Fatalf("path of %v is %s, torchwood says %s", tile, path, want)
		}
		if back, ok := parseTilePath(path); ok != possible(tile) || ok && back != tile {
			t.Fatalf("%s parses as %v, %t", path, back, ok)
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add([]byte{0, 1, 'x', 0, 0, 255, 255}, 3)
	f.Fuzz(func(t *testing.T, data []byte, want int) {
		want = min(max(want, 0), tileWidth)
		before := bytes.Clone(data)
		entries, rest := SplitBundle(data, want)
		hashes := leafHashes(data, entries)
		if !bytes.Equal(data, before) {
			t.Fatal("the bundle was altered")
		}
		var again []byte
		for i, e := range entries {
			var err error
			if again, err = torchwood.AppendTileEntry(again, e); err != nil {
				t.Fatal(err)
			}
			if hashAt(hashes, i) != sumdb.RecordHash(e) {
				t.Fatalf("hash of entry %d is wrong", i)
			}
		}
		if !bytes.Equal(append(again, rest...), data) {
			t.Fatal("entries and rest are not the bundle")
		}
		if _, _, err := torchwood.ReadTileEntry(rest); err == nil && len(entries) < want {
			t.Fatalf("stopped after %d entries of %d before one more", len(entries), want)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	f.Add("log.example/x\n7\n" + root + "\n\n— log.example/x AAAA\n")
	f.Add("log.example/x\n07\n" + root + "\n")
	f.Add("\n0\n" + root + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		cp, err := verify.ReadCheckpoint([]byte(text))
		if err != nil {
			return
		}
		head := fmt.Sprintf("%s\n%d\n%s\n", cp.Origin, cp.Size, base64.StdEncoding.EncodeToString(cp.Root[:]))
		if !strings.HasPrefix(text, head) {
			t.Fatalf("%q was read as %q", text, head)
		}
		theirs, err := torchwood.ParseCheckpoint(head)
		if err != nil || uint64(theirs.N) != cp.Size || entry.Hash(theirs.Hash) != cp.Root {
			t.Fatalf("%q is read otherwise by torchwood: %v, %v", head, theirs, err)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"size":1,"root":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		cp, err := parseState(raw)
		if err != nil {
			return
		}
		want := fmt.Sprintf(`{"size":%d,"root":"%s"}`, cp.Size, base64.StdEncoding.EncodeToString(cp.Root[:]))
		if string(raw) != want {
			t.Fatalf("%q was read as %q", raw, want)
		}
	})
}

// memory is a Source of whatever bytes it is given.
type memory map[string][]byte

func (m memory) ReadTile(_ context.Context, t sumdb.Tile) ([]byte, string, error) {
	path := TilePath(t)
	return bytes.Clone(m[path]), path, nil
}

// However a source lies, a Tree returns the true bytes or an error.
func FuzzTree(f *testing.F) {
	f.Add(uint16(3), []byte("abc"), []byte("x"))
	f.Fuzz(func(t *testing.T, size uint16, tile, bundleData []byte) {
		size = size%255 + 1
		m := memory{
			fmt.Sprintf("tile/0/000.p/%d", size):       tile,
			fmt.Sprintf("tile/entries/000.p/%d", size): bundleData,
		}
		cp := verify.Checkpoint{Origin: testOrigin, Size: uint64(size), Root: entry.EmptyRoot}
		tree := NewTree(m, cp)
		for _, err := range tree.Entries(t.Context(), 0, cp.Size) {
			if err == nil {
				t.Fatal("an entry in a tree that has none")
			}
		}
		if _, err := tree.Entry(t.Context(), 0); !mismatched(err) {
			t.Fatalf("entry 0: %v", err)
		}
	})
}
