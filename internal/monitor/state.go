package monitor

import (
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
)

// writeEvery is how often at the most it is noted that a pass found what the one
// before did.
const writeEvery = time.Minute

const maxState = 4096

// Read is the pass that was noted last; ok is false where none was, or what was
// noted cannot be read. It is derived: the next pass notes itself.
func Read(l layout.Store) (p Pass, ok bool) {
	b, err := durable.ReadSmall(durable.OS, l.Monitor(), maxState)
	return p, err == nil && json.Unmarshal(b, &p) == nil
}

// sweep removes what a crash has left of a note: a store is served by one process.
func (m *monitor) sweep() {
	dir, name := filepath.Split(m.cfg.Layout.Monitor())
	if err := durable.SweepOf(durable.OS, dir, func(of string) bool { return of == name }); err != nil {
		m.cfg.Diag.Warn("an unfinished note of the monitor could not be removed", "error", err)
	}
}

// note writes down a pass for whoever asks how the store stands.
func (m *monitor) note(p Pass) {
	if p.Findings == m.noted.Findings && p.Ended.Sub(m.noted.Ended) < writeEvery {
		return
	}
	m.noted = p
	b, err := json.Marshal(p)
	if err == nil {
		err = durable.WriteFile(durable.OS, m.cfg.Layout.Monitor(), b, 0o600)
	}
	if err != nil {
		m.cfg.Diag.Warn("a pass of the monitor could not be noted", "error", err)
	}
}
