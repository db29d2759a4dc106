package sentence

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/doors"
)

// raisers let one account act as another.
var raisers = set("sudo su doas pkexec runuser sudoedit run0 machinectl")

// transfers copy files over ssh.
var transfers = map[string]string{"scp": "scp", "sftp-server": "sftp", "internal-sftp": "sftp", "rsync": "rsync"}

// person: "jane, over ssh from 192.0.2.7, through sudo, with vim".
func person(w *body.Who, chain []step) string {
	if kind := transferred(w, chain); kind != "" {
		return kind + " by " + behind(w, chain) + from(w)
	}
	parts := []string{behind(w, chain) + asOther(w, chain)}
	if way := way(w); way != "" {
		parts = append(parts, way)
	}
	if at := slices.IndexFunc(chain, func(s step) bool {
		return s.name == "tmux" || s.name == "screen" || s.name == "SCREEN" || s.name == "tmux: server"
	}); at >= 0 {
		parts = append(parts, "in "+strings.ToLower(strings.TrimSuffix(chain[at].name, ": server")))
	}
	if w.Container != "" {
		parts = append(parts, "in container "+w.Container[:min(12, len(w.Container))])
	}
	for i := len(chain) - 1; i > 0; i-- {
		if chain[i].raises() {
			parts = append(parts, "through "+chain[i].name)
		}
	}
	if tool := tool(chain); tool != "" {
		parts = append(parts, "with "+tool)
	}
	return strings.Join(slices.Compact(parts), ", ")
}

// asOther says which account acted, where nothing else says how the person came to
// it.
func asOther(w *body.Who, chain []step) string {
	if w.UID != nil && w.LoginUID != nil && *w.UID == *w.LoginUID || user(w) == behind(w, chain) || user(w) == "root" && slices.ContainsFunc(chain, func(s step) bool { return s.raises() }) {
		return ""
	}
	return " as " + user(w)
}

// way is how the person came in.
func way(w *body.Who) string {
	if w.Session == nil {
		return ""
	}
	switch w.Session.Kind {
	case doors.SSH:
		return "over ssh" + from(w)
	case doors.Console:
		if w.TTY != "" {
			return "at the console " + w.TTY
		}
		return "at the console"
	}
	return ""
}

func from(w *body.Who) string {
	if w.Session == nil || w.Session.Address == "" {
		return ""
	}
	return " from " + w.Session.Address + unproved(w, body.UnprovedAddress)
}

// transferred is the protocol of a copy over ssh, where the process that wrote is the
// server's end of one.
func transferred(w *body.Who, chain []step) string {
	kind := transfers[chain[0].name]
	if kind == "" || !doors.OfSystem(chain[0].exe) || w.Session == nil || w.Session.Kind != doors.SSH {
		return ""
	}
	switch {
	case kind == "scp" && !slices.Contains(chain[0].args, "-t"), kind == "rsync" && !slices.Contains(chain[0].args, "--server"):
		return ""
	}
	return kind
}

// tool is the program that wrote, with its path where programs are not installed.
// Package managers are named by what the person started.
func tool(chain []step) string {
	s := chain[0]
	for _, above := range chain {
		if managers[above.name] && above.installed() {
			s = above // the outermost: dpkg below apt-get
		}
	}
	switch {
	case managers[s.name] && s.installed():
		return worded(s)
	case s.raises() && len(chain) > 1:
		return ""
	case !s.installed() && s.file != "":
		return shortened(s.file)
	}
	return s.name
}

// worded is a command with its verb, or what stands for one: apt-get upgrade, dpkg -i.
func worded(s step) string {
	verb := ""
	for _, arg := range s.args {
		if !strings.HasPrefix(arg, "-") && !strings.ContainsAny(arg, "/.") {
			verb = arg
			break
		}
		if verb == "" && strings.HasPrefix(arg, "-") {
			verb = arg
		}
	}
	return strings.TrimSpace(s.name + " " + shortened(verb))
}

// shortened keeps a sentence readable whatever it names.
func shortened(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
