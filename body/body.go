// Package body holds what a seal commits to: who made a change, why, how it was
// observed, and what changed.
//
// A body is canonical JSON (RFC 8785). It is sealed, stored and handed on as the
// bytes it was received in and is never re-serialised: [Marshal] produces those
// bytes once, at the source, and [Unmarshal] reads them back, refusing
// ([ErrNotCanonical]) bytes that are not their own canonical form.
//
// A field that is absent is unknown. Bytes that are not UTF-8 travel in base64
// under the same name with the suffix 64 (path64 for path); never both. Readers
// ignore fields they do not know: new fields may come in v1.
package body

import (
	"slices"
	"time"
)

// Who is the actor of a change: the process that made it, the person behind
// that process, and the chain of processes between the two.
type Who struct {
	User      string    `json:"user,omitempty"`       // name of UID on the host, or the applier an importer was told
	UID       *uint32   `json:"uid,omitempty"`        // real user id
	EUID      *uint32   `json:"euid,omitempty"`       // effective user id, where it differs from UID
	GID       *uint32   `json:"gid,omitempty"`        // real group id
	LoginUser string    `json:"login_user,omitempty"` // name of LoginUID: the person behind sudo
	LoginUID  *uint32   `json:"login_uid,omitempty"`  // audit login uid (/proc/PID/loginuid), absent where unset
	PID       int       `json:"pid,omitempty"`        // process id in the host's namespace
	Started   string    `json:"started,omitempty"`    // start of that process, time format of an entry
	Exe       string    `json:"exe,omitempty"`        // path of the executable
	Exe64     string    `json:"exe64,omitempty"`      // Exe, where it is not UTF-8
	Command   []string  `json:"command,omitempty"`    // command line, secrets masked
	TTY       string    `json:"tty,omitempty"`        // controlling terminal, for example pts/0
	Unit      string    `json:"unit,omitempty"`       // systemd unit of its cgroup
	Container string    `json:"container,omitempty"`  // container id of its cgroup
	Ancestors []Process `json:"ancestors,omitempty"`  // parent first, at most 8
	Session   *Session  `json:"session,omitempty"`    // how the person came in
	Author    string    `json:"author,omitempty"`     // who wrote the text, where that is known apart from who applied it
	Claimed   bool      `json:"claimed,omitempty"`    // told by the peer itself, not observed
	NamedBy   string    `json:"named_by,omitempty"`   // bpf or proc: what told of the process
	Unproved  []string  `json:"unproved,omitempty"`   // fields that the actor could have made up, in ascending order
}

// IsPerson says whether a user is the actor, or the person behind him by a login that
// the actor cannot have made up.
func (w *Who) IsPerson(uid *uint32) bool {
	if w == nil || uid == nil {
		return false
	}
	return w.UID != nil && *w.UID == *uid ||
		w.LoginUID != nil && *w.LoginUID == *uid && !slices.Contains(w.Unproved, UnprovedLogin)
}

// Fields that stand in Unproved.
const (
	UnprovedLogin   = "login_uid"       // and login_user: no login gave it
	UnprovedAddress = "session.address" // read from an environment
)

// Process is one ancestor of the process that made a change.
type Process struct {
	PID     int      `json:"pid"`
	Exe     string   `json:"exe,omitempty"`
	Exe64   string   `json:"exe64,omitempty"`
	Command []string `json:"command,omitempty"` // secrets masked
	UID     *uint32  `json:"uid,omitempty"`
	User    string   `json:"user,omitempty"` // name of UID, where it is not that of the process that made the change
}

// Session says how the person behind a process reached the host.
type Session struct {
	ID      string `json:"id,omitempty"`      // audit session id, decimal
	Kind    string `json:"kind,omitempty"`    // ssh, console, cron, container or service
	Address string `json:"address,omitempty"` // peer address, for ssh
}

// Why is the reason given for a change.
type Why struct {
	Reason string `json:"reason,omitempty"` // as the person wrote it, secrets masked
	Ticket string `json:"ticket,omitempty"` // reference into a change-management system
	Learnt string `json:"learnt,omitempty"` // run, env, git, import or explain

	GivenBy *Giver `json:"given_by,omitempty"` // absent where that is the actor or the person behind him
}

