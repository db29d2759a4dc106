package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// parserOf is what reads JavaScript; it is fetched into the copy, not into the
// checkout.
const parserOf = "acorn@8.15.0"

// buildJS makes a copy of the second verifier with all mutants in it, and a copy of
// the logs that were tampered with.
func buildJS(root, dir string) (*language, error) {
	from, to, corpus := filepath.Join(root, "contrib", "verifier"), filepath.Join(dir, "verifier"), filepath.Join(dir, "corpus")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("npm", "install", "--silent", "--no-save", "--prefix", dir, parserOf).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("install %s: %w\n%s", parserOf, err, out)
	}
	b, err := os.ReadFile(filepath.Join(from, "vectors.mjs"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "vectors.mjs"), b, 0o600)
	}
	if err != nil {
		return nil, err
	}
	names, err := modules(from)
	if err != nil {
		return nil, err
	}
	l := &language{name: "JavaScript (contrib/verifier)"}
	tools := filepath.Join(root, "tools", "mutants")
	cmd := exec.Command("node", append([]string{filepath.Join(tools, "mutate.mjs"), from, to, dir}, names...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mutate: %w", err)
	}
	if err := l.read(out); err != nil {
		return nil, err
	}
	write := exec.Command("go", "test", "-count=1", "./verify", "-run", "^TestAgreement$", "-corpus", corpus)
	write.Dir = root
	if out, err := write.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("write tampered logs: %w\n%s", err, out)
	}
	vectors := filepath.Join(root, "docs", "format", "vectors")
	l.try = func(m *mutant) (bool, error) {
		if strings.HasSuffix(m.file, "/verify.mjs") { // the vectors do not run it
			m.unseen = true
			return fails(m, dir, "node", filepath.Join(tools, "agree.mjs"), to, corpus)
		}
		args := append([]string{filepath.Join(to, "vectors.mjs"), "--first", vectors}, orderFor(m.file)...)
		noticed, err := fails(m, dir, "node", args...)
		if noticed || err != nil || !readsFiles(m.file) {
			return noticed, err
		}
		m.unseen = true
		return fails(m, dir, "node", filepath.Join(tools, "agree.mjs"), to, corpus)
	}
	return l, nil
}

// orderFor names the files of vectors, those that have most to say of a module first.
func orderFor(module string) []string {
	files := []string{"entries.json", "bodies.json", "seals.json", "checkpoints.json", "logs.json"}
	best := map[string]string{"body.mjs": "bodies.json", "note.mjs": "checkpoints.json", "entry.mjs": "entries.json", "disclosures.mjs": "seals.json"}[filepath.Base(module)]
	if best == "" {
		best = "logs.json"
	}
	slices.SortStableFunc(files, func(a, b string) int {
		switch best {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return files
}

// readsFiles reports whether a module has code that no vector can reach.
func readsFiles(module string) bool {
	return slices.Contains([]string{"tiles.mjs", "disclosures.mjs", "verify.mjs", "log.mjs", "."}, filepath.Base(module)) // "." is of no mutant
}

// modules are those that make up the verifier, without what runs the vectors.
func modules(dir string) (names []string, err error) {
	list, err := filepath.Glob(filepath.Join(dir, "*.mjs"))
	for _, path := range list {
		if name := filepath.Base(path); name != "vectors.mjs" {
			names = append(names, name)
		}
	}
	return names, err
}

// read takes in what mutate.mjs has made.
func (l *language) read(out []byte) error {
	var made []struct {
		File, Kind, Text string
		Line             int
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return fmt.Errorf("read mutants: %w", err)
	}
	for i, m := range made {
		l.mutants = append(l.mutants, &mutant{
			id: i + 1, file: "contrib/verifier/" + m.File, line: m.Line, kind: m.Kind,
			text: oneLine(strings.ReplaceAll(m.Text, "`", "'")),
		})
	}
	return nil
}
