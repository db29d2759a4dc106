package cli_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/sentence"
)

var updateSentences = flag.Bool("update-sentences", false, "write testdata/sentences.txt anew")

// person is who acts in TestSentences: an account that exists while it runs.
const person = "stele-jane"

// TestSentences has real programs of every kind change a file, each its own, and
// holds what is said of who did it against testdata/sentences.txt, which people have
// read and found true.
func TestSentences(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts daemons")
	}
	if os.Getenv("STELE_CI") != "1" {
		t.Skip("it makes an account and starts sshd, cron and atd: set STELE_CI=1, as root, on a machine made for that")
	}
	w := newWorkshop(t)
	ways := w.ways()
	for _, c := range ways {
		if out, err := exec.Command("sh", "-ec", c.script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
	}
	names := []string{"cron"} // which takes up to a minute
	for _, c := range ways {
		names = append(names, c.name)
	}
	slices.Sort(names)
	var said map[string]string
	w.up.until(t, "every change is recorded", func() bool {
		said = w.said(t)
		return !slices.ContainsFunc(names, func(n string) bool { return said[n] == "" })
	})
	var text strings.Builder
	for _, n := range names {
		fmt.Fprintf(&text, "%-14s %s\n", n, said[n])
	}
	golden := filepath.Join("testdata", "sentences.txt")
	if *updateSentences {
		ok(t, os.WriteFile(golden, []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	ok(t, err)
	if text.String() != string(want) {
		t.Errorf("said\n%s\nwant\n%s", text.String(), want)
	}
	w.up.stop(t)
}

// way is one way to change a file.
type way struct{ name, script string }

// workshop is a watched directory, an account, and the daemons through which people
// and jobs come in.
type workshop struct {
	store
	t    *testing.T
	up   *running
	etc  string // watched
	tmp  string
	port int
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{store: newStore(t), t: t, tmp: t.TempDir()}
	for _, tool := range []string{"sshd", "cron", "atd", "sudo", "su", "scp", "sftp", "tmux", "ansible-playbook", "puppet", "dpkg-deb", "vim", "useradd"} {
		_, err := exec.LookPath(tool)
		need(t, tool, err == nil)
	}
	for d := w.tmp; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		ok(t, os.Chmod(d, 0o755))
	}
	w.etc = filepath.Join(w.tmp, "etc")
	ok(t, os.Mkdir(w.etc, 0o777))
	ok(t, os.Chmod(w.etc, 0o777))
	w.account()
	w.up = w.store.up(t, w.etc)
	w.sshd()
	w.daemon("cron", "-f")
	w.daemon("atd", "-f", "-b", "1")
	return w
}

func (w *workshop) sh(format string, args ...any) {
	w.t.Helper()
	script := fmt.Sprintf(format, args...)
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// account makes the account, which may use sudo, and a key to log in with.
func (w *workshop) account() {
	_ = exec.Command("userdel", "-rf", person).Run()
	w.sh("useradd -m -s /bin/bash %s", person)
	w.t.Cleanup(func() {
		for _, f := range []string{"/etc/sudoers.d/" + person, "/etc/cron.d/" + person} {
			_ = os.Remove(f)
		}
		_ = exec.Command("pkill", "-u", person).Run()
		_ = exec.Command("userdel", "-rf", person).Run()
	})
	w.sh("echo '%s ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/%s; chmod 0440 /etc/sudoers.d/%s", person, person, person)
	w.sh("cd %s; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub authorized; chmod 644 authorized", w.tmp)
}

// sshd starts one on the loopback device that only this account's key opens.
func (w *workshop) sshd() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(w.t, err)
	w.port = l.Addr().(*net.TCPAddr).Port
	ok(w.t, l.Close())
	w.sh("mkdir -p /run/sshd; cd %s; ssh-keygen -q -t ed25519 -N '' -f host", w.tmp)
	config := fmt.Sprintf("ListenAddress 127.0.0.1\nPort %d\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nStrictModes no\nUsePAM yes\nPidFile none\nPasswordAuthentication no\nSubsystem sftp /usr/lib/openssh/sftp-server\n", w.port, w.tmp, w.tmp)
	ok(w.t, os.WriteFile(filepath.Join(w.tmp, "sshd_config"), []byte(config), 0o600))
	w.daemon("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(w.tmp, "sshd_config"))
	w.up.until(w.t, "sshd answers", func() bool { return exec.Command("sh", "-c", w.ssh("true")).Run() == nil })
}

func (w *workshop) daemon(name string, args ...string) {
	path, err := exec.LookPath(name)
	ok(w.t, err)
	cmd := exec.Command(path, args...)
	ok(w.t, cmd.Start())
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

const sshOptions = "-q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes"

// ssh is the command line that runs a command as the person over ssh.
func (w *workshop) ssh(command string) string {
	return fmt.Sprintf("ssh %s -i %s/key -p %d %s@127.0.0.1 '%s' < /dev/null", sshOptions, w.tmp, w.port, person, command)
}

// ways are all the ways. Each changes the file of its name, and no other.
func (w *workshop) ways() []way {
	file := func(name string) string { return filepath.Join(w.etc, name) }
	copying := fmt.Sprintf("%s -i %s/key", sshOptions, w.tmp)
	w.sh("echo x > %s/upload", w.tmp)
	w.sh("printf -- '- hosts: all\\n  gather_facts: false\\n  tasks:\\n    - copy: {content: x, dest: %s}\\n' > %s/site.yml", file("ansible"), w.tmp)
	w.sh("printf -- '- hosts: all\\n  gather_facts: false\\n  tasks:\\n    - copy: {content: x, dest: %s}\\n' > %s/web.yml", file("ansible-ssh"), w.tmp)
	w.sh("echo 'file { \"%s\": content => \"x\" }' > %s/site.pp", file("puppet"), w.tmp)
	w.sh("mkdir -p %[1]s/deb/DEBIAN %[1]s/deb%[2]s; printf 'Package: stele-probe\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@example.org>\\nDescription: probe\\n' > %[1]s/deb/DEBIAN/control; echo x > %[1]s/deb%[2]s/dpkg; dpkg-deb -b %[1]s/deb %[1]s/probe.deb", w.tmp, w.etc)
	w.t.Cleanup(func() { _ = exec.Command("dpkg", "--purge", "stele-probe").Run() })
	w.sh("printf '* * * * * root sed -i s/a/b/ %s\\n' > /etc/cron.d/%s; chmod 644 /etc/cron.d/%s", file("cron"), person, person)
	w.sh("echo a > %s", file("cron"))
	return []way{
		{"ssh", w.ssh("echo x >> " + file("ssh"))},
		{"ssh-sudo", w.ssh("echo x | sudo tee " + file("ssh-sudo"))},
		{"ssh-vim", w.ssh("sudo vim -es -c \"normal ix\" -c wq " + file("ssh-vim"))},
		{"scp", fmt.Sprintf("scp -O %s -P %d %s/upload %s@127.0.0.1:%s", copying, w.port, w.tmp, person, file("scp"))},
		{"sftp", fmt.Sprintf("echo 'put %s/upload %s' | sftp -b - %s -P %d %s@127.0.0.1", w.tmp, file("sftp"), copying, w.port, person)},
		{"su", fmt.Sprintf("su %s -c 'echo x > %s'", person, file("su"))},
		{"su-login", fmt.Sprintf("su - %s -c 'cp %s/upload %s'", person, w.tmp, file("su-login"))},
		{"sudo", fmt.Sprintf("sudo -u %s cp %s/upload %s", person, w.tmp, file("sudo"))},
		{"tmux", w.ssh(fmt.Sprintf("tmux -L stele new-session -d \"cp %s/upload %s\"", w.tmp, file("tmux")))},
		{"at", fmt.Sprintf("echo 'cp %s/upload %s' | su %s -c 'at now'", w.tmp, file("at"), person)},
		{"ansible", fmt.Sprintf("cd %s; HOME=%s ansible-playbook -i localhost, -c local site.yml", w.tmp, w.tmp)},
		{"ansible-ssh", fmt.Sprintf("cd %s; HOME=%s ansible-playbook -i 127.0.0.1, -u %s -e ansible_port=%d --private-key key --ssh-common-args '%s' web.yml", w.tmp, w.tmp, person, w.port, sshOptions)},
		{"puppet", fmt.Sprintf("cd %s; HOME=%s puppet apply site.pp", w.tmp, w.tmp)},
		{"dpkg", fmt.Sprintf("dpkg -i %s/probe.deb", w.tmp)},
	}
}

// said is what is said of the last change of each file.
func (w *workshop) said(t *testing.T) map[string]string {
	said := make(map[string]string)
	dec := json.NewDecoder(bufio.NewReader(strings.NewReader(w.must(t, "log", "--json", "--kind", "change"))))
	for {
		var v history.View
		err := dec.Decode(&v)
		if err == io.EOF {
			return said
		}
		ok(t, err)
		for _, c := range v.Changes {
			if name := filepath.Base(c.Path); v.Actor != nil && said[name] == "" && (name != "cron" || c.Action == "modify") {
				said[name] = strings.ReplaceAll(sentence.Actor(&v.Actor.Who, body.Confidence(v.Actor.Confidence), v.Actor.Package), w.tmp, "DIR")
			}
		}
	}
}
