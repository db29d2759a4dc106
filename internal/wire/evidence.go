package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// Piece is one piece of evidence: the one field that is set.
type Piece struct {
	Ground     *Ground
	Entry      *ProvedEntry
	Disclosure *Disclosure
	Told       *Told
	Problem    string // why the answer ends before it is whole
}

// Ground begins an answer: what all of it stands on.
type Ground struct {
	Checkpoint  []byte         `json:"checkpoint"`
	Consistency tlog.TreeProof `json:"consistency,omitempty"` // from the size that was believed
}

// ProvedEntry is an entry and the proof that it stands at its index.
type ProvedEntry struct {
	Index uint64
	Note  []byte // nil: the server has none that its tree proves
	Proof tlog.RecordProof
	Why   string // where there is none
}

// DisclosureState is how a disclosure stands.
type DisclosureState byte

// The states of a disclosure.
const (
	Opens   DisclosureState = iota // salt and body are there
	Erased                         // its key was destroyed
	Missing                        // there is none; Why says more
)

// Disclosure is what opens one line of one entry, or why nothing does.
type Disclosure struct {
	Index uint64
	Line  entry.Line
	State DisclosureState
	Salt  seal.Salt
	Body  []byte
	Why   string
}

// Told is what the index said to a question.
type Told struct {
	Lookup Lookup `json:"lookup"`
	Found  Found  `json:"found"`
}

// MaxPiece bounds one piece, in bytes: a text, or the subjects of many hosts.
const MaxPiece = seal.MaxText + 16<<20

// The first byte of a piece.
const (
	pieceGround = iota + 1
	pieceEntry
	pieceDisclosure
	pieceTold
	pieceProblem
)

// AppendBinary renders a piece.
func (p *Piece) AppendBinary(b []byte) ([]byte, error) {
	part := func(p []byte) { b = append(binary.AppendUvarint(b, uint64(len(p))), p...) }
	switch {
	case p.Ground != nil:
		return appendJSON(append(b, pieceGround), p.Ground)
	case p.Told != nil:
		return appendJSON(append(b, pieceTold), p.Told)
	case p.Entry != nil:
		b = binary.AppendUvarint(append(b, pieceEntry), p.Entry.Index)
		part(p.Entry.Note)
		part([]byte(p.Entry.Why))
		for _, h := range p.Entry.Proof {
			b = append(b, h[:]...)
		}
		return b, nil
	case p.Disclosure != nil:
		o := p.Disclosure
		b = binary.AppendUvarint(append(b, pieceDisclosure), o.Index)
		part([]byte(o.Line.String()))
		b = append(append(b, byte(o.State)), o.Salt[:]...)
		part([]byte(o.Why))
		return append(b, o.Body...), nil
	}
	return append(append(b, pieceProblem), p.Problem...), nil
}

func appendJSON(b []byte, v any) ([]byte, error) {
	j, err := json.Marshal(v)
	return append(b, j...), err
}

// UnmarshalBinary reads what AppendBinary wrote. p keeps b.
func (p *Piece) UnmarshalBinary(b []byte) error {
	*p = Piece{}
	r := reader{b: b}
	kind := r.take(1)
	if kind == nil {
		return errors.New("a piece of evidence is empty")
	}
	switch kind[0] {
	case pieceGround:
		p.Ground = new(Ground)
		return json.Unmarshal(r.b, p.Ground)
	case pieceTold:
		p.Told = new(Told)
		return json.Unmarshal(r.b, p.Told)
	case pieceEntry:
		p.Entry = &ProvedEntry{Index: r.index(), Note: r.part(), Why: string(r.part())}
		return p.Entry.readProof(&r)
	case pieceDisclosure:
		p.Disclosure = new(Disclosure)
		return p.Disclosure.read(&r)
	case pieceProblem:
		p.Problem = string(r.b)
		return nil
	}
	return fmt.Errorf("a piece of evidence of the unknown kind %d", kind[0])
}

