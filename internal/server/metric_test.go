package server_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// metric is the value of one metric, with its labels; 0 where there is none.
func (d *door) metric(t testing.TB, name string) float64 {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/metrics", nil)
	d.Metrics().ServeHTTP(w, r)
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			return v
		}
	}
	return 0
}

// queued is how many bytes of the queue are taken.
func (d *door) queued(t testing.TB) int64 {
	t.Helper()
	return int64(d.metric(t, "stele_queue_bytes"))
}
