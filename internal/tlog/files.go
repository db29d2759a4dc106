package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/verify"
)

// files walks all files of the directory, and says what each is by its name.
// A directory that no log has is among them.
// Files that vanish meanwhile are left out: a writer clears away partial tiles.
func (d *Dir) files() iter.Seq2[logFile, error] {
	return func(yield func(logFile, error) bool) {
		err := filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path != d.path {
				return nil
			}
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(d.path, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if e.IsDir() && ownDir.MatchString(rel) {
				return nil
			}
			f := classify(rel)
			f.Odd = !e.Type().IsRegular()
			if !yield(f, nil) {
				return fs.SkipAll
			}
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			yield(logFile{}, fmt.Errorf("list files of log: %w", err))
		}
	}
}

// ownDir are the directories of a log.
var ownDir = regexp.MustCompile(`^(\.|\.state|tile|tile/(entries|\d{1,2})(/x\d{3})*(/\d{3}\.p)?)$`)

// CheckFiles reads every file of the log and reports what contradicts the tree:
// the tiles and bundles it needs, the partial ones it no longer needs, the
// checkpoint, the writer's notes, and files that are no part of a log. A problem
// is a *[Mismatch] or a *verify.Finding; the error says that a file could not be
// read. A writer may be at work: what is newer than the tree is held against it
// as far as the tree goes, and temporary files are passed over. The signature on
// a newer checkpoint is for its reader to verify.
func (d *Dir) CheckFiles(ctx context.Context, t *Tree, report func(path string, problem error)) error {
	c := &inspection{dir: d, tree: t, report: report, said: make(map[Mismatch]bool)}
	if err := c.bundles(ctx); err != nil {
		return err
	}
	if err := c.tiles(ctx); err != nil {
		return err
	}
	if err := c.rest(ctx); err != nil {
		return err
	}
	for _, path := range []string{statePath, versionPath} {
		if _, err := os.Lstat(filepath.Join(c.dir.path, filepath.FromSlash(path))); errors.Is(absent(err), fs.ErrNotExist) {
			c.report(path, &Mismatch{Path: path, Detail: "missing"})
		}
	}
	return nil
}

// What is wrong with what is no file of a log, though it may have the name of one.
const (
	notOurs    = "no file of a log"
	notRegular = "a link or a directory, not a file"
)

// Beside says what to do about a file that is wrong and holds nothing of the record:
// the writer's own, or no part of a log. It is empty for every other file.
func Beside(path string, problem error) string {
	switch classify(path).Kind {
	case stateFile, lockFile:
		return "the next writer makes it anew"
	case checkpointFile, tileFile, bundleFile:
		if m := (*Mismatch)(nil); errors.As(problem, &m) && m.Detail == notRegular {
			return "put the file itself here"
		}
	case stranger, tempFile:
		return "move it away"
	}
	return ""
}

// inspection is one run of CheckFiles.
type inspection struct {
	dir    *Dir
	tree   *Tree
	report func(path string, problem error)
	said   map[Mismatch]bool // one damaged tile is met from many sides
}

// problem reports what is wrong with a file, and hands back what says only that
// it could not be read.
func (c *inspection) problem(path string, err error) error {
	var m *Mismatch
	var f *verify.Finding
	switch {
	case errors.As(err, &m):
		if !c.said[*m] {
			c.said[*m] = true
			c.report(m.Path, m)
		}
	case errors.As(err, &f):
		c.report(path, f)
	default:
		return err
	}
	return nil
}

