package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// The paths of a server, all under one address. What is under PathLog is open to
// everyone, and is a log as C2SP tlog-tiles says; so is PathCheckpoints. The rest
// needs authority.
const (
	PathLog         = "/log/"
	PathCheckpoints = "/checkpoints" // GET → signed notes, as internal/checkpoints joins them
	PathEnrol       = "/v1/enrol"    // POST Enrol → Enrolled; a join token's secret
	PathEntries     = "/v1/entries"  // POST batch → []Answer; a source
	PathStream      = "/v1/stream"   // POST frames → frames; a source
	PathReceipt     = "/v1/receipt"  // POST ReceiptRequest → Receipt; a source
	PathBeat        = "/v1/beat"     // POST Beat → Receipt; a source
	PathHead        = "/v1/head"     // GET → Head; a source
	PathLatest      = "/v1/latest"   // POST LatestRequest → []Latest; a source
	PathImported    = "/v1/imported" // GET ?file=<hex> → Imported; a source
	PathTokens      = "/v1/admin/tokens"
	PathSources     = "/v1/admin/sources"
	PathRevoke      = "/v1/admin/revoke"
	PathHealthy     = "/healthz"
	PathReady       = "/readyz"
)

// Headers of requests.
const (
	HeaderTime     = "Stele-Time"     // the sender's clock, time format of an entry
	HeaderInstance = "Stele-Instance" // random, one for each process of a source
)

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// ErrUnreachable says that no answer came, whatever the reason.
var ErrUnreachable = errors.New("the server cannot be reached")

// StatusError is an answer of a server that is not a success.
type StatusError struct {
	Status int
	Why    string
	Hint   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers: %s (%d)", e.Why, e.Status)
}

// Enrol asks to let in the source whose key the connection shows.
type Enrol struct {
	Secret string     `json:"secret"` // of a join token
	Role   entry.Role `json:"role"`
	Host   body.Host  `json:"host"`

	Follows string `json:"follows,omitempty"` // the source on the same host that this one replaces
}

// Enrolled answers Enrol: where the enrolment stands, and the proof.
type Enrolled struct {
	Index   uint64  `json:"index"`
	Note    []byte  `json:"note"`
	Receipt Receipt `json:"receipt"`
}

// ReceiptRequest asks for the proof of entries.
type ReceiptRequest struct {
	Believed uint64   `json:"believed"` // size of the tree the sender believes
	Indexes  []uint64 `json:"indexes"`
}

// MaxReceipt is how many entries one receipt may be asked for.
const MaxReceipt = 4096

// Beat says that a source lives and what it has signed so far.
type Beat struct {
	Believed uint64 `json:"believed"` // size of the tree the sender believes
	Note     []byte `json:"note"`     // an entry.Beat, signed

	// Checkpoints are those that the source said it saw, each handed on once.
	Checkpoints [][]byte `json:"checkpoints,omitempty"`
}

// MaxCheckpoints is how many checkpoints one beat may hand on.
const MaxCheckpoints = 256

// Head is where the log sees the chain of a source.
type Head struct {
	Next uint64    `json:"next"`
	Prev tlog.Hash `json:"prev"`
	Note []byte    `json:"note,omitempty"` // the entry it ends with, as the source signed it; none before the first
}

// MaxLatest is how many paths one LatestRequest may ask about.
const MaxLatest = 1000

// LatestRequest asks for the latest change of subjects of one host. A watcher's
// host is that of its enrolment, whatever it asks for. It is answered with one
// Latest for each path.
type LatestRequest struct {
	Host  string   `json:"host,omitempty"`
	Paths [][]byte `json:"paths"`
}

// Latest is the latest change of a subject, if there is any, and what shows that
// it is one: the entry, where it stands, and the disclosure of the what line.
type Latest struct {
	Found bool      `json:"found,omitempty"`
	ID    tlog.Hash `json:"id"`
	What  int       `json:"what,omitempty"`

	Index uint64 `json:"index,omitempty"`
	Note  []byte `json:"note,omitempty"` // the entry; absent where an earlier answer has it
	Salt  []byte `json:"salt,omitempty"`
	Body  []byte `json:"body,omitempty"` // absent where it was erased
}

// Imported answers how many rows of a file are in the log.
type Imported struct {
	Rows int `json:"rows"`
}

// TokenRequest asks an operator's server for a token.
type TokenRequest struct {
	Kind    TokenKind  `json:"kind"`
	Role    entry.Role `json:"role,omitempty"` // of the source to enrol
	Host    string     `json:"host,omitempty"` // the only host it may name; empty: any
	Seconds int        `json:"seconds"`        // how long it holds
	Note    string     `json:"note,omitempty"`
}

// TokenGiven answers TokenRequest. The secret is told this once.
type TokenGiven struct {
	Info   TokenInfo `json:"info"`
	Secret string    `json:"secret"`
	Pin    string    `json:"pin"`
	VKey   string    `json:"vkey"`
}

// TokenInfo describes a token without its secret.
type TokenInfo struct {
	ID      string     `json:"id"`
	Kind    TokenKind  `json:"kind"`
	Role    entry.Role `json:"role,omitempty"`
	Host    string     `json:"host,omitempty"`
	Note    string     `json:"note,omitempty"`
	Expires string     `json:"expires"`
	UsedBy  string     `json:"used_by,omitempty"` // source that it enrolled
}

// SourceInfo describes a source.
type SourceInfo struct {
	Source  string     `json:"source"`
	Role    entry.Role `json:"role"`
	Host    string     `json:"host,omitempty"`
	Next    uint64     `json:"next"`
	Present bool       `json:"present"`
	Heard   string     `json:"heard,omitempty"` // when this server heard from it last
	Revoked bool       `json:"revoked,omitempty"`
}

// Revoke asks to let a source in no more.
type Revoke struct {
	Source string `json:"source"`
	Reason string `json:"reason"`
}

// Revoked answers Revoke: where the revocation stands.
type Revoked struct {
	Index uint64 `json:"index"`
}

// answer is the JSON of an Answer.
type answer struct {
	Index     uint64   `json:"index"`
	Duplicate bool     `json:"duplicate,omitempty"`
	Refused   *refusal `json:"refused,omitempty"`
}

type refusal struct {
	Code    verify.Code  `json:"code"`
	Accused verify.Party `json:"accused,omitempty"`
	Line    int          `json:"line,omitempty"`
	Detail  string       `json:"detail"`
}

// MarshalJSON implements json.Marshaler.
func (a Answer) MarshalJSON() ([]byte, error) {
	j := answer{Index: a.Index, Duplicate: a.Duplicate}
	var f *verify.Finding
	var syntax *entry.SyntaxError
	switch {
	case a.Refused == nil:
	case errors.As(a.Refused, &f):
		j.Refused = &refusal{Code: f.Code, Accused: f.Accused, Detail: f.Detail}
	case errors.As(a.Refused, &syntax):
		j.Refused = &refusal{Code: verify.Malformed, Line: syntax.Line, Detail: syntax.Why}
	default:
		j.Refused = &refusal{Code: verify.Malformed, Detail: a.Refused.Error()}
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Answer) UnmarshalJSON(b []byte) error {
	var j answer
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*a = Answer{Index: j.Index, Duplicate: j.Duplicate}
	switch r := j.Refused; {
	case r == nil:
	case r.Code == verify.Malformed:
		a.Refused = &entry.SyntaxError{Line: r.Line, Why: r.Detail}
	default:
		a.Refused = &verify.Finding{Code: r.Code, Accused: r.Accused, Detail: r.Detail}
	}
	return nil
}
