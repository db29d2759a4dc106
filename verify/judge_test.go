package verify_test

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
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
	later  bool        // of a later version
	saw    verify.Code // the finding of steps 16 and 17
	passed bool        // all steps up to 11
	as     string      // fresh, duplicate or fork; empty where not passed
	opens  map[entry.Line][]byte
	whats  []*body.What

	lateness int // 0 not asked yet, 1 no, 2 yes
}

type judge struct {
	v         logVector
	key       *entry.LogKey
	leaves    []*judged
	said      verdictVector
	claims    []*judged // leaves that saw what this log has not
	convicted []string  // checkpoints that the log does not stand by
}

// judgeLog returns the verdict on a log whose checkpoint is good.
func judgeLog(v logVector) verdictVector {
	j := &judge{v: v, key: logKey(), said: verdictVector{Findings: []findingVector{}}}
	for i, raw := range v.Entries {
		l := &judged{index: i, raw: raw, opens: make(map[entry.Line][]byte)}
		j.leaves = append(j.leaves, l)
		j.admit(l)
	}
	j.log()
	if whole(v) {
		j.sources()
	}
	j.sort()
	j.status()
	return j.said
}

// log is steps 2 and 3.
func (j *judge) log() {
	cp := must(verify.ReadCheckpoint([]byte(j.v.Checkpoint)))
	at := len(j.leaves)
	if !whole(j.v) {
		j.said.Findings = append(j.said.Findings, find("tree-mismatch", at))
	}
	for _, signed := range append([]string{j.v.Believed}, j.v.AtHand...) {
		if signed == "" || slices.Contains(j.convicted, signed) {
			continue
		}
		old := must(verify.ReadCheckpoint([]byte(signed)))
		code := verify.Code("fork")
		switch {
		case old.Size > cp.Size:
			code = "shrunk"
		case old.Size == cp.Size && old.Root == cp.Root:
			continue
		case old.Size < cp.Size && (!whole(j.v) || old.Root == j.treeOf(old.Size)):
			continue
		}
		j.convicted = append(j.convicted, signed)
		j.said.Findings = append(j.said.Findings, find(code, at))
	}
}

// sources is steps 12 to 26, and the counts.
func (j *judge) sources() {
	c := &countsVector{}
	for _, l := range j.leaves {
		switch {
		case l.as == "fresh":
			j.source(l)
		case l.as == "duplicate":
			c.Duplicates++
		case l.as == "fork":
			j.find("forked-source", l)
		case l.later:
			c.NotUnderstood++
		}
		if l.passed {
			c.Changes += uint64(len(l.e.What))
		}
		if l.passed && l.e.Kind == entry.Finding {
			c.Recorded++
		}
	}
	j.holes()
	if j.v.Disclosures != nil {
		j.vault(c)
	}
	j.rolls()
	j.contests()
	enrolled := make(map[entry.Source]bool)
	for _, l := range j.leaves {
		if l.passed && l.e.Kind == entry.Enrol && !j.late(l) {
			enrolled[l.e.Open.Key.Source()] = true
		}
	}
	c.Sources = len(enrolled)
	j.said.Counts = c
}

// contests decides whom wrong saw lines accuse.
func (j *judge) contests() {
	for _, l := range j.claims {
		var same []*judged
		for _, o := range j.claims {
			if o.e.Saw == l.e.Saw && j.speaks(o) {
				same = append(same, o)
			}
		}
		switch {
		case j.convicts(l.e.Saw):
		case !j.speaks(l) || !j.several(same) || j.decided(l.e.Saw.Size):
			j.find(l.saw, l)
		case same[0] == l:
			c := contestVector{Size: l.e.Saw.Size, Root: l.e.Saw.Root.String()}
			for _, o := range same {
				c.Saw = append(c.Saw, sightingVector{uint64(o.index), o.e.Source.String()})
			}
			j.said.Contested = append(j.said.Contested, c)
		}
	}
}

// speaks reports whether a leaf is its source's word.
func (j *judge) speaks(l *judged) bool {
	return !j.late(l)
}

func (j *judge) convicts(s entry.Saw) bool {
	return slices.ContainsFunc(j.convicted, func(signed string) bool {
		cp := must(verify.ReadCheckpoint([]byte(signed)))
		return cp.Size == s.Size && cp.Root == s.Root
	})
}

func (j *judge) decided(size uint64) bool {
	if j.v.Believed == "" || slices.Contains(j.convicted, j.v.Believed) {
		return false
	}
	return must(verify.ReadCheckpoint([]byte(j.v.Believed))).Size >= size
}

