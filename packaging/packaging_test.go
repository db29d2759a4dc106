// Package packaging builds the packages, installs them on this machine, and
// asks dpkg and rpm what they say of them. It leaves the machine as it was, and
// does not begin on one that has Stele.
package packaging

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/settings"
)

// Two versions of the same source.
const (
	older = "0.0.1"
	newer = "0.0.2"
)

// The package must run where it is installed.
const arch = runtime.GOARCH

func TestPackages(t *testing.T) {
	need(t, "dpkg", "rpm", "systemd-analyze", "bash")
	dir := t.TempDir()
	for _, version := range []string{older, newer} {
		build(t, version, dir)
	}
	t.Run("same bytes", func(t *testing.T) { sameBytes(t, dir) })
	t.Run("deb", func(t *testing.T) { deb(t, dir) })
	t.Run("rpm", func(t *testing.T) { rpm(t, dir) })
}

// need skips without root or a tool; where nothing may be skipped it fails.
func need(t *testing.T, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		unable(t, "needs root to install packages")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			unable(t, "needs "+tool)
		}
	}
}

func unable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("STELE_CI") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func build(t *testing.T, version, dir string) {
	t.Helper()
	cmd := exec.Command("./build", version, dir)
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "SOURCE_DATE_EPOCH=1700000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", version, err, out)
	}
}

func sameBytes(t *testing.T, dir string) {
	again := t.TempDir()
	build(t, older, again)
	for _, kind := range []string{"deb", "rpm"} {
		a, b := read(t, file(dir, older, kind)), read(t, file(again, older, kind))
		if !bytes.Equal(a, b) {
			t.Errorf("two builds of one source give two files .%s", kind)
		}
	}
}

func file(dir, version, kind string) string {
	return filepath.Join(dir, "stele_"+version+"_"+arch+"."+kind)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run returns what a command prints on both streams; it must exit with 0.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ours is every place outside /usr that the package may leave something in.
var ours = []string{"/etc/stele", "/var/lib/stele", "/var/lib/stele-believed", "/var/lib/stele-watch", "/var/lib/stele-trust"}

func deb(t *testing.T, dir string) {
	untouched(t)
	t.Cleanup(func() { restore(t) })

	run(t, "dpkg", "-i", file(dir, older, "deb"))
	t.Run("files", func(t *testing.T) { installed(t) })
	t.Run("units", units)
	t.Run("manual", manual)
	t.Run("program", program)

	edited := append(read(t, settings.Path), "# edited here\n"...)
	write(t, settings.Path, edited)
	write(t, planted, []byte("recorded"))

	run(t, "dpkg", "-i", file(dir, newer, "deb"))
	if got := strings.TrimSpace(run(t, "dpkg-query", "-W", "-f", "${Version}", "stele")); got != newer {
		t.Errorf("version %s after the upgrade, want %s", got, newer)
	}
	kept(t, settings.Path, string(edited))
	kept(t, planted, "recorded")

	run(t, "dpkg", "--remove", "stele")
	for _, path := range []string{"/usr/bin/stele", unitDir + "/stele-serve.service", unitDir + "/stele-watch.service"} {
		gone(t, path)
	}
	kept(t, settings.Path, string(edited))
	kept(t, planted, "recorded")

	said := run(t, "dpkg", "--purge", "stele")
	if !strings.Contains(said, "kept in /var/lib/stele;") {
		t.Errorf("purging does not say where the record is:\n%s", said)
	}
	if strings.Contains(said, "/var/lib/stele-watch") {
		t.Errorf("purging speaks of a directory that was empty:\n%s", said)
	}
	gone(t, "/etc/stele")
	gone(t, "/var/lib/stele-watch")
	kept(t, planted, "recorded")
	if _, err := user.Lookup("stele"); err != nil {
		t.Errorf("the owner of what is kept: %v", err)
	}
}

// planted stands for a store.
const planted = "/var/lib/stele/planted"

// untouched refuses a machine on which this test could break or remove
// something that it did not make.
func untouched(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status}", "stele").Output(); err == nil && string(out) != "not-installed" {
		unable(t, "a package stele is known here: "+string(out))
	}
	if _, err := user.Lookup("stele"); err == nil {
		unable(t, "a user stele is here")
	}
	for _, path := range append([]string{"/usr/bin/stele"}, ours...) {
		if _, err := os.Lstat(path); err == nil {
			unable(t, path+" is here")
		}
	}
}

// restore takes away what this test made, after whatever failure, and nothing
// else: a directory goes only if it is empty then.
func restore(t *testing.T) {
	run(t, "dpkg", "--purge", "stele")
	if err := os.Remove(planted); err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	for _, dir := range ours {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
	if _, err := user.Lookup("stele"); err == nil {
		run(t, "userdel", "stele")
	}
	if _, err := user.LookupGroup("stele"); err == nil {
		run(t, "groupdel", "stele")
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what it was: %v", path, err)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%s is still there", path)
	}
}

