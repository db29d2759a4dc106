package render

import (
	"time"

	"github.com/stele-log/stele/internal/terminal"
)

// When is a time for people: in the zone of this machine, with its offset, as
// everywhere. Machines are given UTC.
func When(t string) string { return zoned(t, "2006-01-02 15:04:05Z07:00") }

// ExactTime is when to the nanosecond.
func ExactTime(t string) string { return zoned(t, "2006-01-02 15:04:05.999999999Z07:00") }

func zoned(t, layout string) string {
	if p, err := time.Parse(time.RFC3339Nano, t); err == nil {
		return p.Local().Format(layout)
	}
	return terminal.Escape(t)
}
