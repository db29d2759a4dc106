package history

import (
	"testing"

	"github.com/stele-log/stele/body"
)

// A secret changed where there was a text before that held another one, or none: not
// where the one before had gone, or was never read.
func TestSecretsChanged(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after *body.What
		want          int
	}{
		{"another one", &body.What{After: "x", Secrets: []string{"a", "b"}}, &body.What{Secrets: []string{"a", "c"}}, 1},
		{"one more", &body.What{After: "x"}, &body.What{Secrets: []string{"a"}}, 1},
		{"the same", &body.What{After: "x", Secrets: []string{"a"}}, &body.What{Secrets: []string{"a"}}, 0},
		{"after one that was unread", &body.What{Marks: []string{"unread"}}, &body.What{Secrets: []string{"a"}}, 0},
		{"nothing before", nil, &body.What{Secrets: []string{"a"}}, 0},
	} {
		if got := secretsChanged(c.before, c.after); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
}
