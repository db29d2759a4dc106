package verify_test

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// This file is a second verifier, written from docs/format.md section 8 line by
// line: it keeps everything, looks everything up by going through all leaves
// again, and shares with the implementation only the reading of entries and
// bodies. It is slow and has no state that could be wrong.

// judged is a leaf and how far it came.
type judged struct {
	index  int
	raw    []byte
	e      *entry.Entry
	id     entry.ID
	passed bool   // all steps up to 11
	as     string // fresh, duplicate or fork; empty where not passed
	opens  map[entry.Line][]byte
	whats  []*body.What
}

type judge struct {
	key         *entry.LogKey
	leaves      []*judged
	disclosures []seal.Disclosure // nil: none given
	found       []findingVector
}

// judgeLog returns the findings of steps 4 to 26.
func judgeLog(key *entry.LogKey, leaves [][]byte, disclosures []seal.Disclosure) []findingVector {
	j := &judge{key: key, disclosures: disclosures, found: []findingVector{}}
	for i, raw := range leaves {
		l := &judged{index: i, raw: raw, opens: make(map[entry.Line][]byte)}
		j.leaves = append(j.leaves, l)
		j.admit(l)
	}
	for _, l := range j.leaves {
		if l.as == "fresh" {
			j.source(l)
		}
	}
	j.holes()
	if disclosures != nil {
		j.vault()
	}
	j.rolls()
	j.sort()
	return j.found
}

func (j *judge) find(code verify.Code, l *judged) { j.found = append(j.found, find(code, l.index)) }

func (j *judge) sort() {
	var order []verify.Code
	for c := range verify.Checks {
		order = append(order, c)
	}
	slices.SortStableFunc(j.found, func(a, b findingVector) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), slices.Index(order, a.Code)-slices.Index(order, b.Code))
	})
}

// passed are the leaves before one that passed, optionally of one source.
func (j *judge) before(l *judged, pick func(*judged) bool) []*judged {
	var list []*judged
	for _, p := range j.leaves[:l.index] {
		if p.passed && pick(p) {
			list = append(list, p)
		}
	}
	return list
}

// enrolment is the leaf before l that enrolled a source.
func (j *judge) enrolment(l *judged, src entry.Source) *judged {
	for _, p := range j.before(l, func(p *judged) bool { return p.e.Kind == entry.Enrol && p.e.Open.Key.Source() == src }) {
		return p
	}
	return nil
}

// role is that of the source of a leaf that passed.
func (j *judge) role(l *judged) entry.Role {
	if l.index == 0 {
		return l.e.Open.Role
	}
	return j.enrolment(l, l.e.Source).e.Open.Role
}

// admit is steps 4 to 12.
func (j *judge) admit(l *judged) {
	var err error
	if l.e, err = entry.Parse(l.raw); errors.Is(err, entry.ErrVersion) {
		return
	} else if err != nil {
		j.find("malformed", l)
		return
	}
	l.id = l.e.ID()
	if code := j.refuse(l); code != "" {
		j.find(code, l)
		return
	}
	l.passed, l.as = true, "fresh"
	for _, p := range j.before(l, func(p *judged) bool { return p.e.Source == l.e.Source && p.e.Seq == l.e.Seq }) {
		if l.as = "fork"; p.id == l.id {
			l.as = "duplicate"
			break
		}
	}
	if l.as == "fork" {
		j.find("forked-source", l)
	}
}

// refuse is steps 6 to 11.
func (j *judge) refuse(l *judged) verify.Code {
	e, o := l.e, &l.e.Open
	key, role := o.Key, o.Role
	if l.index > 0 {
		key = nil
		if en := j.enrolment(l, e.Source); en != nil {
			key, role = en.e.Open.Key, en.e.Open.Role
		}
	}
	switch {
	case l.index == 0 && !j.genesis(e), l.index > 0 && o.Log != nil:
		return "bad-genesis"
	case o.Key != nil && !o.Key.Sound(), o.Log != nil && !o.Log.Sound():
		return "bad-key"
	case key == nil:
		return "unknown-key"
	case e.Verify(key) != nil:
		return "bad-signature"
	case !may(role, e.Kind):
		return "wrong-role"
	case e.Kind == entry.Enrol && j.enrolment(l, o.Key.Source()) != nil && j.enrolment(l, o.Key.Source()).id != l.id:
		return "bad-enrolment"
	}
	return ""
}

