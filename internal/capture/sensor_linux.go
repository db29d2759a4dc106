package capture

import (
	"os"

	"github.com/stele-log/stele/internal/capture/actor"
	"github.com/stele-log/stele/internal/capture/fanotify"
)

func newSensor(c *Capture) (sensor, []Layer) {
	cfg := fanotify.Config{
		Reach: c.reach, Actors: c.cfg.Actors, Own: os.Getpid(), Want: c.concerns, Now: c.cfg.Now, Log: c.cfg.Log,
		Seen:   func() { c.count(func(s *Status) { s.Counters.Seen++ }) },
		Traced: c.traced, Notable: c.cfg.Notable, Untouched: c.cfg.untouched,
	}
	if c.cfg.includeSelf {
		cfg.Own = -1
	}
	f, err := fanotify.Open(cfg)
	if err != nil {
		return noSensor{}, []Layer{{LayerFanotify, false, err.Error()}}
	}
	return f, append([]Layer{{LayerFanotify, true, f.Lacks()}}, c.actorLayers(f)...)
}

func (c *Capture) concerns(path string) bool {
	return c.set.Concerns(path) || c.behind.Concerns(path)
}

// actorLayers are those that name processes: what the caller gave, or the
// programs in the kernel with /proc behind them.
func (c *Capture) actorLayers(f *fanotify.Sensor) []Layer {
	named := f.NamesProcesses()
	if c.cfg.Actors != nil {
		return []Layer{{c.cfg.Actors.Layer(), named, f.Lacks()}}
	}
	s := f.Programs()
	return []Layer{{LayerBPF, s.Live, s.Reason}, {LayerProc, named, f.Lacks()}}
}

// traced takes over how the programs in the kernel are doing.
func (c *Capture) traced(a actor.State) {
	c.count(func(s *Status) {
		s.Counters.Lost = a.Lost
		s.layer(Layer{LayerBPF, a.Live, a.Reason})
	})
}
