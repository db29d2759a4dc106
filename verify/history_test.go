package verify_test

import (
	"bytes"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// history makes random logs in which every kind of fault occurs often.
type history struct {
	*maker
	r        *rapid.T
	watchers []*source
	tellers  []*source
	persons  []*source
	others   []*source
	held     [][]byte // signed, and yet to be recorded
	changes  []int    // leaves with at least one what
	erases   []int
	friends  int
}

// makeHistory returns a log of some 10 to 30 leaves.
func makeHistory(r *rapid.T) *maker {
	h := &history{maker: newMaker(r, number(r, "erasers", 1, 3)), r: r}
	h.watchers = []*source{
		h.enrol("a", entry.Watcher, "web-1"), h.enrol("b", entry.Watcher, "web-1"),
		h.enrol("c", entry.Watcher, rapid.SampledFrom([]string{"", "web-2"}).Draw(r, "host")),
	}
	h.tellers = []*source{h.enrol("importer", entry.Importer, ""), h.enrol("receiver", entry.Receiver, "web-1")}
	h.persons = []*source{h.enrol("p", entry.Person, ""), h.enrol("q", entry.Person, "")}
	h.others = []*source{h.recorder, h.enrol("monitor", entry.Monitor, ""), newSource("stranger")}
	for range number(r, "steps", 8, 30) {
		h.step()
	}
	for _, raw := range h.held {
		if h.maybe("release", 2) {
			h.put(raw)
		}
	}
	h.losses()
	return h.maker
}

func number(r *rapid.T, label string, low, high int) int {
	return rapid.IntRange(low, high).Draw(r, label)
}

// maybe is true once in n.
func (h *history) maybe(label string, n int) bool { return number(h.r, label, 1, n) == n }

func (h *history) any(label string) *source {
	return h.pick(label, h.watchers, h.tellers, h.persons, h.others)
}

func (h *history) pick(label string, lists ...[]*source) *source {
	all := slices.Concat(lists...)
	return all[number(h.r, label, 0, len(all)-1)] // by number: a key says nothing to a reader
}

func (h *history) anyLeaf() int { return number(h.r, "leaf", 0, len(h.leaves)-1) }

// anyID names a leaf that parses, mostly.
func (h *history) anyID() entry.ID {
	if e, err := entry.Parse(h.leaves[h.anyLeaf()]); err == nil && !h.maybe("unknown", 8) {
		return e.ID()
	}
	return hash("nothing")
}

// step does one thing.
func (h *history) step() {
	switch number(h.r, "step", 0, 15) { // rapid likes small numbers: what is rare comes first
	case 0:
		h.someFork()
	case 1:
		h.put(h.leaves[h.anyLeaf()])
	case 2:
		h.someErase()
	case 3:
		h.record(h.maybeAny(h.persons), revoke(h.maybeAny(h.watchers), uint64(number(h.r, "last", 0, 3))), contents{})
	case 4:
		if len(h.erases) > 0 {
			i := rapid.SampledFrom(h.erases).Draw(h.r, "erase")
			h.record(h.maybeAny(h.persons), remark("approve", h.id(i)), contents{})
		}
	case 5:
		h.record(h.any("by"), entry.Entry{Kind: entry.Finding, Open: entry.Open{Code: "x", About: []entry.ID{h.anyID(), h.anyID()}}}, contents{})
	case 6:
		h.record(h.any("by"), remark(rapid.SampledFrom([]string{"reason", "approve"}).Draw(h.r, "says"), h.anyID()), contents{})
	case 7:
		h.someJunk()
	case 8:
		h.someEnrol()
	case 9:
		h.record(h.any("by"), gapEntry, contents{who: h.someBody()})
	case 10, 11:
		h.someRollCall()
	default:
		h.someChange(h.maybeAny(h.watchers, h.tellers))
	}
}

// someRollCall lists nobody, mostly.
func (h *history) someRollCall() {
	o, how := entry.Open{}, body.How{}
	for _, s := range h.watchers {
		switch number(h.r, "listed", 0, 5) {
		case 0:
			o.Absent = append(o.Absent, s.id())
		case 1:
			o.Present = append(o.Present, s.id())
		}
		if h.maybe("beat", 3) {
			how.Beats = append(how.Beats, h.beat(s))
		}
	}
	byBytes := func(a, b entry.Source) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(o.Absent, byBytes)
	slices.SortFunc(o.Present, byBytes)
	h.record(h.recorder, entry.Entry{Kind: entry.RollCall, Open: o}, contents{how: string(must(body.Marshal(&how)))})
}

// maybeAny is one of the sources that may, mostly.
func (h *history) maybeAny(lists ...[]*source) *source {
	if h.maybe("any", 8) {
		return h.any("whoever")
	}
	return h.pick("one of those who may", lists...)
}

// record adds an entry, or holds it back, or loses it, with a fault or two in
// its number, its chain, its clock or its checkpoint.
func (h *history) record(s *source, e entry.Entry, c contents) int {
	if h.maybe("see", 4) {
		h.see(s)
	}
	if h.maybe("skip", 10) {
		s.seq += uint64(number(h.r, "by", 1, 2))
	}
	raw := h.sign(s, e, c, h.edits()...)
	signed := must(entry.Parse(raw))
	s.seq, s.before, s.prev = signed.Seq+1, s.prev, signed.ID()
	if h.maybe("hold", 8) {
		h.held = append(h.held, raw)
		return -1
	}
	if len(h.held) > 0 && h.maybe("release", 3) {
		h.put(h.held[0])
		h.held = h.held[1:]
	}
	return h.put(raw)
}

func (h *history) edits() (list []edit) {
	if h.maybe("odd prev", 12) {
		list = append(list, prev(h.anyID()))
	}
	if h.maybe("odd time", 6) {
		list = append(list, at(h.now.Add(time.Duration(number(h.r, "skew", -700, 700))*time.Second)))
	}
	if h.maybe("odd saw", 6) {
		n := number(h.r, "size", 0, len(h.leaves)+2)
		root := h.root(min(n, len(h.leaves)))
		if n > 0 && h.maybe("odd root", 3) {
			root = hash("root")
		}
		list = append(list, saw(uint64(n), root))
	}
	return list
}

func (h *history) someChange(s *source) {
	var c contents
	for range number(h.r, "whats", 1, 3) {
		c.whats = append(c.whats, h.someWhat())
	}
	c.how = h.someBody()
	if i := h.record(s, changeEntry, c); i >= 0 {
		h.changes = append(h.changes, i)
	}
}

func (h *history) someBody() string {
	return rapid.SampledFrom([]string{"", "", "", "", `{"new":1}`, `{"a":1 }`, `{"uid":-1,"version":7}`}).Draw(h.r, "body")
}

func (h *history) someWhat() what {
	if h.maybe("odd what", 20) {
		return what{raw: rapid.SampledFrom([]string{`{}`, `{"action":"create"}`, `{"action":"create","path64":"L2E="}`}).Draw(h.r, "raw")}
	}
	path := rapid.SampledFrom([]string{"/a", "/b"})
	w := seen(path.Draw(h.r, "path"))
	w.Before = h.someBefore()
	w.Host = rapid.SampledFrom([]string{"", "", "web-1"}).Draw(h.r, "told host")
	switch number(h.r, "action", 0, 5) {
	case 0:
		w.Action, w.From = body.Rename, path.Draw(h.r, "from")
	case 1:
		w = gone(w.Path, w.Before)
	}
	return w
}

// someBefore is likely to be right: with few paths the latest change is often it.
func (h *history) someBefore() *body.Ref {
	switch n := len(h.changes); {
	case n == 0 || h.maybe("absent", 4):
		return nil
	case h.maybe("same entry", 6):
		return &body.Ref{What: number(h.r, "k", 0, 1)}
	default:
		i := h.changes[n-1-number(h.r, "back", 0, min(n-1, 2))]
		return h.after(i, number(h.r, "k", 0, max(0, len(h.entry(i).What)-1)))
	}
}

func (h *history) someErase() {
	lines := []entry.Line{entry.LineWho, entry.LineWhy, entry.LineHow, entry.LineWhat(0), entry.LineText(0), entry.LineText(1)}
	var voids []entry.Void
	for range number(h.r, "voids", 1, 4) {
		voids = append(voids, entry.Void{ID: h.anyID(), Line: rapid.SampledFrom(lines).Draw(h.r, "line")})
	}
	p := h.pick("eraser", h.persons)
	if i := h.record(p, entry.Entry{Kind: entry.Erase, Open: entry.Open{Voids: voids}}, contents{}); i >= 0 {
		h.erases = append(h.erases, i)
	}
}

func (h *history) someFork() {
	s := h.any("forked")
	if s.seq == 0 {
		return
	}
	switch number(h.r, "fork", 0, 2) {
	case 0:
		h.fork(s, gapEntry, contents{})
	case 1:
		h.fork(s, changeEntry, contents{whats: []what{h.someWhat()}}, h.edits()...)
	case 2:
		f := h.fork(s, remark("approve", h.anyID()), contents{}, h.edits()...)
		s.prev = h.id(f)
	}
}

func (h *history) someJunk() {
	raw := bytes.Clone(h.leaves[h.anyLeaf()])
	switch number(h.r, "junk", 0, 3) {
	case 0:
		h.put([]byte("stele/entry/v3\n" + string(raw)))
	case 1:
		h.put(raw[:number(h.r, "cut", 0, len(raw))])
	default:
		if len(raw) > 0 {
			raw[number(h.r, "byte", 0, len(raw)-1)] ^= byte(1 << number(h.r, "bit", 0, 7))
		}
		h.put(raw)
	}
}

func (h *history) someEnrol() {
	if h.maybe("again", 3) {
		h.put(h.sign(h.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: h.any("again").public(), Role: entry.Person}}, contents{}))
		return
	}
	if h.maybe("unsound", 6) {
		h.enrolBytes(encodePoint(one, 0), "watcher")
		return
	}
	h.friends++
	s := newSource("friend " + string(rune('0'+h.friends%10)))
	e := entry.Entry{Kind: entry.Enrol, Open: entry.Open{Erasers: number(h.r, "erasers", 0, 3), Key: s.public(), Role: entry.Watcher}}
	if i := h.record(h.recorder, e, hostBody("web-1")); i >= 0 {
		s.prev = h.id(i)
		h.watchers = append(h.watchers, s)
	}
}

// losses takes some disclosures away, and alters some.
func (h *history) losses() {
	var kept []seal.Disclosure
	n := number(h.r, "one in", 10, 400)
	for _, d := range h.disclosures {
		switch number(h.r, "loss", 0, n) {
		case n:
		case n - 1:
			d.Salt[0] ^= 1
			kept = append(kept, d)
		case n - 2:
			other := d
			other.Body = []byte("{}")
			kept = append(kept, other, d)
		default:
			kept = append(kept, d)
		}
	}
	h.disclosures = kept
}
