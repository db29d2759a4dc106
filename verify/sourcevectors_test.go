package verify_test

import (
	"fmt"
	"time"

	"github.com/stele-log/stele/entry"
)

// This file has the log vectors of steps 12 to 20: what a source does with its
// own numbers, clock and references.

func chainLogs(t tester) []logVector {
	m, w := small(t)
	m.put(m.leaves[2])
	m.change(w, seen("/etc/b"))
	m.put(m.leaves[2])
	duplicate := m.vector("forked-source/benign duplicate", "the same leaf recorded again, twice")

	m, w = small(t)
	m.fork(w, changeEntry, contents{whats: []what{seen("/etc/z")}})
	m.fork(w, gapEntry, contents{})
	m.put(m.leaves[3])
	m.change(w, seen("/etc/b"))
	forked := m.vector("forked-source/three entries of one seq", "each further one is a fork; a fork again is a duplicate; the chain goes on",
		find("forked-source", 3), find("forked-source", 4))
	return append([]logVector{duplicate, forked, onForkLog(t), recorderForkLog(t)}, badChainLogs(t)...)
}

func onForkLog(t tester) logVector {
	m, w := small(t)
	f := m.fork(w, changeEntry, contents{whats: []what{seen("/etc/z")}})
	w.prev = m.id(f)
	m.change(w, seen("/etc/b"))
	return m.vector("bad-chain/benign on a fork", "prev names the fork, which is an entry with seq - 1 too", find("forked-source", 3))
}

func recorderForkLog(t tester) logVector {
	m, _ := small(t)
	m.fork(m.recorder, entry.Entry{Kind: entry.RollCall}, contents{})
	m.rollcall()
	return m.vector("forked-source/recorder", "two recorders with one key", find("forked-source", 3))
}

func badChainLogs(t tester) []logVector {
	m, w := small(t)
	m.change(w, seen("/etc/b"))
	w.prev = m.id(2)
	m.change(w, seen("/etc/c"))
	m.change(w, seen("/etc/d"))
	skipped := m.vector("bad-chain/prev is two before", "", find("bad-chain", 4))

	m = newMaker(t, 1)
	w = m.enrol("watcher", entry.Watcher, "web-1")
	w.prev = m.id(0)
	m.change(w, seen("/etc/a"))
	first := m.vector("bad-chain/first entry names another enrolment", "", find("bad-chain", 2))

	m, w = small(t)
	w.seq, w.prev = 2, hash("not here")
	m.change(w, seen("/etc/b"))
	hole := m.vector("bad-chain/benign beyond a hole", "prev of an entry that is not here cannot be judged", find("sequence-gap", 3))

	m, w = small(t)
	v := m.enrol("second", entry.Watcher, "web-1")
	v.prev = w.prev
	m.change(v, seen("/etc/b"))
	v.prev = w.prev
	m.change(v, seen("/etc/c"))
	return []logVector{skipped, first, hole, m.vector("bad-chain/prev is another source's", "", find("bad-chain", 4), find("bad-chain", 5))}
}

func gapLogs(t tester) []logVector {
	m, w := small(t)
	w.seq += 2
	m.change(w, seen("/etc/b"))
	m.change(w, seen("/etc/c"))
	w.seq += 3
	m.gap(w)
	two := m.vector("sequence-gap/two holes", "one finding a hole, at the lowest index above it", find("sequence-gap", 3), find("sequence-gap", 5))

	m = newMaker(t, 1)
	w = m.enrol("watcher", entry.Watcher, "web-1")
	w.seq = 4
	m.change(w, seen("/etc/a"))
	begin := m.vector("sequence-gap/from the beginning", "seq 0 to 3 are not here", find("sequence-gap", 2))
	return []logVector{two, begin, closedHole(t), partlyClosed(t), afterTheHole(t)}
}

func closedHole(t tester) logVector {
	m, w := small(t)
	late := m.sign(w, changeEntry, contents{whats: []what{seen("/etc/b")}})
	w.seq, w.prev = 2, idOf(late)
	m.change(w, seen("/etc/c"))
	m.change(w, seen("/etc/d"))
	m.put(late)
	m.change(w, seen("/etc/e"))
	return m.vector("sequence-gap/benign closed", "seq 1 comes after seq 2 and 3: late, but there")
}