// readProof reads the hashes of a proof: of 63 levels at the most.
func (e *ProvedEntry) readProof(r *reader) error {
	if len(r.b)%tlog.HashSize != 0 || len(r.b) > 63*tlog.HashSize {
		return errors.New("a proof is not whole hashes")
	}
	for len(r.b) > 0 {
		e.Proof = append(e.Proof, tlog.Hash(r.take(tlog.HashSize)))
	}
	return r.err
}

func (o *Disclosure) read(r *reader) error {
	o.Index = r.index()
	line, err := entry.ParseLine(string(r.part()))
	if err == nil {
		err = r.err
	}
	if err != nil {
		return fmt.Errorf("line of a disclosure: %w", err)
	}
	o.Line = line
	if s := r.take(1); s != nil {
		o.State = DisclosureState(s[0])
	}
	copy(o.Salt[:], r.take(len(o.Salt)))
	o.Why = string(r.part())
	o.Body = r.b
	if r.err == nil && o.State > Missing {
		return fmt.Errorf("a disclosure in the unknown state %d", o.State)
	}
	return r.err
}

// index reads a number that may be larger than any length.
func (r *reader) index() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.b, r.err = nil, ErrTruncated
		return 0
	}
	r.b = r.b[size:]
	return n
}

// Evidence reads the pieces of an answer one by one.
type Evidence struct {
	in    *bufio.Reader
	close func() error
}

// NewEvidence reads pieces from r, which close lets go of.
func NewEvidence(r io.Reader, close func() error) *Evidence {
	return &Evidence{bufio.NewReaderSize(r, 64<<10), close}
}

// Next returns the next piece; io.EOF where the answer is whole, and a
// *[ProblemError] where the server says that it is not. size is what the piece
// took, in bytes.
func (e *Evidence) Next() (p Piece, size int, err error) {
	b, err := ReadFrame(e.in, MaxPiece)
	switch {
	case errors.Is(err, io.EOF): // no last frame: the answer was cut short
		return p, 0, io.ErrUnexpectedEOF
	case err != nil:
		return p, 0, err
	case len(b) == 0:
		return p, 0, io.EOF
	}
	if err = p.UnmarshalBinary(b); err == nil && p.Problem != "" {
		err = &ProblemError{p.Problem}
	}
	return p, len(b), err
}

// ProblemError is why an answer ends before it is whole, as the server puts it.
type ProblemError struct{ Why string }

func (e *ProblemError) Error() string { return "the server cannot answer: " + e.Why }

// Close ends the reading.
func (e *Evidence) Close() error { return e.close() }

// WritePiece writes one piece; [WriteEnd] says that there are no more.
func WritePiece(w io.Writer, p *Piece) error {
	b, err := p.AppendBinary(nil)
	if err != nil {
		return err
	}
	if len(b) > MaxPiece {
		return fmt.Errorf("a piece of evidence of %d bytes: %w", len(b), ErrTooLarge)
	}
	return WriteFrame(w, b)
}

// WriteEnd ends an answer.
func WriteEnd(w io.Writer) error { return WriteFrame(w, nil) }

// Key names what a piece is about, so that it is found again; empty for a ground or
// a problem.
func (p *Piece) Key() string {
	switch {
	case p.Entry != nil:
		return EntryKey(p.Entry.Index)
	case p.Disclosure != nil:
		return DisclosureKey(p.Disclosure.Index, p.Disclosure.Line)
	case p.Told != nil:
		return p.Told.Lookup.Key()
	}
	return ""
}

// EntryKey names an entry.
func EntryKey(i uint64) string { return string(binary.AppendUvarint([]byte{pieceEntry}, i)) }

// DisclosureKey names the disclosure of a line.
func DisclosureKey(i uint64, l entry.Line) string {
	return string(append(binary.AppendUvarint([]byte{pieceDisclosure}, i), l.String()...))
}

// Key names a question to the index; empty for one that cannot be asked.
func (l *Lookup) Key() string {
	b, err := appendJSON([]byte{pieceTold}, l)
	if err != nil { // a time of a year that JSON does not have
		return ""
	}
	return string(b)
}
