package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/wire"
)

// fleet is a server and hosts, each in a network of its own, with its own
// address and name, joined by a bridge on the server's side.
type fleet struct {
	t    *testing.T
	dir  string
	name string // of the server's network, and the beginning of the others'
}

const serverAddr = "10.77.0.1"

// needNetworks skips where networks cannot be made; in CI that is a failure.
func needNetworks(t *testing.T) {
	t.Helper()
	why := ""
	if os.Geteuid() != 0 {
		why = "making networks needs root"
	}
	for _, tool := range []string{"ip", "nsenter", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			why = tool + " is missing"
		}
	}
	switch {
	case why == "":
	case os.Getenv("STELE_CI") != "":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

func newFleet(t *testing.T, hosts int) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), name: fmt.Sprintf("stele%d", os.Getpid())}
	t.Cleanup(func() {
		for i := range hosts + 1 {
			exec.Command("ip", "netns", "del", f.net(i)).Run() // with everything in it
		}
	})
	f.run("ip", "netns", "add", f.net(0))
	f.run("ip", "-n", f.net(0), "link", "add", "br0", "type", "bridge")
	f.run("ip", "-n", f.net(0), "addr", "add", serverAddr+"/24", "dev", "br0")
	f.run("ip", "-n", f.net(0), "link", "set", "br0", "up")
	f.run("ip", "-n", f.net(0), "link", "set", "lo", "up")
	for i := 1; i <= hosts; i++ {
		f.run("ip", "netns", "add", f.net(i))
		f.run("ip", "-n", f.net(i), "link", "add", "eth0", "type", "veth", "peer", "name", f.port(i), "netns", f.net(0))
		f.run("ip", "-n", f.net(i), "addr", "add", fmt.Sprintf("10.77.0.%d/24", 10+i), "dev", "eth0")
		f.run("ip", "-n", f.net(i), "link", "set", "eth0", "up")
		f.run("ip", "-n", f.net(0), "link", "set", f.port(i), "master", "br0", "up")
	}
	return f
}

func (f *fleet) net(i int) string { return fmt.Sprintf("%s-%d", f.name, i) }

func (f *fleet) port(i int) string { return fmt.Sprintf("host%d", i) }

func (f *fleet) run(args ...string) {
	f.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		f.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// link takes the cable of a host out, or puts it back.
func (f *fleet) link(i int, state string) {
	f.run("ip", "-n", f.net(0), "link", "set", f.port(i), state)
}

func (f *fleet) data(i int) string { return filepath.Join(f.dir, fmt.Sprint("data", i)) }

// file is the one file that is watched on a host beside what the catalogue knows.
func (f *fleet) file(i int) string {
	return filepath.Join(f.dir, fmt.Sprint("etc", i), "agent.yaml")
}

func hostOf(i int) string { return fmt.Sprintf("web-%d", i) }

// command is stele on a machine of the fleet; 0 is the server.
func (f *fleet) command(i int, args ...string) *exec.Cmd {
	c := exec.Command("nsenter", append([]string{
		"--net=/run/netns/" + f.net(i), "unshare", "--uts",
		"sh", "-c", `hostname "$1"; shift; exec "$@"`, "sh", hostOf(i), binary,
	}, append(args, "--data", f.data(i))...)...)
	c.Env = append(os.Environ(), "HOME="+f.dir, "STELE_TRUST="+filepath.Join(f.dir, fmt.Sprint("trust", i)))
	return c
}

// stele runs a command to its end and returns what it printed.
func (f *fleet) stele(i int, args ...string) (string, error) {
	out, err := f.command(i, args...).CombinedOutput()
	return string(out), err
}

// start runs a command until the test ends.
func (f *fleet) start(i int, args ...string) {
	f.t.Helper()
	c := f.command(i, args...)
	var out tailOf
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		c.Process.Signal(os.Interrupt)
		late := time.AfterFunc(5*time.Minute, func() { c.Process.Kill() })
		defer late.Stop()
		if err := c.Wait(); err != nil {
			f.t.Errorf("%v: %v", args, err)
		}
		if f.t.Failed() {
			f.t.Logf("%s %v:\n%s", hostOf(i), args, out.String())
		}
	})
}

// tailOf collects what several goroutines write.
type tailOf struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tailOf) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *tailOf) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// until repeats a question to the server's machine until the answer matches.
func (f *fleet) until(pattern string, args ...string) {
	f.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.Now().Add(8 * time.Minute)
	out := ""
	for time.Now().Before(deadline) {
		if out, _ = f.stele(0, args...); re.MatchString(out) {
			return
		}
		<-time.After(200 * time.Millisecond)
	}
	f.t.Fatalf("%v never says %q:\n%s", args, pattern, out)
}

