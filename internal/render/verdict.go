package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/published"
	"github.com/stele-log/stele/internal/terminal"
	"github.com/stele-log/stele/verify"
)

// Store says what came of examining a store, or what a server shows of one.
func Store(w io.Writer, rep *examine.Report) {
	findings(w, &rep.Verdict, rep.Problems)
	contests(w, rep.Contested)
	what := fmt.Sprintf("%s, %s, %d disclosures and texts of %s", terminal.Entries(rep.Size), terminal.Count(rep.Changes, "change", "changes"), rep.Disclosed, terminal.Count(rep.Sources, "source", "sources"))
	if rep.From > 0 {
		what = fmt.Sprintf("entries %d to %d", rep.From, rep.Size)
	}
	switch {
	case rep.Bad():
		fmt.Fprintf(w, "BAD: %s in %s\n", terminal.Count(len(rep.Findings)+len(rep.Problems), "finding", "findings"), what)
		return
	case len(rep.Contested) > 0:
		fmt.Fprintf(w, "CONTESTED: %s in %s\n", terminal.Count(len(rep.Contested), "tree", "trees"), what)
		return
	}
	signatures := ""
	if rep.Signatures {
		signatures = "signatures, "
	}
	if rep.Remote {
		fmt.Fprintf(w, "verified: %s; tree, %schains and seals agree\n", what, signatures)
		fmt.Fprintln(w, "not checked: index, keyring and files of the server; run `stele verify` there")
	} else {
		fmt.Fprintf(w, "verified: %s; tree, %schains, seals, files and index agree\n", what, signatures)
	}
	besides(w, rep)
}

// besides says what of a good store is worth knowing.
func besides(w io.Writer, rep *examine.Report) {
	recorded(w, &rep.Verdict)
	if rep.Missing > 0 {
		fmt.Fprintf(w, "an older copy: %s of the log believed at %s are missing from it; nothing was remembered\n", terminal.Entries(rep.Missing), terminal.Escape(rep.Place))
	}
	if rep.IndexBehind {
		fmt.Fprintln(w, "the index is behind the log; `stele up` or `stele admin reindex` brings it up to date")
	}
	if rep.Unpublished > 0 {
		fmt.Fprintf(w, "%d more entries were accepted and are not under a checkpoint yet\n", rep.Unpublished)
	}
	if rep.Unfinished {
		fmt.Fprintln(w, "a writer crashed before acknowledging its last batch; the next `stele up` or `stele serve` removes the rest")
	}
	if rep.Erased > 0 {
		fmt.Fprintf(w, "erased: %s, on the record\n", terminal.Count(rep.Erased, "line", "lines"))
	}
}

// recorded says that there is more to read than what was found now.
func recorded(w io.Writer, v *verify.Verdict) {
	if v.Recorded > 0 {
		fmt.Fprintf(w, "on the record: %s; `stele log --kind finding` shows them\n", terminal.Count(v.Recorded, "finding", "findings"))
	}
}

// Given says how a log was handed out that is verified by its directory alone.
type Given struct {
	Key         bool   // its key was given, and not taken from the log itself
	Disclosures string // the file with them; empty: none
}

// Published says what came of examining such a log.
func Published(w io.Writer, rep *published.Report, given Given) {
	findings(w, &rep.Verdict, nil)
	contests(w, rep.Contested)
	for i, n := range rep.PassedOver {
		if i == mostShown {
			fmt.Fprintf(w, "… %d more lines are no disclosures; --json has them all\n", len(rep.PassedOver)-i)
			break
		}
		fmt.Fprintf(w, "%s: line %d is no disclosure and was passed over\n", terminal.Escape(given.Disclosures), n)
	}
	if !given.Key {
		fmt.Fprintf(w, "the key is the one that the log itself names; compare it: %s\n", rep.Key.VKey())
	}
	what := fmt.Sprintf("%s, %s of %s", terminal.Entries(rep.Size), terminal.Count(rep.Changes, "change", "changes"), terminal.Count(rep.Sources, "source", "sources"))
	if given.Disclosures == "" {
		what += "; without disclosures seals, bodies and histories were not checked"
	}
	switch stateOf(&rep.Verdict) {
	case "bad":
		fmt.Fprintf(w, "BAD: %s in %s\n", terminal.Count(len(rep.Findings), "finding", "findings"), what)
	case "contested":
		fmt.Fprintf(w, "CONTESTED: %s in %s\n", terminal.Count(len(rep.Contested), "tree", "trees"), what)
	case "unclear":
		fmt.Fprintf(w, "verified but for %s of a later version: %s\n", terminal.Entries(rep.NotUnderstood), what)
	default:
		fmt.Fprintf(w, "verified: %s\n", what)
		recorded(w, &rep.Verdict)
	}
}

