package entry

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/stele-log/stele/body"
)

// BeatHeader is the first line of a beat of version 1. No entry begins like it,
// so one signature can never stand for the other.
const BeatHeader = "stele/beat/v1"

// MaxBeat bounds a beat, in bytes.
const MaxBeat = 1024

// Beat is the sign of life of a source: a signed note that is no entry. It says
// to which log, how far the chain of the source goes and what it believes. The
// server keeps the newest one and shows it in the roll call that names the
// source (format.md section 7).
type Beat struct {
	Origin string // of the log
	Source Source
	Next   uint64 // seq of the next entry it will sign
	Kept   uint64 // how many of those before it still waits to see proved
	Time   string // in body.TimeFormat
	Saw    Saw

	note []byte // the whole, once parsed or signed
	text []byte // of it
	sig  [64]byte
	hash [4]byte
}

// Note is the beat as its source signed it.
func (b *Beat) Note() []byte { return b.note }

// Sign renders the beat, sets its source and signs it. What this package signs
// it accepts.
func (b *Beat) Sign(k SecretKey) ([]byte, error) {
	b.Source = k.Source()
	text := b.appendText(nil)
	note := append(bytes.Clone(text), sigStart...)
	note = append(append(note, b.Source.String()...), ' ')
	note = base64.StdEncoding.AppendEncode(note, append(k.Public().hash[:], ed25519.Sign((*k.p).private, text)...))
	note = append(note, '\n')
	signed, err := ParseBeat(note)
	if err != nil {
		return nil, fmt.Errorf("sign beat: %w", err)
	}
	*b = *signed
	return note, nil
}

func (b *Beat) appendText(t []byte) []byte {
	t = append(t, BeatHeader+"\n"+b.Origin+"\n"+b.Source.String()+" "...)
	t = append(strconv.AppendUint(t, b.Next, 10), ' ')
	t = append(strconv.AppendUint(t, b.Kept, 10), '\n')
	t = append(t, b.Time+"\nsaw "...)
	t = append(strconv.AppendUint(t, b.Saw.Size, 10), ' ')
	return append(appendHash(t, b.Saw.Root), '\n')
}

// ParseBeat reads a beat in its only spelling. The error is a *[SyntaxError]. It
// keeps note. The signature is not checked: [Beat.Verify] does.
func ParseBeat(note []byte) (*Beat, error) {
	text, sig, ok := bytes.Cut(note, []byte("\n\n"))
	if !ok || len(note) > MaxBeat {
		return nil, &SyntaxError{0, fmt.Sprintf("not a signed text of at most %d bytes", MaxBeat)}
	}
	text = note[: len(text)+1 : len(text)+1]
	p := &parser{rest: text, e: new(Entry)}
	b := p.beat()
	if p.err == nil {
		p.signature(sig)
	}
	if p.err != nil {
		return nil, p.err
	}
	b.note, b.text, b.sig, b.hash = note, text, p.e.sig, p.e.hash
	return b, nil
}

func (p *parser) beat() *Beat {
	b := new(Beat)
	if string(p.next()) != BeatHeader {
		p.fail("want %q", BeatHeader)
	}
	if b.Origin = string(p.next()); p.err == nil && !validOrigin(b.Origin) {
		p.fail("%.80q is not the origin of a log", b.Origin)
	}
	f := bytes.Split(p.next(), []byte(" "))
	if len(f) != 3 {
		p.fail("want a source and two numbers")
		return b
	}
	b.Source, b.Next, b.Kept, p.name = p.source(f[0]), p.number(f[1]), p.number(f[2]), f[0]
	if b.Kept > b.Next {
		p.fail("%d entries wait, of %d", b.Kept, b.Next)
	}
	b.Time = p.time(p.next())
	b.Saw = p.saw()
	if p.err == nil && len(p.rest) > 0 {
		p.next()
		p.fail("%.40q does not belong here", p.cur)
	}
	return b
}

// Verify reports whether the beat is signed by key. The error is [ErrSignature].
func (b *Beat) Verify(key *PublicKey) error {
	if b.Source != key.source || b.hash != key.hash || !ed25519.Verify(key.key[:], b.text, b.sig[:]) {
		return ErrSignature
	}
	return nil
}

// At returns the time the source signed at.
func (b *Beat) At() time.Time {
	t, _ := time.Parse(body.TimeFormat, b.Time) // ParseBeat has checked it
	return t
}
