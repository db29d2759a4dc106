package verify_test

import (
	"slices"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// This file has the log vectors of what the steps say beside the plain case:
// revoked sources, forks and duplicates, limits met exactly.

func oddLogs(t tester) []logVector {
	return slices.Concat(revokedEffects(t), forkedEffects(t), approvedLogs(t), rollLimits(t), rollForks(t), sawForks(t), subjectOdds(t), voidedOdds(t), holeOdds(t))
}

// revokedEffects have entries that a revoked source signed above last.
func revokedEffects(t tester) []logVector {
	m, w := small(t)
	second := m.enrol("second recorder", entry.Recorder, "log-2")
	v := m.enrol("v", entry.Watcher, "web-2")
	m.add(second, entry.Entry{Kind: entry.RollCall}, contents{})
	m.add(m.recorder, revoke(second, 0), contents{})
	a := m.add(second, revoke(w, 0), contents{})
	m.gap(w)
	friend := newSource("friend")
	b := m.add(second, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: friend.public(), Role: entry.Watcher, Erasers: 5}}, hostBody("web-3"))
	friend.prev = m.id(b)
	c := m.gap(friend)
	d := m.add(second, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: v.public(), Role: entry.Watcher}}, contents{})
	second.seq--
	friend.seq = 0
	friend.prev = m.id(m.enrolKey(friend.public(), entry.Watcher, "web-3"))
	m.gap(friend)
	p := m.enrol("person", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWho})
	m.forgetLine(2, entry.LineWho)
	recorder := m.opened("after-revoke/of a recorder", "what it revokes and enrols, and the erasers it asks for, have no effect: its friend is unknown until another enrols them",
		find("after-revoke", a), find("after-revoke", b), find("unknown-key", c), find("bad-enrolment", d))

	m, w = small(t)
	n := newSource("n")
	i := m.add(m.recorder, revoke(n, 1), contents{})
	j := m.add(m.recorder, revoke(n, 0), contents{})
	k := m.add(m.recorder, revoke(n, 5), contents{})
	n.prev = m.id(m.enrolKey(n.public(), entry.Watcher, "web-2"))
	m.gap(n)
	l := m.gap(n)
	early := m.opened("after-revoke/before its enrolment", "the lowest last counts",
		find("unknown-reference", i), find("unknown-reference", j), find("unknown-reference", k), find("after-revoke", l))

	m, _ = eraseLog(t, 1)
	p = m.enrol("person", entry.Person, "")
	m.gap(p)
	m.add(m.recorder, revoke(p, 0), contents{})
	e := m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWho})
	m.forgetLine(2, entry.LineWho)
	erase := m.opened("after-revoke/of an eraser", "the erase has no effect", find("missing-disclosure", 2), find("after-revoke", e))
	_ = w
	return []logVector{recorder, early, erase, revokedAtZero(t), duplicateFaults(t)}
}

// revokedAtZero has a source of which nothing counts: a last below its first
// entry cannot be said, so its first one stays its word.
func revokedAtZero(t tester) logVector {
	m, w := small(t)
	early := m.sign(w, gapEntry, contents{})
	m.add(m.recorder, revoke(w, 0), contents{})
	m.put(m.leaves[2])
	m.put(early)
	return m.vector("after-revoke/a duplicate is not judged", "the same entry again is no later word", find("after-revoke", 5))
}

// duplicateFaults has an entry with every fault of its own, and again.
func duplicateFaults(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.gap(w)
	m.add(m.recorder, revoke(w, 0), contents{})
	i := m.add(w, gapEntry, contents{}, saw(2, hash("x")), prev(hash("x")))
	m.put(m.leaves[i])
	return m.vector("bad-chain/a duplicate is not judged", "nor for its saw line and its revoked source",
		find("bad-chain", i), find("after-revoke", i), find("saw-mismatch", i), find("saw-rollback", i))
}

