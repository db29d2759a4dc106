package render

import (
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/published"
	"github.com/stele-log/stele/verify"
)

// Report is what verify prints with --json. A verifier of another make prints
// the same of the directory of a log (contrib/verifier).
type Report struct {
	State         string    `json:"state"`  // verified, unsafe, contested, unclear or bad
	Status        int       `json:"status"` // the exit status, but for --strict
	Size          uint64    `json:"size"`
	From          uint64    `json:"from"`
	Changes       uint64    `json:"changes"`
	Disclosed     uint64    `json:"disclosed"`
	Erased        uint64    `json:"erased"`
	Duplicates    uint64    `json:"duplicates"`
	NotUnderstood uint64    `json:"not_understood"`
	Recorded      uint64    `json:"recorded"` // findings on the record
	Sources       int       `json:"sources"`
	Signatures    bool      `json:"signatures"`
	Remote        bool      `json:"remote,omitempty"`  // the server's files were not looked at
	Missing       uint64    `json:"missing,omitempty"` // of an older copy: entries that the log is known to have
	VKey          string    `json:"vkey,omitempty"`    // with --log
	Checkpoint    string    `json:"checkpoint"`
	Findings      []Finding `json:"findings"`
	Contested     []Contest `json:"contested"`
	PassedOver    []int     `json:"passed_over,omitempty"` // lines of the disclosures, from 1
}

// Finding is one finding of a [Report].
type Finding struct {
	Code    string  `json:"code"`
	Accused string  `json:"accused"`
	Index   *uint64 `json:"index,omitempty"`
	Source  string  `json:"source,omitempty"`
	Host    string  `json:"host,omitempty"` // of the source
	Where   string  `json:"where,omitempty"`
	Detail  string  `json:"detail"`
}

// Contest is one contested tree of a [Report].
type Contest struct {
	Size uint64     `json:"size"`
	Root string     `json:"root"`
	Saw  []Sighting `json:"saw"`
}

// Sighting is an entry whose source saw a contested tree.
type Sighting struct {
	Index  uint64 `json:"index"`
	Source string `json:"source"`
	Host   string `json:"host,omitempty"`
}

// OfStore is the report of an examination of a store.
func OfStore(rep *examine.Report) *Report {
	r := reportOf(&rep.Verdict, rep.Checkpoint)
	r.From, r.Remote, r.Missing = rep.From, rep.Remote, rep.Missing
	for _, p := range rep.Problems {
		r.Findings = append(r.Findings, Finding{Code: string(p.Code), Accused: string(p.Accused), Where: p.Where, Detail: p.Detail})
	}
	switch {
	case rep.Bad():
		r.State, r.Status = "bad", statusBad
	case rep.Unsafe() > 0:
		r.Status = statusError
		if r.State == "verified" {
			r.State = "unsafe"
		}
	}
	return r
}

// Exit statuses that a verdict alone does not give.
const (
	statusError = 1
	statusBad   = 3
)

// OfPublished is the report of an examination of a log by its directory.
func OfPublished(rep *published.Report) *Report {
	r := reportOf(&rep.Verdict, rep.Checkpoint)
	r.VKey, r.PassedOver = rep.Key.VKey(), rep.PassedOver
	return r
}

func reportOf(v *verify.Verdict, cp verify.Checkpoint) *Report {
	r := &Report{
		State: stateOf(v), Status: v.Status(), Size: v.Size, Changes: v.Changes, Disclosed: v.Disclosed, Erased: v.Erased,
		Duplicates: v.Duplicates, NotUnderstood: v.NotUnderstood, Recorded: v.Recorded, Sources: v.Sources, Signatures: v.Signatures,
		Checkpoint: string(cp.Note), Findings: []Finding{}, Contested: []Contest{},
	}
	for _, x := range v.Findings {
		f := Finding{Code: string(x.Code), Accused: string(x.Accused), Index: &x.Index, Host: x.Host, Detail: x.Detail}
		if x.Accused == verify.TheSource {
			f.Source = x.Source.String()
		}
		r.Findings = append(r.Findings, f)
	}
	for _, c := range v.Contested {
		made := Contest{Size: c.Size, Root: c.Root.String()}
		for _, s := range c.Saw {
			made.Saw = append(made.Saw, Sighting{s.Index, s.Source.String(), s.Host})
		}
		r.Contested = append(r.Contested, made)
	}
	return r
}

func stateOf(v *verify.Verdict) string {
	switch {
	case v.Bad():
		return "bad"
	case len(v.Contested) > 0:
		return "contested"
	case v.NotUnderstood > 0:
		return "unclear"
	}
	return "verified"
}
