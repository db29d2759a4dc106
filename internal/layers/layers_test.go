// Package layers holds the table of which package may import which. A package
// without a place in it fails the test.
package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/stele-log/stele/"

// layer lists packages from the bottom up: a package imports only packages of
// lower layers. Within a side, only its own and the shared ones.
var layer = [][]string{
	{"body", "internal/ascii", "internal/attribute", "internal/doors", "internal/strictyaml", "internal/redact/scout", "internal/patience", "internal/stop", "internal/capture/helper", "internal/capture/hands"},
	{"internal/capture/aviary", "internal/capture/bpf", "internal/capture/reach"},
	{"entry", "internal/capture/actor", "internal/syntax", "internal/redact/lexicon"},
	{"seal", "internal/capture/fanotify", "internal/capture/scope", "internal/capture/inode", "internal/redact/notions", "internal/redact/fingerprint", "internal/syntax/tree"},
	{"internal/capture/inbox", "internal/capture/names"},
	{"verify", "internal/redact/command", "internal/redact/harmless"},
	{"internal/finding", "internal/redact/assignment"},
	{"internal/durable", "internal/terminal", "internal/sentence", "internal/progress", "internal/settings", "internal/wire", "internal/mtls", "internal/catalogue", "internal/redact", "internal/signature"},
	{"internal/durable/faultdisk", "internal/checkpoints", "internal/alert", "internal/record", "internal/semdiff", "internal/trust", "internal/keyfile", "internal/packages", "internal/probe"},
	{"internal/layout", "internal/keyring", "internal/index"},
	{"internal/tokens", "internal/presence"},
	{"internal/hint"},
	{"internal/tlog", "internal/vault", "internal/index/sqlite", "internal/capture", "internal/spool"},
	{"internal/intake", "internal/published"},
	{"internal/store", "internal/client", "internal/watcher"},
	{"internal/join", "internal/importer"},
	{"internal/believed"},
	{"internal/history", "internal/examine", "internal/steletest"},
	{"internal/server", "internal/rescan", "internal/monitor"},
	{"internal/login", "internal/drift", "internal/daemon"},
	{"internal/render"},
	{"internal/asking", "internal/tour"},
	{"internal/cli"},
	{"internal/bench", "internal/histories", "cmd/stele"},
}

// The two sides never import each other; they meet in wire and below.
var (
	hostSide   = []string{"internal/capture", "internal/capture/actor", "internal/capture/bpf", "internal/capture/fanotify", "internal/capture/scope", "internal/capture/inode", "internal/capture/hands", "internal/capture/aviary", "internal/capture/inbox", "internal/capture/names", "internal/packages", "internal/probe", "internal/capture/helper", "internal/capture/reach", "internal/spool", "internal/watcher", "internal/client", "internal/join"}
	serverSide = []string{"internal/intake", "internal/tlog", "internal/keyring", "internal/vault", "internal/index", "internal/index/sqlite", "internal/store", "internal/believed", "internal/history", "internal/examine", "internal/published", "internal/tokens", "internal/presence", "internal/server"}
)

// public packages an auditor builds on: standard library, x/mod and each other.
var public = []string{"body", "entry", "seal", "verify"}

// pure packages compute and leave opening, dialling, waiting and logging to
// their callers.
var pure = []string{
	"body", "entry", "seal", "verify", "internal/ascii", "internal/attribute", "internal/doors", "internal/strictyaml", "internal/syntax", "internal/syntax/tree", "internal/semdiff", "internal/redact", "internal/redact/lexicon", "internal/redact/notions", "internal/redact/scout", "internal/redact/command", "internal/redact/assignment", "internal/redact/fingerprint", "internal/redact/harmless",
	"internal/terminal", "internal/sentence", "internal/signature", "internal/finding", "internal/presence", "internal/index",
}

var impure = []string{"os", "os/exec", "net", "net/http", "log", "syscall", "io/ioutil"} // not log/slog: a secret says how it is logged

func TestLayers(t *testing.T) {
	place := map[string]int{}
	for i, l := range layer {
		for _, p := range l {
			place[p] = i
		}
	}
	for pkg, imports := range packages(t) {
		at, ok := place[pkg]
		if !ok {
			if pkg != "internal/layers" {
				t.Errorf("package %s has no place in the table", pkg)
			}
			continue
		}
		for _, imp := range imports {
			own, ok := strings.CutPrefix(imp, module)
			switch {
			case ok && place[own] >= at && own != pkg:
				t.Errorf("%s (layer %d) imports %s (layer %d)", pkg, at, own, place[own])
			case ok && slices.Contains(hostSide, pkg) && slices.Contains(serverSide, own),
				ok && slices.Contains(serverSide, pkg) && slices.Contains(hostSide, own):
				t.Errorf("%s and %s are on different sides", pkg, own)
			case !ok && slices.Contains(public, pkg) && strings.Contains(strings.Split(imp, "/")[0], ".") &&
				!strings.HasPrefix(imp, "golang.org/x/mod/sumdb/"):
				t.Errorf("%s is public and imports %s", pkg, imp)
			case slices.Contains(pure, pkg) && slices.Contains(impure, imp):
				t.Errorf("%s is pure and imports %s", pkg, imp)
			}
		}
	}
}

// packages parses the files itself: asking the go command would be cached.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "contrib" || name == "docs") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, root+string(filepath.Separator))))
		for _, i := range f.Imports {
			imp, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			found[pkg] = append(found[pkg], imp)
		}
		if found[pkg] == nil {
			found[pkg] = []string{}
		}
		if f.Doc != nil {
			documented[pkg] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var documented = map[string]bool{}

func TestPackageComments(t *testing.T) {
	for pkg := range packages(t) {
		if !documented[pkg] {
			t.Errorf("package %s has no comment", pkg)
		}
	}
}
