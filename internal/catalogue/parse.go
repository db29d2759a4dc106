package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/strictyaml"
)

// Bounds of a catalogue.
const (
	formatVersion = 1
	maxData       = 4 << 20 // bytes
	maxFaults     = 20      // reported at once
	unitVariable  = "{unit}"
)

var (
	idShape    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	unitShape  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	categories = []string{
		"ai-agent", "backup", "config-management", "infrastructure", "logging", "monitoring", "security",
	}
	methods = []string{"ran", "package", "documentation", "source", "known"}
)

// Parse reads a catalogue in the format described at the top of agents.yaml.
// Whatever is unknown, missing, repeated or contradictory is an error. The
// error joins one [*strictyaml.Fault] for each thing found, in the order of the text, and
// not more than 20 of them.
func Parse(data []byte) (*Catalogue, error) {
	if len(data) > maxData {
		return nil, &strictyaml.Fault{Detail: fmt.Sprintf("catalogue of %d bytes: more than %d", len(data), maxData)}
	}
	root, err := document(data)
	if err != nil {
		return nil, err
	}
	d := &decoder{
		catalogue: &Catalogue{Digest: digest(data)}, report: strictyaml.NewReport("", maxFaults),
		claimed: map[string]claimant{}, ids: map[string]int{},
	}
	d.top(root)
	if err := d.report.Err(); err != nil {
		return nil, err
	}
	d.catalogue.index = newIndex(d.catalogue.Agents)
	return d.catalogue, nil
}

// document returns the one document of data.
func document(data []byte) (*yaml.Node, error) {
	loader, err := strictyaml.NewLoader(data)
	if err != nil {
		return nil, fmt.Errorf("read yaml: %w", err)
	}
	doc, err := loader.Next()
	more := (*yaml.Node)(nil)
	if doc != nil {
		more, err = loader.Next()
	}
	var at *strictyaml.Fault
	switch {
	case errors.As(err, &at):
		return nil, &strictyaml.Fault{Line: at.Line, Detail: "not yaml: " + at.Detail}
	case err != nil:
		return nil, fmt.Errorf("read yaml: %w", err)
	case doc == nil:
		return nil, &strictyaml.Fault{Detail: "not yaml: yaml: no documents in stream"}
	case more != nil:
		return nil, &strictyaml.Fault{Detail: "not yaml: yaml: expected single document, found multiple"}
	case doc.Kind != yaml.DocumentNode || len(doc.Content) != 1:
		return nil, &strictyaml.Fault{Line: 1, Detail: "empty catalogue"}
	}
	return doc.Content[0], nil
}

// decoder turns nodes into a catalogue. It goes on after a fault, so that one run
// names them all.
type decoder struct {
	catalogue *Catalogue
	report    *strictyaml.Report
	dropIns   []dropIn
	claimed   map[string]claimant // by glob
	ids       map[string]int      // line that first used an id
}

// claimant is who has a glob, and the line that says so.
type claimant struct {
	agent *Agent
	line  int
}

// dropIn is a pattern with {unit} in it.
type dropIn struct {
	glob   string
	format string
}

// fields calls the reader of each key of a mapping. Keys are plain, known and
// used once; those named in required are there.
func (d *decoder) fields(n *yaml.Node, readers map[string]func(*yaml.Node), required ...string) {
	if n.Kind != yaml.MappingNode {
		d.report.Fault(n, "expected a mapping")
		return
	}
	seen := map[string]bool{}
	for key, value := range strictyaml.Keys(n) {
		name := key.Value
		read, known := readers[name]
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			d.report.Fault(key, "unknown key %q", name)
		case seen[name]:
			d.report.Fault(key, "key %q for the second time", name)
		default:
			read(value)
		}
		seen[name] = true
	}
	for _, name := range required {
		if !seen[name] {
			d.report.Fault(n, "missing key %q", name)
		}
	}
}

// each calls read for every item of a sequence.
func (d *decoder) each(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.report.Fault(n, "expected a list")
		return
	}
	for _, item := range n.Content {
		read(item)
	}
}

