package tlog

import (
	"fmt"
	"path"
	"strings"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxLevel   = 7  // of a tile; a log has fewer than 2^63 entries
	bundle     = -1 // the level of entry bundles, as in sumdb/tlog

	stateDir       = ".state"
	checkpointPath = "checkpoint"
	statePath      = ".state/treeState"
	versionPath    = ".state/version"
	gcStatePath    = ".state/gcState"
)

// fileKind says what a file of a log directory is, by its name.
type fileKind int

// The kinds of files.
const (
	stranger       fileKind = iota // no file of a log
	checkpointFile                 // what the log last signed
	tileFile                       // hashes
	bundleFile                     // entries
	stateFile                      // the writer's own note of the tree, its version, its clearing up
	lockFile                       // empty; locked by the writer
	tempFile                       // half written: a writer is at work, or died there
)

// logFile is a file of a log directory.
type logFile struct {
	Path string // below the directory, with slashes
	Kind fileKind
	Odd  bool       // it is no regular file
	Tile sumdb.Tile // of a tileFile or bundleFile (level -1); its width is the one the name gives
}

// TilePath is where C2SP tlog-tiles puts a tile or, at level -1, a bundle.
func TilePath(t sumdb.Tile) string {
	p := strings.TrimPrefix(t.Path(), "tile/8/")
	if t.L == bundle {
		p = "entries/" + strings.TrimPrefix(p, "data/")
	}
	return "tile/" + p
}

func parseTilePath(p string) (t sumdb.Tile, ok bool) {
	rest, ok := strings.CutPrefix(p, "tile/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return t, false
	}
	if entries, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + entries
	}
	t, err := sumdb.ParseTilePath("tile/8/" + rest)
	return t, err == nil && t.L <= maxLevel && possible(t)
}

// possible reports whether a log can have that many entries. The name of a file may
// say any number, with which nothing could be computed.
func possible(t sumdb.Tile) bool {
	most := int64(entry.MaxNumber) >> (max(t.L, 0) * tileHeight) // hashes at that level
	return t.N <= most/tileWidth && t.N*tileWidth+int64(t.W) <= most
}

func full(level int, n int64) sumdb.Tile {
	return sumdb.Tile{H: tileHeight, L: level, N: n, W: tileWidth}
}

// classify tells a file's kind from its path.
func classify(p string) logFile {
	switch p {
	case checkpointPath:
		return logFile{Path: p, Kind: checkpointFile}
	case statePath, versionPath, gcStatePath:
		return logFile{Path: p, Kind: stateFile}
	case statePath + ".lock", gcStatePath + ".lock", ".state/publish.lock":
		return logFile{Path: p, Kind: lockFile}
	}
	if t, ok := parseTilePath(p); ok {
		kind := tileFile
		if t.L == bundle {
			kind = bundleFile
		}
		return logFile{Path: p, Kind: kind, Tile: t}
	}
	if isTemp(p) {
		return logFile{Path: p, Kind: tempFile}
	}
	return logFile{Path: p, Kind: stranger}
}

// isTemp recognises the files that Tessera writes before it renames them: the
// name they are to get, with a random number of up to ten digits after it.
func isTemp(p string) bool {
	if durable.IsTemp(p) {
		return durable.TempOf(p) == statePath
	}
	digits := len(p) - len(strings.TrimRight(p, "0123456789"))
	for n := 1; n <= min(digits, 10); n++ {
		switch target := p[:len(p)-n]; target {
		case checkpointPath, statePath, versionPath, gcStatePath:
			return true
		default:
			if _, ok := parseTilePath(target); ok {
				return true
			}
		}
	}
	return false
}

// Mismatch says that a file of a log was read and does not hold what the
// checkpoint commits to, or that a file which must be there is not. It unwraps
// to a verify.Finding. Any other error of a Tree means "could not read".
type Mismatch struct {
	Path   string // the file, below the log's directory
	Index  uint64 // of the first entry concerned
	Count  uint64 // of entries from Index on; 0 where the file is about none
	Detail string
}

// Error names the file, the entries and what is wrong.
func (m *Mismatch) Error() string { return m.Path + ": " + m.What() }

// What names the entries and what is wrong, for where the file is named beside it.
func (m *Mismatch) What() string {
	switch m.Count {
	case 0:
		return m.Detail
	case 1:
		return fmt.Sprintf("entry %d: %s", m.Index, m.Detail)
	}
	return fmt.Sprintf("entries %d to %d: %s", m.Index, m.Index+m.Count-1, m.Detail)
}

// newMismatch blames a whole tile or bundle, read from the file at p.
func newMismatch(p string, t sumdb.Tile, format string, args ...any) *Mismatch {
	first, count := span(t)
	return &Mismatch{p, first, count, fmt.Sprintf(format, args...)}
}

// span is the range of entries below a tile.
func span(t sumdb.Tile) (first, count uint64) {
	shift := uint(max(t.L, 0) * tileHeight)
	return uint64(t.N) * tileWidth << shift, uint64(t.W) << shift
}

// partialDir is where partial versions of a tile stand.
func partialDir(t sumdb.Tile) string { return TilePath(full(t.L, t.N)) + ".p" }

// listDirs are the directories in which versions of a tile stand.
func listDirs(t sumdb.Tile) [2]string {
	return [2]string{path.Dir(TilePath(full(t.L, t.N))), partialDir(t)}
}
