package verify_test

import (
	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// This file has the log vectors of steps 21 to 25: what the disclosures say.

func disclosureLogs(t tester) []logVector {
	m, _ := small(t)
	all := m.opened("missing-disclosure/benign", "every seal has a disclosure")
	none := m.vector("missing-disclosure/benign none given", "without disclosures none is missed")
	m.disclosures = nil
	nothing := m.opened("missing-disclosure/an empty vault", "four seals of the change, three of each enrol; no text is known of",
		repeat(3, find("missing-disclosure", 0), 3, find("missing-disclosure", 1), 4, find("missing-disclosure", 2))...)

	m, _ = small(t)
	m.forgetLine(2, entry.LineWhy)
	m.forgetLine(2, entry.LineText(0))
	two := m.opened("missing-disclosure/a why and a text", "", find("missing-disclosure", 2), find("missing-disclosure", 2))

	m, w := small(t)
	m.forgetLine(2, entry.LineWhat(0))
	m.forgetLine(2, entry.LineText(0))
	m.change(w, modified("/etc/a", nil))
	closed := m.opened("missing-disclosure/a what hides its text", "and makes its host blind for before-mismatch", find("missing-disclosure", 2))
	return append([]logVector{all, none, nothing, two, closed, missingTwice(t), missingOnFailed(t), missingOnFork(t)}, mismatchLogs(t)...)
}

// repeat builds a list of findings from counts and findings.
func repeat(pairs ...any) (list []findingVector) {
	for i := 0; i < len(pairs); i += 2 {
		for range pairs[i].(int) {
			list = append(list, pairs[i+1].(findingVector))
		}
	}
	return list
}

func missingTwice(t tester) logVector {
	m, _ := small(t)
	m.put(m.leaves[2])
	m.forgetLine(2, entry.LineHow)
	return m.opened("missing-disclosure/of a duplicate", "a leaf that stands twice misses it twice",
		find("missing-disclosure", 2), find("missing-disclosure", 3))
}

func missingOnFailed(t tester) logVector {
	m, w := small(t)
	stranger := newSource("stranger")
	m.change(stranger, seen("/etc/a"))
	m.fork(w, changeEntry, contents{whats: []what{modified("/etc/a", m.after(2, 0))}})
	m.forget(func(d *seal.Disclosure) bool { return d.Source == stranger.id() })
	return m.opened("missing-disclosure/benign for a leaf that failed", "the stranger's seals are not looked at, the fork's are",
		find("unknown-key", 3), find("forked-source", 4))
}

func missingOnFork(t tester) logVector {
	m, w := small(t)
	gone := m.disclosure(2, entry.LineWho).Salt
	m.fork(w, changeEntry, contents{whats: []what{modified("/etc/a", m.after(2, 0))}})
	m.forget(func(d *seal.Disclosure) bool { return d.Salt == gone })
	return m.opened("missing-disclosure/of a forked entry", "what is given opens the fork: the line is missing, nothing was altered",
		find("missing-disclosure", 2), find("forked-source", 3))
}

func mismatchLogs(t tester) []logVector {
	m, _ := small(t)
	m.disclosure(2, entry.LineWhy).Body = []byte(`{"reason":"another"}`)
	m.disclosure(2, entry.LineText(0)).Salt[5] ^= 1
	bad := m.opened("seal-mismatch/body and salt", "another body, another salt", find("seal-mismatch", 2), find("seal-mismatch", 2))

	m, _ = small(t)
	wrong := *m.disclosure(2, entry.LineWhy)
	wrong.Body = []byte(`{"reason":"another"}`)
	m.disclosures = append([]seal.Disclosure{wrong}, m.disclosures...)
	one := m.opened("seal-mismatch/benign one of two", "one that opens is enough")

	m, w := small(t)
	m.change(w, seen("/etc/b"))
	copied := *m.disclosure(2, entry.LineWho)
	m.forgetLine(3, entry.LineWho)
	copied.Seq = 1
	m.disclosures = append(m.disclosures, copied)
	other := m.opened("seal-mismatch/copied from another entry", "renamed to this one it opens nothing", find("seal-mismatch", 3))

	m, w = small(t)
	m.change(w, seen("/etc/b"))
	m.forgetLine(3, entry.LineWho)
	m.disclosures = append(m.disclosures, *m.disclosure(2, entry.LineWho))
	misplaced := m.opened("seal-mismatch/benign of another entry", "it is for another seq, so this one has none", find("missing-disclosure", 3))
	return []logVector{bad, one, other, misplaced, swappedLines(t), wrongWhat(t)}
}

func swappedLines(t tester) logVector {
	m, w := small(t)
	m.change(w, seen("/etc/b"), seen("/etc/c"))
	m.disclosure(3, entry.LineWhat(0)).Line, m.disclosure(3, entry.LineWhat(1)).Line = entry.LineWhat(5), entry.LineWhat(0)
	m.disclosure(3, entry.LineWhat(5)).Line = entry.LineWhat(1)
	return m.opened("seal-mismatch/two whats swapped", "a disclosure opens its own line only", find("seal-mismatch", 3), find("seal-mismatch", 3))
}

func wrongWhat(t tester) logVector {
	m, w := small(t)
	m.disclosure(2, entry.LineWhat(0)).Body = []byte(`{"action":"baseline","path":"/etc/z"}`)
	m.change(w, modified("/etc/a", nil))
	return m.opened("seal-mismatch/a what", "what does not open is not believed, and its host is blind", find("seal-mismatch", 2))
}

func eraseLogs(t tester) []logVector {
	return []logVector{
		erased(t, "missing-disclosure/benign erased", "who and text voided and gone; all proofs hold", true, true),
		erased(t, "unerased/still there", "voided by an erase in effect, and both still open", true, false,
			find("unerased", 2), find("unerased", 2)),
		erased(t, "missing-disclosure/erase not in effect", "nobody else approved", false, true,
			find("missing-disclosure", 2), find("missing-disclosure", 2)),
		erased(t, "unerased/benign not in effect", "nobody else approved, so nothing needs to be gone", false, false),
		erasedTwice(t), erasedWhat(t), erasedText(t), voidNothing(t), unerasedDuplicate(t), erasedMismatch(t),
	}
}

// erased has an erase of the change at index 2, approved or not, obeyed or not.
func erased(t tester, name, comment string, approved, obeyed bool, findings ...findingVector) logVector {
	m, _ := eraseLog(t, 2)
	p, q := m.enrol("p", entry.Person, ""), m.enrol("q", entry.Person, "")
	i := m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWho}, entry.Void{ID: m.id(2), Line: entry.LineText(0)})
	if approved {
		m.approve(q, m.id(i))
	}
	if obeyed {
		m.forgetLine(2, entry.LineWho)
		m.forgetLine(2, entry.LineText(0))
	}
	return m.opened(name, comment, findings...)
}

