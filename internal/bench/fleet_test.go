package bench

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
)

// filesPerHost is how many subjects every host of the fleet has.
const filesPerHost = 20

// persons are how many people change files.
const persons = 200

// host is a source with files that change.
type host struct {
	name  string
	chain *record.Chain
	files [filesPerHost]file
}

// file is where the history of a subject stands.
type file struct {
	version int       // of the next text
	before  *body.Ref // the latest change
}

// wording gives the text of a version of a file on a host.
type wording func(h *host, file, version int) []byte

// sender signs the entries of some hosts in turn, each with the same number of
// changes. It is not safe for concurrent use.
type sender struct {
	hosts   []*host
	changes int // in an entry
	text    wording
	clock   time.Time // of the next entry
	step    time.Duration
	signed  int
}

// sign makes the next n entries. Those of one host stand in order.
func (s *sender) sign(n int) ([]wire.Submission, error) {
	subs := make([]wire.Submission, n)
	for i := range subs {
		h := s.hosts[s.signed%len(s.hosts)]
		first := s.signed / len(s.hosts)
		sub, e, err := h.chain.Sign(h.draft(s.clock, first, s.changes, s.text))
		if err != nil {
			return nil, fmt.Errorf("sign entry of %s: %w", h.name, err)
		}
		h.changed(e.ID(), first, s.changes)
		subs[i] = *sub
		s.signed++
		s.clock = s.clock.Add(s.step)
	}
	return subs, nil
}

// saw tells all hosts of a checkpoint.
func (s *sender) saw(saw entry.Saw) {
	for _, h := range s.hosts {
		h.chain.Saw(saw)
	}
}

// draft is one entry: changes of the host's files, from the first-th on. A file
// that changes twice in it names the change before by its number alone.
func (h *host) draft(at time.Time, first, changes int, text wording) record.Draft {
	d := record.Draft{
		Kind: entry.Change, Time: at, Who: who(first), Why: why(first),
		How: body.How{Layer: "fanotify", Confidence: body.Certain, Version: "1.0.0"},
	}
	for k := range changes {
		i := (first + k) % filesPerHost
		version, before := h.files[i].version+k/filesPerHost, h.files[i].before
		if k >= filesPerHost {
			before = &body.Ref{What: k - filesPerHost}
		}
		b := text(h, i, version)
		d.Changes = append(d.Changes, record.Change{What: what(at, i, before, len(b)), Text: b})
	}
	return d
}

// changed moves the history of the files on behind an entry.
func (h *host) changed(id entry.ID, first, changes int) {
	for k := range changes {
		f := &h.files[(first+k)%filesPerHost]
		f.version++
		f.before = &body.Ref{Entry: id.String(), What: k}
	}
}

func who(n int) body.Who {
	root, login := uint32(0), uint32(1000+n%persons)
	person := fmt.Sprintf("person%d", n%persons)
	return body.Who{
		User: "root", UID: &root, GID: &root, LoginUser: person, LoginUID: &login, PID: 20_000 + n%40_000,
		Started: "2026-03-01T12:01:14.120000000Z", Exe: "/usr/bin/vim.basic", Command: []string{"vim", "/etc/telegraf/telegraf.conf"}, TTY: "pts/0",
		Ancestors: []body.Process{
			{PID: 19_999, Exe: "/usr/bin/sudo", Command: []string{"sudo", "vim", "/etc/telegraf/telegraf.conf"}, UID: &root},
			{PID: 19_800, Exe: "/usr/bin/bash", Command: []string{"-bash"}, UID: &login},
			{PID: 19_790, Exe: "/usr/sbin/sshd", Command: []string{"sshd: " + person + "@pts/0"}, UID: &login},
		},
		Session: &body.Session{ID: fmt.Sprint(400 + n%90), Kind: "ssh", Address: fmt.Sprintf("192.0.2.%d", n%250)},
	}
}

func why(n int) body.Why {
	if n%3 > 0 {
		return body.Why{}
	}
	return body.Why{Reason: "raise the interval of the collectors, the store is full", Ticket: fmt.Sprintf("OPS-%d", n%5000), Learnt: "run"}
}

func what(at time.Time, file int, before *body.Ref, size int) body.What {
	bytes := int64(size)
	w := body.What{
		Agent: agentOf(file), Path: pathOf(file), Action: body.Modify, Time: body.FormatTime(at), Format: "toml", Mode: "0644",
		Owner: &body.Owner{User: "root", Group: "root"}, Size: &bytes, Before: before,
	}
	if before == nil {
		w.Action = body.Create
	}
	return w
}

func agentOf(file int) string { return fmt.Sprintf("agent%d", file%5) }

func pathOf(file int) string {
	return fmt.Sprintf("/etc/%s/conf.d/input-%02d.conf", agentOf(file), file)
}

// linesOf is how many lines a text has: about 3 KB.
const linesOf = 80

// text is a version of a file; it differs from the version before in one line.
func text(owner string, file, version int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s of %s\n[[inputs.%s]]\n", pathOf(file), owner, agentOf(file))
	for line := range linesOf {
		// the newest version, up to this one, whose turn it was to alter the line
		at := max(version-(version-line%linesOf+linesOf)%linesOf, 0)
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %d", owner, file, line, at))
		fmt.Fprintf(&b, "  setting_%02d = \"%x\"\n", line, sum[:9])
	}
	return []byte(b.String())
}

// ownTexts words every text anew: an edit by hand on one host.
func ownTexts(h *host, file, version int) []byte { return text(h.name, file, version) }

// shared are texts that every host gets: a rollout.
type shared [filesPerHost][][]byte

func newShared(versions int) *shared {
	s := new(shared)
	for file := range s {
		for v := range versions {
			s[file] = append(s[file], text("fleet", file, v))
		}
	}
	return s
}

func (s *shared) text(_ *host, file, version int) []byte { return s[file][version%len(s[file])] }
