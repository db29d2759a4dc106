package examine

import (
	"path/filepath"

	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/verify"
)

// seen are the checkpoints kept in the store: those that sources handed on and those
// of the watcher here. One larger than the log proves nothing here: a copy of a store
// that was made while somebody wrote to it may hold one.
func (x *examination) seen() (list []verify.Checkpoint) {
	if x.report.Remote {
		return nil
	}
	l := x.cfg.Layout
	for _, path := range []string{l.Checkpoints(), filepath.Join(l.Watch(), checkpoints.FileName)} {
		notes, damage, err := checkpoints.Read(durable.OS, path)
		if err != nil {
			x.problem(finding.Damaged, path, "%v", err)
		}
		for _, d := range damage {
			if !d.Torn {
				x.problem(finding.Damaged, path, "at byte %d: %s", d.Offset, d.Why)
			}
		}
		for _, note := range notes {
			cp, err := verify.OpenCheckpoint(x.log.Key, note)
			switch {
			case err != nil && path == l.Checkpoints(): // the server keeps none that it did not open
				x.problem(finding.Damaged, path, "%v", err)
			case err == nil && cp.Size <= x.report.Checkpoint.Size:
				list = append(list, cp)
			}
		}
	}
	return list
}

// untold drops the checkpoints of trees that were examined in full before.
func untold(list []verify.Checkpoint, from uint64) (kept []verify.Checkpoint) {
	for _, cp := range list {
		if cp.Size > from || from == 0 {
			kept = append(kept, cp)
		}
	}
	return kept
}
