package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// most is how many mutants in a hundred may survive.
const most = 2.0

// report writes the table, and says what must not be.
func report(root string, langs []*language, update, whole bool) error {
	reasons, err := readReasons(filepath.Join(root, "tools", "mutants", "equivalent.txt"))
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(head)
	var errs []error
	for _, l := range langs {
		n, logs := 0, 0
		for _, m := range l.mutants {
			switch {
			case m.survived:
				n++
			case m.unseen:
				logs++
			}
		}
		share := 100 * float64(n) / float64(max(len(l.mutants), 1))
		fmt.Fprintf(&text, "| %s | %d | %d | %d | %.1f %% |\n", l.name, len(l.mutants), logs, n, share)
		if share > most {
			errs = append(errs, fmt.Errorf("%s: %.1f %% of the mutants survive, %g %% may", l.name, share, most))
		}
	}
	text.WriteString("\n| survivor | | why it is no mistake |\n|---|---|---|\n")
	used := map[string]bool{}
	for _, l := range langs {
		for _, m := range l.mutants {
			if !m.survived {
				continue
			}
			reason, ok := reasons[m.key()]
			if !ok {
				errs = append(errs, fmt.Errorf("no vector notices %s", m))
			}
			used[m.key()] = true
			fmt.Fprintf(&text, "| `%s` %s | %s | %s |\n", m.file, m.kind, code(m.text), reason)
		}
	}
	for key := range reasons {
		if whole && !used[key] {
			errs = append(errs, fmt.Errorf("equivalent.txt: no survivor is %q", key))
		}
	}
	fmt.Print(text.String())
	if update && whole {
		errs = append(errs, os.WriteFile(filepath.Join(root, "docs", "results", "mutants.md"), []byte(text.String()), 0o644))
	}
	return errors.Join(errs...)
}

const head = `# Mutants of the verifiers

` + "`make mutants`" + ` leaves out each statement and negates each condition (of ` + "`if`, `for`, `case` and `?:`" + `, and the operands of ` + "`&&` and `||`" + `), one at a time,
and runs the test vectors of ` + "`docs/format/vectors`" + ` over each of these mutants. What reads files and arguments in the second verifier, which no vector
can reach, is tried over the tampered logs of [agreement.md](agreement.md).

| verifier | mutants | noticed by the logs only | not noticed | |
|---|---|---|---|---|
`

// code is source in a cell of a table.
func code(s string) string {
	return "`` " + strings.ReplaceAll(s, "|", "\\|") + " ``"
}

// key names a mutant in equivalent.txt: not by its line, which moves.
func (m *mutant) key() string { return m.file + " | " + m.kind + " | " + m.text }

// readReasons reads lines of file ¦ kind ¦ text ¦ reason.
func readReasons(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reasons := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, ok := strings.Cut(line, " => ")
		if !ok {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
		reasons[key] = reason
	}
	return reasons, lines.Err()
}
