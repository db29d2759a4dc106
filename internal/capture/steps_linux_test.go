package capture

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSteps: what a process makes under a name that nobody reads, and moves away or
// removes itself, is a step of its change; under a name that is read it is a change
// of its own, and so is what others made.
func TestSteps(t *testing.T) {
	needRoot(t)
	needTool(t, "python3")
	// What stood for a moment was read or it was not.
	brief := regexp.MustCompile(`^(create (?:t.conf|temporary)) (?:new|\[unread\])$`)
	for _, c := range []struct {
		name, script string
		paths        []string // below the directory; itself where there are none
		want         []string
	}{
		{"moved away", `python3 -c 'import os
f = open("temporary", "w"); f.write("new"); f.close()
os.rename("temporary", "a.conf")'`, nil, []string{"modify a.conf new"}},
		{"moved away later", `python3 -c 'import os, time
f = open("temporary", "w"); f.write("new"); f.flush(); time.sleep(.3); f.close()
os.rename("temporary", "a.conf")'`, nil, []string{"modify a.conf new"}},
		{"moved away, still open", `python3 -c 'import os
f = open("temporary", "w"); f.write("new"); f.flush()
os.rename("temporary", "a.conf"); f.close()'`, nil, []string{"modify a.conf new"}},
		{"moved to a new name", `python3 -c 'import os
f = open("temporary", "w"); f.write("new"); f.close()
os.rename("temporary", "c.conf")'`, nil, []string{"create c.conf new"}},
		{"removed", `python3 -c 'import os
f = open("temporary", "w"); f.write("new"); f.close()
os.unlink("temporary")'`, nil, nil},
		{"removed, a name that is read", `python3 -c 'import os
f = open("t.conf", "w"); f.write("new"); f.close()
os.unlink("t.conf")'`, []string{"*.conf"}, []string{"create t.conf ?", "delete t.conf"}},
		{"moved by another", `echo new > temporary; sleep .3; mv temporary a.conf`, nil, []string{"create temporary ?", "rename a.conf from temporary new"}},
		{"moved by another at once", `echo new > temporary; mv temporary a.conf`, nil, []string{"create temporary ?", "rename a.conf from temporary new"}},
		{"removed by another at once", `echo new > temporary; rm temporary`, nil, []string{"create temporary ?", "delete temporary"}},
		{"moved, a name that is read", `python3 -c 'import os, time
f = open("t.conf", "w"); f.write("new"); f.close(); time.sleep(.3)
os.rename("t.conf", "a.conf")'`, []string{"*.conf"}, []string{"create t.conf ?", "rename a.conf from t.conf new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := stage(t)
			paths := []string{dir}
			for i, p := range c.paths {
				paths = append(paths[:i], filepath.Join(dir, p))
			}
			w := watch(t, Config{Paths: paths})
			run(t, dir, "sh", "-c", c.script)
			var told []string
			for _, l := range sorted(w.settled(dir)) {
				if !strings.Contains(l, "probe.conf") {
					told = append(told, brief.ReplaceAllString(l, "$1 ?"))
				}
			}
			if diff := cmp.Diff(c.want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}
