package vault

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/stele-log/stele/seal"
)

// The first byte of a stored body says how it is stored.
const (
	bodyRaw     = 0
	bodyDict1st = 1 // s2 block with dictionary 1
)

var errFormat = errors.New("is not in the format it is said to be in")

// packBody appends a body, compressed if that makes it smaller.
func packBody(dst, body []byte) []byte {
	start := len(dst)
	dst = append(dst, bodyDict1st)
	if n := s2.MaxEncodedLen(len(body)); n > 0 && len(body) > 0 {
		room := append(dst, make([]byte, n)...)
		if packed := bodyDict.Encode(room[len(dst):], body); len(packed) < len(body) {
			return room[:len(dst)+len(packed)]
		}
	}
	return append(append(dst[:start], bodyRaw), body...)
}

// unpackBody is given what was decrypted. It does not trust it: whoever put it
// there may have known the key.
func unpackBody(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errFormat
	}
	switch b[0] {
	case bodyRaw:
		return b[1:], nil
	case bodyDict1st:
		n, err := s2.DecodedLen(b[1:])
		if err != nil || n > maxBody {
			return nil, errFormat
		}
		body, err := bodyDict.Decode(make([]byte, n), b[1:])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errFormat, err)
		}
		return body, nil
	}
	return nil, fmt.Errorf("%w: body of kind %d", errFormat, b[0])
}

// Limits of what is taken in and of what is decoded.
const (
	maxBody  = seal.MaxBody
	maxText  = seal.MaxText
	maxDepth = 100 // deltas on the way to a text
	minBase  = 8   // bytes of a text that is worth being a base
)

// Frames that are compressed against a base name no dictionary: the zstd program
// takes a base for one without a name, and refuses the frame where that has another
// (zstd -d -D BASE). Frames of earlier versions name dictionary 1.
const (
	dictID    = 0
	oldDictID = 1
)

// zstdMagic begins every zstd frame and is not stored.
const zstdMagic = "\x28\xb5\x2f\xfd"

// packer compresses texts. It may be used from any goroutine. An encoder costs
// much more to make than to use, so encoders are kept.
type packer struct {
	whole  *zstd.Encoder // for texts without a base
	deltas sync.Pool     // of *zstd.Encoder, for small texts with a base
}

const (
	// wholeWindow is the window of that encoder, and so the size of its memory.
	// A longer text gets an encoder of its own.
	wholeWindow = 512 << 10

	// deltaWindow is how long text and base may be together for an encoder that
	// is kept. It is the fastest kind: the others clear megabytes of tables for
	// each new base, which pays off for long texts only.
	deltaWindow = 256 << 10
)

func newPacker() (*packer, error) {
	e, err := newEncoder(wholeWindow, zstd.SpeedBetterCompression)
	return &packer{whole: e}, err
}

func newEncoder(size int, level zstd.EncoderLevel, more ...zstd.EOption) (*zstd.Encoder, error) {
	e, err := zstd.NewWriter(nil, append(more, zstd.WithWindowSize(window(size)),
		zstd.WithEncoderLevel(level), zstd.WithAllLitEntropyCompression(true),
		zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))...)
	if err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	return e, nil
}

// The first byte of a delta says how it was made.
const (
	deltaZstd = 0 // a zstd frame with the base as its dictionary
	deltaS2   = 1 // an s2 block with the base as its dictionary
)

// Most edits change a few lines of a small file. For those s2 makes a delta
// nearly as short as zstd in less time.
const (
	quickBase  = s2.MaxDictSize // of base and text, at the most
	quickDelta = 256            // a longer delta is worth the time zstd takes
)

// packQuick makes an s2 delta, nil where that cannot be done.
func packQuick(text, base []byte) []byte {
	if len(base) > quickBase || len(text) > quickBase || len(base) < s2.MinDictSize || len(text) == 0 {
		return nil
	}
	dict := s2.MakeDict(base, nil)
	if dict == nil {
		return nil
	}
	packed := make([]byte, 1+s2.MaxEncodedLen(len(text)))
	packed[0] = deltaS2
	return packed[:1+len(dict.Encode(packed[1:], text))]
}

