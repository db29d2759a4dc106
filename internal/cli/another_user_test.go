//go:build unix

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAnotherUser: whoever shares the server's machine and has no token reads
// nothing: not by the store, not by the operator's secret, not over loopback.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		skipUnlessCI(t, "only root can become another user")
	}
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(dir, "stele")
	b, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	url := serveFor(t, exe, dir, store)
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no reading token for", []string{"log", "--server", url}},
		{"run this as the user", []string{"log", "--data", store}},
		{"run this as the user", []string{"verify", "--data", store}},
		{"run this as that user", []string{"run", "--reason", "why", "--data", store, "--", "true"}},
		{"run as the user", []string{"up", "--data", store}},
		{"run this as the user", []string{"admin", "token", "--read", "--data", store}},
		{"not a whole token", []string{"connect", "--server", url}},
	} {
		cmd := exec.CommandContext(t.Context(), exe, c.args...)
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || out.Len() > 0 {
			t.Errorf("stele %s: %v, shows %q", strings.Join(c.args, " "), err, out.String())
		}
		if !strings.Contains(errs.String(), c.want) {
			t.Errorf("stele %s: %s; want %s", strings.Join(c.args, " "), errs.String(), c.want)
		}
	}
}

// serveFor serves a new store until the test ends.
func serveFor(t *testing.T, exe, dir, store string) (url string) {
	t.Helper()
	cmd := exec.Command(exe, "serve", "--data", store, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "STELE_TRUST="+filepath.Join(dir, "trust"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		b, err := os.ReadFile(filepath.Join(store, "keys", "endpoint.json"))
		var e struct{ URL string }
		if err == nil && json.Unmarshal(b, &e) == nil {
			return e.URL
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal("the server does not begin to serve")
	return ""
}
