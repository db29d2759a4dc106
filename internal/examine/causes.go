package examine

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/verify"
)

// Whoever alters one file makes others look wrong that are as they were written: rows
// of the index about entries that nobody can read any more, keys whose disclosures are
// gone. Here the files that were altered are told from those.

// damaged names what is wrong with vault and keyring. What a crash left of a batch
// nobody was told of accuses nobody; where disclosures of entries are missing, it is
// no crash that has left it.
func (x *examination) damaged(damage []vault.Damage) {
	missing := slices.ContainsFunc(x.report.Findings, func(f verify.Finding) bool { return f.Code == verify.MissingDisclosure })
	told := make(map[string]bool) // there may be as many as entries
	for _, d := range damage {
		if _, ok := told[d.Path]; !ok {
			dir := filepath.Dir(d.Path)
			told[d.Path] = x.named(d.Path) || x.named(dir) && !isDir(dir)
		}
	}
	for _, d := range damage {
		where := fmt.Sprintf("%s at byte %d", d.Path, d.Offset)
		lost, isLost := x.vault.Lost(d)
		switch {
		case told[d.Path]:
		case missing && isLost:
			if !told[lost] && !x.named(lost) {
				x.problem(finding.Damaged, lost, "disclosures of entries are not there: the file is missing, or an older one")
			}
			told[lost] = true
		case d.Torn && missing && !d.Extra:
			x.problem(finding.Damaged, where, "%s", d.Why)
		case d.Torn && !(x.ended && x.cfg.Layout.Ended()):
			x.report.Unfinished = true
		case d.Torn && !d.Extra:
			x.problem(finding.UnsafeStore, where, "nobody wrote what stands here: %s; `stele up` or `stele serve` removes it", d.Why)
		case d.Extra:
			x.problem(finding.UnsafeStore, where, "%s; move it away", d.Why)
		default:
			x.problem(finding.Damaged, where, "%s", d.Why)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// span is a run of entries.
type span struct{ from, to uint64 }

// legible leaves out what the index has of entries that cannot be read as they were
// written, and of all entries together where there are such: nobody can tell whether
// it is wrong.
func (x *examination) legible(rows []finding.Finding) []finding.Finding {
	blind := x.blind()
	return slices.DeleteFunc(rows, func(f finding.Finding) bool {
		isFile := filepath.Dir(f.Where) == filepath.Dir(x.cfg.Layout.Index())
		return len(blind) > 0 && !isFile && (f.Index == nil || within(blind, *f.Index))
	})
}

// within reports whether an entry is in one of the runs, which are in order and apart.
func within(runs []span, i uint64) bool {
	at, _ := slices.BinarySearchFunc(runs, i, func(s span, i uint64) int { return cmp.Compare(s.to, i+1) })
	return at < len(runs) && runs[at].from <= i
}

// blind are the entries that cannot be read as they were written.
func (x *examination) blind() []span {
	list := slices.Clone(x.illegible)
	for _, f := range x.report.Findings {
		switch {
		case f.Code == verify.Shrunk:
			list = append(list, span{x.report.Checkpoint.Size, math.MaxUint64})
		case f.Code == verify.TreeMismatch && f.Index >= x.report.Size, f.Accused == verify.TheSource:
		default:
			list = append(list, span{f.Index, f.Index + 1})
		}
	}
	return merged(list)
}

// merged puts runs in order and joins those that touch.
func merged(list []span) (runs []span) {
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range list {
		if n := len(runs); n > 0 && s.from <= runs[n-1].to {
			runs[n-1].to = max(runs[n-1].to, s.to)
			continue
		}
		runs = append(runs, s)
	}
	return runs
}
