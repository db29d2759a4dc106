package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/verify"
)

// jsonReport is what verify prints with --json. A verifier of another make prints
// the same of the directory of a log (contrib/verifier).
type jsonReport struct {
	State         string        `json:"state"`  // verified, unsafe, contested, unclear or bad
	Status        int           `json:"status"` // the exit status, but for --strict
	Size          uint64        `json:"size"`
	From          uint64        `json:"from"`
	Changes       uint64        `json:"changes"`
	Disclosed     uint64        `json:"disclosed"`
	Erased        uint64        `json:"erased"`
	Duplicates    uint64        `json:"duplicates"`
	NotUnderstood uint64        `json:"not_understood"`
	Sources       int           `json:"sources"`
	Signatures    bool          `json:"signatures"`
	Remote        bool          `json:"remote,omitempty"`  // the server's files were not looked at
	Missing       uint64        `json:"missing,omitempty"` // of an older copy: entries that the log is known to have
	VKey          string        `json:"vkey,omitempty"`    // with --log
	Checkpoint    string        `json:"checkpoint"`
	Findings      []jsonFinding `json:"findings"`
	Contested     []jsonContest `json:"contested"`
	PassedOver    []int         `json:"passed_over,omitempty"` // lines of the disclosures, from 1
}

type jsonFinding struct {
	Code    string  `json:"code"`
	Accused string  `json:"accused"`
	Index   *uint64 `json:"index,omitempty"`
	Where   string  `json:"where,omitempty"`
	Detail  string  `json:"detail"`
}

type jsonContest struct {
	Size uint64         `json:"size"`
	Root string         `json:"root"`
	Saw  []jsonSighting `json:"saw"`
}

type jsonSighting struct {
	Index  uint64 `json:"index"`
	Source string `json:"source"`
	Host   string `json:"host,omitempty"`
}

func newJSONReport(v *verify.Verdict, cp verify.Checkpoint) *jsonReport {
	j := &jsonReport{
		State: stateOf(v), Status: v.Status(), Size: v.Size, Changes: v.Changes, Disclosed: v.Disclosed, Erased: v.Erased,
		Duplicates: v.Duplicates, NotUnderstood: v.NotUnderstood, Sources: v.Sources, Signatures: v.Signatures,
		Checkpoint: string(cp.Note), Findings: []jsonFinding{}, Contested: []jsonContest{},
	}
	for _, x := range v.Findings {
		j.Findings = append(j.Findings, jsonFinding{string(x.Code), string(x.Accused), &x.Index, "", x.Detail})
	}
	for _, c := range v.Contested {
		made := jsonContest{Size: c.Size, Root: c.Root.String()}
		for _, s := range c.Saw {
			made.Saw = append(made.Saw, jsonSighting{s.Index, s.Source.String(), s.Host})
		}
		j.Contested = append(j.Contested, made)
	}
	return j
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

var errContested = errors.New("sources saw trees that this log has not, and no checkpoint at hand decides")

// undecided is why a verdict that accuses nobody is not good either, or nil.
func undecided(v *verify.Verdict) error {
	if len(v.Contested) > 0 {
		return hint.With(errContested, "run `stele status --checkpoints > FILE` on a host named above, then: stele verify --checkpoint FILE")
	}
	if v.NotUnderstood > 0 {
		return fmt.Errorf("of a later version: %s", terminal.Entries(v.NotUnderstood))
	}
	return nil
}

// mostShown is how many findings people are shown.
const mostShown = 30

// printFindings prints a line a finding. Beside a tree-mismatch, which is the cause
// of much else, other codes are counted, a line each; so is fork, of which every
// checkpoint that hosts kept may be proof.
func (a *app) printFindings(v *verify.Verdict, problems []finding.Finding) {
	var lines, causes []string
	counts := make(map[string]int)
	add := func(code, line string) {
		counts[code]++
		switch {
		case code == string(verify.TreeMismatch):
			causes = append(causes, line)
		case counts[code] == 1 || !hasCause(v) && code != string(verify.Fork):
			lines = append(lines, line)
		}
	}
	for _, x := range v.Findings {
		add(string(x.Code), findingLine(v, x))
	}
	for _, p := range problems {
		add(string(p.Code), fmt.Sprintf("%-20s %-18s %s: %s", p.Accused, p.Code, terminal.Escape(p.Where), terminal.Escape(p.Detail)))
	}
	for i, line := range append(causes, lines...) {
		if i == mostShown {
			fmt.Fprintf(a.out, "… %d more findings; --json has them all\n", len(causes)+len(lines)-i)
			break
		}
		fmt.Fprintln(a.out, line)
	}
	switch n := counts[string(verify.Fork)] - 1; {
	case hasCause(v):
		a.printCounts(counts, len(lines))
	case n > 0:
		fmt.Fprintf(a.out, "… %s more at hand with another tree than this log; --json has them all\n", terminal.Count(n, "checkpoint", "checkpoints"))
	}
}

// printCounts says how many consequences were left out.
func (a *app) printCounts(counts map[string]int, shown int) {
	n := -shown
	for code, c := range counts {
		if code != string(verify.TreeMismatch) {
			n += c
		}
	}
	if n > 0 {
		fmt.Fprintf(a.out, "… %d more findings of these codes follow from it; --json has them all\n", n)
	}
}

func hasCause(v *verify.Verdict) bool {
	for _, x := range v.Findings {
		if x.Code == verify.TreeMismatch {
			return true
		}
	}
	return false
}

// findingLine says who is accused of what, where.
func findingLine(v *verify.Verdict, x verify.Finding) string {
	who, where := string(x.Accused), fmt.Sprintf("entry %d", x.Index)
	if x.Accused == verify.TheSource {
		who += " " + x.Source.String()[:12]
	}
	if x.Index >= v.Size {
		where = "the log"
	}
	return fmt.Sprintf("%-20s %-18s %s: %s", who, x.Code, where, terminal.Escape(x.Detail))
}

func (a *app) printContests(list []verify.Contest) {
	for _, c := range list {
		var who []string
		for _, s := range c.Saw {
			host := "of an undisclosed host"
			if s.Host != "" {
				host = "on host " + terminal.Escape(s.Host)
			}
			who = append(who, fmt.Sprintf("source %s %s in entry %d", s.Source, host, s.Index))
		}
		more := ""
		if n := len(who) - mostShown; n > 0 {
			who, more = who[:mostShown], fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(a.out, "contested: a tree of %d leaves with root %s, which this log has not, was seen by %s%s\n", c.Size, c.Root, strings.Join(who, ", "), more)
	}
}
