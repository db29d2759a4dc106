package entry

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

// ErrSignature says that an entry is not signed by the key it should be.
var ErrSignature = errors.New("signature does not verify")

// Verify reports whether the entry is signed by key. The error is [ErrSignature].
func (e *Entry) Verify(key *PublicKey) error { return e.VerifyBy(ed25519.Verify, key) }

// SignatureFunc reports whether a signature is good. Its verdicts must be those
// of [ed25519.Verify]; it may be faster.
type SignatureFunc func(key ed25519.PublicKey, message, sig []byte) bool

// VerifyBy is Verify with another function in place of [ed25519.Verify].
func (e *Entry) VerifyBy(good SignatureFunc, key *PublicKey) error {
	if e.Source != key.source || e.hash != key.hash || !good(key.key[:], e.text, e.sig[:]) {
		return ErrSignature
	}
	return nil
}

// SecretKey signs entries as one source. It cannot be printed, not even from an
// unexported field of a struct: package fmt follows one pointer, not two.
type SecretKey struct{ p **secretKey }

type secretKey struct {
	private ed25519.PrivateKey
	public  *PublicKey
}

// NewSecretKey returns the key that a 32-byte seed makes.
func NewSecretKey(seed []byte) (SecretKey, error) {
	if len(seed) != ed25519.SeedSize {
		return SecretKey{}, fmt.Errorf("key seed has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	public, err := NewPublicKey(private.Public().(ed25519.PublicKey))
	if err != nil {
		return SecretKey{}, err
	}
	p := &secretKey{private, public}
	return SecretKey{&p}, nil
}

// Public is the key others verify with.
func (k SecretKey) Public() *PublicKey { return (*k.p).public }

// Source is the identity the key signs as.
func (k SecretKey) Source() Source { return k.Public().source }

// String hides the key.
func (k SecretKey) String() string { return "[secret key]" }

// GoString hides the key.
func (k SecretKey) GoString() string { return k.String() }

// Sign renders the entry, sets its source and signs it. The bytes are read back
// by the parser before they are returned: what this package signs, it accepts.
func (e *Entry) Sign(k SecretKey) ([]byte, error) {
	e.Source = k.Source()
	text := e.appendText(make([]byte, 0, 512+64*len(e.What)))
	sig := ed25519.Sign((*k.p).private, text)
	note := append(text, sigStart...)
	note = append(note, e.Source.String()...)
	note = append(note, ' ')
	note = base64.StdEncoding.AppendEncode(note, append(k.Public().hash[:], sig...))
	note = append(note, '\n')
	signed, err := Parse(note)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", e.Kind, err)
	}
	*e = *signed
	return note, nil
}

func (e *Entry) appendText(b []byte) []byte {
	b = append(b, Header+"\n"...)
	b = append(b, e.Kind...)
	b = append(b, '\n')
	b = append(b, e.Source.String()...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, ' ')
	b = appendHash(b, e.Prev)
	b = append(b, '\n')
	b = append(b, e.Time...)
	b = append(b, "\nsaw "...)
	b = strconv.AppendUint(b, e.Saw.Size, 10)
	b = append(b, ' ')
	b = appendHash(b, e.Saw.Root)
	b = append(b, '\n')
	b = e.Open.append(b)
	for _, l := range e.Lines() {
		h, _ := e.Seal(l)
		b = append(b, l.name...)
		b = append(b, ' ')
		b = appendHash(b, h)
		b = append(b, '\n')
	}
	return b
}

func appendHash(b []byte, h Hash) []byte { return base64.StdEncoding.AppendEncode(b, h[:]) }

// append renders whatever is set, in the order of format.md section 4; the
// parser refuses what does not belong to the kind.
func (o *Open) append(b []byte) []byte {
	line := func(word, value string) { b = append(append(append(append(b, word...), ' '), value...), '\n') }
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	if o.Log != nil {
		line("log", o.Log.VKey())
	}
	if o.Erasers != 0 {
		line("erasers", strconv.Itoa(o.Erasers))
	}
	if s := o.Succeeds; s != nil {
		line("follows", s.Origin+" "+number(s.Size)+" "+s.Root.String())
	}
	if o.Key != nil {
		line("vkey", o.Key.VKey())
		line("role", string(o.Role))
	}
	if o.Follows != nil {
		line("follows", o.Follows.String())
	}
	if o.Source != nil {
		line("source", o.Source.String())
		line("last", number(o.Last))
	}
	if o.Since != "" {
		line("since", o.Since)
	}
	for _, v := range o.Voids {
		line("void", v.ID.String()+" "+v.Line.String())
	}
	if o.Code != "" {
		line("code", o.Code)
	}
	for _, id := range o.About {
		line("about", id.String())
	}
	if o.Says != "" {
		line("says", o.Says)
	}
	if o.Until != "" {
		line("until", o.Until)
	}
	for _, s := range o.Absent {
		line("absent", s.String())
	}
	for _, s := range o.Present {
		line("present", s.String())
	}
	return b
}

// OpenText returns the open lines of the entry's kind as they stand in it.
func (e *Entry) OpenText() []byte { return e.Open.append(nil) }