// text reads a scalar. Aliases and tags are refused: a catalogue says what it
// means where it means it. So is what does not print: these words are shown.
func (d *decoder) text(n *yaml.Node) string {
	switch {
	case n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0 || n.Anchor != "" || n.Tag == "!!null":
		d.report.Fault(n, "expected a plain text")
		return ""
	case strings.ContainsRune(n.Value, unicode.ReplacementChar):
		d.report.Fault(n, "text %q does not print", n.Value)
		return ""
	}
	if err := strictyaml.Legible(n.Value); err != nil {
		d.report.Fault(n, "text %v", err)
		return ""
	}
	return n.Value
}

// words reads a text that must not be empty.
func (d *decoder) words(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Value == "" {
		d.report.Fault(n, "empty text")
		return ""
	}
	return d.text(n)
}

func (d *decoder) list(n *yaml.Node) []string {
	all := []string{}
	d.each(n, func(item *yaml.Node) { all = append(all, d.words(item)) })
	return all
}

func (d *decoder) number(n *yaml.Node) int {
	i, err := strconv.Atoi(d.text(n))
	if err != nil || i < 1 {
		d.report.Fault(n, "expected a number from 1")
		return 0
	}
	return i
}

func (d *decoder) flag(n *yaml.Node) bool {
	s := d.text(n)
	if s != "true" && s != "false" {
		d.report.Fault(n, "expected true or false")
	}
	return s == "true"
}

// choice reads one of the given words.
func (d *decoder) choice(n *yaml.Node, of []string) string {
	s := d.text(n)
	if !slices.Contains(of, s) {
		d.report.Fault(n, "%q is none of %s", s, strings.Join(of, ", "))
	}
	return s
}

func (d *decoder) format(n *yaml.Node) string {
	s := d.text(n)
	if !knownFormat(s) {
		d.report.Fault(n, "unknown format %q", s)
	}
	return s
}

// top reads the whole. Drop-ins are wanted by every agent, so common comes
// first whatever the order of the text.
func (d *decoder) top(n *yaml.Node) {
	var common, agents *yaml.Node
	d.fields(n, map[string]func(*yaml.Node){
		"version":  d.version,
		"revision": func(n *yaml.Node) { d.catalogue.Revision = d.number(n) },
		"common":   func(n *yaml.Node) { common = n },
		"agents":   func(n *yaml.Node) { agents = n },
	}, "version", "revision", "common", "agents")
	if common != nil {
		d.common(common)
	}
	if agents != nil {
		d.each(agents, d.agent)
	}
}

func (d *decoder) version(n *yaml.Node) {
	if v := d.number(n); v != formatVersion {
		d.report.Fault(n, "version %d of the format: only %d is understood", v, formatVersion)
	}
}

func (d *decoder) common(n *yaml.Node) {
	d.fields(n, map[string]func(*yaml.Node){
		"drop_ins":  func(n *yaml.Node) { d.each(n, d.dropIn) },
		"ignore":    func(n *yaml.Node) { d.catalogue.ignore = d.ignore(n) },
		"weakening": func(n *yaml.Node) { d.catalogue.Common = d.rules(n) },
		"probes":    func(n *yaml.Node) { d.each(n, func(n *yaml.Node) { d.probe(n, nil) }) },
	}, "drop_ins", "ignore", "weakening")
}

func (d *decoder) dropIn(n *yaml.Node) {
	var in dropIn
	d.fields(n, map[string]func(*yaml.Node){
		"glob":   func(n *yaml.Node) { in.glob = d.words(n) },
		"format": func(n *yaml.Node) { in.format = d.format(n) },
	}, "glob", "format")
	if !strings.Contains(in.glob, unitVariable) {
		d.report.Fault(n, "a drop-in without %s", unitVariable)
		return
	}
	if _, err := patterns(strings.ReplaceAll(in.glob, unitVariable, "x")); err != nil {
		d.report.Fault(n, "glob %q: %v", in.glob, err)
		return
	}
	d.dropIns = append(d.dropIns, in)
}