func (j *judge) genesis(e *entry.Entry) bool {
	o := &e.Open
	return e.Kind == entry.Enrol && o.Log != nil && o.Log.VKey() == j.key.VKey() && o.Role == entry.Recorder &&
		o.Key.Source() == e.Source && e.Seq == 0 && e.Prev == hash(j.key.Origin()) && e.Saw.Size == 0
}

// may is the last column of the table of format.md section 4.
func may(r entry.Role, k entry.Kind) bool {
	roles := map[entry.Kind][]entry.Role{
		"enrol": {"recorder"}, "revoke": {"recorder", "person"}, "change": {"watcher", "receiver", "importer"},
		"rollcall": {"recorder"}, "erase": {"person"}, "finding": {"recorder", "monitor"}, "access": {"recorder"},
	}
	return k == "gap" || k == "remark" || slices.Contains(roles[k], r)
}

// source is steps 13 and 15 to 20.
func (j *judge) source(l *judged) {
	e := l.e
	own := j.before(l, func(p *judged) bool { return p.e.Source == e.Source && p.e.Seq+1 == e.Seq })
	switch {
	case e.Seq == 0 && l.index > 0 && e.Prev != j.enrolment(l, e.Source).id:
		j.find("bad-chain", l)
	case len(own) > 0 && !slices.ContainsFunc(own, func(p *judged) bool { return p.id == e.Prev }):
		j.find("bad-chain", l)
	}
	if j.late(l) {
		j.find("after-revoke", l)
	}
	if e.Saw.Size > uint64(l.index) {
		j.find("saw-future", l)
	} else if j.treeOf(e.Saw.Size) != e.Saw.Root {
		j.find("saw-mismatch", l)
	}
	if len(own) > 0 && e.Saw.Size < own[0].e.Saw.Size {
		j.find("saw-rollback", l)
	}
	j.clock(l)
	j.references(l)
}

func (j *judge) treeOf(n uint64) entry.Hash {
	var leaves [][]byte
	for _, l := range j.leaves[:n] {
		leaves = append(leaves, l.raw)
	}
	return treeRoot(leaves)
}

func (j *judge) clock(l *judged) {
	for _, n := range j.leaves[l.index+1:] {
		if n.passed && j.role(n) == entry.Recorder {
			if l.e.At().After(n.e.At().Add(300 * time.Second)) {
				j.find("clock-skew", l)
			}
			return
		}
	}
}

func (j *judge) references(l *judged) {
	ids := slices.Clone(l.e.Open.About)
	for _, v := range l.e.Open.Voids {
		ids = append(ids, v.ID)
	}
	done := make(map[entry.ID]bool)
	for _, id := range ids {
		if !done[id] && len(j.before(l, func(p *judged) bool { return p.id == id })) == 0 {
			j.find("unknown-reference", l)
		}
		done[id] = true
	}
	if s := l.e.Open.Source; s != nil && j.enrolment(l, *s) == nil {
		j.find("unknown-reference", l)
	}
}

// holes is step 14.
func (j *judge) holes() {
	seqs := make(map[entry.Source]map[uint64]int) // lowest index
	for _, l := range j.leaves {
		if !l.passed {
			continue
		}
		if seqs[l.e.Source] == nil {
			seqs[l.e.Source] = make(map[uint64]int)
		}
		if _, ok := seqs[l.e.Source][l.e.Seq]; !ok {
			seqs[l.e.Source][l.e.Seq] = l.index
		}
	}
	for _, at := range seqs {
		for seq := range at {
			if _, ok := at[seq-1]; ok || seq == 0 {
				continue // no hole ends here
			}
			lowest := len(j.leaves)
			for s, i := range at {
				if s >= seq {
					lowest = min(lowest, i)
				}
			}
			j.found = append(j.found, find("sequence-gap", lowest))
		}
	}
}

// vault is steps 21 to 25.
func (j *judge) vault() {
	voided := j.voided()
	for _, l := range j.leaves {
		if !l.passed {
			continue
		}
		l.whats = make([]*body.What, len(l.e.What))
		for _, line := range l.e.Lines() {
			h, _ := l.e.Seal(line)
			j.open(l, line, h, voided)
			if b, ok := l.opens[line]; ok && !l.read(line, b) {
				j.find("malformed-body", l)
			}
		}
		for k, w := range l.whats {
			if w != nil && w.After != "" {
				j.open(l, entry.LineText(k), must(entry.ParseHash(w.After)), voided)
			}
		}
	}
	j.subjects()
}