// forkedEffects have entries that count although their source has forked.
func forkedEffects(t tester) []logVector {
	m, _ := eraseLog(t, 2)
	p, q := m.enrol("p", entry.Person, ""), m.enrol("q", entry.Person, "")
	m.gap(p)
	f := m.fork(p, entry.Entry{Kind: entry.Erase, Open: entry.Open{Voids: []entry.Void{{ID: m.id(2), Line: entry.LineWho}}}}, contents{})
	m.gap(q)
	g := m.fork(q, remark("approve", m.id(f)), contents{})
	m.forgetLine(2, entry.LineWho)
	m.put(m.leaves[f])
	erase := m.opened("missing-disclosure/benign erase and approval in forks", "", find("forked-source", f), find("forked-source", g))

	m, w := small(t)
	m.gap(w)
	h := m.fork(w, gapEntry, contents{})
	m.change(w, modified("/etc/a", nil))
	gap := m.opened("before-mismatch/benign a gap in a fork", "it excuses too", find("forked-source", h))
	return []logVector{erase, gap}
}

func approvedLogs(t tester) []logVector {
	m, _ := eraseLog(t, 2)
	p, q := m.enrol("p", entry.Person, ""), m.enrol("q", entry.Person, "")
	e := m.sign(p, entry.Entry{Kind: entry.Erase, Open: entry.Open{Voids: []entry.Void{{ID: m.id(2), Line: entry.LineWho}}}}, contents{})
	m.approve(q, idOf(e))
	m.put(e)
	m.forgetLine(2, entry.LineWho)
	before := m.opened("unknown-reference/benign approved before", "an approval may stand before what it approves")

	m, w := small(t)
	late := m.sign(w, gapEntry, contents{})
	a := m.add(m.enrol("p", entry.Person, ""), remark("waive", idOf(late)), contents{})
	b := m.approve(m.recorder, hash("nothing"))
	m.put(late)
	return []logVector{before, m.vector("unknown-reference/waived before, approved never", "", find("unknown-reference", a), find("unknown-reference", b))}
}

// rollLimits meet the limits of step 26.
func rollLimits(t tester) []logVector {
	absent := func(name string, after time.Duration, bad bool) logVector {
		m := &maker{t: t, now: epoch.Add(500 * time.Millisecond), recorder: newSource("recorder")}
		m.add(m.recorder, m.genesis(1), hostBody("log-1"), prev(hash(origin)))
		w := newSource("w")
		m.see(w)
		w.prev = m.id(m.enrolKey(w.public(), entry.Watcher, "web-1"))
		m.gap(w)
		i := m.add(m.recorder, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Absent: []entry.Source{w.id()}}}, contents{},
			at(m.entry(0).At().Add(after)))
		v := m.vector("bad-rollcall/"+name, "after what the source had seen the recorder sign, by the recorder's clock alone")
		if bad {
			v.Findings = []findingVector{find("bad-rollcall", i)}
		}
		return v
	}
	return []logVector{
		absent("absent after a nanosecond less than 30 s", 30*time.Second-1, true),
		absent("absent after 29.8 s", 29800*time.Millisecond, true),
		absent("benign absent after 30 s", 30*time.Second, false),
		absent("benign absent after 30.2 s", 30200*time.Millisecond, false),
		absent("absent in the same nanosecond", 0, true),
		absent("absent after 0.8 s", 800*time.Millisecond, true),
		absent("benign the recorder's clock went back", -1, false),
		absent("benign the recorder's clock went back 0.8 s", -800*time.Millisecond, false),
		manyRecorded(t, 256, true), manyRecorded(t, 257, false),
		recorderAbsent(t), keptMore(t), beatOfNothing(t), earlyBeat(t), sawOwn(t), exactly1024(t), lastSeen(t), beatAndEntry(t),
	}
}

// manyRecorded has n leaves of the recorder after the one that a source saw, all
// within a second.
func manyRecorded(t tester, n int, bad bool) logVector {
	m := newMaker(t, 1)
	w := m.enrol("w", entry.Watcher, "web-1")
	m.see(w)
	m.gap(w)
	for range n - 1 {
		m.rollcall(at(m.now))
		m.now = m.now.Add(-time.Second)
	}
	i := m.add(m.recorder, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Absent: []entry.Source{w.id()}}}, contents{})
	if bad {
		return m.vector("bad-rollcall/256 leaves of recorders back", "", find("bad-rollcall", i))
	}
	return m.vector("bad-rollcall/benign 257 leaves of recorders back", "")
}

