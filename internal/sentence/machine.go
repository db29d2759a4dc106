package sentence

import (
	"slices"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/doors"
)

// managers install and remove packages.
var managers = set("apt apt-get aptitude dpkg unattended-upgrade unattended-upgrades yum dnf dnf5 microdnf rpm zypper apk pacman snap flatpak brew pip pip3 npm etckeeper")

// job is a command that cron or at started: "cron job of root: certbot renew".
func job(w *body.Who, chain []step) string {
	if w.Container != "" { // the paths of programs are its own
		return ""
	}
	at := slices.IndexFunc(chain[1:], func(s step) bool { return doors.Kind(s.exe, s.uid) != "" }) + 1
	if at == 0 || doors.Kind(chain[at].exe, chain[at].uid) != doors.Cron || slices.ContainsFunc(chain[at:], func(s step) bool {
		kind := doors.Kind(s.exe, s.uid)
		return kind == doors.SSH || kind == doors.Console // somebody started that daemon
	}) {
		return ""
	}
	daemon, of := chain[at], user(w)
	for k := at; k >= 0; k-- { // the daemon's child takes the account on
		if chain[k].exe != daemon.exe && chain[k].user != "" {
			of = chain[k].user
			break
		}
	}
	if daemon.name == "atd" {
		return "at job of " + of
	}
	text := "cron job of " + of
	if command := started(chain[:at], daemon.exe); command != "" {
		text += ": " + shortened(command)
	}
	return text
}

// started is the command that a daemon started: what its shell was told, else the
// program and its arguments.
func started(below []step, daemon string) string {
	for k := len(below) - 1; k >= 0; k-- {
		s := below[k]
		if s.exe == daemon {
			continue // it forks before it runs anything
		}
		if shells[s.name] {
			if i := slices.Index(s.args, "-c"); i >= 0 && i+1 < len(s.args) {
				return strings.TrimSpace(s.args[i+1])
			}
			if k > 0 {
				continue
			}
		}
		return strings.TrimSpace(s.name + " " + strings.Join(s.args, " "))
	}
	return ""
}

// automation is a tool that configures machines: "Ansible, play site.yml, as deploy".
func automation(w *body.Who, chain []step) string {
	for i := len(chain) - 1; i >= 0; i-- {
		name, what := configured(chain[i])
		if name == "" {
			continue
		}
		text := name
		if what != "" {
			text += ", " + shortened(what)
		}
		if person := behind(w, chain); name == "Ansible" || person != "root" {
			text += ", as " + person
		}
		return text + from(w)
	}
	return ""
}

// configured names the tool that a step is, and what it was asked to apply.
func configured(s step) (name, what string) {
	sent := strings.HasPrefix(s.name, "AnsiballZ_") && strings.Contains(s.file, "/ansible-tmp-")
	switch {
	case !s.installed() && !sent:
	case sent:
		return "Ansible", "module " + strings.TrimSuffix(strings.TrimPrefix(s.name, "AnsiballZ_"), ".py")
	case s.name == "ansible-playbook" || s.name == "ansible-pull":
		return "Ansible", noun("play", operand(s.args))
	case s.name == "ansible":
		return "Ansible", noun("module", after(s.args, "-m", "--module-name"))
	case s.name == "puppet" && operand(s.args) == "agent", s.name == "puppet-agent":
		return "puppet agent", ""
	case s.name == "puppet" && operand(s.args) == "apply":
		return "puppet apply", noun("manifest", operand(behindWord(s.args, "apply")))
	case s.name == "chef-client", s.name == "chef-solo", s.name == "cinc-client", s.name == "cf-agent", s.name == "salt-minion", s.name == "salt-call", s.name == "terraform", s.name == "cloud-init", s.name == "pulumi":
		return s.name, ""
	}
	return "", ""
}

// noun puts a word before what there is.
func noun(word, what string) string {
	if what == "" {
		return ""
	}
	return word + " " + what
}

// valued are the options before whose value an operand is not looked for.
var valued = set("-i --inventory -e --extra-vars -u --user -l --limit -c --connection -t --tags -m --module-name --modulepath --confdir --vardir")

// operand is the first argument that is no option and no option's value.
func operand(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case valued[args[i]]:
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

// after is the value of an option.
func after(args []string, names ...string) string {
	for i, a := range args {
		if slices.Contains(names, a) && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// behindWord is what comes after a word.
func behindWord(args []string, word string) []string {
	if i := slices.Index(args, word); i >= 0 {
		return args[i+1:]
	}
	return nil
}

// container is what ran in one that nobody logged in started: its numbers of people
// are not those of the host.
func container(w *body.Who, chain []step) string {
	if w.Container == "" || w.LoginUID != nil {
		return ""
	}
	text := chain[0].name + " in container " + w.Container[:min(12, len(w.Container))]
	if w.UID != nil && *w.UID != 0 {
		text += ", as uid " + decimal(*w.UID)
	}
	return text
}

// service is what a service of systemd did, with nobody logged in behind it.
func service(w *body.Who, chain []step) string {
	if w.LoginUID != nil || !strings.HasSuffix(w.Unit, ".service") || strings.HasPrefix(w.Unit, "user@") || w.Session != nil && w.Session.Kind == "ssh" {
		return ""
	}
	if isLogin[w.Unit] {
		return ""
	}
	if chain[0].name == "kubelet" && user(w) == "root" && doors.OfSystem(chain[0].exe) && chain[0].file == chain[0].exe {
		return "kubelet"
	}
	text := "service " + strings.TrimSuffix(w.Unit, ".service")
	if user(w) != "root" {
		text += " as " + user(w)
	}
	return text + ", with " + tool(chain)
}

// isLogin are the services that people come in through.
var isLogin = set("ssh.service sshd.service getty@.service systemd-logind.service")

// done are the words for what a package manager did.
var done = map[string]string{"install": "installed", "upgrade": "upgraded", "configure": "configured", "remove": "removed", "purge": "purged"}

// packaged: "upgraded rsyslog 8.2302.0-1 → 8.2302.0-1+deb12u1".
func packaged(p *body.Package) string {
	text := first(done[p.Action], p.Action) + " " + p.Name
	switch {
	case p.From != "" && p.To != "":
		return text + " " + p.From + " → " + p.To
	case p.From+p.To != "":
		return text + " " + p.From + p.To
	}
	return text
}
