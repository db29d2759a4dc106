package verify_test

import (
	"slices"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// ofOneEntry are the codes of the steps that judge one entry by its grounds.
var ofOneEntry = []verify.Code{"bad-genesis", "bad-key", "unknown-key", "bad-signature", "wrong-role", "bad-enrolment", "after-revoke", "forked-source"}

// checkAlone judges each entry of a vector by its grounds alone: the same must come of
// it as of the whole log.
func (v *logVector) checkAlone(t *testing.T) {
	t.Helper()
	key, err := entry.ParseLogKey(v.VKey)
	if err != nil || v.Counts == nil {
		return // nothing is said of leaves that are not the log's
	}
	type seq struct {
		src entry.Source
		n   uint64
	}
	var grounds, erasing []verify.Ground
	before := make(map[seq]verify.Links)
	var passed []verify.Ground
	for i, raw := range v.Entries {
		e, err := entry.Parse(raw)
		if err != nil {
			continue
		}
		index, at := uint64(i), seq{e.Source, e.Seq}
		f := verify.Grounded(key, backwards(grounds), nil).Judge(index, e, e.Verify)
		if f == nil || f.Code == verify.AfterRevoke {
			passed = append(passed, verify.Ground{Index: index, Entry: e})
			fork := verify.ForkOf(index, e, before[at])
			_, again := before[at].First(e.Seq)
			if again {
				f = fork // neither forks nor duplicates are judged further
			} else if fork != nil {
				t.Errorf("entry %d: a fork of nothing: %v", i, fork)
			}
			before[at] = append(before[at], verify.Link{ID: e.ID(), Index: index, Saw: e.Saw.Size})
		}
		v.checkCode(t, index, f)
		switch e.Kind {
		case entry.Enrol, entry.Revoke:
			grounds = append(grounds, verify.Ground{Index: index, Entry: e})
			erasing = append(erasing, grounds[len(grounds)-1])
		case entry.Erase, entry.Remark:
			erasing = append(erasing, verify.Ground{Index: index, Entry: e})
		}
	}
	v.checkVoided(t, verify.Voided(key, backwards(erasing), nil), passed)
}

// checkSpoken holds findings against the table of codes, and the host that each names
// against the disclosed enrolment of its source.
func (v *logVector) checkSpoken(t *testing.T, found []verify.Finding) {
	t.Helper()
	hosts := make(map[entry.Source]string)
	for _, raw := range v.Entries {
		e, err := entry.Parse(raw)
		if err != nil || e.Kind != entry.Enrol || e.Open.Key == nil {
			continue
		}
		for _, d := range v.Disclosures {
			var how body.How
			if d.Seal() == e.How && body.Unmarshal(d.Body, &how) == nil && how.Host != nil {
				hosts[e.Open.Key.Source()] = how.Host.Name
			}
		}
	}
	for _, f := range found {
		if verify.Accuses(f.Code) != f.Accused || !slices.Contains(verify.Codes(), f.Code) {
			t.Errorf("%s accuses %s, and by the table of codes %q", f.Code, f.Accused, verify.Accuses(f.Code))
		}
		if f.Host != "" && f.Host != hosts[f.Source] || f.Host == "" && hosts[f.Source] != "" && v.Counts != nil && v.Disclosures != nil {
			t.Errorf("%s of source %s names host %q, it is on %q", f.Code, f.Source, f.Host, hosts[f.Source])
		}
	}
}

// backwards are grounds in an order that is not the log's, some of them twice.
func backwards(grounds []verify.Ground) []verify.Ground {
	list := append(slices.Clone(grounds), grounds[len(grounds)/2:]...)
	slices.Reverse(list)
	return list
}

// checkCode holds what was found of an entry alone against the vector.
func (v *logVector) checkCode(t *testing.T, index uint64, f *verify.Finding) {
	t.Helper()
	var got, want verify.Code
	if f != nil {
		got = f.Code
	}
	for _, w := range v.Findings {
		if w.Index == index && slices.Contains(ofOneEntry, w.Code) {
			want = w.Code
		}
	}
	if got != want {
		t.Errorf("entry %d alone: %q, in the log %q", index, got, want)
	}
}

// checkVoided: of the lines that nothing opens, those that are voided are erased, and
// each of the others is missing.
func (v *logVector) checkVoided(t *testing.T, voided func(entry.ID, entry.Line) bool, passed []verify.Ground) {
	t.Helper()
	if v.Disclosures == nil {
		return
	}
	missing, erased := make(map[uint64]bool), uint64(0)
	opens := func(e *entry.Entry, line entry.Line) bool {
		sealed, known := e.Seal(line)
		return slices.ContainsFunc(v.Disclosures, func(d seal.Disclosure) bool {
			return d.Source == e.Source && d.Seq == e.Seq && d.Line == line && (!known || d.Seal() == sealed)
		})
	}
	for _, p := range passed {
		e := p.Entry
		for _, line := range e.Lines() {
			if opens(e, line) {
				continue
			}
			if voided(e.ID(), line) {
				erased++
			} else {
				missing[p.Index] = true
			}
		}
		for k := range e.What { // whether there is a text its what says, if that opens
			if voided(e.ID(), entry.LineText(k)) && !(opens(e, entry.LineText(k)) && opens(e, entry.LineWhat(k))) {
				erased++
			}
		}
	}
	for i := range missing {
		if !slices.ContainsFunc(v.Findings, func(f findingVector) bool {
			return f.Index == i && (f.Code == verify.MissingDisclosure || f.Code == verify.SealMismatch)
		}) {
			t.Errorf("entry %d alone: a line is neither opened nor voided, and in the log nothing is missing", i)
		}
	}
	altered := slices.ContainsFunc(v.Findings, func(f findingVector) bool { return f.Code == verify.SealMismatch }) // a text may be, of which this knows no seal
	if erased != v.Counts.Erased && !altered {
		t.Errorf("alone %d lines are erased, in the log %d", erased, v.Counts.Erased)
	}
}
