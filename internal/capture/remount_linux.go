package capture

import (
	"context"

	"github.com/stele-log/stele/internal/capture/fanotify"
)

// watchMounts begins to watch the mount table, and returns who goes on with it.
func watchMounts(s *shares) func(context.Context) {
	m, since := fanotify.OpenMounts(), s.c.cfg.Now()
	return func(ctx context.Context) {
		m.Watch(ctx, func(news []fanotify.Mount) {
			for _, one := range news {
				words, by := words(one), s.sensor.Lately(one.PID)
				s.remounted(remount{point: one.Point, words: words, by: by, since: since})
			}
			since = s.c.cfg.Now()
		})
	}
}

// words says what came or went, and where from.
func words(m fanotify.Mount) string {
	what := m.Type + " mounted on "
	if m.Gone {
		what = m.Type + " unmounted from "
	}
	return what + m.Point + ", source " + m.Source
}