// eraseLog is small with a number of erasers.
func eraseLog(t tester, erasers int) (*maker, *source) {
	m := newMaker(t, erasers)
	w := m.enrol("watcher", entry.Watcher, "web-1")
	m.change(w, seen("/etc/a"))
	return m, w
}

func erasedTwice(t tester) logVector {
	m, _ := eraseLog(t, 1)
	p, q := m.enrol("p", entry.Person, ""), m.enrol("q", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWhy})
	m.erase(q, entry.Void{ID: m.id(2), Line: entry.LineWhy}, entry.Void{ID: m.id(2), Line: entry.LineWhy})
	return m.opened("unerased/voided three times", "one line that still opens is one finding", find("unerased", 2))
}

func erasedWhat(t tester) logVector {
	m, w := eraseLog(t, 1)
	p := m.enrol("p", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWhat(0)}, entry.Void{ID: m.id(2), Line: entry.LineText(0)})
	m.forgetLine(2, entry.LineWhat(0))
	m.change(w, modified("/etc/a", nil))
	return m.opened("unerased/benign a what without its text", "the text is at hand still, but nothing disclosed says which seal it opens")
}

func erasedText(t tester) logVector {
	m, w := eraseLog(t, 1)
	m.change(w, seen("/etc/b"), seen("/etc/c"))
	p := m.enrol("p", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(3), Line: entry.LineText(0)}, entry.Void{ID: m.id(3), Line: entry.LineText(1)})
	m.forgetLine(3, entry.LineText(0))
	return m.opened("unerased/one text of two", "", find("unerased", 3))
}

