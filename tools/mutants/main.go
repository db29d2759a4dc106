// Mutants breaks the verifiers on purpose, one line at a time, and counts which
// breakages the test vectors of docs/format notice.
//
// Each statement is left out and each condition negated (those of if, for, case
// and ?:, and the operands of && and ||), in verify/ and in contrib/verifier.
// All mutants of a language are built into one copy outside the checkout, in which
// an environment variable says which one is live. A mutant that no vector notices
// has to stand in equivalent.txt, with the reason why it is no mistake; what
// stands there and is noticed, or is gone, is an error too.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "..", "the checkout")
	only := flag.String("only", "", "go or js; both where it is empty")
	update := flag.Bool("update", false, "write docs/results/mutants.md")
	jobs := flag.Int("j", 2, "mutants tried at once")
	flag.Parse()
	if err := run(*root, *only, *update, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// mutant is one breakage.
type mutant struct {
	id         int
	file       string // below the root
	line       int
	kind       string // left out, negated
	text       string // the source that is broken, in one line
	unseen     bool   // by the vectors; the tampered logs were asked
	survived   bool
	unfinished bool // ended by the clock
}

// language has mutants.
type language struct {
	name    string
	mutants []*mutant
	try     func(m *mutant) (noticed bool, err error)
}

func run(root, only string, update bool, jobs int) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stele-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var langs []*language
	for _, b := range []struct {
		name  string
		build func(root, dir string) (*language, error)
	}{{"go", buildGo}, {"js", buildJS}} {
		if only != "" && only != b.name {
			continue
		}
		l, err := b.build(root, filepath.Join(dir, b.name))
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		langs = append(langs, l)
	}
	for _, l := range langs {
		if err := l.tryAll(jobs); err != nil {
			return err
		}
	}
	return report(root, langs, update, only == "")
}
