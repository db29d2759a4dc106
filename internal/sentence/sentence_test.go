package sentence

import (
	"testing"

	"github.com/stele-log/stele/body"
)

func ptr(n uint32) *uint32 { return &n }

// ran is an ancestor as it is recorded.
func ran(uid uint32, exe string, command ...string) body.Process {
	return body.Process{Exe: exe, Command: command, UID: &uid}
}

// ssh is the end of every chain that came over ssh.
var ssh = []body.Process{ran(0, "/usr/lib/openssh/sshd-session", "sshd-session: jane [priv]"), ran(0, "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups")}

func over(address string, procs ...body.Process) (*body.Session, []body.Process) {
	return &body.Session{ID: "3", Kind: "ssh", Address: address}, append(procs, ssh...)
}

func TestActor(t *testing.T) {
	jane := func(exe string, command []string, session *body.Session, above []body.Process) *body.Who {
		return &body.Who{User: "jane", UID: ptr(1000), LoginUser: "jane", LoginUID: ptr(1000), Exe: exe, Command: command, Session: session, Ancestors: above}
	}
	asRoot := func(w *body.Who) *body.Who {
		w.User, w.UID = "root", ptr(0)
		return w
	}
	s1, sudo := over("192.0.2.7", ran(0, "/usr/bin/sudo", "sudo", "vim", "/etc/hosts"), ran(0, "/usr/bin/sudo", "sudo", "vim", "/etc/hosts"), ran(1000, "/usr/bin/bash", "-bash"))
	s2, scp := over("198.51.100.9", ran(1000, "/usr/bin/bash", "bash", "-c", "scp -t /etc/x"))
	_, apt := over("", ran(0, "/usr/bin/apt-get", "apt-get", "-y", "upgrade"), ran(0, "/usr/bin/sudo", "sudo", "apt-get", "-y", "upgrade"))
	_, plain := over("192.0.2.7")
	cron := []body.Process{ran(0, "/usr/bin/dash", "/bin/sh", "-c", "certbot renew --quiet"), ran(0, "/usr/sbin/cron", "/usr/sbin/CRON", "-f"), ran(0, "/usr/sbin/cron", "/usr/sbin/cron", "-f")}
	at := []body.Process{ran(1000, "/usr/bin/dash", "sh"), ran(0, "/usr/sbin/atd", "/usr/sbin/atd", "-f")}
	local := []body.Process{ran(0, "/usr/bin/dash", "/bin/sh", "-c", "python3 AnsiballZ_copy.py"), ran(0, "/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/ansible-playbook", "-i", "hosts", "site.yml"), ran(0, "/usr/bin/sudo", "sudo", "ansible-playbook", "site.yml"), ran(1001, "/usr/bin/bash", "bash")}
	for _, c := range []struct {
		want string
		w    *body.Who
		conf body.Confidence
	}{
		{"unknown", nil, body.Unknown},
		{"unknown", &body.Who{}, body.Unknown},
		{"jane, over ssh from 192.0.2.7, through sudo, with vim", asRoot(jane("/usr/bin/vim", []string{"vim", "/etc/hosts"}, s1, sudo)), body.Certain},
		{"likely jane, over ssh from 192.0.2.7, with bash", jane("/usr/bin/bash", []string{"bash", "-c", "echo x > f"}, s1, plain), body.Likely},
		{"scp by jane from 198.51.100.9", jane("/usr/bin/scp", []string{"scp", "-t", "/etc/x"}, s2, scp), body.Certain},
		{"jane, over ssh from 198.51.100.9, with scp", jane("/usr/bin/scp", []string{"scp", "a", "host:b"}, s2, scp), body.Certain},
		{"sftp by jane from 198.51.100.9", jane("/usr/lib/openssh/sftp-server", []string{"/usr/lib/openssh/sftp-server"}, s2, ssh), body.Certain},
		{"jane, over ssh, through sudo, with apt-get upgrade", asRoot(jane("/usr/bin/dpkg", []string{"/usr/bin/dpkg", "--unpack", "x.deb"}, &body.Session{Kind: "ssh"}, apt)), body.Certain},
		{"jane, through sudo, with dpkg -i", asRoot(jane("/usr/bin/dpkg", []string{"dpkg", "-i", "x.deb"}, nil, []body.Process{ran(0, "/usr/bin/sudo", "sudo", "dpkg", "-i", "x.deb")})), body.Certain},
		{"cron job of root: certbot renew --quiet", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/python3.11", Command: []string{"/usr/bin/python3", "/usr/bin/certbot", "renew", "--quiet"}, Ancestors: cron}, body.Certain},
		{"at job of jane", jane("/usr/bin/sed", []string{"sed", "-i", "s/a/b/", "f"}, nil, at), body.Certain},
		{"Ansible, play site.yml, as deploy", &body.Who{User: "root", UID: ptr(0), LoginUser: "deploy", LoginUID: ptr(1001), Exe: "/usr/bin/python3.11", Command: []string{"/usr/bin/python3", "/root/.ansible/tmp/ansible-tmp-1/AnsiballZ_copy.py"}, Ancestors: local}, body.Certain},
		{"Ansible, module lineinfile, as deploy from 192.0.2.7", &body.Who{User: "root", UID: ptr(0), LoginUser: "deploy", LoginUID: ptr(1001), Exe: "/usr/bin/python3.11", Command: []string{"/usr/bin/python3", "/home/deploy/.ansible/tmp/ansible-tmp-1/AnsiballZ_lineinfile.py"}, Session: s1, Ancestors: ssh}, body.Certain},
		{"puppet agent", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/ruby3.1", Command: []string{"/usr/bin/ruby", "/usr/bin/puppet", "agent", "--onetime"}}, body.Certain},
		{"puppet apply, manifest site.pp, as jane", &body.Who{User: "root", UID: ptr(0), LoginUser: "jane", LoginUID: ptr(1000), Exe: "/usr/bin/sed", Command: []string{"sed"}, Ancestors: []body.Process{ran(0, "/usr/bin/ruby3.1", "/usr/bin/ruby", "/usr/bin/puppet", "apply", "--modulepath", "/m", "site.pp")}}, body.Certain},
		{"service certbot, with certbot", &body.Who{User: "root", UID: ptr(0), Unit: "certbot.service", Exe: "/usr/bin/python3.11", Command: []string{"/usr/bin/python3", "-I", "/usr/bin/certbot", "-q", "renew"}, Ancestors: []body.Process{ran(0, "/usr/lib/systemd/systemd", "/sbin/init")}}, body.Certain},
		{"service grafana-server as grafana, with grafana", &body.Who{User: "grafana", UID: ptr(120), Unit: "grafana-server.service", Exe: "/usr/share/grafana/bin/grafana"}, body.Certain},
		{"kubelet", &body.Who{User: "root", UID: ptr(0), Unit: "kubelet.service", Exe: "/usr/bin/kubelet"}, body.Certain},
		{"sh in container 0123456789ab", &body.Who{UID: ptr(0), Container: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Exe: "/bin/sh"}, body.Certain},
		{"likely jane, in tmux, with vim", jane("/usr/bin/vim", []string{"vim"}, nil, []body.Process{ran(1000, "/usr/bin/bash", "-bash"), ran(1000, "/usr/bin/tmux", "tmux: server")}), body.Likely},
		{"jane as backup, with cp", &body.Who{User: "backup", UID: ptr(34), LoginUser: "jane", LoginUID: ptr(1000), Exe: "/usr/bin/cp", Command: []string{"cp", "a", "b"}}, body.Certain},
		{"jane as backup, through sudo, with cp", &body.Who{User: "backup", UID: ptr(34), LoginUser: "jane", LoginUID: ptr(1000), Exe: "/usr/bin/cp", Ancestors: []body.Process{ran(0, "/usr/bin/sudo", "sudo", "-u", "backup", "cp")}}, body.Certain},
		{"jane (unproved), over ssh from 192.0.2.7 (unproved), with sed", &body.Who{User: "jane", UID: ptr(1000), LoginUser: "jane", LoginUID: ptr(1000), Exe: "/usr/bin/sed", Session: s1, Unproved: []string{body.UnprovedLogin, body.UnprovedAddress}}, body.Certain},
		{"root as www, through su, with sh", &body.Who{User: "www", UID: ptr(33), Exe: "/bin/sh", Ancestors: []body.Process{ran(0, "/usr/bin/su", "su", "www"), ran(0, "/usr/bin/bash", "bash")}}, body.Certain},
		{"jane, through sudo, with tee", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/tee", Ancestors: []body.Process{ran(0, "/usr/bin/sudo", "sudo", "tee"), {Exe: "/usr/bin/bash", UID: ptr(1000), User: "jane"}}}, body.Certain},
		// What a program is called never takes the place of the person.
		{"jane, over ssh from 192.0.2.7, through sudo, with /tmp/cron", asRoot(jane("/usr/bin/dash", []string{"sh", "/tmp/cron"}, s1, sudo)), body.Certain},
		{"jane, over ssh from 192.0.2.7, through sudo, with tee", asRoot(jane("/usr/bin/tee", []string{"tee"}, s1, append([]body.Process{ran(0, "/home/jane/cron", "/usr/sbin/cron", "-f")}, sudo...))), body.Certain},
		{"jane, over ssh from 192.0.2.7, through sudo, with tee", asRoot(jane("/usr/bin/tee", []string{"tee"}, s1, append([]body.Process{ran(0, "/usr/sbin/cron", "cron", "-f")}, sudo...))), body.Certain},
		{"jane, with /tmp/ansible-playbook", jane("/usr/bin/python3.11", []string{"python3", "/tmp/ansible-playbook", "site.yml"}, nil, nil), body.Certain},
		{"jane, with tee", jane("/usr/bin/tee", []string{"tee"}, nil, []body.Process{ran(1000, "/home/jane/sudo", "sudo", "tee")}), body.Certain},
		{"jane, in container 0123456789ab, with sh", &body.Who{User: "jane", UID: ptr(1000), LoginUser: "jane", LoginUID: ptr(1000), Container: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Exe: "/bin/sh"}, body.Certain},
		{"sh in container 0123456789ab, as uid 33", &body.Who{User: "www", UID: ptr(33), Container: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Exe: "/bin/sh"}, body.Certain},
		{"cron in container 0123456789ab", &body.Who{User: "root", UID: ptr(0), Container: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Exe: "/usr/sbin/cron", Ancestors: cron}, body.Certain},
		{"service apache2 as www-data, with /tmp/kubelet", &body.Who{User: "www-data", UID: ptr(33), Unit: "apache2.service", Exe: "/tmp/kubelet"}, body.Certain},
		{"service apache2, with /tmp/kubelet", &body.Who{User: "root", UID: ptr(0), Unit: "apache2.service", Exe: "/usr/bin/python3.11", Command: []string{"python3", "/tmp/kubelet"}}, body.Certain},
		{"jane, over ssh from 192.0.2.7, through sudo, with tee", asRoot(jane("/usr/bin/tee", nil, s1, sudo)), body.Certain},
		{"puppet agent, as jane", asRoot(jane("/usr/bin/ruby3.1", []string{"/usr/bin/ruby", "/usr/bin/puppet", "agent"}, nil, nil)), body.Certain},
		{"uid 4242, with tee", &body.Who{UID: ptr(4242), Exe: "/usr/bin/tee (deleted)"}, body.Certain},
		{"Jane Doe, applied by deploy", &body.Who{Author: "Jane Doe", User: "deploy"}, body.Imported},
		{"deploy", &body.Who{User: "deploy", Claimed: true}, body.Imported},
		{"root, with python3.11", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/python3.11", Command: []string{"python3", "-c", "open('f')"}}, body.Certain},
		{"root, with perl", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/perl", Command: []string{"perl", "-i", "-pe", "s/a/b/", "f"}}, body.Certain},
		{"root, with fix.pl", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/perl", Command: []string{"perl", "-Ilib/re", "-w", "fix.pl"}}, body.Certain},
		{"root, with bash", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/bash", Command: []string{"bash", "-lc", "echo >f"}}, body.Certain},
		{"root, with bash", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/bash", Command: []string{"bash", "/dev/fd/63"}}, body.Certain},
		{"root, with setup.sh", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/dash", Command: []string{"sh", "-e", "setup.sh"}}, body.Certain},
		{"root, with http.server", &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/python3.11", Command: []string{"python3", "-m", "http.server"}}, body.Certain},
	} {
		if got := Actor(c.w, c.conf, nil); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestPackage(t *testing.T) {
	w := &body.Who{User: "root", UID: ptr(0), Exe: "/usr/bin/dpkg", Ancestors: []body.Process{ran(0, "/usr/bin/apt-get", "apt-get", "upgrade")}}
	for want, p := range map[string]*body.Package{
		"root, with apt-get upgrade: upgraded rsyslog 8.2302.0-1 → 8.2302.0-1+deb12u1": {Action: "upgrade", Name: "rsyslog", From: "8.2302.0-1", To: "8.2302.0-1+deb12u1"},
		"root, with apt-get upgrade: installed snmpd 5.9.3":                            {Action: "install", Name: "snmpd", To: "5.9.3"},
		"root, with apt-get upgrade: purged snmpd":                                     {Action: "purge", Name: "snmpd"},
	} {
		if got := Actor(w, body.Certain, p); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
