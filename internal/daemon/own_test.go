package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/layout"
)

// What decides what a watcher does is watched, and recorded though nobody named it:
// also its settings, by a path that is not absolute.
func TestOwn(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	l := layout.Store{Dir: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(l.Key("")), 0o700); err != nil {
		t.Fatal(err)
	}
	p := Process{Layout: l, Say: func(string, ...any) {}}
	cfg, err := p.watcherConfig(WatchOptions{Own: Own("stele.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{program, dir + "/stele.yaml"} {
		if !slices.Contains(cfg.Paths, path) || !cfg.Claims(path) {
			t.Errorf("%s is not watched: %q", path, cfg.Paths)
		}
	}
	for path, want := range map[string]bool{
		"/etc/systemd/system/stele-watch.service": true, "/etc/systemd/system/stele-watch.service.d/10-quiet.conf": true,
		"/usr/lib/systemd/system/stele-serve.service": true, "/etc/systemd/system/cron.service": false, program + ".old": false,
	} {
		if cfg.Claims(path) != want {
			t.Errorf("%s: watched %t, want %t", path, !want, want)
		}
	}
}
