// Package history answers questions about what was recorded. The index says
// which entries to look at; what they say is read from the log and the vault,
// and believed only where verify agrees.
package history

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/semdiff"
)

// View is one entry as people and machines are shown it. An absent field is
// unknown, and how far the rest is proved stands in Proof (P10). The names of its fields are a promise.
//
// Where a name on the host is not UTF-8, JSON cannot hold it: there the field
// has U+FFFD for the bytes that are not, and the name itself stands in base64
// beside it, in the field of the same name with the suffix 64.
type View struct {
	Index    uint64    `json:"index"`
	Kind     string    `json:"kind"`
	Source   string    `json:"source"`
	Seq      uint64    `json:"seq"`
	ID       string    `json:"id"`
	Time     string    `json:"time"`               // when it happened, as claimed
	Recorded string    `json:"recorded"`           // when the source signed it
	Received *Interval `json:"received,omitempty"` // when the log got it
	Host     string    `json:"host,omitempty"`
	Agent    string    `json:"agent,omitempty"`
	Actor    *Actor    `json:"actor,omitempty"`
	Reason   *Reason   `json:"reason,omitempty"`
	Changes  []Change  `json:"changes,omitempty"`
	Lines    []string  `json:"lines,omitempty"`  // open lines of a kind that is not a change
	About    []uint64  `json:"about,omitempty"`  // the entries that those lines are about, in their order
	Detail   string    `json:"detail,omitempty"` // one sentence about a finding, a gap, a reading
	Findings []Finding `json:"findings,omitempty"`
	Proof    Proof     `json:"proof"`
}

// Interval is the time between the recorder's entries around an entry.
type Interval struct {
	After  string `json:"after,omitempty"`
	Before string `json:"before,omitempty"`
}

// Actor is who acted, as the record has it, and how far that can be relied upon.
// What is not UTF-8 is readable here and exact beside it, as in Exe and Exe64.
type Actor struct {
	body.Who
	Layer      string        `json:"layer,omitempty"`
	Confidence string        `json:"confidence,omitempty"`
	Package    *body.Package `json:"package,omitempty"` // what a package manager was doing
	Signals    []string      `json:"signals,omitempty"` // hints of how a change was found
}