// Giver is who gave a reason, as the kernel tells.
type Giver struct {
	User string  `json:"user,omitempty"` // name of UID on the host
	UID  *uint32 `json:"uid,omitempty"`
}

// Confidence says how far the actor of a change can be relied upon.
type Confidence string

// The levels of confidence in an actor.
const (
	Certain  Confidence = "certain"  // the kernel named the process and it was read while it lived
	Likely   Confidence = "likely"   // the kernel named the process; parts were read after it had gone
	Unknown  Confidence = "unknown"  // nobody was seen: a scan found the difference
	Imported Confidence = "imported" // an importer was told
)

// How says by what means an entry came about and what is claimed, not known.
type How struct {
	Layer      string     `json:"layer,omitempty"`      // fanotify, scan, import, recorder, socket or cli
	Confidence Confidence `json:"confidence,omitempty"` // of the actor in who
	Version    string     `json:"version,omitempty"`    // of the program that signed
	Detail     string     `json:"detail,omitempty"`     // one sentence: of a finding, a gap, a revocation
	Set        *Set       `json:"set,omitempty"`        // a change set spread over several entries
	Claimed    *Claimed   `json:"claimed,omitempty"`    // what a source of changes said about their past
	Import     *Import    `json:"import,omitempty"`     // where an importer read the entry
	Host       *Host      `json:"host,omitempty"`       // in an enrolment: the host of the source
	Signals    []string   `json:"signals,omitempty"`    // how a change was found, in ascending order: found-later
	Package    *Package   `json:"package,omitempty"`    // what a package manager was doing, by its own records
	Beats      []string   `json:"beats,omitempty"`      // in a roll call: the last beats of sources it names, as they signed them
}

// SignalFoundLater stands in Signals: the place came to be watched after the watcher
// had begun, a new user's home for example, and this is what was found there.
const SignalFoundLater = "found-later"

// Set places an entry among the entries of one change set.
type Set struct {
	ID   string `json:"id"`   // entry time of part 1
	Part int    `json:"part"` // from 1
	Of   int    `json:"of"`
}

// Claimed holds times and references a third party told; nobody here saw them.
type Claimed struct {
	Time       string `json:"time,omitempty"`        // when it was applied, RFC 3339
	AuthorTime string `json:"author_time,omitempty"` // when it was written, RFC 3339
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit,omitempty"`
}

// Import names the rows of a file that an entry was made from.
type Import struct {
	File  string `json:"file"`  // hexadecimal SHA-256 of the file's bytes
	First int    `json:"first"` // first row, from 0
	Rows  int    `json:"rows"`
}

// Package is what a package manager did with a package.
type Package struct {
	Manager string `json:"manager"`        // dpkg
	Name    string `json:"name"`           // without the architecture
	Action  string `json:"action"`         // install, upgrade, configure, remove or purge
	From    string `json:"from,omitempty"` // version before; absent where there was none
	To      string `json:"to,omitempty"`   // version after, likewise
}

// Host describes the machine a source runs on.
type Host struct {
	Name    string `json:"name"`
	Machine string `json:"machine,omitempty"` // digest of the machine id
	OS      string `json:"os,omitempty"`
}

// Action is what happened to a subject.
type Action string

// The actions of a change.
const (
	Create     Action = "create"
	Modify     Action = "modify"
	Delete     Action = "delete"
	Rename     Action = "rename"
	Attributes Action = "attributes"
	Baseline   Action = "baseline" // first sight of what was there before
)

// The marks of a change: what a reader must know about its text.
const (
	MarkTorn     = "torn"      // a writer was still open when the text was read
	MarkUnread   = "unread"    // gone or replaced before it could be read
	MarkUnparsed = "unparsed"  // format not understood; redacted by lines
	MarkTooLarge = "too-large" // size, and digest where it was read, only
	MarkRedacted = "redacted"  // secrets were masked
	MarkInvalid  = "invalid"   // does not parse as its format
	MarkBinary   = "binary"    // not text
	MarkLink     = "link"      // a symbolic link; the text is its target
	MarkHardLink = "hard-link" // the file has another name
	MarkSpecial  = "special"   // a FIFO, device or socket; it has no text
)

