package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// packFrom is the size from which compressing pays, in bytes.
const packFrom = 1 << 10

// packing is shared: it keeps what each goroutine needs.
var packing = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // these options are valid
	}
	return e
})

// Pack compresses what goes to a server, as a zstd frame that says how large its
// content is; nil where that gains nothing.
func Pack(b []byte) []byte {
	if len(b) < packFrom {
		return nil
	}
	if packed := packing().EncodeAll(b, make([]byte, 0, len(b)/2)); len(packed) < len(b) {
		return packed
	}
	return nil
}

// PlainSize is how large the content of what [Pack] made says it is. Whoever
// unpacks it can so set aside what that takes.
func PlainSize(packed []byte) (uint64, error) {
	var head zstd.Header
	if err := head.Decode(packed); err != nil || !head.HasFCS {
		return 0, errors.New("it is not a zstd frame that says how large its content is")
	}
	return head.FrameContentSize, nil
}

// unpackers are reused: each has buffers of its own.
var unpackers = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxBatch),
		zstd.WithDecodeAllCapLimit(true)) // a second frame behind the first has not been set aside
	if err != nil {
		panic(err) // these options are valid
	}
	return d
}}

// Unpack undoes Pack. What is in it must be of that size: no more memory is taken
// than was announced.
func Unpack(packed []byte, size int) ([]byte, error) {
	d, _ := unpackers.Get().(*zstd.Decoder)
	defer unpackers.Put(d)
	b, err := d.DecodeAll(packed, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(b) != size {
		return nil, fmt.Errorf("decompress: %d bytes, and %d were announced", len(b), size)
	}
	return b, nil
}

// WriteSubmission writes a submission to a stream: its length there, its length
// once unpacked or 0 if it is not packed, and then itself.
func WriteSubmission(w io.Writer, p []byte) error {
	plain, body := 0, p
	if packed := Pack(p); packed != nil {
		plain, body = len(p), packed
	}
	var head [2 * binary.MaxVarintLen64]byte
	b := binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(len(body))), uint64(plain))
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// Announced is what stands before a submission in a stream, in bytes.
type Announced struct{ Stored, Plain int }

// Most is how much of memory it takes at once.
func (a Announced) Most() int64 { return int64(a.Stored) + int64(a.Plain) }

// ReadAnnounced reads what stands before a submission of at most limit bytes. At
// the end of the stream it returns io.EOF.
func ReadAnnounced(r *bufio.Reader, limit int) (a Announced, err error) {
	if a.Stored, err = FrameSize(r, limit); err != nil {
		return a, err
	}
	if a.Plain, err = FrameSize(r, limit); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return a, err
}

// Read reads the submission itself. It unmarshals, if it is one.
func (a Announced) Read(r io.Reader) (s Submission, err error) {
	b, err := ReadBody(r, a.Stored)
	if err == nil && a.Plain > 0 {
		b, err = Unpack(b, a.Plain)
	}
	if err != nil {
		return s, err
	}
	return s, s.UnmarshalBinary(b)
}