func idOf(raw []byte) entry.ID { return must(entry.Parse(raw)).ID() }

func partlyClosed(t tester) logVector {
	m, w := small(t)
	w.seq, w.prev = 5, hash("not here")
	m.change(w, seen("/etc/f"))
	w.seq = 3
	m.change(w, seen("/etc/d"))
	return m.vector("sequence-gap/partly closed", "seq 1 to 2 and 4 are not here; the lowest index above both is 3",
		find("sequence-gap", 3), find("sequence-gap", 3))
}

func afterTheHole(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "web-2")
	v.seq = 9007199254740991
	m.change(v, seen("/etc/a"))
	m.change(w, seen("/etc/b"))
	return m.vector("sequence-gap/the longest", "a source that begins with the highest seq there is", find("sequence-gap", 4))
}

func revokeLogs(t tester) []logVector {
	return []logVector{revokedLog(t), revokedAgain(t), selfRevoked(t), revokedUnused(t)}
}

func revokedLog(t tester) logVector {
	m, w := small(t)
	m.change(w, seen("/etc/b"))
	early := m.sign(w, changeEntry, contents{whats: []what{seen("/etc/c")}})
	m.add(m.recorder, revoke(w, 2), contents{})
	m.put(early)
	w.seq, w.prev = 3, idOf(early)
	m.change(w, seen("/etc/d"))
	m.change(w, seen("/etc/e"))
	return m.vector("after-revoke/leaves", "seq 2 was its word still, 3 and 4 are not", find("after-revoke", 6), find("after-revoke", 7))
}

func revokedAgain(t tester) logVector {
	m, w := small(t)
	p := m.enrol("person", entry.Person, "")
	m.add(p, revoke(w, 1), contents{})
	m.change(w, seen("/etc/b"))
	m.add(m.recorder, revoke(w, 9), contents{})
	m.change(w, seen("/etc/c"))
	m.add(p, revoke(w, 0), contents{})
	m.change(w, seen("/etc/d"))
	return m.vector("after-revoke/more than once", "a later revoke with a higher last takes nothing back", find("after-revoke", 7), find("after-revoke", 9))
}

func selfRevoked(t tester) logVector {
	m := newMaker(t, 1)
	p := m.enrol("person", entry.Person, "")
	m.gap(p)
	m.add(p, revoke(p, 0), contents{})
	m.gap(p)
	return m.vector("after-revoke/of itself", "the revoke does not stand before itself", find("after-revoke", 4))
}

func revokedUnused(t tester) logVector {
	m, w := small(t)
	m.change(w, seen("/etc/b"))
	m.add(m.recorder, revoke(w, 0), contents{})
	m.rollcall()
	return m.vector("after-revoke/benign before it", "what stood before the revoke stays, whatever its seq")
}

func sawLogs(t tester) []logVector {
	m, w := small(t)
	size := len(m.leaves)
	w.saw = entry.Saw{Size: uint64(size), Root: m.root(size)}
	m.change(w, seen("/etc/b"))
	benign := m.vector("saw-future/benign own index", "a tree of as many leaves as stand before")

	m, w = small(t)
	w.saw = entry.Saw{Size: 4, Root: hash("any")}
	m.change(w, seen("/etc/b"))
	w.saw = entry.Saw{Size: 9007199254740991, Root: hash("any")}
	m.change(w, seen("/etc/c"))
	future := m.vector("saw-future/own index and one, and far beyond", "the root is not looked at", find("saw-future", 3), find("saw-future", 4))

	m, w = small(t)
	w.saw = entry.Saw{Size: 2, Root: m.root(3)}
	m.change(w, seen("/etc/b"))
	w.saw.Root = entry.EmptyRoot
	m.change(w, seen("/etc/c"))
	mismatch := m.vector("saw-mismatch/root of another tree", "of 3 leaves and of none", find("saw-mismatch", 3), find("saw-mismatch", 4))

	m, w = small(t)
	m.see(w)
	m.change(w, seen("/etc/b"))
	m.change(w, seen("/etc/c"))
	twin := m.vector("saw-mismatch/benign", "and the same checkpoint again: benign for saw-rollback too")
	return []logVector{benign, future, mismatch, twin, rollbackLog(t), rollbackTwin(t), rollbackOverHole(t)}
}

