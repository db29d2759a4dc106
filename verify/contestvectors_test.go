package verify_test

import (
	"slices"

	"github.com/stele-log/stele/entry"
)

// This file has the log vectors about trees that a log has shown and has not:
// what checkpoints at hand prove, and what is contested where none is at hand.

func contestLogs(t tester) []logVector {
	return slices.Concat(atHandLogs(t), brokenLogs(t), contestedLogs(t), loneLogs(t), hostsLogs(t), futureLogs(t), decidedLogs(t))
}

// rewritten is a log of which sources saw another last leaf. The other log is
// returned with it.
func rewritten(t tester, names ...string) (m *maker, other [][]byte, sources []*source) {
	m = newMaker(t, 1)
	for _, name := range names {
		sources = append(sources, m.enrol(name, entry.Watcher, name))
	}
	m.change(sources[0], seen("/etc/a"))
	other = slices.Clone(m.leaves)
	other[len(other)-1] = m.sign(sources[0], changeEntry, contents{whats: []what{seen("/etc/z")}}, seq(0), prev(sources[0].before))
	m.showed(other, sources...)
	return m, other, sources
}

// showed lets sources have seen another log.
func (m *maker) showed(leaves [][]byte, list ...*source) {
	for _, s := range list {
		s.saw = entry.Saw{Size: uint64(len(leaves)), Root: treeRoot(leaves)}
	}
}

func atHandLogs(t tester) []logVector {
	m, other, s := rewritten(t, "web-1", "web-2")
	size := len(other)
	a, b := m.gap(s[0]), m.gap(s[1])
	m.see(s...)
	m.gap(s[0])
	convicted := m.vector("fork/seen by two", "a checkpoint of what they saw: the log is accused and they are not", find("fork", len(m.leaves))).with(other)
	twice := m.vector("fork/at hand twice", "one finding a checkpoint, believed or given", find("fork", len(m.leaves))).believing(other).with(other, other)
	pair := m.vector("fork/two at hand", "", find("fork", len(m.leaves)), find("fork", len(m.leaves))).with(other[:size-1], other, slices.Concat(m.leaves[:4], other[2:3]))
	same := m.opened("fork/benign at hand", "checkpoints of this very tree prove nothing against it").with(m.leaves, m.leaves[:2], m.leaves[:0]).contested(a, b)

	m, other, s = rewritten(t, "web-1", "web-2")
	m.showed(append(slices.Clone(other), m.leaves[0], m.leaves[1]), s...)
	m.gap(s[0])
	shrunk := m.vector("shrunk/seen by one", "of more leaves than the log has; no saw-future", find("shrunk", len(m.leaves))).
		with(append(slices.Clone(other), m.leaves[0], m.leaves[1]))
	unseen := m.vector("shrunk/seen by none", "another tree than the one at hand", find("saw-future", len(m.leaves)-1), find("shrunk", len(m.leaves))).
		with(append(slices.Clone(other), m.leaves[1], m.leaves[1]))

	m, other, s = rewritten(t, "web-1", "web-2")
	m.leaves = m.leaves[:size-1]
	m.gap(s[1])
	early := m.vector("fork/saw at a lower index than its size", "the log took leaves out before it: no saw-future", find("fork", len(m.leaves))).with(other)
	return []logVector{convicted, twice, pair, same, shrunk, unseen, early}
}