// What is one change of one subject.
type What struct {
	Host   string `json:"host,omitempty"`   // as told; receivers and importers only
	Agent  string `json:"agent,omitempty"`  // id in the catalogue
	Path   string `json:"path,omitempty"`   // absolute on a host; as told by an importer
	Path64 string `json:"path64,omitempty"` // Path, where it is not UTF-8
	Action Action `json:"action"`
	Time   string `json:"time,omitempty"`   // when the source saw it, time format of an entry
	Since  string `json:"since,omitempty"`  // seen late: it happened after this and at Time at the latest
	From   string `json:"from,omitempty"`   // rename: the path before
	From64 string `json:"from64,omitempty"` // From, where it is not UTF-8
	Format string `json:"format,omitempty"`
	Mode   string `json:"mode,omitempty"` // octal permission bits, for example 0644
	Owner  *Owner `json:"owner,omitempty"`

	Target     string      `json:"target,omitempty"`     // of a symbolic link; that the text is of the file behind it, or this, is told by MarkLink
	Target64   string      `json:"target64,omitempty"`   // Target, where it is not UTF-8
	Attributes []Attribute `json:"attributes,omitempty"` // beside mode and owner, by name
	Links      int         `json:"links,omitempty"`      // names that the file has, where more than one
	Names      []Name      `json:"names,omitempty"`      // of them the others that are known
	Was        *Was        `json:"was,omitempty"`        // before this change, as far as it was otherwise and known

	Size     *int64   `json:"size,omitempty"`                // of the content in bytes, before redaction
	Digest   string   `json:"digest,omitempty"`              // hexadecimal SHA-256 of content kept as digest only
	After    string   `json:"after,omitempty" body:"digest"` // seal of this change's text; absent where there is none
	Before   *Ref     `json:"before,omitempty"`              // the change this one follows; absent at first sight
	Marks    []string `json:"marks,omitempty"`               // in ascending order
	Secrets  []string `json:"secrets,omitempty"`             // fingerprint of each mark in the text, in order
	Observed int      `json:"observed,omitempty"`            // events folded into this change, where more than one
}

// Owner is the owner of a file.
type Owner struct {
	UID   uint32 `json:"uid"`
	GID   uint32 `json:"gid"`
	User  string `json:"user,omitempty"`
	Group string `json:"group,omitempty"`
}

// AttributeFlags is the name under which the flags of chattr(1) stand among the
// attributes. Those of the kernel have a dot in theirs.
const AttributeFlags = "flags"

// Attribute is an extended attribute of a file, or its flags. With a name alone it
// says that there was none.
type Attribute struct {
	Name        string `json:"name,omitempty"`
	Name64      string `json:"name64,omitempty"`
	Value       string `json:"value,omitempty"`       // in words, where it is an access control list, capabilities or flags
	Fingerprint string `json:"fingerprint,omitempty"` // of a value that is not shown: it is long, not text or secret
	Size        *int64 `json:"size,omitempty"`        // of an extended attribute's value in bytes
}

// Name is a path by which a file is known.
type Name struct {
	Path   string `json:"path,omitempty"`
	Path64 string `json:"path64,omitempty"` // Path, where it is not UTF-8
}

// Was is how a subject was before a change, beside its text: what the change left
// alone is absent.
type Was struct {
	Mode       string      `json:"mode,omitempty"`
	Owner      *Owner      `json:"owner,omitempty"`
	Target     string      `json:"target,omitempty"`
	Target64   string      `json:"target64,omitempty"`
	Attributes []Attribute `json:"attributes,omitempty"` // those that are otherwise now, or gone, or were not there
	Links      int         `json:"links,omitempty"`
}

// Ref names a change: line what k of an entry.
type Ref struct {
	Entry string `json:"entry,omitempty" body:"digest"` // entry id; absent for a change of the same entry
	What  int    `json:"what"`
}

// TimeFormat is the form of every time a source vouches for: UTC, nine digits.
const TimeFormat = "2006-01-02T15:04:05.000000000Z"

// FormatTime renders t in [TimeFormat].
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat) }
