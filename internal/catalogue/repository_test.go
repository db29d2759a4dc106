package catalogue

import "testing"

// TestIgnoredInRepositories: of a repository its settings and hooks are
// configuration, and its log is one line for each version.
func TestIgnoredInRepositories(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/etc/.git/objects/5e/be464cb34767b3f21b07d10401316195fc4dc7": true,
		"/etc/.git/index":                        true,
		"/etc/.git/HEAD":                         true,
		"/etc/.git/HEAD.lock":                    true,
		"/etc/.git/refs/heads/main":              true,
		"/etc/.git/logs/refs/heads/main":         true,
		"/etc/.git/COMMIT_EDITMSG":               true,
		"/etc/.git/hooks/pre-commit.sample":      true,
		"/etc/.git/hooks/pre-commit":             false,
		"/etc/.git/config":                       false,
		"/etc/.git/modules/a/config":             false,
		"/etc/.git/modules/a/hooks/post-merge":   false,
		"/etc/.git/info/exclude":                 false,
		"/etc/.git/logs/HEAD":                    false,
		"/etc/.gitconfig":                        false,
		"/etc/agent/.gitignore":                  false,
		"/etc/x.git/config":                      false,
		"/srv/.hg/store/00manifest.i":            true,
		"/srv/.hg/hgrc":                          false,
		"/srv/.svn/wc.db":                        true,
		"/home/jane/.claude/hooks/pre-commit.sh": false,
	} {
		if got := c.Ignored(path); got != want {
			t.Errorf("%s: ignored %v, want %v", path, got, want)
		}
	}
}
