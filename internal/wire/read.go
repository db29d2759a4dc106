package wire

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// The paths of reading. They need a reading token, or the operator's secret.
const (
	PathRead         = "/v1/read"          // POST Question → pieces of evidence, zstd
	PathReadSources  = "/v1/sources"       // GET → []SourceInfo
	PathReadIdentity = "/v1/read/identity" // GET → Reader: who the server takes the caller for
	PathEntry        = "/v1/entry"         // GET ?index=<n> → Leaf; a source
)

// ReadToken lets its bearer read the record, until it expires or is withdrawn.
const ReadToken TokenKind = "read"

// Reader is who a server takes a caller for.
type Reader struct {
	ID      string `json:"id"` // of the token; empty: the operator
	Note    string `json:"note,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Leaf is an entry of the log, as its source signed it.
type Leaf struct {
	Note []byte `json:"note"`
}

// Question is what a reader wants to know. It is answered with pieces of evidence:
// the first is a [Ground], and the others are what somebody who answers the question
// for themselves will look at, in that order. So the reader comes to an answer of
// its own, believes nothing, and still waits for one round trip only.
type Question struct {
	// Under is the size of the tree everything is to be proved in; 0: the newest
	// there is, which the ground then shows.
	Under uint64 `json:"under,omitempty"`

	// Believed is the size of the tree the reader believes; the ground proves that the
	// log continues it.
	Believed uint64 `json:"believed,omitempty"`

	Ask     string    `json:"ask"` // one of those below
	Filter  *Filter   `json:"filter,omitempty"`
	Checked int       `json:"checked,omitempty"` // log: how many are checked one by one
	Told    int       `json:"told,omitempty"`    // log: of how many changes of each of those the texts are compared
	Name    []byte    `json:"name,omitempty"`    // a path, or a reference to an entry or a change
	Host    []byte    `json:"host,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Wants   []Want    `json:"wants,omitempty"` // pieces
	From    uint64    `json:"from,omitempty"`  // disclosures: of the entries from there
	To      uint64    `json:"to,omitempty"`    // up to, not including
}

// What can be asked.
const (
	AskLog         = "log"      // Filter, Checked, Told
	AskShow        = "show"     // Name
	AskCat         = "cat"      // Name, Host, Until
	AskDiff        = "diff"     // Name, Host, Since, Until
	AskBlame       = "blame"    // Name, Host, Until
	AskVerify      = "verify"   // Name, Host: one entry or one path, with its texts
	AskStatus      = "status"   // counts and sources
	AskGround      = "ground"   // nothing more
	AskPieces      = "pieces"   // Wants
	AskDisclosures = "openings" // From, To: everything that opens those entries
)

// MaxWants is how many pieces may be asked for at once.
const MaxWants = 4096

// Want names one piece of evidence: an entry, disclosures of lines of an entry, or
// what the index says.
type Want struct {
	Entry  *uint64  `json:"entry,omitempty"`
	Open   *uint64  `json:"open,omitempty"`
	Lines  []string `json:"lines,omitempty"` // with Open
	Lookup *Lookup  `json:"lookup,omitempty"`
}

// Filter says which entries are asked for, as package index does. Names are
// bytes: not all of them are UTF-8.
type Filter struct {
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Host   []byte    `json:"host,omitempty"`
	Agent  []byte    `json:"agent,omitempty"`
	Actor  []byte    `json:"actor,omitempty"`
	Path   []byte    `json:"path,omitempty"`
	Kinds  []string  `json:"kinds,omitempty"`
	From   uint64    `json:"from,omitempty"`
	To     uint64    `json:"to,omitempty"`
	Newest bool      `json:"newest,omitempty"` // first
	Limit  int       `json:"limit,omitempty"`
}

// Subject is one configuration with a history; in a question, a pattern of some.
type Subject struct {
	Host []byte `json:"host,omitempty"`
	Told bool   `json:"told,omitempty"`
	Path []byte `json:"path,omitempty"`
	From uint64 `json:"from,omitempty"` // of a history: its changes from that entry on
}

// Lookup is one question to the index: the one field that is set.
type Lookup struct {
	Entries  *Filter    `json:"entries,omitempty"`  // → Places, at most a page of them
	ID       *tlog.Hash `json:"id,omitempty"`       // → Places: the first entry of that id
	Naming   *tlog.Hash `json:"naming,omitempty"`   // → Places: what names that id
	Source   string     `json:"source,omitempty"`   // → Places: what enrols it, then what revokes it
	Numbered *Number    `json:"numbered,omitempty"` // → Places: what has that number, in log order
	Subjects *Subject   `json:"subjects,omitempty"` // → Subjects
	History  *Subject   `json:"history,omitempty"`  // → Places, oldest first, at most a page of them
	Happened *uint64    `json:"happened,omitempty"` // → Time
	Counts   bool       `json:"counts,omitempty"`   // → Counts
}

// Number is a seq of a source.
type Number struct {
	Source string `json:"source"`
	Seq    uint64 `json:"seq"`
}

// Found is what the index says to a Lookup. It is a hint and no evidence.
type Found struct {
	Places   []Place    `json:"places,omitempty"`
	More     bool       `json:"more,omitempty"` // the page is full
	Subjects []Subject  `json:"subjects,omitempty"`
	Time     *time.Time `json:"time,omitempty"`
	Counts   *Counts    `json:"counts,omitempty"`
}

// Place is an entry, or one change of it.
type Place struct {
	Index uint64 `json:"i"`
	K     int    `json:"k,omitempty"`
}

// Counts sum up a log as the index sees it.
type Counts struct {
	Entries uint64            `json:"entries"`
	Changes uint64            `json:"changes"`
	Kinds   map[string]uint64 `json:"kinds,omitempty"`
	Sources []SourceCount     `json:"sources,omitempty"`
}

// SourceCount is what the index knows of a source.
type SourceCount struct {
	Source string    `json:"source"`
	Role   string    `json:"role,omitempty"`
	Host   []byte    `json:"host,omitempty"`
	Next   uint64    `json:"next"`
	Latest time.Time `json:"latest,omitzero"`
}
