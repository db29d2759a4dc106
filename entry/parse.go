package entry

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
)

// ErrVersion says that bytes are an entry of a later version.
var ErrVersion = errors.New("entry is of a later version")

// SyntaxError says why bytes are not an entry.
type SyntaxError struct {
	Line int    // from 1; 0 where the whole is at fault
	Why  string // what stands there instead of what should
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "malformed entry: " + e.Why
	}
	return fmt.Sprintf("malformed entry, line %d: %s", e.Line, e.Why)
}

const (
	sigStart = "\n— "
	sigSize  = 92 // base64 of 4+64 bytes
	whatSize = len("what ") + 44 + len("\n")
)

// Parse reads an entry. The error is [ErrVersion] or a *[SyntaxError]. The
// entry keeps b; the caller must not change it. Neither the keys in it nor its
// signature are checked.
func Parse(b []byte) (*Entry, error) {
	if len(b) > MaxSize {
		return nil, &SyntaxError{0, fmt.Sprintf("%d bytes are more than %d", len(b), MaxSize)}
	}
	if laterVersion(b) {
		return nil, ErrVersion
	}
	text, sig, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return nil, &SyntaxError{0, "no empty line before a signature"}
	}
	text = b[: len(text)+1 : len(text)+1]
	e := &Entry{text: text}
	p := &parser{rest: text, e: e}
	p.entry()
	if p.err == nil {
		p.signature(sig)
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

func laterVersion(b []byte) bool {
	rest, stem := bytes.CutPrefix(b, []byte("stele/entry/v"))
	line, _, ends := bytes.Cut(rest, []byte("\n"))
	n, ok := parseNumber(line)
	return stem && ends && ok && n >= 2
}

// parser takes an entry apart line by line. The first error sticks.
type parser struct {
	rest []byte
	line int    // number of cur
	cur  []byte // the line last taken
	name []byte // of the source
	e    *Entry
	err  *SyntaxError
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{p.line, fmt.Sprintf(format, args...)}
	}
}

// next takes a line; at the end it takes an empty one.
func (p *parser) next() []byte {
	p.line++
	p.cur, p.rest, _ = bytes.Cut(p.rest, []byte("\n"))
	return p.cur
}

// optional takes a line if it starts with the word and returns what follows.
func (p *parser) optional(word string) ([]byte, bool) {
	if len(p.rest) <= len(word) || string(p.rest[:len(word)]) != word || p.rest[len(word)] != ' ' {
		return nil, false
	}
	return p.next()[len(word)+1:], true
}

func (p *parser) required(word string) []byte {
	v, ok := p.optional(word)
	if !ok {
		p.line++
		p.fail("want %q and a value", word)
		p.line--
	}
	return v
}

func (p *parser) entry() {
	e := p.e
	if string(p.next()) != Header {
		p.fail("want %q", Header)
		return
	}
	e.Kind = kindOf(p.next())
	p.origin()
	e.Time = p.time(p.next())
	e.Saw = p.saw()
	if p.err != nil {
		return
	}
	p.open()
	e.Who = p.hash(p.required("who"))
	e.Why = p.hash(p.required("why"))
	e.How = p.hash(p.required("how"))
	p.whats()
	if p.err == nil && len(p.rest) > 0 {
		p.next()
		p.fail("%.40q does not belong here", p.cur)
	}
}

// kindOf is Kind(line), which for the kinds there are costs no allocation.
func kindOf(line []byte) Kind {
	for _, k := range [...]Kind{Change, Enrol, Revoke, Gap, Remark, RollCall, Erase, Finding, Access} {
		if string(line) == string(k) {
			return k
		}
	}
	return Kind(line)
}

// origin reads the line <source> <seq> <prev>.
func (p *parser) origin() {
	source, rest, _ := bytes.Cut(p.next(), []byte(" "))
	seq, prev, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		p.fail("want a source, a number and an entry id")
		return
	}
	p.e.Source = p.source(source)
	p.e.Seq = p.number(seq)
	p.e.Prev = p.hash(prev)
	p.name = source
}

func (p *parser) saw() Saw {
	size, root, ok := bytes.Cut(p.required("saw"), []byte(" "))
	if !ok {
		p.fail("want a size and a root")
		return Saw{}
	}
	s := Saw{p.number(size), p.hash(root)}
	if s.Size == 0 && s.Root != EmptyRoot {
		p.fail("size 0 with a root that is not the empty tree's")
	}
	return s
}

func (p *parser) whats() {
	p.e.What = slices.Grow(p.e.What, min(len(p.rest)/whatSize, MaxWhats))
	for {
		v, ok := p.optional("what")
		if !ok {
			break
		}
		p.e.What = append(p.e.What, p.hash(v))
	}
	n := len(p.e.What)
	switch {
	case p.e.Kind != Change && n > 0:
		p.fail("a %s has no what", p.e.Kind)
	case p.e.Kind == Change && n == 0:
		p.required("what")
	case n > MaxWhats:
		p.fail("a change has 1 to %d what lines, not %d", MaxWhats, n)
	}
}