// Reason is why a change was made.
type Reason struct {
	Text   string `json:"text,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	Learnt string `json:"learnt,omitempty"`

	GivenBy *Giver `json:"given_by,omitempty"`
}

// Change is one change of an entry. Before and After are references, <entry
// id>/<number of the change>, that cat and diff take.
type Change struct {
	Path           string   `json:"path,omitempty"`
	Path64         string   `json:"path64,omitempty"`
	From           string   `json:"from,omitempty"`
	From64         string   `json:"from64,omitempty"`
	Action         string   `json:"action,omitempty"`
	Time           string   `json:"time,omitempty"`
	Since          string   `json:"since,omitempty"` // seen late: it happened after this, and at Time at the latest
	Before         string   `json:"before,omitempty"`
	After          string   `json:"after,omitempty"`
	Format         string   `json:"format,omitempty"`
	Mode           string   `json:"mode,omitempty"`
	Owner          string   `json:"owner,omitempty"`
	Size           *int64   `json:"size,omitempty"`
	Digest         string   `json:"digest,omitempty"`
	Marks          []string `json:"marks,omitempty"`
	SecretsChanged int      `json:"secrets_changed,omitempty"`

	Target     string           `json:"target,omitempty"`
	Target64   string           `json:"target64,omitempty"`
	Attributes []body.Attribute `json:"attributes,omitempty"`
	Links      int              `json:"links,omitempty"`
	Names      []body.Name      `json:"names,omitempty"`
	Was        *Was             `json:"was,omitempty"`

	// What made the text before into the one after, where both could be read and are
	// of their format; if not, why not, and how many lines differ.
	Operations []semdiff.Operation `json:"operations,omitempty"`
	Untold     string              `json:"untold,omitempty"`
	Lines      *Lines              `json:"lines,omitempty"`
}

// Was is how a subject was before a change, beside its text, so far as that is known
// and was otherwise. An attribute with a name alone was not there.
type Was struct {
	Mode       string           `json:"mode,omitempty"`
	Owner      string           `json:"owner,omitempty"`
	Target     string           `json:"target,omitempty"`
	Target64   string           `json:"target64,omitempty"`
	Attributes []body.Attribute `json:"attributes,omitempty"`
	Links      int              `json:"links,omitempty"`
}

// Finding is something a check found about an entry.
type Finding struct {
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// The states of a proof.
const (
	Verified  = "verified"  // inclusion, signature and every seal shown
	Unchecked = "unchecked" // not looked at
	Pending   = "pending"   // in the log, not under a checkpoint yet
	Bad       = "bad"       // evidence was examined and is wrong
	Erased    = "erased"    // verified, with disclosures destroyed
)

// Proof says how far the view was checked, and under a checkpoint of what size.
type Proof struct {
	State string `json:"state"`
	Size  uint64 `json:"size,omitempty"`
}

// Ref renders a reference to a change.
func Ref(id entry.ID, k int) string { return id.String() + "/" + strconv.Itoa(k) }

// bodies are the opened bodies of an entry; nil where there is none.
type bodies struct {
	who  *body.Who
	why  *body.Why
	how  *body.How
	what []*body.What
}

// forIndex is what the index is made of.
func (b *bodies) forIndex() index.Opened {
	return index.Opened{Who: b.who, Why: b.why, How: b.how, What: b.what}
}

// view renders an entry whose bodies have been opened.
func view(index uint64, e *entry.Entry, b bodies) *View {
	id := e.ID()
	v := &View{
		Index: index, Kind: string(e.Kind), Source: e.Source.String(), Seq: e.Seq, ID: id.String(),
		Time: e.Time, Recorded: e.Time, Actor: actor(b), Reason: reason(b.why), Lines: openLines(e),
	}
	for k, w := range b.what {
		v.Changes = append(v.Changes, change(id, k, w))
	}
	if len(b.what) > 0 && b.what[0] != nil {
		v.Agent = b.what[0].Agent
		if t := b.what[0].Time; t != "" {
			v.Time = t
		}
	}
	if b.how != nil {
		v.Detail = b.how.Detail
	}
	if b.how != nil && b.how.Claimed != nil && b.how.Claimed.Time != "" {
		v.Time = b.how.Claimed.Time
	}
	return v
}

func actor(b bodies) *Actor {
	var a Actor
	if b.how != nil {
		a.Layer, a.Confidence, a.Package, a.Signals = b.how.Layer, string(b.how.Confidence), b.how.Package, b.how.Signals
	}
	if b.who != nil {
		a.Who = *b.who
		a.Exe = body.Text(a.Exe, a.Exe64)
		a.Ancestors = slices.Clone(a.Ancestors)
		for i := range a.Ancestors {
			p := &a.Ancestors[i]
			p.Exe = body.Text(p.Exe, p.Exe64)
		}
	}
	if b.who == nil && b.how == nil {
		return nil
	}
	return &a
}

func reason(w *body.Why) *Reason {
	if w == nil || *w == (body.Why{}) {
		return nil
	}
	r := &Reason{Text: w.Reason, Ticket: w.Ticket, Learnt: w.Learnt}
	if w.GivenBy != nil {
		r.GivenBy = &Giver{Giver: *w.GivenBy}
	}
	return r
}

func change(id entry.ID, k int, w *body.What) Change {
	if w == nil {
		return Change{}
	}
	c := Change{
		Path: body.Text(w.Path, w.Path64), Path64: w.Path64, From: body.Text(w.From, w.From64), From64: w.From64,
		Action: string(w.Action), Time: w.Time, Since: w.Since,
		Format: w.Format, Mode: w.Mode, Size: w.Size, Digest: w.Digest, Marks: w.Marks,
		Target: body.Text(w.Target, w.Target64), Target64: w.Target64, Attributes: attributes(w.Attributes),
		Links: w.Links, Names: names(w.Names), Was: was(w.Was),
	}
	if w.After != "" {
		c.After = Ref(id, k)
	}
	if w.Owner != nil {
		c.Owner = owner(w.Owner)
	}
	if w.Before != nil {
		c.Before = w.Before.Entry + "/" + strconv.Itoa(w.Before.What)
		if w.Before.Entry == "" {
			c.Before = Ref(id, w.Before.What)
		}
	}
	return c
}

func was(w *body.Was) *Was {
	if w == nil {
		return nil
	}
	f := &Was{
		Mode: w.Mode, Target: body.Text(w.Target, w.Target64), Target64: w.Target64,
		Attributes: attributes(w.Attributes), Links: w.Links,
	}
	if w.Owner != nil {
		f.Owner = owner(w.Owner)
	}
	return f
}

// attributes can be read by name, whether that is UTF-8 or not.
func attributes(list []body.Attribute) []body.Attribute {
	list = slices.Clone(list)
	for i := range list {
		list[i].Name = body.Text(list[i].Name, list[i].Name64)
	}
	return list
}

func names(list []body.Name) []body.Name {
	list = slices.Clone(list)
	for i := range list {
		list[i].Path = body.Text(list[i].Path, list[i].Path64)
	}
	return list
}

func owner(o *body.Owner) string {
	name := func(s string, n uint32) string {
		if s != "" {
			return s
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	return name(o.User, o.UID) + ":" + name(o.Group, o.GID)
}

// openLines are the open lines of an entry that is not a change.
func openLines(e *entry.Entry) []string {
	text := strings.TrimSuffix(string(e.OpenText()), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// secretsChanged counts the marks whose fingerprints differ between a change and the
// one before it; none where there was no text before to have held any.
func secretsChanged(before, after *body.What) int {
	if before == nil || after == nil || before.After == "" {
		return 0
	}
	return differing(before.Secrets, after.Secrets)
}

func differing(before, after []string) int {
	n := max(len(before), len(after)) - min(len(before), len(after))
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			n++
		}
	}
	return n
}
