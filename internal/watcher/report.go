package watcher

import (
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/verify"
)

// Report is how a watcher stands, as it tells on this machine. It needs no
// server for it: it is told while that is away, and while it lies.
type Report struct {
	Source     string            `json:"source"`
	Host       string            `json:"host"`
	Origin     string            `json:"origin"`              // of the log it records in
	Next       uint64            `json:"next"`                // seq of the next entry it will sign
	Pending    int               `json:"pending"`             // entries that the server has not proved to hold
	Room       int64             `json:"room"`                // bytes of entries that may wait besides, by the spool's limit and its disk
	DiskFree   *int64            `json:"disk_free,omitempty"` // bytes on that disk
	Believed   uint64            `json:"believed"`            // entries under the newest checkpoint it has verified
	Root       string            `json:"root,omitempty"`
	Watched    int               `json:"watched"` // files
	Marks      int               `json:"marks"`   // files and directories that the kernel was asked to tell of
	Layers     []LayerReport     `json:"layers"`
	Unreadable map[string]string `json:"unreadable,omitempty"` // and why; not all of them if there are many
	Overflows  uint64            `json:"overflows"`            // of the kernel's queue, since the start
	Unread     uint64            `json:"unread"`               // texts that were gone too soon, since the start
	Findings   []FindingReport   `json:"findings"`             // what is wrong now
}

// LayerReport is one layer of capture.
type LayerReport struct {
	Name   string `json:"name"`
	Live   bool   `json:"live"`
	Detail string `json:"detail,omitempty"`
}

// FindingReport is something that is wrong.
type FindingReport struct {
	Code   verify.Code `json:"code"`
	Since  time.Time   `json:"since"`
	Detail string      `json:"detail,omitempty"`
}

// mostUnreadable bounds the paths that a report names.
const mostUnreadable = 100

// Report says how the watcher stands.
func (w *Watcher) Report() Report {
	cp, seen := w.Believed(), w.Status()
	w.mu.Lock()
	next := w.chain.Head().Next
	w.mu.Unlock()
	s := Report{
		Source: w.Source().String(), Host: w.cfg.Host, Origin: w.cfg.LogKey.Origin(), Next: next,
		Pending: w.cfg.Spool.Len(), Room: w.cfg.Spool.Room(), Believed: cp.Size, Watched: seen.Watched, Marks: seen.Marks,
		Overflows: seen.Counters.Overflows, Unread: seen.Counters.Unread, Unreadable: make(map[string]string),
		Findings: []FindingReport{},
	}
	if free, told := w.cfg.Spool.DiskFree(); told {
		s.DiskFree, s.Room = &free, max(0, min(s.Room, free))
	}
	if cp.Size > 0 {
		s.Root = cp.Root.String()
	}
	for _, l := range seen.Layers {
		s.Layers = append(s.Layers, LayerReport{l.Name, l.Live, l.Reason})
	}
	for p, why := range seen.Unreadable {
		if len(s.Unreadable) < mostUnreadable {
			s.Unreadable[p] = why
		}
	}
	for _, f := range w.Findings() {
		s.Findings = append(s.Findings, FindingReport{f.Code, f.Time, f.Detail})
	}
	return s
}

// report answers who may know: root, and whoever the watcher runs as. Others
// could learn from it which files are watched.
func (w *Watcher) report(peer *body.Who) Reply {
	if !mayAll(peer) {
		return Reply{Error: "only root and the user the watcher runs as may ask for its status"}
	}
	s := w.Report()
	return Reply{Report: &s}
}