func recorderAbsent(t tester) logVector {
	m, _ := small(t)
	m.see(m.recorder)
	m.rollcall()
	m.call([]*source{m.recorder}, nil)
	return m.vector("bad-rollcall/benign absent recorder", "its own entries say nothing about it")
}

func keptMore(t tester) logVector {
	m, w := small(t)
	m.see(w)
	made := m.beat(w)
	text := replaced(textOf(made), " 1 0\n", " 1 2\n")
	a := m.call(nil, []*source{w}, signNote(text, w.id().String(), w.key))
	m.call(nil, []*source{w}, signNote(replaced(textOf(made), " 1 0\n", " 1 1\n"), w.id().String(), w.key))
	return m.opened("bad-rollcall/kept is more than next", "and as much as next in the second", find("bad-rollcall", a))
}

// beatOfNothing shows beats of the empty tree, the second with a root that is not
// its.
func beatOfNothing(t tester) logVector {
	m, w := small(t)
	m.call(nil, []*source{w}, m.beat(w))
	w.saw.Root = hash("x")
	return m.opened("bad-rollcall/a beat of size 0 with a root", "", find("bad-rollcall", m.call(nil, []*source{w}, m.beat(w))))
}

// earlyBeat shows a beat that saw less than the source's own enrolment: nothing
// is asked of it but to be sound.
func earlyBeat(t tester) logVector {
	m, w := small(t)
	m.call(nil, []*source{w}, m.beat(w))
	n := newSource("n")
	n.seq = 0
	early := m.beat(n)
	b := m.call(nil, []*source{n}, early)
	n.prev = m.id(m.enrolKey(n.public(), entry.Watcher, "web-2"))
	m.call(nil, []*source{n}, early)
	return m.opened("bad-rollcall/before its enrolment", "a beat of a source that is enrolled after the roll call", find("bad-rollcall", b))
}

// sawOwn has beats of trees up to the roll call's own index and one more.
func sawOwn(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.call(nil, []*source{w}, m.beat(w))
	w.saw.Size = uint64(len(m.leaves)) + 1
	a := m.call(nil, []*source{w}, m.beat(w))
	m.see(w)
	m.gap(w)
	w.saw.Size = uint64(len(m.leaves)) + 1
	b := m.gap(w)
	m.now = m.now.Add(20 * time.Second)
	m.rollcall()
	m.now = m.now.Add(20 * time.Second)
	m.call([]*source{w}, nil)
	return m.opened("bad-rollcall/saw the roll call itself", "nor does an entry that saw what was to come tell when its source lived",
		find("bad-rollcall", a), find("saw-future", b))
}

// exactly1024 shows beats at the limit of their length: the origin makes them so.
func exactly1024(t tester) logVector {
	m, w := small(t)
	m.see(w)
	made := m.beat(w)
	var want []findingVector
	for _, n := range []int{1024, 1025} {
		text := textOf(made)
		pad := n - len(made)
		long := replaced(text, origin+"\n", origin+string(slices.Repeat([]byte("x"), pad))+"\n")
		want = append(want, find("bad-rollcall", m.call(nil, []*source{w}, signNote(long, w.id().String(), w.key))))
	}
	return m.opened("bad-rollcall/long beats", "a beat of 1,024 bytes is one, but of a log whose origin is not this one's", want...)
}

// lastSeen counts the largest tree an entry saw, not the last.
func lastSeen(t tester) logVector {
	m, w := small(t)
	m.rollcall()
	m.see(w)
	m.gap(w)
	w.saw = entry.Saw{Root: entry.EmptyRoot}
	a := m.gap(w)
	m.now = m.now.Add(20 * time.Second)
	i := m.call([]*source{w}, nil)
	return m.opened("bad-rollcall/the largest it saw", "", find("saw-rollback", a), find("bad-rollcall", i))
}

// beatAndEntry lists a source absent that shows itself by two beats, of which the
// first saw more.
func beatAndEntry(t tester) logVector {
	m, w := small(t)
	old := m.beat(w)
	m.rollcall()
	m.see(w)
	newer := m.beat(w)
	m.now = m.now.Add(20 * time.Second)
	i := m.call([]*source{w}, nil, newer, old)
	return m.opened("bad-rollcall/the newest beat counts", "in whatever order they stand", find("bad-rollcall", i))
}

