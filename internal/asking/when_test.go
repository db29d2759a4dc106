package asking

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"now":                  now,
		"2h":                   now.Add(-2 * time.Hour),
		"90s ago":              now.Add(-90 * time.Second),
		"10 minutes ago":       now.Add(-10 * time.Minute),
		"1 hour ago":           now.Add(-time.Hour),
		"yesterday":            time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC),
		"today":                time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC),
		"10:05":                time.Date(2026, 3, 10, 10, 5, 0, 0, time.UTC),
		"2026-01-31T15:04":     time.Date(2026, 1, 31, 15, 4, 0, 0, time.UTC),
		"3d":                   now.AddDate(0, 0, -3),
		"1w":                   now.AddDate(0, 0, -7),
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31 15:04":     time.Date(2026, 1, 31, 15, 4, 0, 0, time.UTC),
		"2026-01-31T15:04:05Z": time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC),
	} {
		if got, err := When(in, now); err != nil || !got.Equal(want) {
			t.Errorf("When(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "tomorrow", "-2h", "10:75", "10 parsecs ago", "2", "d", "99999999999d", "2026-13-01"} {
		if got, err := When(in, now); err == nil {
			t.Errorf("When(%q) = %v", in, got)
		}
	}
}
