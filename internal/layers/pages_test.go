package layers

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestDependencies: docs/dependencies.md has a line for each direct dependency,
// and none for anything else.
func TestDependencies(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(strings.TrimSpace(cells[1]), "---") || strings.TrimSpace(cells[1]) == "module" {
			continue
		}
		for _, name := range strings.Split(cells[1], ",") {
			said[strings.TrimSpace(name)] = true
		}
	}
	for _, r := range f.Require {
		if !r.Indirect && !said[r.Mod.Path] {
			t.Errorf("docs/dependencies.md does not say why %s is needed", r.Mod.Path)
		}
		if !r.Indirect {
			delete(said, r.Mod.Path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		t.Errorf("docs/dependencies.md speaks of %s, which go.mod does not require", name)
	}
}

// citation is a promise that code cites where it keeps it.
var (
	citation = regexp.MustCompile(`\(P(?:10|[1-9])\)|\bP(?:10|[1-9]):`)
	promise  = regexp.MustCompile(`\bP(?:10|[1-9])\b`)
)

// TestPromises: every promise of ARCHITECTURE.md is cited by the code that keeps
// it and by a test that holds it, as (P1) behind a sentence or P1: before one.
func TestPromises(t *testing.T) {
	kept, held := map[string]int{}, map[string]int{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		count := kept
		if strings.HasSuffix(path, "_test.go") {
			count = held
		}
		for _, line := range strings.Split(string(data), "\n") {
			_, comment, ok := strings.Cut(line, "//")
			if !ok {
				continue
			}
			for _, m := range citation.FindAllString(comment, -1) {
				count[promise.FindString(m)]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, promises, _ := strings.Cut(string(page), "## Promises")
	all := promise.FindAllString(promises, -1)
	if len(all) < 10 {
		t.Errorf("ARCHITECTURE.md names the promises %v", all)
	}
	for _, p := range all {
		if kept[p] == 0 {
			t.Errorf("no code cites %s where it keeps it", p)
		}
		if held[p] == 0 {
			t.Errorf("no test cites %s", p)
		}
	}
}

// runsPrograms are the packages that may start another program: the command that
// was told to, and the tour; a watcher's helpers, which are this very program; programs
// of root's that show settings in force, as the catalogue and nobody else names them.
var runsPrograms = []string{"internal/cli", "internal/tour", "internal/capture/helper", "internal/probe"}

// TestExecutesNothing: nothing else in the product can run a program, whatever it
// is sent (P9).
func TestExecutesNothing(t *testing.T) {
	for pkg, imports := range packages(t) {
		if slices.Contains(imports, "os/exec") && !slices.Contains(runsPrograms, pkg) {
			t.Errorf("%s imports os/exec", pkg)
		}
	}
}