// rollForks have roll calls that are forks or duplicates.
func rollForks(t tester) []logVector {
	m, w := small(t)
	m.see(w)
	beat := m.beat(w)
	m.now = m.now.Add(time.Hour)
	m.rollcall()
	f := m.fork(m.recorder, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Absent: []entry.Source{w.id()}}}, contents{})
	m.call(nil, []*source{w}, beat)
	fork := m.opened("bad-rollcall/benign absent in a fork", "a roll call that is a fork lists nobody", find("forked-source", f))

	m, w = small(t)
	m.see(w)
	m.rollcall()
	i := m.call(nil, []*source{w})
	m.put(m.leaves[i])
	m.put(m.leaves[i-1])
	return []logVector{fork, m.opened("bad-rollcall/a duplicate", "is not judged again", find("bad-rollcall", i)), noBody(t)}
}

// noBody lists a source present without saying how: nothing is asked.
func noBody(t tester) logVector {
	m, w := small(t)
	m.call(nil, []*source{w})
	bad := m.add(m.recorder, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Present: []entry.Source{w.id()}}}, contents{how: "{}\n"})
	v := m.opened("bad-rollcall/benign, how malformed", "", find("bad-rollcall", 3), find("malformed-body", bad))
	return v
}

// sawForks are about step 18 where its source has forked.
func sawForks(t tester) []logVector {
	m, w := small(t)
	m.see(w)
	m.gap(w)
	f := m.fork(w, remark("reason", m.id(0)), contents{}, saw(0, entry.EmptyRoot))
	m.add(w, gapEntry, contents{}, saw(2, m.root(2)))
	first := m.vector("saw-rollback/against the first of two", "the fork saw less", find("forked-source", f), find("saw-rollback", f+1))

	m, w = small(t)
	m.see(w)
	m.add(w, gapEntry, contents{}, saw(0, entry.EmptyRoot))
	g := m.fork(w, gapEntry, contents{})
	m.add(w, gapEntry, contents{}, saw(2, m.root(2)), prev(m.id(g)))
	named := m.vector("saw-rollback/benign against a fork", "although it is the one named", find("forked-source", g))

	m, w = small(t)
	late := m.sign(w, gapEntry, contents{}, saw(3, m.root(3)))
	w.seq, w.prev = 2, idOf(late)
	m.add(w, gapEntry, contents{}, saw(1, m.root(1)))
	m.put(late)
	after := m.vector("saw-rollback/benign the one before came later", "")
	return []logVector{first, named, after}
}

// subjectOdds are about step 25.
func subjectOdds(t tester) []logVector {
	var list []logVector
	log := func(name, comment string, then func(m *maker, w *source) []findingVector) {
		m, w := small(t)
		findings := then(m, w)
		list = append(list, m.opened("before-mismatch/"+name, comment, findings...))
	}
	log("from outside a rename", "it is passed over", func(m *maker, w *source) []findingVector {
		c := modified("/etc/b", m.after(2, 0))
		c.From = "/etc/a"
		i := m.change(w, c)
		m.change(w, modified("/etc/a", m.after(2, 0)))
		return []findingVector{find("before-mismatch", i)}
	})
	log("an empty from", "is none", func(m *maker, w *source) []findingVector {
		m.change(w, what{raw: `{"action":"rename","before":{"entry":"` + m.id(2).String() + `","what":0},"from":"","path":"/etc/a"}`})
		i := m.change(w, what{raw: `{"action":"rename","from64":"","path":"/etc/a"}`})
		return []findingVector{find("before-mismatch", i)}
	})
	log("benign path in base64", "the same subject, spelt otherwise", func(m *maker, w *source) []findingVector {
		i := m.change(w, what{raw: `{"action":"modify","before":{"entry":"` + m.id(2).String() + `","what":0},"path64":"L2V0Yy9h"}`})
		m.change(w, what{raw: `{"action":"rename","before":{"entry":"` + m.id(i).String() + `","what":0},"from64":"L2V0Yy9h","path":"/etc/\u001b"}`})
		return nil
	})
	log("benign no path", "a change without a path, or with an empty one, is of no subject", func(m *maker, w *source) []findingVector {
		m.change(w, what{raw: `{"action":"modify","before":{"what":7}}`}, what{raw: `{"action":"modify","before":{"what":7},"path":""}`}, what{raw: `{"action":"modify","before":{"what":7},"path64":""}`})
		return nil
	})
	log("of a duplicate", "a change in a duplicate is passed over, and is nobody's latest", func(m *maker, w *source) []findingVector {
		i := m.change(w, modified("/etc/a", m.after(2, 0)))
		m.put(m.leaves[2])
		m.change(w, modified("/etc/a", m.after(i, 0)))
		return []findingVector{find("before-mismatch", m.change(w, modified("/etc/a", m.after(2, 0))))}
	})
	for _, how := range []string{`{"host":{}}`, `{"host":{"os":"linux"}}`, `{"host":{"name":""}}`} {
		list = append(list, nameless(t, how))
	}
	list = append(list, gapElsewhere(t), blindLater(t))
	return list
}