func rollbackLog(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.change(w, seen("/etc/b"))
	w.saw = entry.Saw{Size: 2, Root: m.root(2)}
	m.change(w, seen("/etc/c"))
	w.saw = entry.Saw{Root: entry.EmptyRoot}
	m.change(w, seen("/etc/d"))
	return m.vector("saw-rollback/twice", "from 3 to 2, from 2 to 0", find("saw-rollback", 4), find("saw-rollback", 5))
}

func rollbackTwin(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "web-1")
	m.see(w)
	m.change(w, seen("/etc/b"))
	m.change(v, seen("/etc/c"))
	return m.vector("saw-rollback/benign of another source", "each source has seen what it has seen")
}

func rollbackOverHole(t tester) logVector {
	m, w := small(t)
	m.see(w)
	m.change(w, seen("/etc/b"))
	w.saw, w.seq = entry.Saw{Root: entry.EmptyRoot}, 3
	m.change(w, seen("/etc/c"))
	return m.vector("saw-rollback/benign beyond a hole", "there is no entry of seq - 1 to compare with", find("sequence-gap", 4))
}

func clockLogs(t tester) []logVector {
	limit := 300 * time.Second
	skewed := func(ahead time.Duration) *maker {
		m, w := small(t)
		m.add(w, gapEntry, contents{}, at(epoch.Add(time.Hour+ahead)))
		m.rollcall(at(epoch.Add(time.Hour)))
		return m
	}
	benign := skewed(limit).vector("clock-skew/benign at the limit", "300 s ahead of the next leaf of a recorder")
	beyond := skewed(limit+1).vector("clock-skew/a nanosecond more", "", find("clock-skew", 3))

	m, w := small(t)
	m.add(w, gapEntry, contents{}, at(epoch.Add(24*time.Hour)))
	open := m.vector("clock-skew/benign no recorder after it", "nobody can say")

	m, w = small(t)
	m.add(w, gapEntry, contents{}, at(epoch.Add(-24*time.Hour)))
	m.rollcall()
	late := m.vector("clock-skew/benign a day old", "spooled")
	return append(calendarLogs(t), benign, beyond, open, late, recorderClock(t), clockOfDuplicate(t), clockOfFork(t), lastYear(t))
}

// calendarLogs have clocks on both sides of the end of a month.
func calendarLogs(t tester) (list []logVector) {
	for _, c := range []struct{ name, recorder, source string }{
		{"the end of February", "2027-02-28T23:58:00", "2027-03-01T00:02:59"},
		{"a leap day", "2028-02-28T23:58:00", "2028-02-29T00:02:59"},
		{"the day behind it", "2028-02-29T23:58:00", "2028-03-01T00:02:59"},
		{"the end of February 2100", "2100-02-28T23:58:00", "2100-03-01T00:02:59"},
		{"the end of February 2400", "2400-02-29T23:58:00", "2400-03-01T00:02:59"},
		{"the end of a year", "2026-12-31T23:58:00", "2027-01-01T00:02:59"},
		{"the end of April", "2026-04-30T23:58:00", "2026-05-01T00:02:59"},
		{"the end of July", "2026-07-31T23:58:00", "2026-08-01T00:02:59"},
	} {
		recorder := must(time.Parse("2006-01-02T15:04:05", c.recorder))
		source := must(time.Parse("2006-01-02T15:04:05", c.source))
		for _, more := range []time.Duration{0, 2 * time.Second} {
			m, w := small(t)
			i := m.add(w, gapEntry, contents{}, at(source.Add(more)))
			m.rollcall(at(recorder))
			v := m.vector("clock-skew/benign over "+c.name, "299 s ahead")
			if more > 0 {
				v = m.vector("clock-skew/over "+c.name, "301 s ahead", find("clock-skew", i))
			}
			list = append(list, v)
		}
	}
	return list
}

func recorderClock(t tester) logVector {
	m, _ := small(t)
	m.rollcall(at(epoch.Add(time.Hour)))
	m.rollcall()
	return m.vector("clock-skew/of the recorder itself", "its next leaf is earlier", find("clock-skew", 3))
}

