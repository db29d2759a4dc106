package semdiff

import (
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/syntax/tree"
)

var formats = []string{"yaml", "json", "toml", "xml", "ini", "conf", "sshd", "crontab"}

// FuzzDiff: whatever two texts are, what is said of them gives the one from the other.
func FuzzDiff(f *testing.F) {
	for _, c := range cases {
		f.Add(c.a, c.b, uint(slices.Index(formats, c.format)))
	}
	f.Fuzz(func(t *testing.T, a, b string, n uint) {
		format := formats[n%uint(len(formats))]
		d := Diff(Text{Text: a}, Text{Text: b}, format)
		if d.Unparsed {
			return
		}
		if got, err := Apply(a, format, d.Operations); err != nil || got != b {
			t.Fatalf("%q to %q: got %q, %v; operations %+v", a, b, got, err, d.Operations)
		}
		if _, err := tree.Parse(a, format); err != nil {
			t.Fatal(err)
		}
		for _, o := range d.Operations {
			_ = o.String()
		}
		if _, err := Patch(a, b, format); err != nil {
			t.Fatal(err)
		}
	})
}