// installed checks every path of the package, and what its script made.
func installed(t *testing.T) {
	u, err := user.Lookup("stele")
	if err != nil {
		t.Fatal(err)
	}
	if u.HomeDir != "/var/lib/stele" {
		t.Errorf("home of the user is %s", u.HomeDir)
	}
	if entry := run(t, "getent", "passwd", "stele"); !strings.Contains(entry, "nologin") {
		t.Errorf("somebody can log in as the user: %s", entry)
	}
	for path, want := range map[string]string{
		"/usr/bin/stele":        "-rwxr-xr-x root:root",
		"/etc/stele":            "drwxr-xr-x root:root",
		"/etc/stele/stele.yaml": "-rw-r--r-- root:root",
		"/var/lib/stele":        "drwx------ stele:stele",
		"/var/lib/stele-watch":  "drwx------ root:root",
	} {
		if got := access(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for path := range strings.Lines(run(t, "dpkg", "-L", "stele")) {
		path = strings.TrimSpace(path)
		info, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		plain := info.Mode().IsRegular() || info.IsDir()
		if !plain || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|0o022) != 0 || !strings.HasSuffix(access(t, path), " root:root") {
			t.Errorf("%s is %s", path, access(t, path))
		}
	}
	conffiles := strings.Fields(run(t, "dpkg-query", "-W", "-f", "${Conffiles}", "stele"))
	if len(conffiles) != 2 || conffiles[0] != settings.Path { // path and digest
		t.Errorf("conffiles: %q", conffiles)
	}
	if changed := run(t, "dpkg", "--verify", "stele"); changed != "" {
		t.Errorf("not as in the package:\n%s", changed)
	}
}

// access is mode and owner of a path, as ls shows them.
func access(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	owner, err := user.LookupId(strconv.Itoa(int(st.Uid)))
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(st.Gid)))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%v %s:%s", info.Mode(), owner.Username, group.Name)
}

const unitDir = "/usr/lib/systemd/system"

// units checks that systemd takes the units, how much it thinks they are
// confined, and that they agree with settings and program.
func units(t *testing.T) {
	def := settings.Default()
	for _, u := range []struct {
		name, data, exposure string // exposure: at most, out of 100, as systemd reckons
		must                 []string
	}{
		{"serve", def.Serve.Data, "20", []string{"User=stele", "CapabilityBoundingSet="}},
		{"watch", def.Watch.Data, "40", []string{
			"ConditionPathExists=" + def.Watch.Data + "/watch/server.json",
			"RuntimeDirectory=" + strings.TrimPrefix(filepath.Dir(def.Watch.Socket), "/run/"),
		}},
	} {
		path := unitDir + "/stele-" + u.name + ".service"
		if said := run(t, "systemd-analyze", "--man=no", "verify", path); strings.Contains(said, "stele") {
			t.Errorf("systemd of %s:\n%s", path, said) // a setting it does not know is no error to it
		}
		run(t, "systemd-analyze", "security", "--offline=true", "--threshold="+u.exposure, path)
		lines := strings.Split(string(read(t, path)), "\n")
		for _, line := range append(u.must, "ExecStart=/usr/bin/stele "+u.name+" --settings "+settings.Path, "ProtectSystem=strict", "NoNewPrivileges=yes") {
			if !slices.Contains(lines, line) {
				t.Errorf("%s has no line %s", path, line)
			}
		}
		state := "StateDirectory=" + strings.TrimPrefix(u.data, "/var/lib/")
		if !slices.ContainsFunc(lines, func(l string) bool { return l == state || strings.HasPrefix(l, state+" ") }) {
			t.Errorf("%s has no line %s", path, state)
		}
		if help := run(t, "/usr/bin/stele", u.name, "--help"); !strings.Contains(help, "stele "+u.name+" ") {
			t.Errorf("%s starts a command that is not there", path)
		}
	}
}

var command = regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`)

// manual checks that the page names every command.
func manual(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(read(t, "/usr/share/man/man1/stele.1.gz")))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte("Stele "+older)) || bytes.Contains(page, []byte("@")) {
		t.Error("the page was not filled in")
	}
	commands := command.FindAllStringSubmatch(run(t, "/usr/bin/stele", "--help"), -1)
	if len(commands) < 10 {
		t.Fatalf("found %d commands", len(commands))
	}
	for _, c := range commands {
		if !bytes.Contains(page, []byte("\n.B stele "+c[1]+"\n")) {
			t.Errorf("the page does not name stele %s", c[1])
		}
	}
}

// program runs what was installed, as the user whom it was installed for.
func program(t *testing.T) {
	kept(t, settings.Path, settings.DefaultFile())
	u, err := user.Lookup("stele")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/stele", "settings", "check")
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=/var/lib/stele"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if want := settings.Path + ": no faults\n"; err != nil || string(out) != want {
		t.Errorf("stele settings check: %v\n%s", err, out)
	}
	run(t, "bash", "-n", "/usr/share/bash-completion/completions/stele")
}

// rpm asks rpm what is in the other package; nothing is installed.
func rpm(t *testing.T, dir string) {
	path := file(dir, older, "rpm")
	want := strings.TrimSpace(`