func gapElsewhere(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "web-1")
	m.gap(v)
	m.change(w, modified("/etc/a", m.after(2, 0)))
	i := m.change(v, modified("/etc/a", nil))
	m.gap(v)
	m.change(v, modified("/etc/a", nil))
	return m.opened("before-mismatch/gap before the latest change", "of the source itself, but not between the two", find("before-mismatch", i))
}

// blindLater has a host told of before it goes blind, and a source without one.
func blindLater(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "")
	m.change(v, what{raw: `{}`})
	i := m.change(w, modified("/etc/a", nil))
	return m.opened("before-mismatch/a source without a host blinds none", "", find("malformed-body", i-1), find("before-mismatch", i))
}

// nameless has two sources on a host without a name.
func nameless(t tester, how string) logVector {
	m := newMaker(t, 1)
	var s [2]*source
	for i, name := range []string{"one", "two"} {
		s[i] = newSource(name)
		s[i].prev = m.id(m.add(m.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: s[i].public(), Role: entry.Watcher}}, contents{how: how}))
	}
	m.change(s[0], seen("/etc/a"))
	return m.opened("before-mismatch/on a host that is "+how, "without a name it has the empty one", find("before-mismatch", m.change(s[1], seen("/etc/a"))))
}

// voidedOdds are about what erases void.
func voidedOdds(t tester) []logVector {
	m, w := eraseLog(t, 1)
	p := m.enrol("p", entry.Person, "")
	i := m.change(w, seen("/etc/b"), seen("/etc/c"))
	m.erase(p, entry.Void{ID: m.id(i), Line: entry.LineWhat(1)}, entry.Void{ID: m.id(i), Line: entry.LineText(1)},
		entry.Void{ID: m.id(i), Line: entry.LineWhat(2)}, entry.Void{ID: m.id(i), Line: entry.LineText(2)},
		entry.Void{ID: m.id(0), Line: entry.LineText(0)}, entry.Void{ID: m.id(0), Line: entry.LineWhat(0)}, entry.Void{ID: m.id(0), Line: entry.LineHow})
	m.forgetLine(i, entry.LineWhat(1))
	m.forgetLine(i, entry.LineText(1))
	m.forgetLine(0, entry.LineHow)
	lines := m.opened("unerased/benign lines there and not there", "a what, its text and a how are erased; four lines do not exist")

	m, _ = eraseLog(t, 1)
	p = m.enrol("p", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineText(0)})
	m.disclosure(2, entry.LineText(0)).Body = []byte("another\n")
	text := m.opened("seal-mismatch/of a voided text", "", find("seal-mismatch", 2))

	m, w = eraseLog(t, 1)
	p = m.enrol("p", entry.Person, "")
	f := m.fork(w, changeEntry, contents{whats: []what{modified("/etc/a", m.after(2, 0))}})
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWhy}, entry.Void{ID: m.id(f), Line: entry.LineWho})
	m.forget(func(d *seal.Disclosure) bool { return d.Source == w.id() && d.Line == entry.LineWhy })
	fork := m.opened("unerased/of a fork", "the why of both is gone, erased of the first only", find("forked-source", f), find("missing-disclosure", f), find("unerased", f))

	m, _ = eraseLog(t, 1)
	p = m.enrol("p", entry.Person, "")
	e := m.erase(p, entry.Void{ID: hash("nothing"), Line: entry.LineWho}, entry.Void{ID: m.id(2), Line: entry.LineWho})
	m.put(m.leaves[e])
	m.forgetLine(2, entry.LineWho)
	unknown := m.opened("unerased/benign of nothing", "", find("unknown-reference", e))
	return []logVector{lines, text, fork, unknown, erasedErase(t)}
}

