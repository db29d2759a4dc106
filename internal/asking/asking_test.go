package asking

import (
	"iter"
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/history"
)

func TestParseSubject(t *testing.T) {
	for in, want := range map[string]Subject{
		"/etc//x":           {"", "/etc/x", "/etc/x"},
		"/etc/./x/":         {"", "/etc/x", "/etc/x"},
		"x":                 {"", "/here/x", "x"},
		"../x":              {"", "/x", "../x"},
		"*/x":               {"", "*/x", "*/x"},
		"web-1:/etc/x":      {"web-1", "/etc/x", "/etc/x"},
		"/etc/a:/b":         {"", "/etc/a:/b", "/etc/a:/b"},
		"example/one:/a":    {"", "/here/example/one:/a", "example/one:/a"},
		"[2001:db8::1]:/x/": {"[2001:db8::1]", "/x", "/x"},
	} {
		if got := ParseSubject(in, "/here"); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

func TestOnKey(t *testing.T) {
	for _, c := range []struct {
		path, key string
		want      bool
	}{
		{"global.scrape_interval", "global.scrape_interval", true},
		{"global.scrape_interval", "scrape_interval", true},
		{"global.scrape_interval", "global", true},
		{"global.scrape_interval", "scrape", false},
		{"global.scrape_interval", "interval", false},
		{"jobs[job_name=node].port", "jobs", true},
		{"jobs[job_name=node].port", "port", true},
		{"a.ab.b", "b", true},
		{"ab", "a", false},
		{"", "a", false},
	} {
		if got := onKey(c.path, c.key); got != c.want {
			t.Errorf("%q on %q: %v", c.path, c.key, got)
		}
	}
}

// TestNewest: several answers, each newest first, are one, and no entry comes twice.
func TestNewest(t *testing.T) {
	answer := func(indexes ...uint64) iter.Seq2[*history.View, error] {
		return func(yield func(*history.View, error) bool) {
			for _, i := range indexes {
				if !yield(&history.View{Index: i}, nil) {
					return
				}
			}
		}
	}
	var got []uint64
	for v, err := range newest([]iter.Seq2[*history.View, error]{answer(9, 5, 2), answer(), answer(8, 5, 4, 1)}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.Index)
	}
	if want := []uint64{9, 8, 5, 4, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