// brokenLogs have leaves that are not those of the checkpoint.
func brokenLogs(t tester) []logVector {
	m, w := small(t)
	m.see(w)
	m.gap(w)
	m.add(w, gapEntry, contents{}, saw(2, hash("another")), prev(hash("another")), seq(9))
	m.gap(m.enrol("v", entry.Watcher, "web-2"))
	honest := slices.Clone(m.leaves)
	other := slices.Clone(m.leaves)
	other[len(other)-1] = m.leaves[0]
	broken := func(name, comment string, disclosed bool, findings ...findingVector) logVector {
		v := m.vector("tree-mismatch/"+name, comment, findings...)
		if disclosed {
			v = m.opened("tree-mismatch/"+name, comment, findings...)
			v.Disclosures = v.Disclosures[:5]
		}
		v.Entries = slices.Clone(honest)
		v.Entries[2] = m.sign(w, changeEntry, contents{whats: []what{seen("/etc/z")}}, seq(0), prev(w.before))
		return v
	}
	at := find("tree-mismatch", len(honest))
	junk := broken("and the log", "what accuses the log stands beside it", false, find("malformed", 2), at)
	junk.Entries[2] = []byte("junk")
	return []logVector{
		broken("saw lines above the break", "no source is accused by leaves that are not those of the tree", false, at),
		broken("disclosures above the break", "nor the vault", true, at),
		junk,
		broken("believed below it", "the leaves do not say what the tree was at that size", false, at).believing(other[:4]),
		broken("believed of this size", "what the log signed contradicts itself, whatever the leaves", false, at, find("fork", len(honest))).believing(other),
		broken("believed beyond", "", false, at, find("shrunk", len(honest))).believing(append(other, other[0])),
		broken("believed the same", "", false, at).believing(honest),
	}
}

func contestedLogs(t tester) []logVector {
	m, _, s := rewritten(t, "web-1", "web-2")
	a, b := m.gap(s[0]), m.gap(s[1])
	again := m.gap(s[0])
	m.fork(s[1], remark("reason", m.id(0)), contents{})
	m.put(m.leaves[a])
	hosts := m.opened("contested/two hosts", "who saw it, duplicates and forks left out", find("forked-source", again+1)).contested(a, b, again)

	m, other, s := rewritten(t, "web-1", "web-2")
	m.showed(other, m.recorder)
	r := m.rollcall()
	recorder := m.opened("contested/a recorder", "it lives with the log, and cannot have seen what that has not").contested(r)
	c := m.gap(s[0])
	both := m.opened("contested/a recorder and a source", "").contested(r, c)
	m.showed(slices.Concat(other, other[:1]), s[1])
	d := m.gap(s[1])
	one := m.opened("contested/one of two trees", "a lone source saw the other", find("saw-mismatch", d)).contested(r, c)
	one.Disclosures = nil

	m, other, s = rewritten(t, "web-1", "web-2")
	m.showed(other[:3], s...)
	s[0].saw.Root, s[1].saw.Root = hash("one"), hash("one")
	i, k := m.gap(s[1]), m.gap(s[0])
	m.showed(other, s...)
	x, y := m.gap(s[0]), m.gap(s[1])
	two := m.opened("contested/two trees", "in order of the first entry").contested(i, k).contested(x, y)
	return []logVector{hosts, recorder, both, one, two, contestedAndBad(t), contestedAndLater(t)}
}

func contestedAndBad(t tester) logVector {
	m, _, s := rewritten(t, "web-1", "web-2")
	a, b := m.gap(s[0]), m.gap(s[1])
	m.forgetLine(0, entry.LineWho)
	return m.opened("contested/beside a loss", "the vault is accused all the same", find("missing-disclosure", 0)).contested(a, b)
}

func contestedAndLater(t tester) logVector {
	m, _, s := rewritten(t, "web-1", "web-2")
	a, b := m.gap(s[0]), m.gap(s[1])
	m.put([]byte("stele/entry/v2\n"))
	return m.opened("contested/beside a later version", "").contested(a, b)
}

