package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMetrics runs a server and a watcher with settings of their own: what both
// show of themselves is what Prometheus takes, health and readiness are
// answered, and that a host joined is told to a webhook.
func TestMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	need(t, "promtool", err == nil)
	dir := t.TempDir()
	told := make(chan string, 16)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var f struct{ Code, About string }
		if json.NewDecoder(r.Body).Decode(&f) == nil && f.About != "" {
			told <- f.Code
		}
	}))
	defer hook.Close()
	serve, watch := freeAddress(t), freeAddress(t)
	settings := filepath.Join(dir, "stele.yaml")
	text := fmt.Sprintf("serve:\n  data: %[1]s/store\n  listen: 127.0.0.1:0\n  metrics: {listen: %[2]s}\n  alert: {webhook: %[4]s/hook}\n"+
		"watch:\n  data: %[1]s/host\n  discover: false\n  paths: [%[1]s/etc]\n  socket: ''\n  metrics: {listen: %[3]s}\n", dir, serve, watch, hook.URL)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	background(t, dir, nil, "serve", "--settings", settings)
	scraped(t, serve, "/readyz")
	background(t, dir, bytes.NewReader(stele(t, dir, "admin", "token")), "watch", "--settings", settings, "--join", "-")
	scraped(t, watch, "/metrics") // it has joined by now
	for addr, wants := range map[string][]string{
		serve: {"stele_log_entries ", "stele_queue_bytes ", "stele_accept_seconds_bucket", `stele_findings_total{code="enrolled"} 1`, "stele_accepting 1"},
		watch: {"stele_watch_pending_entries ", "stele_watch_believed_entries ", "stele_watch_findings 0"},
	} {
		metrics := scraped(t, addr, "/metrics")
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = bytes.NewReader(metrics)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
		for _, want := range wants {
			if !bytes.Contains(metrics, []byte(want)) {
				t.Errorf("no %q among the metrics of %s", want, addr)
			}
		}
		if bytes.Contains(metrics, []byte(dir)) {
			t.Errorf("the metrics of %s name a path", addr)
		}
	}
	if got := string(scraped(t, serve, "/healthz")); got != "{}" {
		t.Errorf("healthy says %q", got)
	}
	select {
	case code := <-told:
		if code != "enrolled" {
			t.Errorf("the webhook was told %q", code)
		}
	case <-time.After(time.Minute):
		t.Error("the webhook was not told that a host joined")
	}
}

// freeAddress is one on loopback that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// background starts the binary, which ends with the test.
func background(t *testing.T, dir string, in io.Reader, args ...string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "STELE_TRUST="+filepath.Join(dir, "trust"))
	cmd.Stdin, cmd.Stderr = in, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", strings.Join(args, " "), err)
		}
	})
}

// scraped gets a page, once it is there.
func scraped(t *testing.T, addr, path string) []byte {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; {
		resp, err := http.Get("http://" + addr + path)
		if err == nil && resp.StatusCode == http.StatusOK {
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if err == nil {
			resp.Body.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s%s does not come: %v", addr, path, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
