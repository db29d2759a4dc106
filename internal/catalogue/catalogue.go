// Package catalogue knows agents: which files configure them, in which format,
// what in those files is secret, and which changes lower protection.
//
// The knowledge is data (agents.yaml, embedded, described at its top). [Parse]
// accepts a catalogue whole or refuses it with the line of every fault, so that
// a catalogue in use has no pattern that cannot match and no rule that cannot
// be evaluated. A [Catalogue] is immutable and safe for concurrent use; what it
// hands out is shared and must not be altered.
//
// Everything here computes, except [Catalogue.Discover] and [Catalogue.Roots],
// which look at names below a root directory. They never leave that root and
// never read the content of a file.
//
// The package does not evaluate weakening rules, does not run anything a
// catalogue names, and does not check signatures on a catalogue.
package catalogue

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed agents.yaml
var builtin []byte

// The formats a pattern may name and [FormatOf] may answer.
const (
	FormatUnknown  = ""         // nothing is known: to be treated in the safest way
	FormatYAML     = "yaml"     // YAML
	FormatTOML     = "toml"     // TOML
	FormatJSON     = "json"     // JSON
	FormatJSONC    = "jsonc"    // JSON with comments and trailing commas
	FormatINI      = "ini"      // sections of key=value; systemd units
	FormatConf     = "conf"     // one "key value" or "key = value" per line
	FormatSSHD     = "sshd"     // sshd_config
	FormatSudoers  = "sudoers"  // sudoers
	FormatCrontab  = "crontab"  // crontab, with or without the user column
	FormatRsyslog  = "rsyslog"  // rsyslog, old and new syntax
	FormatXML      = "xml"      // XML
	FormatEnv      = "env"      // NAME=value, as a shell or systemd reads it
	FormatRules    = "rules"    // one rule per line: audit rules
	FormatMarkdown = "markdown" // prose
)

func knownFormat(s string) bool {
	switch s {
	case FormatUnknown, FormatYAML, FormatTOML, FormatJSON, FormatJSONC, FormatINI, FormatConf, FormatSSHD,
		FormatSudoers, FormatCrontab, FormatRsyslog, FormatXML, FormatEnv, FormatRules, FormatMarkdown:
		return true
	}
	return false
}

// Catalogue is a set of known agents. Its zero value knows none.
type Catalogue struct {
	Revision int      // grows with every change of the data
	Digest   string   // hexadecimal SHA-256 of the data, for the record
	Agents   []*Agent // in the order of the data
	Common   []Rule   // weakening rules that hold for every agent
	Probes   []Probe  // that a watcher may ask; those of no agent first

	ignore []string // names of temporaries, for agents without a list of their own
	index  index
}

// Agent is one program whose configuration is recorded.
type Agent struct {
	ID        string            // lower-case, unique, for ever: it stands in the record
	Name      string            // for people
	Category  string            // monitoring, logging, security, …
	Units     []string          // systemd unit names without suffix
	Paths     []Pattern         // own patterns first, then the drop-ins of its units
	Secrets   []string          // key paths whose values are secret, see [Key]
	Ignore    []string          // replaces the common list of temporaries; nil: the common list holds
	Defaults  map[string]string // value of a key that is absent, as the agent documents it
	Weakening []Rule            // beside [Catalogue.Common]
	Validate  string            // for people: how the agent checks its own files. Never run
	Reload    string            // for people: how a change takes effect
	Effective string            // for people: where the settings in force can be seen
	Evidence  []Evidence        // how the facts above were checked; at least one
}

// Pattern names files of an agent.
type Pattern struct {
	// Glob is absolute, or begins with ~/ (below every home) or **/ (anywhere).
	// Within one element * ? and [a-z] match as in [path.Match], and match a
	// leading dot too; ** stands for any number of elements.
	Glob   string
	Format string
	Opaque bool // the whole content is secret (a key file): no text of it may leave the host

	glob glob
}

// Evidence says how facts about an agent were checked.
type Evidence struct {
	How  string // ran, package, documentation, source or known
	What string
}

// Probe is a way to see the settings in force that changes nothing.
type Probe struct {
	Name    string   // unique
	Agent   *Agent   // nil: of the kernel itself
	Run     []string // a program, by its absolute path, and its arguments
	Read    string   // or a file of the kernel's
	Network bool     // it asks about the network of the host
	By      []string // globs of programs, by their last name, that change what it shows
	Format  string   // of its output
}

// Match is what the catalogue knows about one path.
type Match struct {
	Agent   *Agent
	Format  string
	Secrets []string // key paths, those of the agent
	Opaque  bool     // see [Pattern.Opaque]
	Reads   bool     // the agent reads every such name: its pattern ends with one, or with all but those of a list
	Guess   bool     // the path only ends like one of the agent's: a copy, perhaps
}

// And is what is known of a file that goes by two names: agent and format as the first
// has them, and whatever either says of secrets.
func (m Match) And(other Match) Match {
	if m.Format == FormatUnknown {
		m.Format = other.Format
	}
	m.Secrets = slices.Concat(m.Secrets, other.Secrets)
	m.Opaque = m.Opaque || other.Opaque
	return m
}

// Builtin returns the catalogue this program was built with.
func Builtin() (*Catalogue, error) {
	c, err := Parse(builtin)
	if err != nil {
		return nil, fmt.Errorf("built-in catalogue: %w", err)
	}
	return c, nil
}

// Agent returns the agent with the given id, or nil.
func (c *Catalogue) Agent(id string) *Agent {
	i := slices.IndexFunc(c.Agents, func(a *Agent) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return c.Agents[i]
}

// Match finds the agent that the absolute path p belongs to. A pattern without
// wildcards wins over one with, then the longer literal directory wins, then
// the pattern with more literal bytes, then the earlier in the data. A pattern
// below ~/ matches below any directory: which directories are homes is not
// known here, and a path asked about is one that somebody watches.
func (c *Catalogue) Match(p string) (Match, bool) {
	if !path.IsAbs(p) {
		return Match{}, false
	}
	found, ok := c.index.find(path.Clean(p))
	if !ok {
		return Match{}, false
	}
	return found.match(), true
}

// MatchSuffix is [Catalogue.Match] for a path that a person gave. Where no
// pattern claims the whole path, one that claims its end is taken, and marked
// as a guess: /tmp/copy/etc/ssh/sshd_config looks like sshd's. A relative path
// is always a guess.
func (c *Catalogue) MatchSuffix(p string) (Match, bool) {
	if m, ok := c.Match(p); ok {
		return m, true
	}
	rest := path.Clean("/" + p)
	for {
		if m, ok := c.Match(rest); ok {
			m.Guess = true
			return m, true
		}
		next := strings.IndexByte(rest[1:], '/')
		if next < 0 {
			return Match{}, false
		}
		rest = rest[1+next:]
	}
}

// Ignored reports whether name, a base name or a path, is that of a temporary
// of an editor, package manager or atomic writer, or what a version control system
// keeps for itself.
//
// A list of names is also a list of hiding places: cron runs /etc/cron.d/4913.
// So an agent that reads every file of a directory has a list of its own, of
// names it does not read, and that list alone holds for paths it claims. Give
// whole paths wherever they are known. For directories no agent claims, an
// ignored name that stays is worth a look.
func (c *Catalogue) Ignored(name string) bool {
	if inside, setting := inRepository(name); inside && !setting {
		return true
	}
	list := c.ignore
	if m, ok := c.Match(name); ok && m.Agent.Ignore != nil {
		list = m.Agent.Ignore
	}
	base := path.Base(name)
	return slices.ContainsFunc(list, func(elem string) bool { return matchElement(elem, base) })
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