func (j *judge) open(l *judged, line entry.Line, h entry.Hash, voided map[entry.Void]bool) {
	given := false
	for _, d := range j.disclosures {
		if d.Source != l.e.Source || d.Seq != l.e.Seq || d.Line != line {
			continue
		}
		given = true
		if sealed(d.Source.String(), d.Seq, line.String(), d.Salt, d.Body) == h {
			l.opens[line] = d.Body
		}
	}
	forked := slices.ContainsFunc(j.leaves, func(p *judged) bool {
		return p.passed && p.e.Source == l.e.Source && p.e.Seq == l.e.Seq && p.id != l.id
	})
	_, open := l.opens[line]
	gone := voided[entry.Void{ID: l.id, Line: line}]
	switch {
	case open && gone:
		j.find("unerased", l)
	case given && !open && !forked:
		j.find("seal-mismatch", l)
	case !open && !gone:
		j.find("missing-disclosure", l)
	}
}

func (l *judged) read(line entry.Line, b []byte) bool {
	switch line.Name() {
	case "who":
		return body.Unmarshal(b, new(body.Who)) == nil
	case "why":
		return body.Unmarshal(b, new(body.Why)) == nil
	case "how":
		return body.Unmarshal(b, new(body.How)) == nil
	}
	w := new(body.What)
	if body.Unmarshal(b, w) != nil {
		return false
	}
	l.whats[line.K()] = w
	return true
}

// voided are the lines voided by an erase in effect: one behind which, at some
// index, as many persons stood as were needed there.
func (j *judge) voided() map[entry.Void]bool {
	voided := make(map[entry.Void]bool)
	for _, l := range j.leaves {
		if !l.passed || l.e.Kind != entry.Erase || !j.effective(l) {
			continue
		}
		for _, v := range l.e.Open.Voids {
			if slices.ContainsFunc(j.leaves, func(p *judged) bool { return p.passed && p.id == v.ID }) {
				voided[v] = true
			}
		}
	}
	return voided
}

// late says that a revoke stands before a leaf whose seq it cuts off.
func (j *judge) late(l *judged) bool {
	return len(j.before(l, func(p *judged) bool {
		return p.e.Kind == entry.Revoke && *p.e.Open.Source == l.e.Source && p.e.Open.Last < l.e.Seq
	})) > 0
}

func (j *judge) effective(l *judged) bool {
	if j.late(l) {
		return false
	}
	persons := map[entry.Source]bool{l.e.Source: true}
	need := 0
	for _, p := range j.leaves {
		if !p.passed {
			continue
		}
		need = max(need, p.e.Open.Erasers)
		o := &p.e.Open
		if p.e.Kind == entry.Remark && o.Says == "approve" && o.About[0] == l.id && j.role(p) == entry.Person && !j.late(p) {
			persons[p.e.Source] = true
		}
		if p.index >= l.index && len(persons) >= need {
			return true
		}
	}
	return false
}

// subjects is step 25: each change is compared with all changes before it.
func (j *judge) subjects() {
	var all []*seenChange
	for _, l := range j.leaves {
		if !l.passed || l.e.Kind != entry.Change || l.as == "duplicate" {
			continue
		}
		told := j.role(l) != entry.Watcher
		for k, w := range l.whats {
			c := &seenChange{l: l, k: k, w: w, told: told}
			c.host, c.known = j.host(l, w, told)
			if c.known && w != nil && c.path() != "" && !slices.ContainsFunc(all, c.blindedBy) && !j.follows(c, all) {
				j.find("before-mismatch", l)
			}
			all = append(all, c)
		}
	}
}

// seenChange is one change of a leaf; w is nil where it cannot be read.
type seenChange struct {
	l     *judged
	k     int
	w     *body.What
	told  bool
	host  string
	known bool
}

func (c *seenChange) path() string { return body.Text(c.w.Path, c.w.Path64) }

// blindedBy reports whether an earlier change made the host of c blind.
func (c *seenChange) blindedBy(b *seenChange) bool {
	return b.w == nil && b.told == c.told && (c.told || b.known && b.host == c.host)
}

