package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/wire"
)

// Bounds of reading.
const (
	answersAtOnce = 32               // of all readers
	answerMost    = 10 * time.Minute // one answer; who wants more asks again
	stallMost     = 60 * time.Second // between two pieces that a reader takes
	renewEvery    = time.Minute      // how long files are held open
	flushEvery    = 32 << 10         // bytes
)

// Answerer answers questions about a store out of its files, beside whoever writes
// to it. It goes on where nothing can be written any more. Who may ask is for its
// caller to say.
type Answerer struct {
	layout layout.Store
	diag   *slog.Logger
	slots  *semaphore.Weighted

	mu   sync.Mutex
	key  *entry.LogKey
	dir  *tlog.Dir
	tree *tlog.Tree // of the newest checkpoint, with what was read of it
	held *held      // nil: nothing is open
}

// held is files that are open, for as long as somebody uses them.
type held struct {
	*history.Parts
	since time.Time
	users int
	old   bool // others have taken their place
}

// NewAnswerer prepares reading from a store. Nothing is opened yet.
func NewAnswerer(l layout.Store, diag *slog.Logger) *Answerer {
	return &Answerer{layout: l, diag: diag, slots: semaphore.NewWeighted(answersAtOnce)}
}

// Close lets go of the files once the last answer ends.
func (r *Answerer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replace(nil)
}

// replace puts others in the place of the files that are held. The caller holds mu.
func (r *Answerer) replace(h *held) error {
	old := r.held
	r.held = h
	if old == nil {
		return nil
	}
	old.old = true
	if old.users > 0 {
		return nil // the last one closes them
	}
	return old.Close()
}

// borrow lends open files until give is called. They are opened anew every now
// and then: an index may be built again in the place of the one that is open.
func (r *Answerer) borrow(ctx context.Context) (p *history.Parts, give func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil || time.Since(r.held.since) > renewEvery {
		parts, err := history.OpenParts(ctx, r.layout, r.diag)
		if err != nil {
			return nil, nil, err
		}
		if err := r.replace(&held{Parts: parts, since: time.Now()}); err != nil {
			r.diag.Warn("closing what was read from", "error", err)
		}
	}
	h := r.held
	h.users++
	return h.Parts, func() { r.give(h) }, nil
}

func (r *Answerer) give(h *held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.users--; h.users == 0 && h.old {
		if err := h.Close(); err != nil {
			r.diag.Warn("closing what was read from", "error", err)
		}
	}
}

// newest is the log under its newest checkpoint.
func (r *Answerer) newest() (*tlog.Tree, *entry.LogKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.key == nil {
		if r.key, err = r.layout.LogKey(); err != nil {
			return nil, nil, err
		}
	}
	if r.dir == nil {
		if r.dir, err = tlog.OpenDir(r.layout.Log()); err != nil {
			return nil, nil, err
		}
	}
	cp, err := r.dir.Checkpoint(r.key)
	if err != nil {
		return nil, nil, err
	}
	if r.tree == nil || string(r.tree.Checkpoint().Note) != string(cp.Note) {
		r.tree = tlog.NewTree(r.dir, cp)
	}
	return r.tree, r.key, nil
}

// Answer reads a question and answers it. asked, if not nil, is told of it first,
// unless it makes no sense.
func (r *Answerer) Answer(w http.ResponseWriter, req *http.Request, asked func(wire.Question)) error {
	var q wire.Question
	if err := receive(w, req, &q); err != nil {
		return err
	}
	if len(q.Wants) > wire.MaxWants {
		return refuse(http.StatusRequestEntityTooLarge, "", "%d pieces requested, the limit is %d", len(q.Wants), wire.MaxWants)
	}
	if err := history.CheckQuestion(q); err != nil {
		return refuse(http.StatusBadRequest, "", "%w", err)
	}
	if !r.slots.TryAcquire(1) {
		return refuse(http.StatusTooManyRequests, "wait and ask again", "too many answers are under way")
	}
	defer r.slots.Release(1)
	if asked != nil {
		asked(q)
	}
	ctx, cancel := context.WithTimeout(req.Context(), answerMost)
	defer cancel()
	tree, key, err := r.newest()
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	parts, give, err := r.borrow(ctx)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer give()
	out := &pieceWriter{w: w, rc: http.NewResponseController(w)}
	if err := out.rc.SetReadDeadline(time.Time{}); err != nil { // the question has been read
		return err
	}
	return out.end(history.Answer(ctx, parts, tree, key, q, out.emit))
}

// pieceWriter writes the pieces of an answer, compressed. A reader that does not
// take them in time is let go.
type pieceWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	zip     *zstd.Encoder // nil: nothing has been written
	waiting int           // bytes since the last flush
}