// bundles checks the entries that the tree covers.
func (c *inspection) bundles(ctx context.Context) error {
	for l := range c.tree.bundles(ctx, 0, c.tree.cp.Size) {
		if err := c.problem(l.path, l.err); err != nil {
			return err
		}
		for _, i := range slices.Sorted(maps.Keys(l.bad)) {
			if err := c.problem(l.path, l.bad[i]); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// tiles checks the hashes that the tree covers.
func (c *inspection) tiles(ctx context.Context) error {
	for level, edge := range c.tree.edgeTiles() {
		for n := range edge.N + 1 {
			if err := c.problem("", c.tile(ctx, c.tree.at(level, n))); err != nil {
				return err
			}
		}
	}
	return nil
}

// tile holds a tile as it is stored against the verified one, which may have
// been rebuilt.
func (c *inspection) tile(ctx context.Context, tile sumdb.Tile) error {
	if tile.W == 0 {
		return nil
	}
	stored, err := c.tree.readTile(ctx, tile)
	if err != nil {
		return err
	}
	want, err := c.tree.tile(ctx, tile.L, tile.N)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, want) {
		return newMismatch(TilePath(tile), tile, "%s", wrongTile)
	}
	return nil
}

// rest checks the files that no reader of this tree asks for.
func (c *inspection) rest(ctx context.Context) error {
	for f, err := range c.dir.files() {
		if err == nil {
			err = c.problem(f.Path, c.file(ctx, f))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (c *inspection) file(ctx context.Context, f logFile) error {
	switch {
	case f.Kind == stranger || f.Odd && f.Kind == tempFile:
		return &Mismatch{Path: f.Path, Detail: notOurs}
	case f.Odd:
		return &Mismatch{Path: f.Path, Detail: notRegular}
	}
	switch f.Kind {
	case checkpointFile:
		return c.checkpoint(ctx)
	case stateFile:
		return c.note(ctx, f.Path)
	case lockFile:
		return c.holds(f.Path, "")
	case tileFile:
		return c.otherTile(ctx, f)
	case bundleFile:
		return c.otherBundle(ctx, f)
	}
	return nil // a temporary file
}

// checkpoint holds the published checkpoint against the tree's.
func (c *inspection) checkpoint(ctx context.Context) error {
	ours := c.tree.cp
	signed, err := c.dir.ReadCheckpoint()
	if err != nil || bytes.Equal(signed, ours.Note) {
		return err
	}
	cp, err := verify.ReadCheckpoint(signed)
	if err != nil {
		return err
	}
	if err := NewTree(c.dir, cp).Consistent(ctx, ours); err != nil {
		return err
	}
	if cp.Size == ours.Size {
		return &Mismatch{Path: checkpointPath, Detail: "not what the log signed for this tree"}
	}
	return nil
}

// note checks what the writer wrote down for itself.
func (c *inspection) note(ctx context.Context, path string) error {
	switch path {
	case versionPath:
		return c.holds(path, "1")
	case gcStatePath:
		return c.gcState()
	}
	state, err := c.dir.readState()
	if err != nil {
		return err
	}
	state.Origin = c.tree.cp.Origin
	if err := NewTree(c.dir, state).Consistent(ctx, c.tree.cp); err != nil {
		if f := (*verify.Finding)(nil); !errors.As(err, &f) {
			return err
		}
		return &Mismatch{Path: path, Detail: fmt.Sprintf("it contradicts the tree: %v", err)}
	}
	return nil
}

// holds checks a file whose content is known.
func (c *inspection) holds(path, want string) error {
	got, err := c.dir.read(path, int64(len(want)))
	if err != nil {
		return err
	}
	if string(got) != want {
		return &Mismatch{Path: path, Detail: fmt.Sprintf("it does not hold %q", want)}
	}
	return nil
}

// gcState is Tessera's note of how far partial tiles have been cleared away.
type gcState struct {
	FromSize uint64 `json:"fromSize"`
}

func (c *inspection) gcState() error {
	raw, err := c.dir.read(gcStatePath, 4096)
	if err != nil {
		return err
	}
	var s gcState
	state, err := c.dir.readState()
	if err != nil {
		return err
	}
	if !canonical(raw, &s) || s.FromSize%tileWidth != 0 || s.FromSize > state.Size {
		return &Mismatch{Path: gcStatePath, Detail: "it is not a number of entries in full bundles of the log"}
	}
	return nil
}

// otherTile checks a tile that is narrower or wider than the tree makes it: as
// far as both go they are the same.
func (c *inspection) otherTile(ctx context.Context, f logFile) error {
	known := c.tree.at(f.Tile.L, f.Tile.N)
	switch known.W {
	case 0:
		return c.beyond(f)
	case f.Tile.W:
		return nil // checked already
	}
	data, err := c.dir.read(f.Path, maxFile(f.Tile.L))
	if err != nil {
		return err
	}
	if len(data) != f.Tile.W*sumdb.HashSize {
		return newMismatch(f.Path, f.Tile, "%d bytes in place of %d", len(data), f.Tile.W*sumdb.HashSize)
	}
	want, err := c.tree.tile(ctx, f.Tile.L, f.Tile.N)
	if err != nil {
		return err
	}
	if n := min(len(data), len(want)); !bytes.Equal(data[:n], want[:n]) {
		return newMismatch(f.Path, f.Tile, "%s", wrongTile)
	}
	return nil
}

// beyond checks a tile or bundle behind the tree: a writer may have come as far, or
// have died there, and no further than one batch behind its note.
func (c *inspection) beyond(f logFile) error {
	state, err := c.dir.readState()
	if err != nil {
		return err
	}
	if first, count := span(f.Tile); first+count > state.Size+batchSize {
		return newMismatch(f.Path, f.Tile, "the log does not reach as far")
	}
	return nil
}

// otherBundle does the same for a bundle.
func (c *inspection) otherBundle(ctx context.Context, f logFile) error {
	known := c.tree.at(bundle, f.Tile.N)
	switch known.W {
	case 0:
		return c.beyond(f)
	case f.Tile.W:
		return nil
	}
	data, err := c.dir.read(f.Path, maxFile(bundle))
	if err != nil {
		return err
	}
	entries, rest := SplitBundle(data, f.Tile.W)
	if len(entries) < f.Tile.W {
		return newMismatch(f.Path, f.Tile, "the bundle breaks off after %d entries", len(entries))
	}
	if len(rest) > 0 {
		return newMismatch(f.Path, f.Tile, "%s", surplus(rest))
	}
	want, err := c.tree.tile(ctx, 0, f.Tile.N)
	if err != nil {
		return err
	}
	hashes := leafHashes(data, entries)
	for i := range min(len(entries), known.W) {
		if hashAt(hashes, i) != hashAt(want, i) {
			return &Mismatch{f.Path, uint64(f.Tile.N)*tileWidth + uint64(i), 1, wrongHash}
		}
	}
	return nil
}
