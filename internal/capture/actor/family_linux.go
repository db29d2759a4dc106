package actor

import "time"

// clockStep is by how much the times of files lag behind the clock at most: they move
// with the timer.
const clockStep = tickLength

// clockLate is by how much more they lag where the timer itself comes late, as on
// a machine that others load.
const clockLate = 50 * time.Millisecond

// span is when a file was changed, since boot: the clock of files lags.
type span struct{ from, to time.Duration }

// surely: p was there all the time. Possibly: at some time of it, or it began so soon
// after that the clock may be what was late.
func (s span) surely(p *process) bool { return p.start <= s.from && (!p.ended || p.end > s.to) }

func (s span) possibly(p *process) bool {
	return p.start <= s.to+clockLate && (!p.ended || p.end >= s.from)
}

// family tells who wrote what was found in a directory just made, where the kernel
// keeps no record of it: whoever made the directory, or, where that one had ended by
// then, who had made him; or the one descendant who was there. Where another of them
// may have been there too, it is nobody.
func (t *Tracer) family(f File) Actor {
	if f.Gone || len(f.Maker.Line) == 0 || !t.drain() {
		return Actor{}
	}
	from := SinceBoot() - time.Since(time.Unix(0, f.CtimeNs))
	when := span{from, from + clockStep}
	p := t.kin.whose(f.Maker.Line[0].PID, f.Maker.Line[0].Start)
	if p != nil && !when.possibly(p) {
		p = p.maker
	}
	if p == nil || !when.surely(p) {
		return Actor{}
	}
	if p = t.youngest(p, when); p == nil {
		return Actor{}
	}
	l := p.leading(when.from)
	if l < 0 || p.lives[l].image == nil {
		return Actor{}
	}
	ids := p.lives[l].ids
	if ids.EUID != f.UID && ids.EUID != 0 {
		return Actor{}
	}
	return t.described(p, p.lives[l], ids, false)
}

// youngest follows the descendants of p that were there, each the only one of its
// maker's; nil: another may have been.
func (t *Tracer) youngest(p *process, when span) *process {
	for {
		var child *process
		for _, ps := range t.kin.processes {
			for _, q := range ps {
				if q.maker != p || !when.possibly(q) {
					continue
				}
				if child != nil || !when.surely(q) {
					return nil
				}
				child = q
			}
		}
		if child == nil {
			return p
		}
		p = child
	}
}
