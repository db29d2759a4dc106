package daemon

import (
	"os"
	"strings"
)

// units are where the units of this program lie, and what is dropped in beside them.
var units = []string{
	"/etc/systemd/system/stele-*.service", "/etc/systemd/system/stele-*.service.d/*.conf",
	"/run/systemd/system/stele-*.service", "/run/systemd/system/stele-*.service.d/*.conf",
	"/usr/lib/systemd/system/stele-*.service", "/usr/lib/systemd/system/stele-*.service.d/*.conf",
}

// Own are the files that decide what this very process does: its program, its
// settings, if it has any, and its units. Whoever weakens a watcher begins there.
func Own(settings string) []string {
	paths := append([]string{}, units...)
	if settings != "" {
		paths = append(paths, settings)
	}
	if program, err := os.Executable(); err == nil {
		paths = append(paths, strings.TrimSuffix(program, " (deleted)"))
	}
	return paths
}