// ignore reads globs of base names.
func (d *decoder) ignore(n *yaml.Node) []string {
	names := d.list(n)
	for i, s := range names {
		if strings.Contains(s, "/") {
			d.report.Fault(n.Content[i], "%q: a base name has no /", s)
		} else if err := checkElement(s); err != nil {
			d.report.Fault(n.Content[i], "ignore %v", err)
		} else if strings.Trim(s, "*?") == "" {
			d.report.Fault(n.Content[i], "%q would ignore everything", s)
		}
	}
	return names
}

func (d *decoder) agent(n *yaml.Node) {
	a := &Agent{}
	var format string
	var paths, units *yaml.Node
	d.fields(n, map[string]func(*yaml.Node){
		"id":        func(n *yaml.Node) { a.ID = d.id(n) },
		"name":      func(n *yaml.Node) { a.Name = d.words(n) },
		"category":  func(n *yaml.Node) { a.Category = d.choice(n, categories) },
		"format":    func(n *yaml.Node) { format = d.format(n) },
		"paths":     func(n *yaml.Node) { paths = n },
		"units":     func(n *yaml.Node) { units = n; a.Units = d.list(n) },
		"secrets":   func(n *yaml.Node) { a.Secrets = d.secrets(n) },
		"ignore":    func(n *yaml.Node) { a.Ignore = d.ignore(n) },
		"defaults":  func(n *yaml.Node) { a.Defaults = d.defaults(n) },
		"weakening": func(n *yaml.Node) { a.Weakening = d.rules(n) },
		"validate":  func(n *yaml.Node) { a.Validate = d.words(n) },
		"reload":    func(n *yaml.Node) { a.Reload = d.words(n) },
		"effective": func(n *yaml.Node) { a.Effective = d.words(n) },
		"evidence":  func(n *yaml.Node) { a.Evidence = d.evidence(n) },
		"probes":    func(n *yaml.Node) { d.each(n, func(n *yaml.Node) { d.probe(n, a) }) },
	}, "id", "name", "category", "format", "paths", "weakening", "evidence")
	if paths != nil {
		d.each(paths, func(n *yaml.Node) { d.path(n, a, format) })
	}
	if units != nil && units.Kind == yaml.SequenceNode {
		d.units(units, a)
	}
	d.catalogue.Agents = append(d.catalogue.Agents, a)
}

func (d *decoder) id(n *yaml.Node) string {
	id := d.text(n)
	if !idShape.MatchString(id) {
		d.report.Fault(n, "id %q: lower-case letters, digits and single dashes only", id)
	}
	if line, taken := d.ids[id]; taken {
		d.report.Fault(n, "id %q already stands in line %d", id, line)
	}
	d.ids[id] = n.Line
	return id
}

// path reads one entry of paths: a glob, or a mapping with one.
func (d *decoder) path(n *yaml.Node, a *Agent, format string) {
	p := Pattern{Format: format}
	if n.Kind == yaml.ScalarNode {
		p.Glob = d.words(n)
	} else {
		d.fields(n, map[string]func(*yaml.Node){
			"glob":   func(n *yaml.Node) { p.Glob = d.words(n) },
			"format": func(n *yaml.Node) { p.Format = d.format(n) },
			"opaque": func(n *yaml.Node) { p.Opaque = d.flag(n) },
		}, "glob")
	}
	if p.Glob == "" {
		return // a fault by now
	}
	all, err := patterns(p.Glob)
	if err != nil {
		d.report.Fault(n, "glob %q: %v", p.Glob, err)
		return
	}
	for _, q := range all {
		q.Format, q.Opaque = p.Format, p.Opaque
		d.claim(n, a, q)
	}
}

// claim gives a pattern to an agent. No two agents have one glob: which of
// them a change belongs to would be an accident.
func (d *decoder) claim(n *yaml.Node, a *Agent, p Pattern) {
	if first, taken := d.claimed[p.Glob]; taken {
		d.report.Fault(n, "glob %q is already claimed in line %d", p.Glob, first.line)
		return
	}
	d.claimed[p.Glob] = claimant{agent: a, line: n.Line}
	a.Paths = append(a.Paths, p)
}

