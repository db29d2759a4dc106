package reach

import "testing"

// A path that is not known is above and below nothing.
func TestUnder(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      bool
	}{
		{"/a/b", "/a", true},
		{"/a", "/a", true},
		{"/ab", "/a", false},
		{"/a", "/", true},
		{"/a", "", false},
		{"", "", false},
		{"", "/", false},
	} {
		if got := Under(c.path, c.dir); got != c.want {
			t.Errorf("Under(%q, %q) is %v", c.path, c.dir, got)
		}
	}
}
