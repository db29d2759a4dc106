package tree

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var formats = []string{"yaml", "json", "jsonc", "toml", "xml", "ini", "conf", "hcl", "sshd", "rsyslog", "env", "crontab"}

// FuzzRead: whatever a text is, it is read to its end or not at all.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), uint(max(0, slices.Index(formats, strings.TrimPrefix(filepath.Ext(name), ".")))))
	}
	f.Fuzz(func(t *testing.T, text string, n uint) {
		format := formats[n%uint(len(formats))]
		root := read(text, format)
		if root != nil && root.String() != text {
			t.Errorf("%q as %s prints as %q", text, format, root.String())
		}
		if root != nil && !root.prints(text) {
			t.Errorf("%q as %s: prints and String do not agree", text, format)
		}
	})
}
