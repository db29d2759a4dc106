package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of what crosses at once, in bytes.
const (
	MaxSubmission = 64 << 20 // one entry with everything that opens it
	MaxBatch      = 64 << 20 // one request, decompressed
)

// maxBatchParts bounds the bodies and texts of one batch, all submissions together. An
// empty one takes a byte to send and much more to hold; a full batch of sound
// entries is far below.
const maxBatchParts = 1 << 20

// partsOf is about what a submission takes to hold beside its bytes, in parts.
func partsOf(s *Submission) int { return 8 + len(s.What) + len(s.Texts) }

// ErrTooLarge says that something is larger than may cross at once.
var ErrTooLarge = errors.New("larger than a server takes at once")

// AppendBatch renders submissions one after the other, each with its length
// before it.
func AppendBatch(b []byte, subs []Submission) ([]byte, error) {
	for i := range subs {
		p, err := subs[i].AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return b, nil
}

// ReadBatch reads what AppendBatch wrote. The submissions keep b.
func ReadBatch(b []byte) ([]Submission, error) {
	var subs []Submission
	parts := 0
	for len(b) > 0 {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return nil, fmt.Errorf("submission %d: %w", len(subs), ErrTruncated)
		}
		var s Submission
		if err := s.UnmarshalBinary(b[used : used+int(n)]); err != nil {
			return nil, fmt.Errorf("submission %d: %w", len(subs), err)
		}
		if parts += partsOf(&s); parts > maxBatchParts {
			return nil, fmt.Errorf("submission %d: more than %d parts in all: %w", len(subs), maxBatchParts, ErrTooLarge)
		}
		subs, b = append(subs, s), b[used+int(n):]
	}
	return subs, nil
}

// WriteFrame writes p with its length before it.
func WriteFrame(w io.Writer, p []byte) error {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(p)))
	if _, err := w.Write(head[:n]); err != nil {
		return err
	}
	_, err := w.Write(p)
	return err
}

// ReadFrame reads what WriteFrame wrote, of at most limit bytes. At the end of the
// stream it returns io.EOF; within a frame, io.ErrUnexpectedEOF.
func ReadFrame(r *bufio.Reader, limit int) ([]byte, error) {
	n, err := FrameSize(r, limit)
	if err != nil {
		return nil, err
	}
	return ReadBody(r, n)
}

// FrameSize reads the length of the frame that follows. What the frame will need
// can so be set aside before it is read.
func FrameSize(r *bufio.Reader, limit int) (int, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, err
	}
	if n > uint64(limit) {
		return 0, fmt.Errorf("frame of %d bytes: %w", n, ErrTooLarge)
	}
	return int(n), nil
}

// ReadBody reads the n bytes of a frame. Memory grows with what arrives, not
// with what was announced.
func ReadBody(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	b := make([]byte, 0, min(n, step))
	for len(b) < n {
		at := len(b)
		b = append(b, make([]byte, min(n-at, max(step, at)))...)
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}
