package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

func TestUndecided(t *testing.T) {
	for _, c := range []struct {
		v    verify.Verdict
		want int
	}{
		{verify.Verdict{}, exitFine},
		{verify.Verdict{NotUnderstood: 1}, exitError},
		{verify.Verdict{Contested: []verify.Contest{{Size: 3}}}, exitError},
	} {
		if got := exitStatus(undecided(&c.v)); got != c.want {
			t.Errorf("%+v: exit status %d, want %d", c.v, got, c.want)
		}
	}
}

// TestPrintFindings: a cause comes first, and what follows from it is a line a code.
func TestPrintFindings(t *testing.T) {
	src := entry.Source{0xab, 0xcd}
	v := &verify.Verdict{Size: 9}
	for i := range uint64(5) {
		v.Findings = append(v.Findings, verify.Finding{Code: verify.Malformed, Accused: verify.TheLog, Index: i, Detail: "junk"})
	}
	lone := verify.Finding{Code: verify.SawMismatch, Accused: verify.TheSource, Index: 7, Source: src, Detail: "another tree"}
	print := func(v *verify.Verdict, problems ...finding.Finding) []string {
		var out bytes.Buffer
		(&app{out: &out}).printFindings(v, problems)
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	if got := print(v); len(got) != 5 {
		t.Errorf("without a cause: %q", got)
	}
	v.Findings = append(v.Findings, lone, verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: 9, Detail: "a bundle"})
	got := print(v, finding.At(finding.IndexMismatch, "entry 1", ""), finding.At(finding.IndexMismatch, "entry 2", ""))
	want := []string{"log tree-mismatch the log: a bundle", "log malformed entry 0: junk", "source abcd00000000 saw-mismatch entry 7: another tree", "store index-mismatch entry 1:", "… 5 more findings of these codes follow from it; --json has them all"}
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
