package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseWhen reads a point in time: RFC 3339, a date, a date and time of day in
// local time, or how long ago: 90s, 10m, 2h, 3d, 1w.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if ago, ok := parseAgo(s); ok {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time: want 2h, 3d, 2026-01-31, 2026-01-31 15:04 or RFC 3339", s)
}

func parseAgo(s string) (time.Duration, bool) {
	s = strings.TrimSuffix(strings.TrimSuffix(s, " ago"), "ago")
	if d, err := time.ParseDuration(s); err == nil {
		return d, d >= 0
	}
	if len(s) < 2 {
		return 0, false
	}
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if unit == 0 || err != nil || n < 0 || n > 100_000 {
		return 0, false
	}
	return time.Duration(n) * unit, true
}