// mostShown is how many findings people are shown.
const mostShown = 30

// findings prints a line a finding, and below the first of each code what to do. Files
// that are damaged come first: much else may follow from them. Beside a tree-mismatch,
// which is the cause of all else, other codes are counted, a line each; so is fork, of
// which every checkpoint that hosts kept may be proof.
func findings(w io.Writer, v *verify.Verdict, problems []finding.Finding) {
	var causes, files, lines []line
	caused, counts := hasCause(v), make(map[verify.Code]int)
	add := func(l line) {
		counts[l.code]++
		switch {
		case l.code == verify.TreeMismatch:
			causes = append(causes, l)
		case l.code == finding.Damaged:
			files = append(files, l)
		case counts[l.code] == 1 || !caused && l.code != verify.Fork:
			lines = append(lines, l)
		}
	}
	for _, x := range v.Findings {
		add(line{x.Code, accused(x), place(v, x) + ": " + terminal.Escape(x.Detail)})
	}
	for _, p := range problems {
		add(line{p.Code, string(p.Accused), terminal.Escape(p.Where) + ": " + terminal.Escape(p.Detail)})
	}
	printLines(w, slices.Concat(causes, files, lines))
	switch n := counts[verify.Fork] - 1; {
	case caused:
		consequences(w, counts, len(lines))
	case n > 0:
		fmt.Fprintf(w, "… %s more at hand with another tree than this log; --json has them all\n", terminal.Count(n, "checkpoint", "checkpoints"))
	}
}

// line is one finding for people.
type line struct {
	code    verify.Code
	accused string
	text    string
}

func printLines(w io.Writer, lines []line) {
	hinted := make(map[verify.Code]bool)
	for i, l := range lines {
		if i == mostShown {
			fmt.Fprintf(w, "… %d more findings; --json has them all\n", len(lines)-i)
			return
		}
		fmt.Fprintf(w, "%-20s %-18s %s\n", l.accused, l.code, l.text)
		if do := finding.Lookup(l.code).Do; do != "" && !hinted[l.code] {
			fmt.Fprintf(w, "%-20s → %s\n", "", do)
		}
		hinted[l.code] = true
	}
}

// consequences says how many findings were left out.
func consequences(w io.Writer, counts map[verify.Code]int, shown int) {
	n := -shown
	for code, c := range counts {
		if code != verify.TreeMismatch && code != finding.Damaged {
			n += c
		}
	}
	if n > 0 {
		fmt.Fprintf(w, "… %d more findings of these codes follow from it; --json has them all\n", n)
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

// accused says who stands accused; a source with its host, where that is disclosed.
func accused(x verify.Finding) string {
	who := string(x.Accused)
	if x.Accused != verify.TheSource {
		return who
	}
	who += " " + x.Source.String()[:12]
	if x.Host != "" {
		who += " on " + terminal.Escape(x.Host)
	}
	return who
}

func place(v *verify.Verdict, x verify.Finding) string {
	if x.Index >= v.Size {
		return "the log"
	}
	return fmt.Sprintf("entry %d", x.Index)
}

func contests(w io.Writer, list []verify.Contest) {
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
		fmt.Fprintf(w, "contested: a tree of %d leaves with root %s, which this log has not, was seen by %s%s\n", c.Size, c.Root, strings.Join(who, ", "), more)
	}
}
