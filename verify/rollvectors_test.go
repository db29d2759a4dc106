package verify_test

import (
	"time"

	"github.com/stele-log/stele/entry"
)

// rollLogs have roll calls that say more than is shown, or the contrary of it.
func rollLogs(t tester) []logVector {
	return []logVector{unheard(t), rollTwins(t), stillThere(t), entryBefore(t), longGone(t)}
}

// unheard lists sources present that no sound beat speaks for.
func unheard(t tester) logVector {
	m, w := small(t)
	v := m.enrol("other", entry.Watcher, "web-2")
	m.see(w)
	none := m.call(nil, []*source{w})
	forged := m.call(nil, []*source{w}, m.beatTo(origin, w, otherKey))
	foreign := m.call(nil, []*source{w}, m.beatTo("log.example/other", w, w.key))
	another := m.call(nil, []*source{w}, m.beat(v))
	w.saw.Size = 1000
	future := m.call(nil, []*source{w}, m.beat(w))
	junk := m.call(nil, []*source{v, w}, "junk", "")
	m.see(w)
	old := m.beat(w)
	m.now = m.now.Add(time.Hour)
	m.call([]*source{w}, nil, old)
	again := m.call(nil, []*source{w}, old)
	return m.opened("bad-rollcall/present", "no beat; signed by another key; for another log; of another source; of a tree that is not there yet; junk, for two sources; from before it was absent",
		find("bad-rollcall", none), find("bad-rollcall", forged), find("bad-rollcall", foreign), find("bad-rollcall", another),
		find("bad-rollcall", future), find("bad-rollcall", junk), find("bad-rollcall", junk), find("bad-rollcall", again))
}

func rollTwins(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.call(nil, []*source{w}, m.beat(w), "junk", m.beatTo("log.example/other", w, w.key))
	m.now = m.now.Add(time.Hour)
	m.call([]*source{w}, nil, m.beat(w))
	m.see(w)
	m.call(nil, []*source{w}, m.beat(w))
	hidden := m.call(nil, []*source{w})
	m.erase(m.enrol("person", entry.Person, ""), entry.Void{ID: m.id(hidden), Line: entry.LineHow})
	m.forgetLine(hidden, entry.LineHow)
	return m.opened("bad-rollcall/benign", "one sound beat is enough; absent, and back with a beat since; where the how is erased nothing is asked")
}

// stillThere lists a source absent and shows a beat of just before.
func stillThere(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.rollcall()
	m.see(w)
	m.now = m.now.Add(20 * time.Second)
	bad := m.call([]*source{w}, nil, m.beat(w))
	return m.opened("bad-rollcall/absent", "the beat shown saw what the recorder signed less than 30 s before", find("bad-rollcall", bad))
}

// entryBefore lists a source absent whose entry stands just before.
func entryBefore(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.change(w, seen("/etc/b"))
	bad := m.call([]*source{w}, nil)
	return m.vector("bad-rollcall/absent, by an entry", "no disclosure is needed for this", find("bad-rollcall", bad))
}

func longGone(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.change(w, seen("/etc/b"))
	m.now = m.now.Add(time.Minute)
	m.call([]*source{w}, nil, m.beat(w))
	return m.opened("bad-rollcall/benign, long gone", "what it saw last is a minute old")
}