// delta makes a zstd delta. It has no use without that base.
func (p *packer) delta(text, base []byte) ([]byte, error) {
	size := len(text) + len(base)
	e, err := p.deltaEncoder(size, zstd.WithEncoderDictRaw(dictID, base))
	if err != nil {
		return nil, err
	}
	packed, err := packZstd([]byte{deltaZstd}, e, text)
	if size <= deltaWindow {
		p.deltas.Put(e)
	}
	return packed, err
}

func (p *packer) deltaEncoder(size int, base zstd.EOption) (*zstd.Encoder, error) {
	one := zstd.WithEncoderConcurrency(1)
	if size > deltaWindow {
		return newEncoder(size, zstd.SpeedBetterCompression, one, base)
	}
	e, ok := p.deltas.Get().(*zstd.Encoder)
	if !ok {
		return newEncoder(deltaWindow, zstd.SpeedFastest, one, base)
	}
	if err := e.ResetWithOptions(nil, base); err != nil {
		return nil, fmt.Errorf("prepare compression: %w", err)
	}
	return e, nil
}

// alone compresses a text that has no base.
func (p *packer) alone(text []byte) ([]byte, error) {
	e := p.whole
	if len(text) > wholeWindow {
		var err error
		if e, err = newEncoder(len(text), zstd.SpeedBetterCompression, zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, err
		}
	}
	return packZstd(nil, e, text)
}

// packZstd appends a zstd frame without its magic.
func packZstd(dst []byte, e *zstd.Encoder, text []byte) ([]byte, error) {
	packed := e.EncodeAll(text, make([]byte, 0, len(text)/4+64))
	if len(packed) < len(zstdMagic) || string(packed[:len(zstdMagic)]) != zstdMagic {
		return nil, fmt.Errorf("compress text: %w", errFormat)
	}
	return append(dst, packed[len(zstdMagic):]...), nil
}

// window is the least power of two that reaches over n bytes.
func window(n int) int {
	w := zstd.MinWindowSize
	for w < n {
		w *= 2
	}
	return w
}

// unpackText undoes pack. size is how long the text must become.
func unpackText(packed, base []byte, size int) ([]byte, error) {
	if size < 0 || size > maxText {
		return nil, errFormat
	}
	if base != nil {
		if len(packed) == 0 {
			return nil, errFormat
		}
		kind := packed[0]
		packed = packed[1:]
		switch kind {
		case deltaS2:
			return unpackQuick(packed, base, size)
		case deltaZstd:
		default:
			return nil, fmt.Errorf("%w: delta of kind %d", errFormat, kind)
		}
	}
	opts := []zstd.DOption{
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(maxText + 64),
	}
	if base != nil {
		opts = append(opts, zstd.WithDecoderDictRaw(dictID, base), zstd.WithDecoderDictRaw(oldDictID, base))
	}
	d, err := zstd.NewReader(nil, opts...)
	if err != nil {
		return nil, fmt.Errorf("decompress text: %w", err)
	}
	defer d.Close()
	text, err := d.DecodeAll(append([]byte(zstdMagic), packed...), make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("decompress text: %w: %w", errFormat, err)
	}
	if len(text) != size {
		return nil, fmt.Errorf("decompress text: %w: %d bytes, not %d", errFormat, len(text), size)
	}
	return text, nil
}

// unpackQuick undoes packQuick.
func unpackQuick(packed, base []byte, size int) ([]byte, error) {
	n, err := s2.DecodedLen(packed)
	if err != nil || n != size || len(base) > quickBase {
		return nil, errFormat
	}
	dict := s2.MakeDict(base, nil)
	if dict == nil {
		return nil, errFormat
	}
	text, err := dict.Decode(make([]byte, size), packed)
	if err != nil || len(text) != size {
		return nil, fmt.Errorf("decompress text: %w: %w", errFormat, err)
	}
	return text, nil
}