// several reports whether leaves are of a recorder or of two hosts: it spreads
// from the first one's source to all that are on its host.
func (j *judge) several(leaves []*judged) bool {
	if len(leaves) == 0 {
		return false
	}
	near := map[entry.Source]bool{leaves[0].e.Source: true}
	for range j.leaves {
		for _, a := range j.leaves {
			for _, b := range j.leaves {
				if on, also := j.introduces(a), j.introduces(b); on != nil && also != nil && near[on.source] && on.near(also) {
					near[also.source] = true
				}
			}
			if on := j.introduces(a); on != nil && on.follows != nil && (near[on.source] || near[*on.follows]) {
				near[on.source], near[*on.follows] = true, true
			}
		}
	}
	return slices.ContainsFunc(leaves, func(l *judged) bool { return j.role(l) == entry.Recorder || !near[l.e.Source] })
}

// introduced is a source as the log introduces it.
type introduced struct {
	source  entry.Source
	follows *entry.Source
	host    string
	known   bool
}

func (a *introduced) near(b *introduced) bool { return a.known && b.known && a.host == b.host }

func (j *judge) introduces(l *judged) *introduced {
	if !l.passed || l.e.Kind != entry.Enrol || j.late(l) {
		return nil
	}
	in := &introduced{source: l.e.Open.Key.Source(), follows: l.e.Open.Follows}
	var how body.How
	if b, ok := l.opens[entry.LineHow]; ok && body.Unmarshal(b, &how) == nil && how.Host != nil {
		in.host, in.known = how.Host.Name, true
	}
	return in
}

func (j *judge) status() {
	switch {
	case slices.ContainsFunc(j.said.Findings, func(f findingVector) bool { return f.Accused != "source" }):
		j.said.Status = 3
	case len(j.said.Contested) > 0 || slices.ContainsFunc(j.leaves, func(l *judged) bool { return l.later }):
		j.said.Status = 1
	}
}

func (j *judge) find(code verify.Code, l *judged) {
	j.said.Findings = append(j.said.Findings, find(code, l.index))
}

func (j *judge) sort() {
	var order []verify.Code
	for c := range verify.Checks {
		order = append(order, c)
	}
	slices.SortStableFunc(j.said.Findings, func(a, b findingVector) int {
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
	for _, p := range j.before(l, func(p *judged) bool { return p.e.Kind == entry.Enrol && p.e.Open.Key.Source() == src && !j.late(p) }) {
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
		l.later = true
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
		l.saw = "saw-future"
	} else if j.treeOf(e.Saw.Size) != e.Saw.Root {
		l.saw = "saw-mismatch"
	}
	if l.saw != "" {
		j.claims = append(j.claims, l)
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
	if l.e.Open.Says == "approve" { // may stand before what it approves
		if !slices.ContainsFunc(j.leaves, func(p *judged) bool { return p.passed && p.id == ids[0] }) {
			j.find("unknown-reference", l)
		}
		return
	}
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
			j.said.Findings = append(j.said.Findings, find("sequence-gap", lowest))
		}
	}
}

// vault is steps 21 to 25.
func (j *judge) vault(c *countsVector) {
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
	for _, l := range j.leaves {
		c.Disclosed += uint64(len(l.opens))
	}
	for v := range voided {
		l := j.leaves[slices.IndexFunc(j.leaves, func(l *judged) bool { return l.passed && l.id == v.ID })]
		_, opens := l.opens[v.Line]
		_, is := l.e.Seal(v.Line)
		if !opens && (is || v.Line.IsText() && v.Line.K() < len(l.e.What)) {
			c.Erased++
		}
	}
	j.subjects()
}

func (j *judge) open(l *judged, line entry.Line, h entry.Hash, voided map[entry.Void]bool) {
	given := false
	for _, d := range j.v.Disclosures {
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

// late says that a revoke stands before a leaf whose seq it cuts off, and is its
// own source's word.
func (j *judge) late(l *judged) bool {
	if l.lateness == 0 {
		l.lateness = 1
		if len(j.before(l, func(p *judged) bool {
			return p.e.Kind == entry.Revoke && *p.e.Open.Source == l.e.Source && p.e.Open.Last < l.e.Seq && !j.late(p)
		})) > 0 {
			l.lateness = 2
		}
	}
	return l.lateness == 2
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
		if !j.late(p) {
			need = max(need, p.e.Open.Erasers)
		}
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
	recorded := j.before(l, func(p *judged) bool { return p.as == "fresh" && j.role(p) == entry.Recorder })
	return slices.ContainsFunc(recorded[max(0, len(recorded)-256):], func(p *judged) bool {
		ago := l.e.At().Sub(p.e.At())
		return p.index < size && ago >= 0 && ago < 30*time.Second
	})
}
