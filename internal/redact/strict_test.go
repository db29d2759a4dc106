package redact

import (
	"strings"
	"testing"
)

// TestManualsAreNotJudged: in a long text a secret says little about what is far
// away.
func TestManualsAreNotJudged(t *testing.T) {
	const head = "password=velvet\nhook=walnut\n"
	for lines, shown := range map[int]bool{maxStrict - 2: false, maxStrict: true} {
		got := string(newTest().Text([]byte(head+strings.Repeat("mode=always\n", lines)), Source{Format: "ini"}).Text)
		if strings.Contains(got, "velvet") || strings.Contains(got, "walnut") != shown {
			t.Errorf("with %d more lines %q", lines, got[:64])
		}
	}
}

// TestFilesOfAccounts: where the name of a file tells that it holds accounts, no
// other secret has to.
func TestFilesOfAccounts(t *testing.T) {
	text := "anna walnut\nhost lemon\n"
	for path, want := range map[string]string{"/etc/x/accounts.txt": "anna " + Mark + "\nhost lemon\n", "/etc/x/list.txt": text} {
		if got := string(newTest().Text([]byte(text), Source{Path: path}).Text); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