// erasedErase voids a line of the erase itself, which comes after it.
func erasedErase(t tester) logVector {
	m, _ := eraseLog(t, 2)
	p, q := m.enrol("p", entry.Person, ""), m.enrol("q", entry.Person, "")
	target := m.sign(q, gapEntry, contents{})
	e := m.erase(p, entry.Void{ID: idOf(target), Line: entry.LineWhy})
	m.put(target)
	q.seq, q.prev = 1, idOf(target)
	m.approve(q, m.id(e))
	return m.opened("unerased/what stands after the erase", "", find("unknown-reference", e), find("unerased", e+1))
}

// holeOdds are about step 14.
func holeOdds(t tester) []logVector {
	m, w := small(t)
	w.seq, w.prev = 3, hash("x")
	m.gap(w)
	w.seq = 2
	f := len(m.leaves)
	m.add(w, gapEntry, contents{}, seq(3), prev(hash("y")))
	w.seq, w.prev = 5, hash("x")
	m.gap(w)
	fork := m.vector("sequence-gap/beyond which there is a fork", "", find("sequence-gap", 3), find("forked-source", f), find("sequence-gap", f+1))

	m, w = small(t)
	w.seq, w.prev = 5, hash("x")
	m.gap(w)
	w.seq, w.prev = 3, hash("x")
	m.gap(w)
	w.seq, w.prev = 1, m.id(2)
	m.gap(w)
	m.put(m.leaves[2])
	close := m.vector("sequence-gap/filled from below", "seq 2 and 4 are not here", find("sequence-gap", 3), find("sequence-gap", 3))

	m, w = small(t)
	w.seq, w.prev = 2, hash("x")
	m.gap(w)
	w.seq, w.prev = 3, m.id(3)
	w.seq, w.prev = 1, m.id(2)
	i := m.gap(w)
	chained := m.vector("bad-chain/benign of what came before its predecessor", "seq 2 stood before seq 1: its prev is not judged")
	w.seq, w.prev = 3, m.id(i)
	bad := m.gap(w)
	after := m.vector("bad-chain/beyond a hole that closed", "", find("bad-chain", bad))
	return []logVector{fork, close, chained, after, mixedForks(t), closedTwice(t), namedBeyond(t)}
}

// closedTwice has two holes that are closed, the one after the other.
func closedTwice(t tester) logVector {
	m, w := small(t)
	late1 := m.sign(w, gapEntry, contents{})
	w.seq, w.prev = 2, idOf(late1)
	m.gap(w)
	late3 := m.sign(w, gapEntry, contents{})
	w.seq, w.prev = 4, idOf(late3)
	m.gap(w)
	m.put(late1)
	m.put(late3)
	m.gap(w)
	return m.vector("sequence-gap/benign closed twice", "seq 1 and 3 come after seq 4")
}

// namedBeyond refers to an entry beyond a hole.
func namedBeyond(t tester) logVector {
	m, w := small(t)
	w.seq, w.prev = 3, hash("x")
	i := m.gap(w)
	m.add(m.enrol("p", entry.Person, ""), remark("waive", m.id(i)), contents{})
	return m.vector("unknown-reference/benign beyond a hole", "", find("sequence-gap", i))
}

// mixedForks have a prev that names a fork of another seq.
func mixedForks(t tester) logVector {
	m, w := small(t)
	f := m.fork(w, gapEntry, contents{})
	m.gap(w)
	i := m.add(w, gapEntry, contents{}, prev(m.id(f)))
	return m.vector("bad-chain/prev is a fork of an older seq", "", find("forked-source", f), find("bad-chain", i))
}