// touches reports whether a change is one of a path on a host.
func (c *seenChange) touches(told bool, host, path string) bool {
	if c.w == nil || !c.known || c.path() == "" || c.told != told || c.host != host {
		return false
	}
	return c.path() == path || c.w.Action == body.Rename && body.Text(c.w.From, c.w.From64) == path
}

// host is where the subject of a change is.
func (j *judge) host(l *judged, w *body.What, told bool) (name string, known bool) {
	if told {
		if w == nil {
			return "", false
		}
		return w.Host, true
	}
	var how body.How
	en := j.enrolment(l, l.e.Source)
	if b, ok := en.opens[entry.LineHow]; !ok || body.Unmarshal(b, &how) != nil || how.Host == nil {
		return "", false
	}
	return how.Host.Name, true
}

func (j *judge) follows(c *seenChange, all []*seenChange) bool {
	path := c.path()
	if c.w.Action == body.Rename && c.w.From+c.w.From64 != "" {
		path = body.Text(c.w.From, c.w.From64)
	}
	var last *seenChange
	for _, b := range all {
		if b.touches(c.told, c.host, path) {
			last = b
		}
	}
	ref := c.w.Before
	switch {
	case last == nil || ref == nil:
		return last == nil && ref == nil || ref == nil && j.gapBetween(last, c)
	case ref.Entry == "":
		return last.l == c.l && last.k == ref.What
	}
	return ref.Entry == last.l.id.String() && ref.What == last.k
}

func (j *judge) gapBetween(a, b *seenChange) bool {
	return len(j.before(b.l, func(p *judged) bool {
		return p.e.Kind == entry.Gap && p.e.Source == b.l.e.Source && p.index > a.l.index
	})) > 0
}

// rolls is step 26.
func (j *judge) rolls() {
	for _, l := range j.leaves {
		if l.as != "fresh" || l.e.Kind != entry.RollCall {
			continue
		}
		how, known := j.how(l)
		for _, src := range l.e.Open.Absent {
			if j.lived(l, max(j.lastEntry(l, src), j.lastBeat(l, src, how))) {
				j.find("bad-rollcall", l)
			}
		}
		for _, src := range l.e.Open.Present {
			if saw := j.lastBeat(l, src, how); known && (saw < 0 || saw <= j.lastAbsent(l, src)) {
				j.find("bad-rollcall", l)
			}
		}
	}
}

func (j *judge) how(l *judged) (how body.How, known bool) {
	b, ok := l.opens[entry.LineHow]
	return how, ok && body.Unmarshal(b, &how) == nil
}

// lastBeat is the largest size in a sound beat of a source, -1 if there is none.
func (j *judge) lastBeat(l *judged, src entry.Source, how body.How) int {
	size := -1
	for _, note := range how.Beats {
		b, err := entry.ParseBeat([]byte(note))
		if err != nil || b.Source != src || b.Origin != j.key.Origin() || b.Saw.Size > uint64(l.index) {
			continue
		}
		if en := j.enrolment(l, src); en != nil && b.Verify(en.e.Open.Key) == nil {
			size = max(size, int(b.Saw.Size))
		}
	}
	return size
}

func (j *judge) lastEntry(l *judged, src entry.Source) int {
	size := -1
	for _, p := range j.before(l, func(p *judged) bool {
		return p.as == "fresh" && p.e.Source == src && j.role(p) != entry.Recorder && p.e.Saw.Size <= uint64(p.index)
	}) {
		size = max(size, int(p.e.Saw.Size))
	}
	return size
}

func (j *judge) lastAbsent(l *judged, src entry.Source) int {
	at := -1
	for _, p := range j.before(l, func(p *judged) bool { return p.as == "fresh" && slices.Contains(p.e.Open.Absent, src) }) {
		at = p.index
	}
	return at
}

// lived reports whether a tree of that size holds what a recorder signed just
// before a roll call.
func (j *judge) lived(l *judged, size int) bool {
	return len(j.before(l, func(p *judged) bool {
		ago := l.e.At().Sub(p.e.At())
		return p.as == "fresh" && j.role(p) == entry.Recorder && p.index < size && ago >= 0 && ago < 30*time.Second
	})) > 0
}
