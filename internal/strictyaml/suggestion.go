package strictyaml

import (
	"fmt"
	"strings"
)

// Suggestion asks whether a known name was meant, where one is near enough.
func Suggestion(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	best, nearest := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < nearest && d < len(k) {
			best, nearest = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many bytes must be put in, taken out or exchanged to make b
// of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the first i bytes of a to each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
