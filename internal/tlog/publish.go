package tlog

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// pollEvery is how often the checkpoint is read while somebody waits for it,
// however many they are.
const pollEvery = 5 * time.Millisecond

// publication is the newest checkpoint that was seen in the directory.
type publication struct {
	mu   sync.Mutex
	read time.Time
	cp   verify.Checkpoint
}

// WaitPublished returns the published checkpoint, signed, once it covers size
// entries. That is up to two checkpoint intervals after they were appended.
func (l *Log) WaitPublished(ctx context.Context, size uint64) ([]byte, error) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		cp, err := l.published.current(l.dir, size)
		if err != nil {
			return nil, err
		}
		if cp.Note != nil && cp.Size >= size {
			return cp.Note, nil
		}
		if err := l.err(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a checkpoint of %d entries: %w", size, ctx.Err())
		case <-poll.C:
		}
	}
}

func (p *publication) current(dir *Dir, size uint64) (verify.Checkpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cp.Note != nil && size > 0 && p.cp.Size >= size || time.Since(p.read) < pollEvery/2 {
		return p.cp, nil
	}
	signed, err := dir.ReadCheckpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return p.cp, nil
	}
	if err != nil {
		return p.cp, fmt.Errorf("read checkpoint: %w", err)
	}
	cp, err := verify.ReadCheckpoint(signed)
	if err != nil {
		return p.cp, err
	}
	p.cp, p.read = cp, time.Now()
	return cp, nil
}

// gate stands between Tessera and the log key: it signs a checkpoint only if
// the tree on disk has that root, continues the checkpoint signed before, and
// holds the entries since.
// Tessera computes a root from tiles it reads back without verifying them;
// signing what comes of a damaged one would be a fork.
type gate struct {
	note.Signer
	key     *entry.LogKey
	dir     *Dir
	refused func(error) // told why, while the gate is locked

	mu   sync.Mutex
	last verify.Checkpoint // signed; without an origin before the first
	down bool
}

var errGateShut = errors.New("the log signs nothing any more")

// Sign implements [note.Signer].
func (g *gate) Sign(msg []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return nil, errGateShut
	}
	cp, err := g.check(msg)
	if err != nil {
		g.down = true
		g.refused(fmt.Errorf("sign checkpoint: %w", err))
		return nil, err
	}
	sig, err := g.Signer.Sign(msg)
	if err != nil {
		return nil, err
	}
	if err := g.opens(msg, sig); err != nil {
		g.down = true
		g.refused(fmt.Errorf("the checkpoint that was signed does not open: %w", err))
		return nil, err
	}
	g.last = cp
	return sig, nil
}

// opens opens a checkpoint as verifiers will: what none of them takes must not be
// published, for it cannot be taken back.
func (g *gate) opens(msg, sig []byte) error {
	if g.key == nil {
		return nil
	}
	signed := binary.BigEndian.AppendUint32(nil, g.KeyHash())
	line := fmt.Sprintf("\n— %s %s\n", g.Name(), base64.StdEncoding.EncodeToString(append(signed, sig...)))
	_, err := verify.OpenCheckpoint(g.key, append(msg[:len(msg):len(msg)], line...))
	return err
}

func (g *gate) check(msg []byte) (verify.Checkpoint, error) {
	cp, err := verify.ReadCheckpoint(append(msg[:len(msg):len(msg)], '\n'))
	if err != nil {
		return cp, err
	}
	return cp, NewTree(g.dir, cp).continues(context.Background(), g.last)
}

// continues checks that the tree continues the last checkpoint, if there is
// one, that the entries since then are there, and that the tiles Tessera will
// build on are sound on disk.
func (t *Tree) continues(ctx context.Context, last verify.Checkpoint) error {
	if last.Origin != "" {
		if err := t.Consistent(ctx, last); err != nil {
			return err
		}
	}
	for l := range t.bundles(ctx, last.Size, t.cp.Size) {
		if err := l.problem(); err != nil {
			return err
		}
	}
	return t.soundEdge(ctx)
}

// shut lets nothing more be signed, and returns what was signed last.
func (g *gate) shut() verify.Checkpoint {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = true
	return g.last
}