func (f *fleet) write(i int, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.file(i)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.file(i), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// spooled waits until a text is in the spool of a host.
func (f *fleet) spooled(i int, text string) {
	f.t.Helper()
	path := filepath.Join(f.data(i), "watch", "spool")
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(text)) {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	f.t.Fatalf("%q is not in the spool of %s after five minutes", text, hostOf(i))
}

// token asks the server for a token for one host.
func (f *fleet) token(i int) string {
	f.t.Helper()
	out, err := f.command(0, "admin", "token", "--host", hostOf(i)).Output()
	if err != nil {
		f.t.Fatalf("token: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestManyHosts is what the README says under that heading, over networks of
// their own: three hosts join a server by token, what changes there stands in
// its log and verifies. One is cut off: the server names its silence, the others
// go on, and once it is back everything is there, in order.
func TestManyHosts(t *testing.T) {
	needNetworks(t)
	t.Parallel()
	f := newFleet(t, 3)
	f.start(0, "serve", "--listen", serverAddr+":7835")
	f.until("recorder", "admin", "sources")
	f.believesNoOther()
	for i := 1; i <= 3; i++ {
		f.write(i, "interval: 15s\n")
		if out, err := f.stele(i, "watch", "--join", f.token(i), "--enrol-only"); err != nil {
			t.Fatalf("join: %v\n%s", err, out)
		}
		f.start(i, "watch", filepath.Dir(f.file(i)))
		f.until(regexp.QuoteMeta(hostOf(i)+":"+f.file(i)), "log", "--path", f.file(i))
	}
	f.until("(?s)(watcher .* present.*){3}", "admin", "sources")

	f.link(2, "down")
	texts := []string{"interval: 1s\n"}
	for n := range 5 { // each longer than the one before, by which they are known again
		text := texts[n] + fmt.Sprintf("added: %d\n", n)
		texts = append(texts, text)
		f.write(2, text)
		f.spooled(2, text)
	}
	f.write(1, "interval: 99s\n")
	f.until("modify +"+regexp.QuoteMeta(hostOf(1)+":"+f.file(1)), "log")
	f.until(hostOf(2)+" .*silent", "admin", "sources")
	f.until("absent", "log", "--kind", "rollcall", "--json", "-n", "100")

	f.link(2, "up")
	f.until(fmt.Sprintf(`"size":%d\b`, len(texts[5])), "log", "--json", "--host", hostOf(2))
	f.inOrder(2, texts)
	f.until(hostOf(2)+" .*present", "admin", "sources")
	if out, err := f.stele(0, "verify"); err != nil || !strings.Contains(out, "verified") {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// believesNoOther: a token says which server to believe. With the pin of another
// one nobody joins.
func (f *fleet) believesNoOther() {
	f.t.Helper()
	good := f.token(1)
	tok, err := wire.ParseToken(wire.JoinToken, good)
	if err != nil {
		f.t.Fatal(err)
	}
	tok.Pin = strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, tok.Pin[:len(tok.Pin)-1]) + "="
	bad, err := tok.Reveal()
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := f.stele(1, "watch", "--join", bad, "--enrol-only")
	if err == nil || !strings.Contains(out, "key is not the one it was known by") {
		f.t.Fatalf("joined a server with another key: %v\n%s", err, out)
	}
}

// inOrder demands each text of a host's file once, in order.
func (f *fleet) inOrder(i int, texts []string) {
	f.t.Helper()
	out, err := f.command(0, "log", "--json", "--host", hostOf(i), "--path", f.file(i)).Output()
	if err != nil {
		f.t.Fatal(err)
	}
	var got, want []int
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		var e struct {
			Changes []struct {
				Size   int    `json:"size"`
				Action string `json:"action"`
				Path   string `json:"path"`
			} `json:"changes"`
		}
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			f.t.Fatalf("%v: %s", err, sc.Bytes())
		}
		slices.Reverse(e.Changes)
		for _, c := range e.Changes {
			if c.Path == f.file(i) && c.Action == "modify" {
				got = append(got, c.Size)
			}
		}
	}
	slices.Reverse(got) // newest first
	for _, text := range texts[1:] {
		want = append(want, len(text))
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("texts of these lengths are on record: %v, want %v", got, want)
	}
}