func voidNothing(t tester) logVector {
	m, w := eraseLog(t, 1)
	m.change(w, gone("/etc/a", m.after(2, 0)))
	p := m.enrol("p", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(3), Line: entry.LineText(0)}, entry.Void{ID: m.id(3), Line: entry.LineText(9)},
		entry.Void{ID: m.id(3), Line: entry.LineWhat(9)}, entry.Void{ID: m.id(0), Line: entry.LineText(0)})
	return m.opened("unerased/benign lines that are not there", "a change without text, and numbers the entries do not have")
}

func unerasedDuplicate(t tester) logVector {
	m, _ := eraseLog(t, 1)
	p := m.enrol("p", entry.Person, "")
	m.put(m.leaves[2])
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWhy})
	return m.opened("unerased/of a duplicate", "a leaf that stands twice opens twice", find("unerased", 2), find("unerased", 4))
}

func erasedMismatch(t tester) logVector {
	m, _ := eraseLog(t, 1)
	p := m.enrol("p", entry.Person, "")
	m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWhy})
	m.disclosure(2, entry.LineWhy).Body = []byte("{}\n")
	return m.opened("seal-mismatch/of a voided line", "what is left does not open", find("seal-mismatch", 2))
}

// erasersLogs are about who counts and how many are needed.
func erasersLogs(t tester) []logVector {
	missing := find("missing-disclosure", 2)
	log := func(name, comment string, erasers int, then func(m *maker, p *source, i int), findings ...findingVector) logVector {
		m, _ := eraseLog(t, erasers)
		p := m.enrol("p", entry.Person, "")
		i := m.erase(p, entry.Void{ID: m.id(2), Line: entry.LineWho})
		then(m, p, i)
		m.forgetLine(2, entry.LineWho)
		return m.opened("missing-disclosure/"+name, comment, findings...)
	}
	person := func(m *maker, name string) *source { return m.enrol(name, entry.Person, "") }
	return []logVector{
		log("benign one eraser", "erasers 1: the signer is enough", 1, func(*maker, *source, int) {}),
		log("own approval", "two remarks of the signer make no second person", 2, func(m *maker, p *source, i int) {
			m.approve(p, m.id(i))
			m.approve(p, m.id(i))
		}, missing),
		log("approved by no person", "the recorder and a monitor", 3, func(m *maker, _ *source, i int) {
			m.approve(m.recorder, m.id(i))
			m.approve(m.enrol("monitor", entry.Monitor, ""), m.id(i))
		}, missing),
		log("approved twice by one", "erasers 3", 3, func(m *maker, _ *source, i int) {
			q := person(m, "q")
			m.approve(q, m.id(i))
			m.approve(q, m.id(i))
		}, missing),
		log("benign three persons", "erasers 3", 3, func(m *maker, _ *source, i int) {
			m.approve(person(m, "q"), m.id(i))
			m.approve(person(m, "r"), m.id(i))
		}),
		log("says reason", "a remark that does not say approve", 2, func(m *maker, _ *source, i int) {
			m.add(person(m, "q"), remark("reason", m.id(i)), contents{})
			m.add(person(m, "r"), remark("waive", m.id(i)), contents{})
		}, missing),
		log("approved after a revoke", "what a person signs above last is no longer their word", 2, func(m *maker, _ *source, i int) {
			q := person(m, "q")
			m.add(q, remark("reason", m.id(i)), contents{})
			id := q.id()
			m.add(m.recorder, entry.Entry{Kind: entry.Revoke, Open: entry.Open{Source: &id}}, contents{})
			m.approve(q, m.id(i))
		}, missing, find("after-revoke", 8)),
		log("approves another", "", 2, func(m *maker, _ *source, i int) { m.approve(person(m, "q"), m.id(i-1)) }, missing),
		log("benign raised later", "the erase was in effect when one person was enough", 1, func(m *maker, _ *source, _ int) {
			m.raise(3)
		}),
		log("benign raised later, approved then", "what is in effect stays so, whoever approves still", 1, func(m *maker, _ *source, i int) {
			m.raise(3)
			m.approve(person(m, "q"), m.id(i))
		}),
		log("raised before the approval", "three are needed by now", 2, func(m *maker, _ *source, i int) {
			m.raise(3)
			m.approve(person(m, "q"), m.id(i))
		}, missing),
		log("benign not lowered", "a lower number in a later enrol changes nothing: two are needed, and there", 2, func(m *maker, _ *source, i int) {
			m.raise(1)
			m.approve(person(m, "q"), m.id(i))
		}),
		log("not lowered", "a lower number in a later enrol changes nothing", 2, func(m *maker, _ *source, _ int) { m.raise(1) }, missing),
	}
}