var zips = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // these options are valid
	}
	return z
}}

// putBack keeps an encoder for the next answer, and nothing of this one.
func putBack(z *zstd.Encoder) {
	z.Reset(nil)
	zips.Put(z)
}

func (p *pieceWriter) emit(piece *wire.Piece) (int, error) {
	if p.zip == nil {
		p.zip = zips.Get().(*zstd.Encoder)
		p.zip.Reset(p.w)
		p.w.Header().Set("Content-Type", "application/octet-stream")
		p.w.Header().Set("Content-Encoding", "zstd")
	}
	if p.waiting == 0 {
		if err := p.rc.SetWriteDeadline(time.Now().Add(stallMost)); err != nil {
			return 0, err
		}
	}
	counted := counter{w: p.zip}
	if err := wire.WritePiece(&counted, piece); err != nil {
		return counted.n, err
	}
	if p.waiting += counted.n; p.waiting < flushEvery {
		return counted.n, nil
	}
	return counted.n, p.flush()
}

func (p *pieceWriter) flush() error {
	p.waiting = 0
	if err := p.zip.Flush(); err != nil {
		return err
	}
	return p.rc.Flush()
}

// end ends the answer: with a status where nothing was written yet, with a piece
// that says why where it is not whole.
func (p *pieceWriter) end(err error) error {
	if p.zip == nil && err != nil {
		if errors.Is(err, history.ErrQuestion) {
			return refuse(http.StatusBadRequest, "", "%w", err)
		}
		return err
	}
	if err != nil {
		if _, bad := p.emit(&wire.Piece{Problem: problemText(err)}); bad != nil {
			return nil // nobody is there any more
		}
	} else if p.zip == nil {
		if _, err := p.emit(&wire.Piece{Problem: "there is nothing to show"}); err != nil {
			return nil
		}
	}
	if wire.WriteEnd(p.zip) == nil && p.zip.Close() == nil {
		putBack(p.zip)
	}
	return nil
}

// problemText says no more of a failure than a reader may know.
func problemText(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it takes too long"
	case errors.Is(err, history.ErrQuestion):
		return err.Error()
	}
	return "it could not be looked at"
}

// counter counts what is written.
type counter struct {
	w interface{ Write([]byte) (int, error) }
	n int
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += n
	return n, err
}

// reading is a request of somebody who may read.
type reading struct {
	*http.Request
	reader wire.Reader
}

// reader lets in who has a reading token, and the operator.
func (s *Server) reader(h func(http.ResponseWriter, *reading) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, ok := s.tokens.Reader(bearer(r))
		if !ok {
			return refuse(http.StatusUnauthorized, "ask the operator for a reading token (`stele admin token --read`), then: stele connect < token", "missing, unknown or expired reading token")
		}
		return h(w, &reading{r, who})
	}
}

// read answers a question, and notes that it was asked.
func (s *Server) read(w http.ResponseWriter, r *reading) error {
	leave, err := s.enters(r)
	if err != nil {
		return err
	}
	defer leave()
	return s.reads.Answer(w, r.Request, func(q wire.Question) { s.access.note(r, q, s.cfg.Now()) })
}

// enters counts an answer to a reader until leave is called.
func (s *Server) enters(r *reading) (leave func(), err error) {
	if !s.access.enter(r.reader.ID) {
		return nil, refuse(http.StatusTooManyRequests, "wait and ask again", "this reader has too many answers under way")
	}
	return func() { s.access.leave(r.reader.ID) }, nil
}

func (s *Server) identity(w http.ResponseWriter, r *reading) error { return reply(w, r.reader) }

// askSources stands for the list of sources where it is noted what was read: it
// names hosts, which are sealed.
const askSources = "sources"

func (s *Server) readSources(w http.ResponseWriter, r *reading) error {
	leave, err := s.enters(r)
	if err != nil {
		return err
	}
	defer leave()
	if r.reader.ID != "" { // the operator has the very files
		s.access.note(r, wire.Question{Ask: askSources}, s.cfg.Now())
	}
	return s.listSources(w, r.Request)
}

// entry is an entry by its index, for a source that has something to say about it.
func (s *Server) entry(w http.ResponseWriter, c *call) error {
	var i uint64
	if _, err := fmt.Sscanf(c.URL.Query().Get("index"), "%d", &i); err != nil {
		return refuse(http.StatusBadRequest, "", "index is not a number")
	}
	var out wire.Leaf
	err := s.keeper.use(c.Context(), func(ctx context.Context, srv *store.Store) (err error) {
		if i >= srv.Published() {
			return refuse(http.StatusNotFound, "", "the log has no entry %d yet", i)
		}
		out.Note, err = srv.Entry(ctx, i)
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, out)
}
