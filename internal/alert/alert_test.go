package alert

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/finding"
)

// TestWebhook: a finding arrives, after a failure too, and redirects are not
// followed.
func TestWebhook(t *testing.T) {
	got := make(chan finding.Finding, 1)
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) {
		case 1:
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		}
		var f finding.Finding
		b, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(b, &f); err != nil || r.URL.Path != "/hook" {
			t.Errorf("%s to %s: %v", b, r.URL.Path, err)
		}
		got <- f
	}))
	defer srv.Close()
	a := Start(Config{Webhook: srv.URL + "/hook"})
	a.Send(finding.Finding{Code: "fork", Detail: "two trees", Time: time.Unix(1, 0)})
	select {
	case f := <-got:
		if f.Code != "fork" || f.Detail != "two trees" {
			t.Errorf("%+v", f)
		}
	case <-time.After(time.Minute):
		t.Fatal("the finding did not arrive")
	}
	a.Close()
}

// TestSyslog: a datagram on a socket, with nothing in it that could forge a line.
func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a := Start(Config{Syslog: "unix://" + path})
	a.Send(finding.Finding{Code: "shrunk", Detail: "a\nline\x1b[2J", Time: time.Unix(1, 0)})
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	msg := string(b[:n])
	if !strings.HasPrefix(msg, "<105>1 1970-01-01T00:00:01Z ") || !strings.Contains(msg, " shrunk - {") || strings.ContainsAny(msg, "\n\x1b") {
		t.Errorf("%q", msg)
	}
	a.Close()
}

// TestNobodyListens: sending never waits, and closing does not hang on what
// cannot be sent.
func TestNobodyListens(t *testing.T) {
	a := Start(Config{Syslog: "unix://" + filepath.Join(t.TempDir(), "none")})
	for range 2 * queued {
		a.Send(finding.Finding{Code: "fork"})
	}
	a.cancel()
	a.Close()
}