// open reads the open lines of the entry's kind.
func (p *parser) open() {
	o := &p.e.Open
	switch p.e.Kind {
	case Enrol:
		p.enrol(o)
	case Revoke:
		s := p.source(p.required("source"))
		o.Source, o.Last = &s, p.number(p.required("last"))
	case Change, Access:
	case Gap:
		o.Since = p.time(p.required("since"))
	case Remark:
		p.remark(o)
	case RollCall:
		o.Absent, o.Present = p.sources("absent"), p.sources("present")
		p.disjoint(o.Absent, o.Present)
	case Erase:
		p.voids(o)
	case Finding:
		o.Code = string(p.required("code"))
		if p.err == nil && !validCode(o.Code) {
			p.fail("%.80q is not a code", o.Code)
		}
		o.About = p.ids("about")
	default:
		p.line = 2
		p.fail("%.40q is not a kind of entry", p.e.Kind)
	}
}

func (p *parser) enrol(o *Open) {
	if v, ok := p.optional("log"); ok {
		o.Log = p.logKey(v)
	}
	if v, ok := p.optional("erasers"); ok {
		o.Erasers = int(p.number(v))
		if o.Erasers < 1 || o.Erasers > 99 {
			p.fail("erasers are 1 to 99")
		}
	}
	if v, ok := p.optional("follows"); ok {
		o.Succeeds = p.succession(v)
	}
	if o.Log != nil && o.Erasers == 0 || o.Log == nil && o.Succeeds != nil {
		p.fail("log needs erasers, and an origin to follow needs log")
	}
	o.Key = p.sourceKey(p.required("vkey"))
	o.Role = Role(p.required("role"))
	if p.err == nil && !o.Role.valid() {
		p.fail("%.40q is not a role", o.Role)
	}
	if v, ok := p.optional("follows"); ok {
		s := p.source(v)
		o.Follows = &s
	}
}

func (p *parser) succession(v []byte) *Succession {
	f := bytes.Split(v, []byte(" "))
	if len(f) != 3 || !validOrigin(string(f[0])) {
		p.fail("want an origin, a size and a root")
		return nil
	}
	return &Succession{string(f[0]), p.number(f[1]), p.hash(f[2])}
}

func (p *parser) remark(o *Open) {
	o.About = []ID{p.hash(p.required("about"))}
	o.Says = string(p.required("says"))
	switch o.Says {
	case "reason", "approve", "waive":
	default:
		p.fail("a remark says reason, approve or waive, not %.40q", o.Says)
	}
	if v, ok := p.optional("until"); ok {
		o.Until = p.time(v)
	}
}

func (p *parser) voids(o *Open) {
	for {
		v, ok := p.optional("void")
		if !ok {
			break
		}
		id, name, _ := bytes.Cut(v, []byte(" "))
		line, err := ParseLine(string(name))
		if err != nil {
			p.fail("%v", err)
			return
		}
		o.Voids = append(o.Voids, Void{p.hash(id), line})
	}
	if len(o.Voids) == 0 {
		p.fail("an erase has at least one void line")
	}
}

func (p *parser) ids(word string) (ids []ID) {
	for {
		v, ok := p.optional(word)
		if !ok {
			return ids
		}
		ids = append(ids, p.hash(v))
	}
}

// sources reads lines of sources that must ascend.
func (p *parser) sources(word string) (list []Source) {
	for {
		v, ok := p.optional(word)
		if !ok {
			return list
		}
		s := p.source(v)
		if n := len(list); n > 0 && string(list[n-1][:]) >= string(s[:]) {
			p.fail("sources do not ascend")
		}
		list = append(list, s)
	}
}

func (p *parser) disjoint(a, b []Source) {
	in := make(map[Source]bool, len(a))
	for _, s := range a {
		in[s] = true
	}
	for _, s := range b {
		if in[s] {
			p.fail("source %s is both absent and present", s)
		}
	}
}

func (p *parser) hash(s []byte) (h Hash) {
	if p.err == nil && !decodeBase64(h[:], s) {
		p.fail("%.60q is not a digest in canonical base64", s)
	}
	return h
}

func (p *parser) number(s []byte) uint64 {
	n, ok := parseNumber(s)
	if !ok {
		p.fail("%.40q is not a number below 2^53 in its only spelling", s)
	}
	return n
}

func (p *parser) source(s []byte) (src Source) {
	if p.err == nil && !decodeHex(src[:], s) {
		p.fail("%.60q is not a source", s)
	}
	return src
}

func (p *parser) time(s []byte) string {
	if p.err == nil && !validTime(s) {
		p.fail("%.60q is not a time with nine digits of fraction in UTC", s)
	}
	return string(s)
}

func (p *parser) sourceKey(s []byte) *PublicKey {
	if p.err != nil {
		return nil
	}
	k, err := parseSourceKey(string(s))
	if err != nil {
		p.fail("%v", err)
	}
	return k
}

func (p *parser) logKey(s []byte) *LogKey {
	if p.err != nil {
		return nil
	}
	origin, key, err := parseVKey(string(s))
	if err != nil {
		p.fail("%v", err)
	}
	return &LogKey{origin, key}
}

// signature reads the one signature line, which must be all there is.
func (p *parser) signature(s []byte) {
	p.line += 2
	s, isSig := bytes.CutPrefix(s, []byte(sigStart[1:]))
	s, named := bytes.CutPrefix(s, p.name)
	s, ends := bytes.CutSuffix(s, []byte("\n"))
	if !isSig || !named || !ends || len(s) != 1+sigSize || s[0] != ' ' {
		p.fail("want exactly one signature line, of source %s", p.name)
		return
	}
	var raw [4 + ed25519.SignatureSize]byte
	if !decodeBase64(raw[:], s[1:]) {
		p.fail("signature is not in canonical base64")
		return
	}
	p.e.hash, p.e.sig = [4]byte(raw[:4]), [64]byte(raw[4:])
}
