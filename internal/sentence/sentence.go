// Package sentence says who made a change as people say it: "jane, over ssh from
// 192.0.2.7, through sudo, with vim". The commands, alerts and pages all use it.
//
// It is pure: the same record makes the same sentence wherever it is read, and it
// says nothing that the record does not. What it reads was chosen on the host that is
// watched, so whoever prints a sentence escapes it. Of a process only as whom it runs
// and, outside containers and file systems of its own, where its program lies is the
// kernel's word: what a program is called never takes the place of the person.
package sentence

import (
	"path"
	"slices"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/doors"
)

// Actor says who acted, by what the record holds of the process and of those that
// made it, and what a package manager says that it was doing, if one acted. A nil w:
// nobody was seen.
func Actor(w *body.Who, c body.Confidence, p *body.Package) string {
	if w == nil || (w.Exe == "" && w.User == "" && w.UID == nil && w.Author == "" && w.LoginUser == "") {
		return "unknown"
	}
	text := actor(w)
	if p != nil {
		text += ": " + packaged(p)
	}
	if c == body.Likely {
		text = "likely " + text
	}
	return text
}

func actor(w *body.Who) string {
	if w.Author != "" || w.Claimed {
		return told(w)
	}
	chain := chainOf(w)
	for _, find := range []func(*body.Who, []step) string{job, automation, container, service} {
		if text := find(w, chain); text != "" {
			return text
		}
	}
	return person(w, chain)
}

// told is who an importer or a peer was told of, which nobody here saw.
func told(w *body.Who) string {
	who := first(w.Author, w.LoginUser, user(w))
	if w.Author != "" && w.User != "" && w.User != w.Author {
		who += ", applied by " + w.User
	}
	return who
}

// step is a program on the way to the change, in the words of its command line.
type step struct {
	name string   // of the program, without a path
	exe  string   // where it lies
	file string   // the script that it runs, as it was called; else exe
	args []string // behind its name
	uid  *uint32
	user string // of uid
}

// chainOf is the process and its ancestors, nearest first.
func chainOf(w *body.Who) []step {
	chain := []step{stepOf(w.Exe, w.Command)}
	chain[0].uid, chain[0].user = w.UID, user(w)
	for _, a := range w.Ancestors {
		s := stepOf(a.Exe, a.Command)
		switch s.uid = a.UID; {
		case a.User != "":
			s.user = a.User
		case a.UID != nil && w.UID != nil && *a.UID == *w.UID:
			s.user = user(w)
		case a.UID != nil && *a.UID == 0:
			s.user = "root"
		case a.UID != nil:
			s.user = "uid " + decimal(*a.UID)
		}
		chain = append(chain, s)
	}
	return chain
}

func stepOf(exe string, command []string) step {
	exe = strings.TrimSuffix(exe, " (deleted)")
	s := step{name: base(exe), exe: exe, file: exe}
	if len(command) == 0 {
		return s
	}
	s.args = command[1:]
	said := base(strings.TrimPrefix(command[0], "-")) // a dash before a login shell
	if title, rest, titled := strings.Cut(said, ":"); titled && title != "" && strings.HasPrefix(rest, " ") {
		said, s.args = title, append([]string{strings.TrimSpace(rest)}, s.args...) // a daemon's own title: "sshd: jane [priv]"
	}
	switch {
	case s.name == "" || isInterpreter(s.name) && len(s.args) == 0:
		s.name = said
	case isInterpreter(s.name):
		s.interpreted()
	}
	return s
}

// interpreted names a script in place of its interpreter, if it runs one that has a name.
func (s *step) interpreted() {
	for i, arg := range s.args {
		switch {
		case arg == "-m" && i+1 < len(s.args):
			s.name, s.args = s.args[i+1], s.args[i+2:]
			return
		case s.givesText(arg) || nameless(arg):
			return
		case !strings.HasPrefix(arg, "-"):
			s.name, s.file, s.args = base(arg), arg, s.args[i+1:]
			return
		}
	}
}

// givesText reports whether an option is followed by the program itself: -c of a
// shell or of Python, -e of the others, by themselves or behind other letters (-lc, -pe).
func (s *step) givesText(arg string) bool {
	letters, short := strings.CutPrefix(arg, "-")
	if !short || strings.Trim(letters, "abcdefghijklmnopqrstuvwxyzE0123456789") != "" {
		return false
	}
	if shells[s.name] || strings.HasPrefix(s.name, "python") {
		return strings.HasSuffix(letters, "c")
	}
	return strings.HasSuffix(letters, "e") || strings.HasSuffix(letters, "E") || s.name == "php" && letters == "r"
}

// nameless are the places of a script that came by a pipe.
func nameless(file string) bool {
	return strings.HasPrefix(file, "/dev/fd/") || strings.HasPrefix(file, "/proc/self/fd/") || file == "/dev/stdin"
}

var interpreters = set("sh bash dash zsh ksh ash busybox perl ruby node php lua tclsh")

// isInterpreter also knows those that carry a version: python3.11.
func isInterpreter(name string) bool {
	return interpreters[name] || strings.HasPrefix(name, "python") || strings.HasPrefix(name, "ruby") || strings.HasPrefix(name, "perl5")
}

var shells = set("sh bash dash zsh ksh ash fish tcsh csh busybox")

// installed reports whether what a step runs lies where programs are installed, and
// not where just anybody puts one.
func (s *step) installed() bool {
	return doors.OfSystem(s.file) || strings.HasPrefix(s.file, "/usr/") || strings.HasPrefix(s.file, "/opt/") || strings.HasPrefix(s.file, "/snap/")
}

// raises reports whether a step lets one account act as another.
func (s *step) raises() bool { return raisers[s.name] && doors.OfSystem(s.exe) }

// user is the account that acted.
func user(w *body.Who) string {
	switch {
	case w.User != "":
		return w.User
	case w.UID != nil && *w.UID == 0:
		return "root"
	case w.UID != nil:
		return "uid " + decimal(*w.UID)
	}
	return "unknown"
}

// behind is the person: who logged in, as far as that is known, else who began what
// raised the process to its account.
func behind(w *body.Who, chain []step) string {
	switch {
	case w.LoginUser != "":
		return w.LoginUser + unproved(w, body.UnprovedLogin)
	case w.LoginUID != nil:
		return "uid " + decimal(*w.LoginUID) + unproved(w, body.UnprovedLogin)
	}
	for i := len(chain) - 2; i > 0; i-- {
		if above := chain[i+1]; chain[i].raises() && above.user != "" && !above.raises() {
			return above.user
		}
	}
	return user(w)
}

// unproved marks what the actor could have made up.
func unproved(w *body.Who, field string) string {
	if slices.Contains(w.Unproved, field) {
		return " (unproved)"
	}
	return ""
}

func base(p string) string {
	if p == "" {
		return ""
	}
	return path.Base(p)
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
