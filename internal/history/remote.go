package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// OpenRemote asks a server a question and returns a reader that will answer it, and
// others. What was believed of the log before must hold; the error is then a
// *verify.Finding.
func OpenRemote(ctx context.Context, f believed.Remote, q wire.Question, diag *slog.Logger) (*Reader, error) {
	log, answer, err := f.Open(ctx, q)
	if err != nil {
		return nil, err
	}
	s := &remote{read: f.Read, cp: log.Checkpoint(), tree: log.Tree, told: q.Told, answer: answer, kept: make(map[string]kept)}
	return newReader(s, log.Key, diag), nil
}

// remote is a store of which a server shows the pieces.
type remote struct {
	read func(context.Context, wire.Question) (*wire.Evidence, error)
	cp   verify.Checkpoint
	tree *tlog.Tree // read where the log is open to everyone
	told int        // as in the question that was asked

	mu     sync.Mutex
	answer *wire.Evidence // what has not been read of it yet; nil: all of it was
	kept   map[string]kept
	order  []string // of kept, oldest first
	bytes  int      // of kept
	failed error    // the first time that something could not be read
}

type kept struct {
	piece wire.Piece
	size  int
}

// Bounds of what is read, in bytes.
const (
	keepAtMost = 64 << 20 // of pieces, in memory
	lookAhead  = 4 << 20  // of an answer, for a piece that may not be in it
)

func (s *remote) Checkpoint() verify.Checkpoint { return s.cp }

// Close implements [Store]. A view leaves out what other entries say about it where
// that cannot be read; so that nobody takes it for whole, Close says that something
// could not.
func (s *remote) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.failed, s.end())
}

func (s *remote) end() error {
	if s.answer == nil {
		return nil
	}
	err := s.answer.Close()
	s.answer = nil
	return err
}

// Entry implements [Store].
func (s *remote) Entry(ctx context.Context, i uint64) ([]byte, error) {
	p, err := s.piece(ctx, wire.EntryKey(i), func() wire.Question { return pieces(wire.Want{Entry: &i}) })
	if err != nil {
		return nil, err
	}
	e := p.Entry
	if len(e.Note) == 0 {
		return nil, &verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: i, Detail: "the server has no entry there that its tree proves: " + e.Why}
	}
	if err := verify.Included(s.cp, i, e.Note, e.Proof); err != nil {
		return nil, err
	}
	return e.Note, nil
}

// Entries implements [Store].
func (s *remote) Entries(ctx context.Context) iter.Seq2[tlog.Entry, error] {
	return s.tree.Entries(ctx, 0, s.cp.Size)
}

// Open implements [Store].
func (s *remote) Open(ctx context.Context, i uint64, _ entry.ID, lines []entry.Line) ([]wire.Disclosure, error) {
	out := make([]wire.Disclosure, len(lines))
	for k, line := range lines {
		p, err := s.piece(ctx, wire.DisclosureKey(i, line), func() wire.Question {
			w := wire.Want{Open: &i}
			for _, l := range lines[k:] {
				w.Lines = append(w.Lines, l.String())
			}
			return pieces(w)
		})
		if err != nil {
			return nil, err
		}
		out[k] = *p.Disclosure
	}
	return out, nil
}

// Ask implements [Store]. A page of entries comes with everything that shows them.
func (s *remote) Ask(ctx context.Context, q wire.Lookup) (wire.Found, error) {
	p, err := s.piece(ctx, q.Key(), func() wire.Question {
		if q.Entries != nil && q.Entries.Limit > 1 {
			return wire.Question{Ask: wire.AskLog, Filter: q.Entries, Checked: q.Entries.Limit, Told: s.told} // what checking needs comes along
		}
		return pieces(wire.Want{Lookup: &q})
	})
	if err != nil {
		return wire.Found{}, err
	}
	return p.Told.Found, nil
}

func pieces(w wire.Want) wire.Question {
	return wire.Question{Ask: wire.AskPieces, Wants: []wire.Want{w}}
}

// piece finds a piece by its key: among those that are kept, in what has not been
// read of the answer yet, or by another question.
func (s *remote) piece(ctx context.Context, key string, ask func() wire.Question) (wire.Piece, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.find(ctx, key, ask)
	if err != nil && s.failed == nil {
		s.failed = err
	}
	return p, err
}

// find does it. The caller holds mu.
func (s *remote) find(ctx context.Context, key string, ask func() wire.Question) (wire.Piece, error) {
	if p, ok := s.kept[key]; ok {
		return p.piece, nil
	}
	if p, ok, err := s.readUntil(key); ok || err != nil {
		return p, err
	}
	if err := s.end(); err != nil {
		return wire.Piece{}, err
	}
	q := ask()
	q.Under = s.cp.Size
	var err error
	if s.answer, err = s.read(ctx, q); err != nil {
		return wire.Piece{}, err
	}
	p, ok, err := s.readUntil(key)
	if err == nil && !ok {
		err = errors.New("the server leaves out a part of its answer")
	}
	return p, err
}

// readUntil reads the answer until the piece with that key has come.
func (s *remote) readUntil(key string) (p wire.Piece, ok bool, err error) {
	for ahead := 0; s.answer != nil && ahead < lookAhead; {
		p, size, err := s.answer.Next()
		if errors.Is(err, io.EOF) {
			return p, false, s.end()
		}
		if err != nil {
			return p, false, errors.Join(fmt.Errorf("read the answer of the server: %w", err), s.end())
		}
		s.keep(p, size)
		if p.Key() == key {
			return p, true, nil
		}
		ahead += size
	}
	return p, false, nil
}

// keep keeps a piece, in place of the oldest ones where they are too many. The
// caller holds mu.
func (s *remote) keep(p wire.Piece, size int) {
	key := p.Key()
	if _, again := s.kept[key]; again || key == "" {
		return
	}
	s.kept[key] = kept{p, size}
	s.order = append(s.order, key)
	s.bytes += size
	for s.bytes > keepAtMost && len(s.order) > 1 {
		s.bytes -= s.kept[s.order[0]].size
		delete(s.kept, s.order[0])
		s.order = s.order[1:]
	}
}
