package presence

import (
	"time"

	"github.com/stele-log/stele/internal/patience"
)

// process is which process of a source speaks.
type process struct {
	instance string
	since    patience.Moment // that it does
	former   map[string]bool // instances that another one took over from
}

// maxFormer bounds how many processes of a source are remembered.
const maxFormer = 64

// takeover is for how long after a restart a last request of the former process
// may still be on its way.
const takeover = 30 * time.Second

// speaks notes which process of the source speaks, and reports whether one that
// another had taken over from is back. A restart is a new process and never
// comes back as the old one.
func (p *process) speaks(instance string, now patience.Moment) (cloned bool) {
	if instance == "" || len(instance) > 64 {
		instance = "-" // all that do not say who they are are one
	}
	late := p.former[instance] && now.Able(p.since) < takeover
	if instance == p.instance || late {
		return false
	}
	cloned = p.former[instance]
	if p.former == nil {
		p.former = make(map[string]bool)
	}
	if p.instance != "" && len(p.former) < maxFormer {
		p.former[p.instance] = true
	}
	delete(p.former, instance)
	p.instance, p.since = instance, now
	return cloned
}
