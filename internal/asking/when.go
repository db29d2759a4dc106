package asking

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layouts are the forms of a point in time: RFC 3339, a date, a date and a time of day
// in local time.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// When reads a point in time as git and journalctl take it: one of layouts, a time of
// today (10:05), now, today, yesterday, or how long ago (90s, 2h, 3d, 10 minutes ago).
func When(s string, now time.Time) (time.Time, error) {
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, ok := ofToday(s, now); ok {
		return t, nil
	}
	if ago, ok := Ago(s); ok {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time: want 10:05, yesterday, 2h, \"10 minutes ago\", 2026-01-31, 2026-01-31 15:04 or RFC 3339", s)
}

// ofToday reads now, today, yesterday (which begin at midnight), and a time of day.
func ofToday(s string, now time.Time) (time.Time, bool) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "now":
		return now, true
	case "today":
		return midnight, true
	case "yesterday":
		return midnight.AddDate(0, 0, -1), true
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), true
		}
	}
	return time.Time{}, false
}

// units are the words for lengths of time, in the singular.
var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// Ago reads a length of time: 90s, 2h, 3d, 10 minutes.
func Ago(s string) (time.Duration, bool) {
	s = strings.TrimSpace(strings.TrimSuffix(s, "ago"))
	if d, err := time.ParseDuration(s); err == nil {
		return d, d >= 0
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, err := strconv.Atoi(s[:digits])
	word := strings.TrimSpace(s[digits:])
	unit, ok := units[word]
	if !ok {
		unit, ok = units[strings.TrimSuffix(word, "s")]
	}
	if err != nil || !ok || n > 100_000 {
		return 0, false
	}
	return time.Duration(n) * unit, true
}
