package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// buildGo builds the tests of package verify with all mutants in it.
func buildGo(root, dir string) (*language, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	l := &language{name: "Go (verify)"}
	overlay := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "verify", "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		src, err := l.mutateGo(path, root)
		if err != nil {
			return nil, err
		}
		overlay[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(overlay[path], src, 0o600); err != nil {
			return nil, err
		}
	}
	live := filepath.Join(root, "verify", "mutant_live.go")
	overlay[live] = filepath.Join(dir, "mutant_live.go")
	if err := os.WriteFile(overlay[live], []byte(liveGo), 0o600); err != nil {
		return nil, err
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "verify.test")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", binary, "./verify")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	l.try = func(m *mutant) (bool, error) {
		return fails(m, filepath.Join(root, "verify"), binary, "-test.run", "^TestOnDisk$", "-test.failfast")
	}
	return l, nil
}

const liveGo = `package verify

import (
	"os"
	"strconv"
)

var mutantLive, _ = strconv.Atoi(os.Getenv("STELE_MUTANT"))

func mutant(id int) bool { return id == mutantLive }
`

// goFile is a file on its way to being broken.
type goFile struct {
	l     *language
	name  string
	fset  *token.FileSet
	src   []byte
	edits []edit
}

// edit puts text before a byte of the source.
type edit struct {
	at   int
	text string
	open bool // before what was put there earlier, or behind it
}

func (l *language) mutateGo(path, root string) ([]byte, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	f := &goFile{l: l, name: filepath.ToSlash(name), fset: token.NewFileSet(), src: src}
	tree, err := parser.ParseFile(f.fset, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.function(fn.Type, fn.Body)
		}
	}
	return f.apply(), nil
}

// function breaks what a function does.
func (f *goFile) function(t *ast.FuncType, body *ast.BlockStmt) {
	needed := map[ast.Stmt]bool{}
	if t.Results != nil && len(t.Results.List) > 0 {
		last(body.List, needed)
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.function(n.Type, n.Body)
			return false
		case *ast.BlockStmt:
			f.leaveOut(n.List, needed)
		case *ast.CaseClause:
			f.leaveOut(n.Body, needed)
		case *ast.CommClause:
			f.leaveOut(n.Body, needed)
		case *ast.SwitchStmt:
			if n.Tag == nil {
				for _, c := range n.Body.List {
					for _, e := range c.(*ast.CaseClause).List {
						f.negate(e)
					}
				}
			}
		case *ast.IfStmt:
			f.negate(n.Cond)
			if n.Init == nil && n.Else == nil && len(n.Body.List) == 1 {
				needed[n.Body.List[0]] = true // it is left out with its if
			}
		case *ast.ForStmt:
			if n.Cond != nil {
				f.negate(n.Cond)
			}
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				f.negate(n.X)
				f.negate(n.Y)
			}
		}
		return true
	})
}

// last marks the statements without which a function would not end in a return.
func last(list []ast.Stmt, needed map[ast.Stmt]bool) {
	if len(list) == 0 {
		return
	}
	end := list[len(list)-1]
	needed[end] = true
	switch s := end.(type) {
	case *ast.BlockStmt:
		last(s.List, needed)
	case *ast.IfStmt:
		last(s.Body.List, needed)
		if s.Else != nil {
			last([]ast.Stmt{s.Else}, needed)
		}
	case *ast.SwitchStmt:
		lastOfCases(s.Body, needed)
	case *ast.TypeSwitchStmt:
		lastOfCases(s.Body, needed)
	}
}

func lastOfCases(body *ast.BlockStmt, needed map[ast.Stmt]bool) {
	for _, c := range body.List {
		last(c.(*ast.CaseClause).Body, needed)
	}
}

// leaveOut makes mutants of statements. What declares a name cannot be left out,
// nor the return at a function's end: that does not compile.
func (f *goFile) leaveOut(list []ast.Stmt, needed map[ast.Stmt]bool) {
	for _, s := range list {
		switch t := s.(type) {
		case *ast.DeclStmt, *ast.EmptyStmt, *ast.LabeledStmt, *ast.CaseClause, *ast.CommClause:
			continue
		case *ast.AssignStmt:
			if t.Tok == token.DEFINE {
				continue
			}
		}
		if needed[s] {
			continue
		}
		id := f.add(s, "left out")
		f.around(s, fmt.Sprintf("if !mutant(%d) { ", id), " }")
	}
}

func (f *goFile) negate(e ast.Expr) {
	id := f.add(e, "negated")
	f.around(e, fmt.Sprintf("(mutant(%d) != (", id), "))")
}

func (f *goFile) around(n ast.Node, before, behind string) {
	f.edits = append(f.edits, edit{f.offset(n.Pos()), before, true}, edit{f.offset(n.End()), behind, false})
}

func (f *goFile) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *goFile) add(n ast.Node, kind string) int {
	from, to := f.fset.Position(n.Pos()), f.offset(n.End())
	id := len(f.l.mutants) + 1
	f.l.mutants = append(f.l.mutants, &mutant{id: id, file: f.name, line: from.Line, kind: kind, text: oneLine(string(f.src[from.Offset:to]))})
	return id
}

// apply makes the edits. Those of an inner node lie within those of an outer one,
// which came first.
func (f *goFile) apply() []byte { return applied(f.src, f.edits) }

func applied(src []byte, edits []edit) []byte {
	order := make([]int, len(edits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := edits[a], edits[b]
		switch {
		case x.at != y.at:
			return x.at - y.at
		case x.open != y.open && x.open:
			return 1 // what ends here ends before what begins here
		case x.open != y.open:
			return -1
		case x.open:
			return a - b
		}
		return b - a
	})
	var out []byte
	at := 0
	for _, i := range order {
		out = append(append(out, src[at:edits[i].at]...), edits[i].text...)
		at = edits[i].at
	}
	return append(out, src[at:]...)
}

// oneLine is source as a table can hold it.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 110 {
		s = string(r[:107]) + "…"
	}
	return s
}