drwxr-xr-x root:root  /etc/stele
-rw-r--r-- root:root cn /etc/stele/stele.yaml
-rwxr-xr-x root:root  /usr/bin/stele
-rw-r--r-- root:root  /usr/lib/systemd/system/stele-serve.service
-rw-r--r-- root:root  /usr/lib/systemd/system/stele-watch.service
-rw-r--r-- root:root  /usr/share/bash-completion/completions/stele
-rw-r--r-- root:root  /usr/share/doc/stele/changelog.gz
-rw-r--r-- root:root  /usr/share/doc/stele/third-party-notices.gz
-rw-r--r-- root:root  /usr/share/fish/vendor_completions.d/stele.fish
-rw-r--r-- root:root l /usr/share/licenses/stele/LICENSE
-rw-r--r-- root:root  /usr/share/man/man1/stele.1.gz
-rw-r--r-- root:root  /usr/share/zsh/site-functions/_stele`)
	got := run(t, "rpm", "-qp", "--qf", `[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES}\n]`, path)
	if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
		t.Error(diff)
	}
	if got, want := run(t, "rpm", "-qp", "--qf", "%{NAME} %{VERSION} %{ARCH} %{LICENSE}", path), "stele "+older+" "+rpmArch(arch)+" Apache-2.0"; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	for tag, name := range map[string]string{"POSTIN": "postinstall", "PREUN": "preremove", "POSTUN": "postremove"} {
		if run(t, "rpm", "-qp", "--qf", "%{"+tag+"}", path) != string(read(t, "scripts/"+name)) {
			t.Errorf("%s is not scripts/%s", tag, name)
		}
	}
	run(t, "rpm", "--checksig", "--nosignature", path)
}

// rpmArch is rpm's name for an architecture.
func rpmArch(goarch string) string {
	switch goarch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return goarch
}

// on runs a script of a package as dpkg or rpm would, on a machine without Stele
// where whatever changes the machine is only written down. SYSTEMD is what a
// running systemd has made, HAS what else is there.
const on = `
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
for path in $SYSTEMD $HAS; do mkdir -p "$path"; done
for name in systemctl useradd groupadd install; do
	printf '#!/bin/sh\necho "$(basename "$0") $*" >>/run/calls\n' >"/run/$name"
	chmod +x "/run/$name"
done
printf '#!/bin/sh\nexit 2\n' >/run/getent && chmod +x /run/getent
PATH=/run:$PATH sh "$@" 2>>/run/calls || echo "exit $?" >>/run/calls
cat /run/calls 2>/dev/null || true
`

func TestScripts(t *testing.T) {
	need(t, "unshare")
	const (
		account = "groupadd --system stele\n" +
			"useradd --system --gid stele --home-dir /var/lib/stele --no-create-home --shell /usr/sbin/nologin --comment Stele server stele\n"
		places = "install -d -m 0700 -o stele -g stele /var/lib/stele\n" +
			"install -d -m 0700 -o root -g root /var/lib/stele-watch\n"
		reload  = "systemctl daemon-reload\n"
		restart = "systemctl try-restart stele-serve.service stele-watch.service\n"
		stop    = "systemctl stop stele-serve.service stele-watch.service\n"
		disable = "systemctl --quiet disable stele-serve.service stele-watch.service\n"
		kept    = "stele: what was recorded is kept in /var/lib/stele; remove it by hand if it may go\n"

		systemd = "/run/systemd/system"
	)
	for _, c := range []struct{ systemd, has, script, want string }{
		{systemd, "", "postinstall configure", account + places + reload},
		{systemd, "", "postinstall configure 0.0.1", account + places + reload + restart},
		{systemd, "", "postinstall 1", account + places + reload},
		{systemd, "", "postinstall 2", account + places + reload + restart},
		{systemd, "/var/lib/stele /var/lib/stele-watch", "postinstall 3", account + reload + restart},
		{systemd, "", "postinstall abort-upgrade 0.0.2", ""},
		{"", "", "postinstall configure 0.0.1", account + places},
		{systemd, "", "preremove remove", stop + disable},
		{systemd, "", "preremove upgrade 0.0.2", ""},
		{systemd, "", "preremove 0", stop + disable},
		{systemd, "", "preremove 1", ""},
		{"", "", "preremove remove", disable},
		{systemd, "/var/lib/stele/log", "postremove remove", reload},
		{systemd, "/var/lib/stele/log", "postremove upgrade 0.0.2", ""},
		{systemd, "/var/lib/stele/log /var/lib/stele-watch", "postremove purge", reload + kept},
		{systemd, "/var/lib/stele", "postremove purge", reload},
		{systemd, "/var/lib/stele/log", "postremove 0", reload + kept},
		{systemd, "/var/lib/stele/log", "postremove 1", ""},
		{"", "/var/lib/stele/log", "postremove purge", kept},
	} {
		t.Run(c.script+" "+c.systemd+" "+c.has, func(t *testing.T) {
			args := append([]string{"-m", "sh", "-c", on, "sh"}, strings.Fields("scripts/"+c.script)...)
			cmd := exec.Command("unshare", args...)
			cmd.Env = append(os.Environ(), "SYSTEMD="+c.systemd, "HAS="+c.has)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if diff := cmp.Diff(c.want, string(out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