// loneLogs have claims that accuse those who make them.
func loneLogs(t tester) []logVector {
	lone := func(name, comment string, then func(m *maker, other [][]byte, s []*source) []findingVector) logVector {
		m, other, s := rewritten(t, "web-1", "web-2")
		findings := then(m, other, s)
		return m.opened("saw-mismatch/"+name, comment, findings...)
	}
	bad := func(list ...int) (findings []findingVector) {
		for _, i := range list {
			findings = append(findings, find("saw-mismatch", i))
		}
		return findings
	}
	return []logVector{
		lone("of one source", "however often", func(m *maker, _ [][]byte, s []*source) []findingVector {
			return bad(m.gap(s[0]), m.gap(s[0]))
		}),
		lone("of differing roots", "two sources, two trees", func(m *maker, _ [][]byte, s []*source) []findingVector {
			s[1].saw.Root = hash("another")
			return bad(m.gap(s[0]), m.gap(s[1]))
		}),
		lone("of differing sizes", "two sources, one root at two sizes", func(m *maker, _ [][]byte, s []*source) []findingVector {
			s[1].saw.Size--
			return bad(m.gap(s[0]), m.gap(s[1]))
		}),
		lone("of a revoked source", "what it signed above last counts for nothing", func(m *maker, _ [][]byte, s []*source) []findingVector {
			m.add(m.recorder, revoke(s[1], 0), contents{})
			m.gap(s[0])
			a := len(m.leaves) - 1
			m.add(s[1], gapEntry, contents{}, saw(0, entry.EmptyRoot))
			b := m.gap(s[1])
			return append(bad(a), find("after-revoke", b), find("saw-mismatch", b))
		}),
	}
}

// hostsLogs have claims of two sources that may be on one host.
func hostsLogs(t tester) []logVector {
	same := func(name, comment string, then func(m *maker, s []*source)) logVector {
		m, other, s := rewritten(t, "web-1", "web-2", "web-3")
		then(m, s)
		m.showed(other, s...)
		a, b := m.gap(s[1]), m.gap(s[2])
		v := m.vector("contested/"+name, comment)
		if name[:7] == "benign " {
			v.Findings = []findingVector{find("saw-mismatch", a), find("saw-mismatch", b)}
			return v
		}
		return v.contested(a, b)
	}
	enrol := func(m *maker, name, host string, follows *source) *source {
		s := newSource(name)
		e := entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: s.public(), Role: entry.Watcher}}
		if follows != nil {
			id := follows.id()
			e.Open.Follows = &id
		}
		c := contents{how: `{}`}
		if host != "-" {
			c = hostBody(host)
		}
		s.prev = m.id(m.add(m.recorder, e, c))
		return s
	}
	disclosed := func(v logVector, m *maker) logVector {
		v.Disclosures = slices.Clone(m.disclosures)
		return v
	}
	var made *maker
	pair := func(one, two string) func(m *maker, s []*source) {
		return func(m *maker, s []*source) { made, s[1], s[2] = m, enrol(m, "x", one, nil), enrol(m, "y", two, nil) }
	}
	list := []logVector{
		same("two hosts, not disclosed", "sources that do not follow one another count as two hosts", func(*maker, []*source) {}),
		disclosed(same("benign one host", "two sources on one host make no contest", pair("db-1", "db-1")), made),
		same("one host, not disclosed", "nobody can say that it is one", pair("db-1", "db-1")),
		disclosed(same("no host told", "the disclosed enrolments name no host", pair("-", "-")), made),
		disclosed(same("benign host without a name", "the empty name is one", pair("", "")), made),
		disclosed(same("one host told", "", pair("db-1", "-")), made),
		same("benign one follows the other", "", func(m *maker, s []*source) { s[2] = enrol(m, "x", "-", s[1]) }),
		same("benign both follow a third", "", func(m *maker, s []*source) {
			s[1], s[2] = enrol(m, "x", "-", s[0]), enrol(m, "y", "-", s[0])
		}),
		same("benign they follow over a third", "", func(m *maker, s []*source) {
			s[0] = enrol(m, "x", "-", s[1])
			s[2] = enrol(m, "y", "-", s[0])
		}),
		same("benign both follow one of an older log", "it is named, and is not of this log", func(m *maker, s []*source) {
			old := newSource("old")
			s[1], s[2] = enrol(m, "x", "-", old), enrol(m, "y", "-", old)
		}),
		disclosed(same("benign followed to a host", "one is on the host of the source that the other follows", func(m *maker, s []*source) {
			made, s[1], s[2] = m, enrol(m, "x", "web-1", nil), enrol(m, "y", "-", s[0])
		}), made),
	}
	return append(list, malformedHosts(t), revokedFollows(t))
}

