package finding_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

var update = flag.Bool("update", false, "write docs/findings.md anew")

// TestPage: docs/findings.md is the table.
func TestPage(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "findings.md")
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("docs/findings.md is not the table (go test ./internal/finding -update): %s", d)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString("# Findings\n\nEvery code that Stele gives to what it found wrong.\n" +
		"This page is generated from `internal/finding`.\n\n" +
		"Accused `log`, `vault` or `store`: the evidence is bad, and `stele verify` exits with 3 (`unsafe-store`: 1).\n" +
		"Accused `source`: the log kept what the source signed, and is itself sound; `stele verify` lists it and exits with 0, with `--strict` 3.\n`--strict` does so for findings on the record too.\n" +
		"The others, but for `drift`, which `stele verify FILE` tells, are told by a running server or watcher: in its diagnostics, to the webhook or syslog of its settings, and by `stele status`.\n" +
		"So are those that accuse the log, the vault or the store, by a server, which examines its own again and again.\n")
	for _, g := range finding.Table {
		fmt.Fprintf(&b, "\n## %s\n\n| code | accused | severity | meaning | what to do |\n|---|---|---|---|---|\n", g.Finder)
		for _, k := range g.Kinds {
			accused := string(k.Accused)
			if accused == "" {
				accused = "nobody"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Code, accused, k.Severity, k.Meaning, k.Do)
		}
	}
	return b.String()
}

// TestTable: each code once, with all that is to be said of it, and accusing
// whom the verdict accuses.
func TestTable(t *testing.T) {
	seen := map[verify.Code]bool{}
	for _, g := range finding.Table {
		for _, k := range g.Kinds {
			if seen[k.Code] {
				t.Errorf("%s stands twice", k.Code)
			}
			seen[k.Code] = true
			if k.Severity < finding.Info || k.Severity > finding.Critical || k.Meaning == "" || k.Do == "" || strings.HasSuffix(k.Meaning, ".") {
				t.Errorf("%s is not whole: %+v", k.Code, k)
			}
			if got := finding.Lookup(k.Code); got != k {
				t.Errorf("Lookup(%s) = %+v", k.Code, got)
			}
			if _, err := json.Marshal(finding.New(k.Code, "x")); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range verify.Codes() {
		if k := finding.Lookup(c); k.Accused != verify.Accuses(c) || !seen[c] {
			t.Errorf("%s accuses %q here and %q in a verdict", c, k.Accused, verify.Accuses(c))
		}
	}
	if k := finding.Lookup("unheard-of"); k != (finding.Kind{Code: "unheard-of"}) {
		t.Errorf("an unknown code has %+v", k)
	}
}

// TestDeclaredHere: no package but this one and verify declares a code, and none
// spells one by hand.
func TestDeclaredHere(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if dir := filepath.ToSlash(filepath.Dir(path)); strings.HasSuffix(dir, "internal/finding") || strings.HasSuffix(dir, "/verify") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			s, _ := strconv.Unquote(lit.Value)
			if k := finding.Lookup(verify.Code(s)); k.Meaning != "" && strings.Contains(s, "-") {
				t.Errorf("%s spells the code %s by hand", path, s)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOf(t *testing.T) {
	src := entry.Source{1}
	f := finding.Of(verify.Finding{Code: verify.ForkedSource, Accused: verify.TheSource, Index: 7, Source: src, Detail: "two"})
	index := uint64(7)
	want := finding.Finding{
		Code: verify.ForkedSource, Accused: verify.TheSource, Severity: finding.High,
		Detail: "two", About: src.String(), Index: &index,
	}
	if d := cmp.Diff(want, f); d != "" {
		t.Error(d)
	}
	b, err := json.Marshal(f)
	var back finding.Finding
	if err := json.Unmarshal(b, &back); err != nil || cmp.Diff(f, back) != "" {
		t.Errorf("%s comes back as %+v, %v", b, back, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLog: that somebody joined is no error, and what is bad is one. The end of
// a finding is shown wherever its beginning was, and is no error.
func TestLog(t *testing.T) {
	for code, want := range map[verify.Code][2]string{
		finding.Enrolled: {"level=INFO", "level=INFO"}, finding.NoAnswer: {"level=WARN", "level=WARN"},
		verify.Fork: {"level=ERROR", "level=WARN"},
	} {
		var b strings.Builder
		f := finding.New(code, "x")
		f.Log(slog.New(slog.NewTextHandler(&b, nil)))
		if !strings.Contains(b.String(), want[0]+" ") {
			t.Errorf("%s is logged as %s", code, b.String())
		}
		b.Reset()
		f.Over = true
		f.Log(slog.New(slog.NewTextHandler(&b, nil)))
		if !strings.Contains(b.String(), want[1]+" ") {
			t.Errorf("that %s is over is logged as %s", code, b.String())
		}
	}
}

func TestSeverity(t *testing.T) {
	for s := finding.Info; s <= finding.Critical; s++ {
		if got, err := finding.ParseSeverity(s.String()); err != nil || got != s {
			t.Errorf("ParseSeverity(%s) = %v, %v", s, got, err)
		}
	}
	if s := finding.Severity(0).String(); s != "Severity(0)" {
		t.Errorf("the severity that is none is called %s", s)
	}
	for _, name := range []string{"", "none", "HIGH"} {
		if s, err := finding.ParseSeverity(name); err == nil {
			t.Errorf("ParseSeverity(%q) = %v", name, s)
		}
	}
}
