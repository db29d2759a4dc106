package tree

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the outlines anew")

// TestOutlines: each text is read into the nodes that its outline shows, and prints as
// itself.
func TestOutlines(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".tree") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		root := read(string(text), strings.TrimPrefix(filepath.Ext(name), "."))
		if root == nil {
			t.Errorf("%s is unparsed", name)
			continue
		}
		if diff := cmp.Diff(string(text), root.String()); diff != "" {
			t.Errorf("%s prints otherwise:\n%s", name, diff)
		}
		var b strings.Builder
		outline(&b, root, 0)
		golden := name + ".tree"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func outline(b *strings.Builder, n *Node, depth int) {
	kind := [...]string{"", "map", "list", "comment", "stream"}[n.Kind]
	if n.Kind == Leaf {
		kind = [...]string{"string", "number", "bool", "null", "other"}[n.Type]
	}
	fmt.Fprintf(b, "%s%s %s", strings.Repeat("  ", depth), kind, n.Name)
	switch n.Kind {
	case Leaf:
		fmt.Fprintf(b, " %q", n.Value)
	case Comment:
		fmt.Fprintf(b, "%q", n.Text)
	}
	b.WriteByte('\n')
	for _, c := range n.Nodes {
		outline(b, c, depth+1)
	}
}

// TestUnparsed: what is not of its format is never read as half of it.
func TestUnparsed(t *testing.T) {
	for _, c := range []struct{ format, text string }{
		{"json", `{"a": 1,}`},
		{"json", `{"a": 1} {`},
		{"json", `{"a" 1}`},
		{"json", `{"a": 01}`},
		{"json", "[1] // no comments here"},
		{"jsonc", `{"a": [1}`},
		{"yaml", "a: {{ .x }}\nb: [1"},
		{"yaml", "? [a]\n: b\n"},
		{"toml", "a = 1\nb = {{ x }}\n"},
		{"toml", "a = 1 2\n"},
		{"toml", "[a\n"},
		{"xml", "<a><b></a></b>"},
		{"xml", "<a>"},
		{"conf", "a {\n"},
		{"conf", "}\n"},
		{"conf", "<a>\n</b>\n"},
		{"conf", "{% if x %}\na 1\n"},
		{"markdown", "# a\n"},
		{"", "a = 1\n"},
		{"json", strings.Repeat("[", 100_000)},
		{"yaml", "a: 1" + strings.Repeat(" ", MaxText)},
	} {
		if n, err := Parse(c.text, c.format); !errors.Is(err, ErrUnparsed) {
			t.Errorf("%s %.40q: %v, %v", c.format, c.text, n, err)
		}
	}
}

// TestLinear: four times as much takes no more than about four times as long. Each of
// the texts makes a reader that looks back or ahead quadratic.
func TestLinear(t *testing.T) {
	for _, c := range []repeated{
		{"yaml", "- # x\n  a: 'b'\n"},
		{"yaml", "# x\n"},
		{"yaml", "---\n"},
		{"yaml", "a: |\n x\n\n\n"},
		{"yaml", "\n"},
		{"yaml flow", "a, "},
		{"json", `[],`},
		{"jsonc", "// x\n"},
		{"toml", "[a.b]\n"},
		{"toml", "# x\n"},
		{"conf", "a\n  b\n"},
		{"conf", "# x\n"},
		{"conf", "a \\\n"},
		{"hcl", "a = <<X\n"},
		{"env", "a='\n"},
		{"conf", "\n"},
		{"conf", "' #"},
		{"ini", "a = b\n  c\n"},
		{"xml", " "},
		{"xml", "<a/>"},
		{"rules", "-w x\n"},
	} {
		small, large := c.timed(t, 8_000), c.timed(t, 64_000)
		if large > 24*small+200*time.Millisecond {
			t.Errorf("%s, %q: %v for 8,000, %v for 64,000", c.format, c.unit, small, large)
		}
	}
}

// repeated is a piece of text of a format.
type repeated struct{ format, unit string }

// timed is how long it takes to read so many of them.
func (r repeated) timed(t *testing.T, n int) time.Duration {
	text := strings.Repeat(r.unit, n)
	if format, flow := strings.CutSuffix(r.format, " flow"); flow || format == "json" {
		text, r.format = "["+text+"1]", format
	}
	best := time.Hour
	for range 3 {
		start := cpu(t)
		read(text, r.format)
		best = min(best, cpu(t)-start)
	}
	return best
}

// cpu is the time that this process has computed, which others on the machine do not
// make longer.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
