// Package entry is the record: the bytes of one entry of the log, how to sign
// them and how to read them back.
//
// An entry is a C2SP signed note with exactly one Ed25519 signature. It names
// its source, the source's previous entry and the newest checkpoint the source
// believed, and commits to who, why, how and what by seals. Nothing that a
// person wrote stands in it.
//
// [Parse] accepts one spelling of each entry and no other, so that no two
// verifiers can disagree about the same bytes. It does not check the signature,
// which needs the enrolled key: [Entry.Verify] does. The normative text is
// docs/format.md.
package entry

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/stele-log/stele/body"
)

// Limits of format.md section 10.
const (
	MaxSize   = 65535 // bytes of an entry, signature included
	MaxWhats  = 1000  // what lines of one entry
	MaxNumber = 1<<53 - 1
)

// Header is the first line of an entry of version 1.
const Header = "stele/entry/v1"

// Hash is a SHA-256 digest. As text it is base64.
type Hash [sha256.Size]byte

// String returns h in base64.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// ParseHash reads a digest in base64 as an entry spells it.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if !decodeBase64(h[:], []byte(s)) {
		return Hash{}, fmt.Errorf("digest %.60q is not 32 bytes in canonical base64", s)
	}
	return h, nil
}

// EmptyRoot is the root of a tree without leaves.
var EmptyRoot = Hash(sha256.Sum256(nil))

// ID names an entry: the SHA-256 of its note text.
type ID = Hash

// Source names a signing identity: the first 16 bytes of SHA-256 of its key.
type Source [16]byte

// String returns s as 32 hexadecimal digits.
func (s Source) String() string { return hex.EncodeToString(s[:]) }

// ParseSource reads 32 lower-case hexadecimal digits.
func ParseSource(s string) (Source, error) {
	var src Source
	if !decodeHex(src[:], []byte(s)) {
		return Source{}, fmt.Errorf("source %.60q is not 32 lower-case hexadecimal digits", s)
	}
	return src, nil
}

// Kind says what an entry records.
type Kind string

// The kinds of entry.
const (
	Enrol    Kind = "enrol"
	Revoke   Kind = "revoke"
	Change   Kind = "change"
	Gap      Kind = "gap"
	Remark   Kind = "remark"
	RollCall Kind = "rollcall"
	Erase    Kind = "erase"
	Finding  Kind = "finding"
	Access   Kind = "access"
)

// Role is what a source may sign.
type Role string

// The roles of a source.
const (
	Watcher  Role = "watcher"
	Receiver Role = "receiver"
	Importer Role = "importer"
	Recorder Role = "recorder"
	Person   Role = "person"
	Monitor  Role = "monitor"
)

// May reports whether a source of role r may sign entries of kind k.
func (r Role) May(k Kind) bool {
	switch k {
	case Gap, Remark:
		return r.valid()
	case Change:
		return r == Watcher || r == Receiver || r == Importer
	case Enrol, RollCall, Access:
		return r == Recorder
	case Revoke:
		return r == Recorder || r == Person
	case Finding:
		return r == Recorder || r == Monitor
	case Erase:
		return r == Person
	}
	return false
}

func (r Role) valid() bool {
	switch r {
	case Watcher, Receiver, Importer, Recorder, Person, Monitor:
		return true
	}
	return false
}

// Saw is the newest checkpoint a source had verified when it signed.
type Saw struct {
	Size uint64
	Root Hash
}

// Line names one sealed line of an entry: who, why, how, "what 3", "text 3".
type Line struct {
	name string
	k    int
}

// The lines every entry has.
var (
	LineWho = Line{name: "who"}
	LineWhy = Line{name: "why"}
	LineHow = Line{name: "how"}
)

// LineWhat names the k-th change of an entry.
func LineWhat(k int) Line { return Line{"what", k} }

// LineText names the text of the k-th change of an entry.
func LineText(k int) Line { return Line{"text", k} }

// Name is the line without its number.
func (l Line) Name() string { return l.name }

// K is the number of a what or text line, 0 for the others.
func (l Line) K() int { return l.k }

// IsText reports whether l is the text of a change.
func (l Line) IsText() bool { return l.name == "text" }

// Append appends the name of the line as seals and void lines spell it.
func (l Line) Append(b []byte) []byte {
	b = append(b, l.name...)
	if l.name == "what" || l.name == "text" {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(l.k), 10)
	}
	return b
}

// String returns the line's name.
func (l Line) String() string { return string(l.Append(nil)) }

// ParseLine reads the name of a line.
func ParseLine(s string) (Line, error) {
	switch s {
	case "who":
		return LineWho, nil
	case "why":
		return LineWhy, nil
	case "how":
		return LineHow, nil
	}
	if len(s) > 5 && (s[:5] == "what " || s[:5] == "text ") {
		if k, ok := parseNumber([]byte(s[5:])); ok && k < MaxWhats {
			return Line{s[:4], int(k)}, nil
		}
	}
	return Line{}, fmt.Errorf("line name %.60q is not who, why, how, what <k> or text <k>", s)
}

// Void names one line of one entry whose opening is to be destroyed.
type Void struct {
	ID   ID
	Line Line
}

// Succession names the log that this one continues.
type Succession struct {
	Origin string
	Size   uint64
	Root   Hash
}

// Open holds the lines of an entry that are not sealed. Which may be set
// depends on the kind (format.md section 4).
type Open struct {
	Log      *LogKey     // enrol, entry 0 only
	Erasers  int         // enrol; 0: no line
	Succeeds *Succession // enrol, entry 0 only
	Key      *PublicKey  // enrol
	Role     Role        // enrol
	Follows  *Source     // enrol: the source this one replaces

	Source *Source // revoke
	Last   uint64  // revoke

	Since string // gap

	About []ID   // remark (one), finding
	Says  string // remark: reason, approve or waive
	Until string // remark; empty: no line

	Absent  []Source // rollcall
	Present []Source // rollcall

	Voids []Void // erase
	Code  string // finding
}

// Entry is one entry, as read or as about to be signed.
type Entry struct {
	Kind   Kind
	Source Source
	Seq    uint64
	Prev   ID
	Time   string // in body.TimeFormat
	Saw    Saw
	Open   Open
	Who    Hash
	Why    Hash
	How    Hash
	What   []Hash

	text []byte // the note text, once parsed or signed
	sig  [64]byte
	hash [4]byte
}

// ID is the entry's name: the digest of its note text. Only an entry that was
// parsed or signed has one.
func (e *Entry) ID() ID { return sha256.Sum256(e.text) }

// Seal returns the seal on a line. A text's seal is not in the entry.
func (e *Entry) Seal(l Line) (Hash, bool) {
	switch {
	case l == LineWho:
		return e.Who, true
	case l == LineWhy:
		return e.Why, true
	case l == LineHow:
		return e.How, true
	case l.name == "what" && l.k < len(e.What):
		return e.What[l.k], true
	}
	return Hash{}, false
}

// Lines yields the lines of e that carry a seal, in the order they stand in it.
func (e *Entry) Lines() []Line {
	lines := make([]Line, 0, 3+len(e.What))
	lines = append(lines, LineWho, LineWhy, LineHow)
	for k := range e.What {
		lines = append(lines, LineWhat(k))
	}
	return lines
}

// At returns the time the source signed at.
func (e *Entry) At() time.Time {
	t, _ := time.Parse(body.TimeFormat, e.Time) // Parse and Sign have checked it
	return t
}
