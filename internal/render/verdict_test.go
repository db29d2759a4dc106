package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

// TestFindings: a cause comes first, what follows from it is a line a code, and below
// the first of each code stands what to do.
func TestFindings(t *testing.T) {
	src := entry.Source{0xab, 0xcd}
	v := &verify.Verdict{Size: 9}
	for i := range uint64(5) {
		v.Findings = append(v.Findings, verify.Finding{Code: verify.Malformed, Accused: verify.TheLog, Index: i, Detail: "junk"})
	}
	lone := verify.Finding{Code: verify.SawMismatch, Accused: verify.TheSource, Index: 7, Source: src, Host: "web-1\x1b", Detail: "another tree"}
	print := func(v *verify.Verdict, problems ...finding.Finding) []string {
		var out bytes.Buffer
		findings(&out, v, problems)
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	if got := print(v); len(got) != 6 {
		t.Errorf("without a cause: %q", got)
	}
	v.Findings = append(v.Findings, lone, verify.Finding{Code: verify.TreeMismatch, Accused: verify.TheLog, Index: 9, Detail: "a bundle"})
	got := print(v, finding.At(finding.IndexMismatch, "entry 1", ""), finding.At(finding.IndexMismatch, "entry 2", ""))
	do := func(code verify.Code) string { return "→ " + finding.Lookup(code).Do }
	want := []string{
		"log tree-mismatch the log: a bundle", do(verify.TreeMismatch),
		"log malformed entry 0: junk", do(verify.Malformed),
		`source abcd00000000 on web-1\x1b saw-mismatch entry 7: another tree`, do(verify.SawMismatch),
		"store index-mismatch entry 1:", do(finding.IndexMismatch),
		"… 5 more findings of these codes follow from it; --json has them all",
	}
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestMissing: the file that was damaged comes before what is missing for it, however
// much that is; nothing is looked for once for each finding.
func TestMissing(t *testing.T) {
	v := &verify.Verdict{Size: 1 << 19}
	for i := range v.Size {
		v.Findings = append(v.Findings, verify.Finding{Code: verify.MissingDisclosure, Accused: verify.TheVault, Index: i, Detail: "who: no disclosure"})
	}
	printed := make(chan string, 1)
	go func() {
		var out bytes.Buffer
		findings(&out, v, []finding.Finding{finding.At(finding.Damaged, "vault/openings-000001.seg", "missing")})
		printed <- out.String()
	}()
	select {
	case got := <-printed:
		if !strings.HasPrefix(strings.Join(strings.Fields(got), " "), "store damaged vault/openings-000001.seg: missing") {
			t.Errorf("%.300s", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it takes as long as the square of the findings")
	}
}