// raise enrols a source with another number of erasers.
func (m *maker) raise(erasers int) {
	k := newSource("another").public()
	m.add(m.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Erasers: erasers, Key: k, Role: entry.Monitor}}, contents{})
}

func bodyLogs(t tester) []logVector {
	var list []logVector
	for _, c := range []struct {
		name, comment string
		c             contents
		n             int
	}{
		{"benign", "unknown fields are ignored", contents{who: `{"new":[1]}`}, 0},
		{"not canonical", "white space, an order, an escape", contents{who: `{ }`, why: `{"ticket":"a","reason":"b"}`, how: `{"detail":"\u0061"}`}, 3},
		{"not JSON", "", contents{who: "root\n"}, 1},
		{"wrong types", "", contents{who: `{"uid":"0"}`, how: `{"host":"web-1"}`}, 2},
	} {
		m, w := small(t)
		m.add(w, gapEntry, c.c)
		list = append(list, m.opened("malformed-body/"+c.name, c.comment, repeat(c.n, find("malformed-body", 3))...))
	}
	return append(list, whatBodyLog(t), duplicateBodyLog(t), malformedTextLog(t))
}

func whatBodyLog(t tester) logVector {
	m, w := small(t)
	m.change(w, what{raw: `{"path":"/etc/b"}`}, what{raw: `{"action":"create","after":"x"}`}, what{raw: `{"action":"create","path":"/a","path64":"L2E="}`}, seen("/etc/c"))
	return m.opened("malformed-body/whats", "no action, an after that is no digest, a path given twice", repeat(3, find("malformed-body", 3))...)
}

func duplicateBodyLog(t tester) logVector {
	m, w := small(t)
	i := m.add(w, gapEntry, contents{who: "[]"})
	m.put(m.leaves[i])
	return m.opened("malformed-body/of a duplicate", "bodies of duplicates are looked at too", find("malformed-body", 3), find("malformed-body", 4))
}

func malformedTextLog(t tester) logVector {
	m, w := small(t)
	binary := seen("/etc/b")
	binary.text = "\x00\xff"
	m.change(w, binary)
	return m.opened("malformed-body/benign text", "a text is any bytes")
}

// beforeLogs judge whether changes follow each other.
func beforeLogs(t tester) []logVector {
	var list []logVector
	log := func(name, comment string, then func(m *maker, w *source) []findingVector) {
		m, w := small(t)
		findings := then(m, w)
		list = append(list, m.opened("before-mismatch/"+name, comment, findings...))
	}
	bad := func(i int) []findingVector { return []findingVector{find("before-mismatch", i)} }
	log("benign", "modified, deleted, created again", func(m *maker, w *source) []findingVector {
		i := m.change(w, modified("/etc/a", m.after(2, 0)))
		i = m.change(w, gone("/etc/a", m.after(i, 0)))
		m.change(w, modified("/etc/a", m.after(i, 0)))
		return nil
	})
	log("absent", "there is a change before", func(m *maker, w *source) []findingVector { return bad(m.change(w, modified("/etc/a", nil))) })
	log("names nothing", "first sight, and an entry nobody has", func(m *maker, w *source) []findingVector {
		return bad(m.change(w, modified("/etc/b", &body.Ref{Entry: digest("nothing")})))
	})
	log("names one before the last", "", func(m *maker, w *source) []findingVector {
		m.change(w, modified("/etc/a", m.after(2, 0)))
		return bad(m.change(w, modified("/etc/a", m.after(2, 0))))
	})
	log("names another path", "", func(m *maker, w *source) []findingVector {
		m.change(w, seen("/etc/b"))
		return bad(m.change(w, modified("/etc/b", m.after(2, 0))))
	})
	log("names another number", "", func(m *maker, w *source) []findingVector { return bad(m.change(w, modified("/etc/a", m.after(2, 1)))) })
	log("benign in one entry", "the second names the first without an entry id; what 0 may be left out", func(m *maker, w *source) []findingVector {
		m.change(w, modified("/etc/a", m.after(2, 0)), modified("/etc/a", &body.Ref{}), what{raw: `{"action":"modify","before":{"what":1},"path":"/etc/a"}`})
		m.change(w, seen("/etc/b"), what{raw: `{"action":"modify","before":{},"path":"/etc/b"}`})
		return nil
	})
	log("in one entry", "names itself", func(m *maker, w *source) []findingVector {
		return bad(m.change(w, modified("/etc/a", m.after(2, 0)), modified("/etc/a", &body.Ref{What: 1})))
	})
	log("benign excused by a gap", "a gap of this source between the two", func(m *maker, w *source) []findingVector {
		m.gap(w)
		m.change(w, modified("/etc/a", nil))
		return nil
	})
	return append(list, beforeTwins(t)...)
}

