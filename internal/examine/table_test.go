package examine_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// writeTable writes docs/results/tamper.md.
func writeTable(t *testing.T, all []outcome, v variants) {
	t.Helper()
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, tableHead, strings.TrimSpace(string(commit)), time.Now().UTC().Format(time.DateOnly), groundSize)
	counts := map[int]int{}
	for _, o := range all {
		counts[o.said.status]++
	}
	fmt.Fprintf(&b, "| acts | exit 3 | exit 1 | exit 0 | hanging | slowest run | untouched variants | false alarms |\n|---|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %s | %d | %d |\n\n", len(all), counts[3], counts[1], counts[0], counts[-1], slowest(all), v.made, v.alarms)
	b.WriteString("## Kinds of files and directories\n\nAn act stands under two statuses where it depends on the file, or on the byte.\n\n| kind | acts | exit 3: bad evidence | exit 1: unsafe | exit 0, or no store: harmless |\n|---|---|---|---|---|\n")
	for _, kind := range append(names(kinds), names(dirKinds)...) {
		for _, k := range []string{kind, earlierOf(kind)} {
			writeKind(&b, k, all)
		}
	}
	b.WriteString("\n## Why it is harmless\n\n| kind | acts | done | why |\n|---|---|---|---|\n")
	for i, r := range rules {
		n := 0
		for _, o := range all {
			if o.rule == &rules[i] {
				n++
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", spelt(r.kinds), spelt(r.acts), n, r.why)
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "results", "tamper.md"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const tableHead = `# What becomes of a store that was tampered with

Every act was done to every file and directory of a store, one at a time, and ` + "`stele verify`" + ` was asked.
It names the file that was altered, and no other one: with exit status 3 where the record is untrue, with 1 and ` + "`unsafe-store`" + ` where it is true and the store unsafe.
Whatever is called neither is harmless, by one of the rules below; so the tests demand.
Commit %s, %s, a store of about %d entries; ` + "`go test ./internal/examine -run TestTamper -tamper-table -timeout 2h`" + ` writes this page anew.

`

func names(table []struct{ kind, name string }) (list []string) {
	for _, k := range table {
		list = append(list, k.kind)
	}
	return list
}

// earlierOf is the kind of what was the newest of its kind once.
func earlierOf(kind string) string {
	if kind == "directory of partial tiles" {
		return "directory of earlier partial tiles"
	}
	return "earlier " + kind
}

// writeKind writes the row of a kind, if there were any of it.
func writeKind(b *strings.Builder, kind string, all []outcome) {
	n, acts := 0, map[int]map[string]bool{3: {}, 1: {}, 0: {}}
	for _, o := range all {
		if o.kind != kind {
			continue
		}
		n++
		status := o.said.status
		if o.rule != nil {
			status = 0
		}
		acts[status][o.act] = true
	}
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "| %s | %d |", kind, n)
	for _, status := range []int{3, 1, 0} {
		fmt.Fprintf(b, " %s |", strings.Join(slices.SortedFunc(maps.Keys(acts[status]), byOrder), ", "))
	}
	b.WriteString("\n")
}

// byOrder compares acts by their order in the lists of them.
func byOrder(a, b string) int {
	at := func(name string) int {
		return slices.IndexFunc(slices.Concat(fileActs, dirActs), func(x act) bool { return x.name == name })
	}
	return cmp.Compare(at(a), at(b))
}

// spelt is a pattern for people.
func spelt(pattern string) string {
	return strings.NewReplacer("|", ", ", `flip \w+`, "flip", ".*", "…", "( zeros)?", "").Replace(pattern)
}