// malformedHosts are on one host by bodies that are none.
func malformedHosts(t tester) logVector {
	m, other, s := rewritten(t, "web-1")
	var whose []*source
	for _, name := range []string{"x", "y"} {
		n := newSource(name)
		n.prev = m.id(m.add(m.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: n.public(), Role: entry.Watcher}},
			contents{how: `{"host":{"name":"db-1"} }`}))
		whose = append(whose, n)
	}
	m.showed(other, whose...)
	a, b := m.gap(whose[0]), m.gap(whose[1])
	_ = s
	return m.opened("contested/hosts in malformed bodies", "a malformed body tells nothing",
		find("malformed-body", 3), find("malformed-body", 4)).contested(a, b)
}

// revokedFollows has sources joined by an enrolment without effect.
func revokedFollows(t tester) logVector {
	m, other, s := rewritten(t, "web-1", "web-2")
	second := m.enrol("second recorder", entry.Recorder, "log-2")
	m.add(second, entry.Entry{Kind: entry.RollCall}, contents{})
	m.add(m.recorder, revoke(second, 0), contents{})
	n := newSource("n")
	id := s[0].id()
	late := m.add(second, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: n.public(), Role: entry.Watcher, Follows: &id}}, hostBody("web-1"))
	n.prev = m.id(m.add(m.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: n.public(), Role: entry.Watcher}}, contents{}))
	m.showed(other, s[0], n)
	a, b := m.gap(s[0]), m.gap(n)
	return m.opened("contested/an enrolment without effect", "it names no host and nobody that a source follows", find("after-revoke", late)).contested(a, b)
}

// futureLogs have claims of trees larger than their leaf's index.
func futureLogs(t tester) []logVector {
	m, other, s := rewritten(t, "web-1", "web-2")
	m.showed(slices.Concat(other, other, other), s...)
	a, b := m.gap(s[0]), m.gap(s[1])
	beyond := m.opened("contested/a tree beyond the log", "").contested(a, b)

	m, other, s = rewritten(t, "web-1", "web-2")
	m.showed(slices.Concat(other, other[:3]), s...)
	a, b = m.gap(s[0]), m.gap(s[1])
	m.rollcall()
	m.rollcall()
	within := m.opened("contested/a tree that came to be another", "").contested(a, b)

	m, _, s = rewritten(t, "web-1", "web-2")
	size := uint64(len(m.leaves) + 4)
	a = m.put(m.sign(s[0], gapEntry, contents{}, saw(size, hash("x"))))
	b = m.put(m.sign(s[1], gapEntry, contents{}, saw(size, hash("x"))))
	m.rollcall()
	m.rollcall()
	m.rollcall()
	all := m.vector("contested/a tree of all leaves but one", "").contested(a, b)

	return []logVector{beyond, within, all}
}

// decidedLogs are contested but for what the verifier believed.
func decidedLogs(t tester) []logVector {
	m, other, s := rewritten(t, "web-1", "web-2")
	a, b := m.gap(s[0]), m.gap(s[1])
	size := len(other)
	bad := []findingVector{find("saw-mismatch", a), find("saw-mismatch", b)}
	open := func(name, comment string, findings ...findingVector) logVector {
		return m.vector("contested/"+name, comment, findings...).contested(a, b)
	}
	fork := slices.Clone(m.leaves)
	fork[0] = m.leaves[1]
	return []logVector{
		m.vector("contested/benign decided", "what this verifier believed covers the size: two hosts that lie stop nobody", bad...).believing(m.leaves),
		m.vector("contested/benign decided at the size itself", "", bad...).believing(m.leaves[:size]),
		open("believed less", "what was believed says nothing of that size").believing(m.leaves[:size-1]),
		open("believed nothing", "").believing(nil),
		open("at hand only", "a checkpoint that somebody brought is no belief").with(m.leaves),
		open("believed a fork", "a belief the tree is not consistent with decides nothing", find("fork", len(m.leaves))).believing(fork),
		open("believed beyond the log", "", find("shrunk", len(m.leaves))).believing(append(slices.Clone(m.leaves), m.leaves[0])),
	}
}