func beforeTwins(t tester) []logVector {
	var list []logVector
	log := func(name, comment string, then func(m *maker, w *source) []findingVector) {
		m, w := small(t)
		findings := then(m, w)
		list = append(list, m.opened("before-mismatch/"+name, comment, findings...))
	}
	log("gap before both", "it stands between no two changes", func(m *maker, w *source) []findingVector {
		m.gap(w)
		m.change(w, modified("/etc/a", nil))
		return []findingVector{find("before-mismatch", m.change(w, modified("/etc/a", nil)))}
	})
	log("gap of another source", "", func(m *maker, w *source) []findingVector {
		m.gap(m.enrol("second", entry.Watcher, "web-1"))
		return []findingVector{find("before-mismatch", m.change(w, modified("/etc/a", nil)))}
	})
	log("gap excuses no wrong one", "only an absent before is excused", func(m *maker, w *source) []findingVector {
		m.gap(w)
		return []findingVector{find("before-mismatch", m.change(w, modified("/etc/a", m.after(0, 0))))}
	})
	log("forks count", "a fork's change is the subject's latest", func(m *maker, w *source) []findingVector {
		f := m.fork(w, changeEntry, contents{whats: []what{modified("/etc/a", m.after(2, 0))}})
		return []findingVector{find("forked-source", f), find("before-mismatch", m.change(w, modified("/etc/a", m.after(2, 0))))}
	})
	log("benign duplicates do not count", "", func(m *maker, w *source) []findingVector {
		i := m.change(w, modified("/etc/a", m.after(2, 0)))
		m.put(m.leaves[2])
		m.change(w, modified("/etc/a", m.after(i, 0)))
		return nil
	})
	log("benign without a path", "", func(m *maker, w *source) []findingVector {
		m.change(w, what{raw: `{"action":"create"}`}, what{raw: `{"action":"create"}`})
		return nil
	})
	log("benign path as bytes", "path and path64 of the same bytes are one subject", func(m *maker, w *source) []findingVector {
		m.change(w, what{raw: `{"action":"modify","before":{"entry":"` + m.id(2).String() + `","what":0},"path64":"L2V0Yy9h"}`})
		return nil
	})
	log("path as bytes", "path and path64 of the same bytes are one subject", func(m *maker, w *source) []findingVector {
		return []findingVector{find("before-mismatch", m.change(w, what{raw: `{"action":"modify","path64":"L2V0Yy9h"}`}))}
	})
	return list
}

func renameLogs(t tester) []logVector {
	m, w := small(t)
	r := m.change(w, moved("/etc/a", "/etc/b", m.after(2, 0)))
	i := m.change(w, modified("/etc/a", m.after(r, 0)))
	m.change(w, modified("/etc/b", m.after(r, 0)))
	m.change(w, moved("/etc/a", "/etc/b", m.after(i, 0)))
	benign := m.opened("before-mismatch/benign rename", "judged with from; the latest change of both paths; the second goes onto a path that has a history")

	m, w = small(t)
	b := m.change(w, seen("/etc/b"))
	r = m.change(w, moved("/etc/a", "/etc/b", m.after(b, 0)))
	old := m.opened("before-mismatch/rename names the change of its new path", "", find("before-mismatch", r))

	m, w = small(t)
	b = m.change(w, seen("/etc/b"))
	r = m.change(w, moved("/etc/a", "/etc/b", m.after(2, 0)))
	m.change(w, modified("/etc/b", m.after(b, 0)))
	m.change(w, modified("/etc/a", nil))
	both := m.opened("before-mismatch/after a rename", "neither path goes on as if nothing had been",
		find("before-mismatch", r+1), find("before-mismatch", r+2))
	return []logVector{benign, old, both}
}

