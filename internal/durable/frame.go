package durable

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A file of frames is a header and then frames:
//
//	header   16 bytes: magic, zeros, CRC-32C of the 12 bytes before
//	frame    u32 length | u32 CRC-32C of length and payload | payload
//
// Integers are little-endian. The top bit of a length is set on the last frame
// of a batch, that is, of what was written between two syncs. At most one batch
// of a file can be in doubt after a crash, its last: every batch before was
// durable when the next one was begun.
const (
	HeaderSize    = 16
	FrameOverhead = 8
	MaxPayload    = 1<<31 - 1

	endOfBatch = 1 << 31
)

// The table is computed once by the standard library and never changed.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC returns the CRC-32C of the parts, one after the other.
func CRC(parts ...[]byte) uint32 {
	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

// Header returns the header of a file of frames. The magic, at most 12 bytes,
// says what the payloads are, and in which version.
func Header(magic string) []byte {
	h := make([]byte, HeaderSize)
	copy(h[:HeaderSize-4], magic)
	binary.LittleEndian.PutUint32(h[HeaderSize-4:], CRC(h[:HeaderSize-4]))
	return h
}

// BeginFrame makes room for the head of a frame at the end of b. The payload is
// appended next; then [EndFrame] is given the length b had before.
func BeginFrame(b []byte) []byte { return append(b, make([]byte, FrameOverhead)...) }

// EndFrame completes the frame that begins at start and reaches to the end of b.
func EndFrame(b []byte, start int, last bool) {
	head, payload := b[start:start+FrameOverhead], b[start+FrameOverhead:]
	n := uint32(len(payload))
	if last {
		n |= endOfBatch
	}
	binary.LittleEndian.PutUint32(head, n)
	binary.LittleEndian.PutUint32(head[4:], CRC(head[:4], payload))
}

// AppendFrame appends a payload as a frame.
func AppendFrame(b, payload []byte, last bool) []byte {
	start := len(b)
	b = append(BeginFrame(b), payload...)
	EndFrame(b, start, last)
	return b
}

// Frame is one frame as read.
type Frame struct {
	Offset  int64 // in the file
	Last    bool  // of its batch
	Payload []byte
}

// End is the offset behind the frame.
func (f Frame) End() int64 { return f.Offset + FrameOverhead + int64(len(f.Payload)) }

// Damage is a range of bytes that is not what was written there.
type Damage struct {
	Path   string
	Offset int64
	Bytes  int64 // 0: to what extent is not known
	Torn   bool  // a crash while writing explains it: nobody was told these bytes are durable
	Extra  bool  // all that was written there is whole, and these bytes are too many
	Alone  bool  // it is whole, but what belongs to it in another file is not there
	Why    string
}

// Error says where and why.
func (d *Damage) Error() string {
	return fmt.Sprintf("%s: offset %d: %s", d.Path, d.Offset, d.Why)
}

// FrameLen is the length of the payload of the frame whose head that is.
func FrameLen(head [FrameOverhead]byte) int {
	return int(binary.LittleEndian.Uint32(head[:]) &^ endOfBatch)
}

const badSum = "checksum of frame is wrong"

// first reads the frame at the start of b; why says what is wrong with it.
func first(b []byte, offset int64) (f Frame, why string) {
	if len(b) < FrameOverhead {
		return f, "frame is cut short"
	}
	n := FrameLen([FrameOverhead]byte(b))
	switch {
	case n == 0:
		return f, "frame of no length"
	case n > len(b)-FrameOverhead:
		return f, "frame is cut short"
	}
	f = Frame{offset, b[3]&0x80 != 0, b[FrameOverhead : FrameOverhead+n : FrameOverhead+n]}
	if binary.LittleEndian.Uint32(b[4:]) != CRC(b[:4], f.Payload) {
		return f, badSum
	}
	return f, ""
}

// ParseFrame reads the frame that b begins with; b was read from path at
// offset. What is wrong with it is a *[Damage].
func ParseFrame(path string, offset int64, b []byte) (Frame, error) {
	f, why := first(b, offset)
	if why != "" {
		return Frame{}, &Damage{Path: path, Offset: offset, Why: why}
	}
	return f, nil
}

// Walk hands each frame in data to fn, in order, until fn returns an error.
// data was read from path at offset base; at base 0 it begins with the header
// of that magic. Every byte that is in no frame is in one of the damages.
//
// A damage is torn if it reaches to the end of the data and no batch after it
// was completed but the last: then fn is not given the frames within.
func Walk(path, magic string, base int64, data []byte, fn func(Frame) error) ([]Damage, error) {
	var damages []Damage
	pos := 0
	if base == 0 {
		if why := checkHeader(data, magic); why != "" {
			damages = append(damages, Damage{Path: path, Bytes: int64(min(len(data), HeaderSize)), Why: why})
		}
		pos = min(HeaderSize, len(data))
	}
	for pos < len(data) {
		f, why := first(data[pos:], base+int64(pos))
		if why == "" {
			if err := fn(f); err != nil {
				return damages, err
			}
			pos = int(f.End() - base)
			continue
		}
		next, torn := resync(data, pos)
		damages = append(damages, Damage{Path: path, Offset: base + int64(pos), Bytes: int64(next - pos), Torn: torn, Why: why})
		pos = next
	}
	return damages, nil
}

func checkHeader(data []byte, magic string) string {
	switch want := Header(magic); {
	case len(data) < HeaderSize:
		return "header is cut short"
	case string(data[:HeaderSize]) != string(want):
		return "header is not that of " + magic
	}
	return ""
}

// resyncBudget is how many bytes are summed up in search of the next frame. Bytes
// that mean nothing, as encrypted ones do, look like the head of a frame every so
// often, and of a long one.
const resyncBudget = 512 << 20

// resync says where reading can go on behind a bad frame at pos. If all that
// follows can be of one unfinished batch, that is the end, and the tail is torn.
// So it is taken to be where the search became too long.
func resync(data []byte, pos int) (next int, torn bool) {
	found := len(data)
	budget := resyncBudget
	for at := pos + 1; at < len(data) && budget > 0; {
		f, why := first(data[at:], int64(at))
		if why == badSum {
			budget -= FrameLen([FrameOverhead]byte(data[at:]))
		}
		if why != "" {
			at++
			continue
		}
		found = min(found, at)
		at = int(f.End())
		if f.Last && at < len(data) {
			return found, false // a batch was begun after this one: it had been durable
		}
	}
	return len(data), true
}