func clockOfDuplicate(t tester) logVector {
	m, w := small(t)
	m.rollcall()
	m.add(w, gapEntry, contents{}, at(epoch.Add(time.Hour)))
	m.put(m.leaves[3])
	m.rollcall(at(epoch.Add(time.Hour)))
	m.add(w, gapEntry, contents{}, at(epoch.Add(4*time.Hour)))
	m.rollcall(at(epoch.Add(4 * time.Hour)))
	m.put(m.leaves[7])
	m.rollcall(at(epoch.Add(2 * time.Hour)))
	return m.vector("clock-skew/duplicates", "a roll call again, at 5, is the next leaf of a recorder; a leaf again, at 9, is not judged",
		find("clock-skew", 4), find("clock-skew", 8))
}

func clockOfFork(t tester) logVector {
	m, w := small(t)
	m.fork(w, gapEntry, contents{}, at(epoch.Add(time.Hour)))
	m.rollcall()
	m.add(w, gapEntry, contents{}, at(epoch.Add(2*time.Hour)))
	m.fork(m.recorder, entry.Entry{Kind: entry.Access}, contents{}, at(epoch))
	m.rollcall(at(epoch.Add(2 * time.Hour)))
	return m.vector("clock-skew/forks", "a fork is not judged, and a recorder's fork counts as its next leaf",
		find("forked-source", 3), find("clock-skew", 5), find("forked-source", 6))
}

func lastYear(t tester) logVector {
	m, w := small(t)
	end := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	m.add(w, gapEntry, contents{}, at(end))
	m.rollcall(at(end.Add(-time.Minute)))
	m.add(w, gapEntry, contents{}, at(end))
	m.rollcall(at(end.Add(-time.Hour)))
	return m.vector("clock-skew/at the end of time", "a limit in the year 10000 is a limit", find("clock-skew", 4), find("clock-skew", 5))
}

func referenceLogs(t tester) []logVector {
	m, _ := small(t)
	p := m.enrol("person", entry.Person, "")
	about := func(ids ...entry.ID) entry.Entry {
		return entry.Entry{Kind: entry.Finding, Open: entry.Open{Code: "x", About: ids}}
	}
	m.add(p, remark("reason", hash("nothing")), contents{})
	m.add(m.recorder, about(m.id(2), hash("nothing"), hash("nothing else"), hash("nothing")), contents{})
	m.erase(p, entry.Void{ID: hash("nothing"), Line: entry.LineWho}, entry.Void{ID: hash("nothing"), Line: entry.LineWhy})
	m.add(p, revoke(newSource("stranger"), 0), contents{})
	unknown := m.vector("unknown-reference/nothing there", "two ids of a finding, an id voided twice, a source nobody enrolled: one finding an id",
		find("unknown-reference", 4), find("unknown-reference", 5), find("unknown-reference", 5), find("unknown-reference", 6), find("unknown-reference", 7))

	m, w := small(t)
	late := m.sign(w, gapEntry, contents{})
	m.add(w, remark("reason", idOf(late)), contents{}, seq(2))
	m.put(late)
	later := m.vector("unknown-reference/stands later", "", find("unknown-reference", 3))
	return []logVector{unknown, later, referenceTwins(t), referenceToFailed(t)}
}

func referenceTwins(t tester) logVector {
	m, w := small(t)
	p := m.enrol("person", entry.Person, "")
	f := m.fork(w, gapEntry, contents{})
	m.add(p, remark("waive", m.id(0)), contents{})
	m.add(p, remark("waive", m.id(f)), contents{})
	m.put(m.leaves[2])
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineText(7)})
	m.add(p, revoke(w, 0), contents{})
	return m.vector("unknown-reference/benign", "entry 0, a fork, an entry that is there twice; whether the line exists is not asked",
		find("forked-source", f))
}

func referenceToFailed(t tester) logVector {
	m, w := small(t)
	id := w.id()
	i := m.put(m.sign(w, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Absent: []entry.Source{id}}}, contents{}))
	m.add(w, remark("reason", m.id(i)), contents{})
	return m.vector("unknown-reference/to a leaf that failed", fmt.Sprintf("leaf %d did not pass step 10", i),
		find("wrong-role", i), find("unknown-reference", i+1))
}