// units adds the drop-ins of an agent's units. What an agent lists itself
// comes first and stays.
func (d *decoder) units(n *yaml.Node, a *Agent) {
	for i, unit := range a.Units {
		if !unitShape.MatchString(unit) {
			d.report.Fault(n.Content[i], "unit %q", unit)
			continue
		}
		for _, in := range d.dropIns {
			all, err := patterns(strings.ReplaceAll(in.glob, unitVariable, unit))
			if err != nil {
				d.report.Fault(n.Content[i], "drop-in %q: %v", in.glob, err)
				continue
			}
			for _, p := range all {
				if d.claimed[p.Glob].agent != a {
					p.Format = in.format
					d.claim(n.Content[i], a, p)
				}
			}
		}
	}
}

// patterns expands and parses a glob.
func patterns(s string) ([]Pattern, error) {
	globs, err := expand(s)
	if err != nil {
		return nil, err
	}
	var all []Pattern
	for _, text := range globs {
		g, err := parseGlob(text)
		if err != nil {
			return nil, err
		}
		all = append(all, Pattern{Glob: text, glob: g})
	}
	return all, nil
}

func (d *decoder) secrets(n *yaml.Node) []string {
	all := d.list(n)
	for i, s := range all {
		if _, err := parseKeyPath(s); err != nil {
			d.report.Fault(n.Content[i], "secret: %v", err)
		}
	}
	return all
}

func (d *decoder) defaults(n *yaml.Node) map[string]string {
	all := map[string]string{}
	if n.Kind != yaml.MappingNode {
		d.report.Fault(n, "expected a mapping")
		return all
	}
	for k, value := range strictyaml.Keys(n) {
		key := d.words(k)
		if _, err := parseKeyPath(key); err != nil || strings.ContainsAny(key, "*[") {
			d.report.Fault(k, "default of %q: not the path of one key", key)
		}
		if _, twice := all[key]; twice {
			d.report.Fault(k, "key %q for the second time", key)
		}
		all[key] = d.text(value)
	}
	return all
}

func (d *decoder) rules(n *yaml.Node) []Rule {
	all := []Rule{}
	d.each(n, func(n *yaml.Node) { all = append(all, d.rule(n)) })
	return all
}

func (d *decoder) rule(n *yaml.Node) Rule {
	var r Rule
	before := d.report.Count()
	d.fields(n, map[string]func(*yaml.Node){
		"key":      func(n *yaml.Node) { r.Keys = d.keys(n) },
		"when":     func(n *yaml.Node) { r.When = d.when(n) },
		"severity": func(n *yaml.Node) { r.Severity = d.severity(n) },
		"why":      func(n *yaml.Node) { r.Why = d.words(n) },
	}, "key", "when", "severity", "why")
	if d.report.Count() > before {
		return r
	}
	if err := r.check(); err != nil {
		d.report.Fault(n, "%v", err)
	}
	return r
}

// keys reads one key or a list of them.
func (d *decoder) keys(n *yaml.Node) []Key {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if len(items) == 0 {
		d.report.Fault(n, "no key")
	}
	var all []Key
	for _, item := range items {
		k, err := parseKey(d.text(item))
		if err != nil {
			d.report.Fault(item, "key: %v", err)
			continue
		}
		all = append(all, k)
	}
	return all
}

func (d *decoder) when(n *yaml.Node) []Condition {
	all, err := parseConditions(d.text(n))
	if err != nil {
		d.report.Fault(n, "when: %v", err)
	}
	return all
}

func (d *decoder) severity(n *yaml.Node) finding.Severity {
	s, err := finding.ParseSeverity(d.text(n))
	if err != nil {
		d.report.Fault(n, "%v", err)
	}
	return s
}

func (d *decoder) evidence(n *yaml.Node) []Evidence {
	var all []Evidence
	d.each(n, func(n *yaml.Node) {
		var e Evidence
		d.fields(n, map[string]func(*yaml.Node){
			"how":  func(n *yaml.Node) { e.How = d.choice(n, methods) },
			"what": func(n *yaml.Node) { e.What = d.words(n) },
		}, "how", "what")
		all = append(all, e)
	})
	if len(all) == 0 {
		d.report.Fault(n, "no evidence")
	}
	return all
}
