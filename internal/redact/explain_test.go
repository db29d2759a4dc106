package redact

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKeysWithSecrets: what is masked in a key is not told as the place of a value.
func TestKeysWithSecrets(t *testing.T) {
	text := "\"https://u:S3cr3tpassw0rd@h.example/\":\n  password: sunflower\n  port: 1\n"
	all := New(Config{}).Explain([]byte(text), Source{Path: "/etc/a.yaml", Format: "yaml"})
	if got := fmt.Sprint(all); strings.Contains(got, "S3cr3t") || !strings.Contains(got, "@h.example/.password") || !strings.Contains(got, "@h.example/.port") {
		t.Error(got)
	}
}

// TestReasonsOf: a value has the first reason that was found for a part of it.
func TestReasonsOf(t *testing.T) {
	spans := []Span{{2, 4}, {6, 8}, {9, 12}, {20, 21}}
	reasons := []reason{{Span{7, 10}, "a"}, {Span{0, 3}, "b"}, {Span{0, 30}, "c"}, {Span{20, 21}, "d"}, {Span{4, 6}, "e"}}
	if got, want := reasonsOf(spans, reasons), []string{"b", "a", "a", "c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := reasonsOf(spans, reasons[4:]); !slices.Equal(got, make([]string, len(spans))) {
		t.Errorf("of what lies between them: %q", got)
	}
}

// TestManyReasons: what a text costs to explain does not rise with the square of the
// values in it.
func TestManyReasons(t *testing.T) {
	const n = 1 << 20
	spans, reasons := make([]Span, n), make([]reason, 0, 2*n)
	for i := range spans {
		spans[i] = Span{2 * i, 2*i + 1}
		reasons = append(reasons, reason{spans[i], "a"})
	}
	for range n {
		reasons = append(reasons, reason{Span{0, 2 * n}, "b"})
	}
	done := make(chan []string, 1)
	go func() {
		e := explanation{text: make([]byte, 2*n), line: 1}
		e.masked(spans, reasons)
		done <- []string{e.all[0].Why, e.all[n-1].Why}
	}()
	select {
	case got := <-done:
		if !slices.Equal(got, []string{"a", "a"}) {
			t.Errorf("%q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("not explained after a minute")
	}
}
