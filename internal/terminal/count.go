package terminal

import "fmt"

// Count is a number of things, in words that fit it.
func Count[N ~int | ~int64 | ~uint64](n N, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Entries is a number of entries, which most commands speak of.
func Entries[N ~int | ~int64 | ~uint64](n N) string { return Count(n, "entry", "entries") }