// hostLogs are about whose changes are compared with whose.
func hostLogs(t tester) []logVector {
	return []logVector{
		hostLog(t, "benign another host", "the same path on two hosts", "web-2", nil),
		hostLog(t, "two sources on one host", "the second does not know of the first", "web-1", []findingVector{find("before-mismatch", 4)}),
		hostLog(t, "benign host not told", "the second source's enrolment names no host", "", nil),
		untoldHosts(t), undisclosedHost(t), toldHosts(t), ignoredHost(t), blindHost(t), blindTold(t), otherHostSees(t),
	}
}

func hostLog(t tester, name, comment, host string, findings []findingVector) logVector {
	m, _ := small(t)
	v := m.enrol("second", entry.Watcher, host)
	m.change(v, seen("/etc/a"))
	return m.opened("before-mismatch/"+name, comment, findings...)
}

func untoldHosts(t tester) logVector {
	m, _ := small(t)
	v, w := m.enrol("second", entry.Watcher, ""), m.enrol("third", entry.Watcher, "")
	m.change(v, seen("/etc/a"))
	m.change(v, modified("/etc/a", nil))
	m.change(w, modified("/etc/a", &body.Ref{Entry: digest("nothing")}))
	return m.opened("before-mismatch/benign hosts not told", "what is on no known host follows nothing, not even its own source's change")
}

func undisclosedHost(t tester) logVector {
	m, _ := small(t)
	v := m.enrol("second", entry.Watcher, "web-1")
	m.change(v, seen("/etc/a"))
	m.forgetLine(3, entry.LineHow)
	return m.opened("before-mismatch/benign host not disclosed", "nobody can say where the second source is", find("missing-disclosure", 3))
}

func toldHosts(t tester) logVector {
	m, _ := small(t)
	i := m.enrol("importer", entry.Importer, "web-1")
	r := m.enrol("receiver", entry.Receiver, "")
	m.change(i, told("web-1", seen("/etc/a")), seen("/etc/a"))
	x := m.change(r, told("web-1", seen("/etc/a")), told("web-2", seen("/etc/a")))
	y := m.change(i, seen("/etc/a"))
	return m.opened("before-mismatch/told hosts", "told apart from the watcher's web-1, shared by those who tell; the absent name is one of them",
		find("before-mismatch", x), find("before-mismatch", y))
}

func ignoredHost(t tester) logVector {
	m, w := small(t)
	m.change(w, told("web-9", modified("/etc/a", m.after(2, 0))))
	j := m.change(w, told("web-9", seen("/etc/a")))
	return m.opened("before-mismatch/a watcher tells no host", "what.host of a watcher is ignored", find("before-mismatch", j))
}

func blindHost(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "web-1")
	m.change(w, modified("/etc/a", nil), seen("/etc/b"))
	m.change(w, modified("/etc/a", nil), what{raw: `{"action":7}`}, modified("/etc/b", nil))
	m.change(v, modified("/etc/a", nil))
	return m.opened("before-mismatch/before the host went blind", "from the malformed what on nothing on its host is judged, by whatever source",
		find("before-mismatch", 4), find("malformed-body", 5), find("before-mismatch", 5))
}

func blindTold(t tester) logVector {
	m, w := small(t)
	i := m.enrol("importer", entry.Importer, "")
	r := m.enrol("receiver", entry.Receiver, "")
	m.change(i, told("x", seen("/etc/a")))
	m.change(i, what{raw: `{}`})
	m.change(r, told("x", modified("/etc/a", nil)))
	b := m.change(w, modified("/etc/a", nil))
	return m.opened("before-mismatch/told hosts go blind together", "and enrolled ones do not with them",
		find("malformed-body", b-2), find("before-mismatch", b))
}

func otherHostSees(t tester) logVector {
	m, w := small(t)
	v := m.enrol("second", entry.Watcher, "web-2")
	m.change(v, seen("/etc/a"))
	i := m.change(v, seen("/etc/b"))
	m.forgetLine(i, entry.LineWhat(0))
	m.change(v, modified("/etc/a", nil))
	b := m.change(w, modified("/etc/a", nil))
	return m.opened("before-mismatch/another host is not blind", "", find("missing-disclosure", i), find("before-mismatch", b))
}
