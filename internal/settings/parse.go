package settings

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/stele-log/stele/internal/strictyaml"
)

// maxFaults bounds what a report says.
const maxFaults = 50

// Parse reads settings. The error joins one [*strictyaml.Fault] for each thing that is
// wrong, in the order of the text, and not more than 50 of them; name is what
// they call the file.
func Parse(name string, data []byte) (Settings, error) {
	d := newDecoder(name)
	s := Default()
	if root := d.document(data); root != nil {
		d.plain(root)
		d.section("", d.top(&s))(root)
		d.together(&s, root)
	}
	if err := d.report.Err(); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// decoder reads nodes into settings. It goes on after a fault, so that one run
// names them all.
type decoder struct {
	report *strictyaml.Report
	places map[string]place // of each setting and section, by its full name
}

func newDecoder(name string) *decoder {
	return &decoder{report: strictyaml.NewReport(name, maxFaults), places: map[string]place{}}
}

// place is where a setting stands.
type place struct {
	key   *yaml.Node
	wrong bool // its value, or one in it, was refused
}

// document returns the one document of data, or nil where there is nothing in
// it or it cannot be read.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		d.report.FaultAt(1, 1, "more than %v of settings", Bytes(maxFile))
		return nil
	}
	if line, column, bad := invalid(data); bad {
		d.report.FaultAt(line, column, "not UTF-8")
		return nil
	}
	loader, err := strictyaml.NewLoader(data)
	if err != nil {
		d.report.FaultAt(1, 1, "%v", err)
		return nil
	}
	doc, more := d.load(loader), (*yaml.Node)(nil)
	if doc != nil {
		more = d.load(loader)
	}
	if more != nil {
		d.report.Fault(more, "a second document; settings are one")
	}
	if doc == nil || len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// load reads the next document, nil after the last.
func (d *decoder) load(loader *strictyaml.Loader) *yaml.Node {
	doc, err := loader.Next()
	var at *strictyaml.Fault
	switch {
	case errors.As(err, &at):
		d.report.FaultAt(at.Line, at.Column, "not YAML: %s", at.Detail)
	case err != nil:
		d.report.FaultAt(1, 1, "not YAML: %v", err)
	}
	return doc
}

// invalid finds the first bytes that are not UTF-8.
func invalid(data []byte) (line, column int, bad bool) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			before := data[:i]
			return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):]), true
		}
		i += n
	}
	return 0, 0, false
}

// plain refuses what makes a file mean something elsewhere than where it says it.
func (d *decoder) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.report.Fault(n, "an alias; settings have none")
	case n.Anchor != "":
		d.report.Fault(n, "an anchor; settings have none")
	case n.Style&yaml.TaggedStyle != 0:
		d.report.Fault(n, "the tag %q; settings have none", n.Tag)
	}
	for _, c := range n.Content {
		d.plain(c)
	}
}

// fields is how each setting of a section is read.
type fields map[string]func(*yaml.Node)

// section reads a mapping. One that is there and empty, or commented out line
// by line, sets nothing.
func (d *decoder) section(where string, known fields) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if strictyaml.IsNull(n) {
			return
		}
		if n.Kind != yaml.MappingNode {
			d.report.Fault(n, "expected settings by name%s, not %s", in(where), strictyaml.KindOf(n))
			return
		}
		for key, val := range strictyaml.Keys(n) {
			d.setting(where, known, key, val)
		}
	}
}

// setting reads one setting of a section, where it stands for the first time.
func (d *decoder) setting(where string, known fields, key, val *yaml.Node) {
	name := key.Value
	full := strings.TrimPrefix(where+"."+name, ".")
	read, ok := known[name]
	switch {
	case key.Kind != yaml.ScalarNode:
		d.report.Fault(key, "expected the name of a setting%s, not %s", in(where), strictyaml.KindOf(key))
	case !ok:
		d.report.Fault(key, "unknown setting %q%s%s", name, in(where), strictyaml.Suggestion(name, slices.Sorted(maps.Keys(known))))
	case d.places[full].key != nil:
		d.report.Fault(key, "%s for the second time, after line %d", full, d.places[full].key.Line)
	default:
		d.places[full] = place{key: key}
		before := d.report.Count()
		read(val)
		d.places[full] = place{key: key, wrong: d.report.Count() > before}
	}
}

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

// value reads a value into to, or says why not.
func value[T any](d *decoder, to *T, read func(*yaml.Node) (T, error)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := read(n)
		if err != nil {
			d.report.Fault(n, "%v", err)
			return
		}
		*to = v
	}
}

// list reads a list of values. Nothing there is an empty one.
func list[T any](d *decoder, to *[]T, read func(*yaml.Node) (T, error)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch {
		case strictyaml.IsNull(n):
			return
		case n.Kind != yaml.SequenceNode:
			d.report.Fault(n, "expected a list, not %s", strictyaml.KindOf(n))
			return
		}
		for _, item := range n.Content {
			var v T
			value(d, &v, read)(item)
			*to = append(*to, v)
		}
	}
}

func (d *decoder) top(s *Settings) fields {
	return fields{
		"serve": d.section("serve", d.serve(&s.Serve)),
		"watch": d.section("watch", d.watch(&s.Watch)),
	}
}

func (d *decoder) serve(s *Serve) fields {
	return fields{
		"data":    value(d, &s.Data, directory),
		"listen":  value(d, &s.Listen, address),
		"names":   list(d, &s.Names, hostName),
		"metrics": d.section("serve.metrics", d.metrics(&s.Metrics)),
		"alert":   d.section("serve.alert", d.alert(&s.Alert)),
		"erasers": value(d, &s.Erasers, count(1, 16)),
		"tls": d.section("serve.tls", fields{
			"certificate": value(d, &s.TLS.Certificate, file),
			"key":         value(d, &s.TLS.Key, file),
		}),
		"limits": d.section("serve.limits", fields{
			"queue":   value(d, &s.Limits.Queue, size(mebi, tebi)),
			"request": value(d, &s.Limits.Request, size(mebi, tebi)),
			"streams": value(d, &s.Limits.Streams, count(1, 1_000_000)),
		}),
	}
}

func (d *decoder) watch(w *Watch) fields {
	return fields{
		"data":       value(d, &w.Data, directory),
		"paths":      list(d, &w.Paths, absolute),
		"discover":   value(d, &w.Discover, boolean),
		"probes":     value(d, &w.Probes, boolean),
		"scan_every": value(d, &w.ScanEvery, interval),
		"socket":     value(d, &w.Socket, orNone(socket)),
		"metrics":    d.section("watch.metrics", d.metrics(&w.Metrics)),
		"spool": d.section("watch.spool", fields{
			"limit": value(d, &w.Spool.Limit, size(mebi, tebi)),
		}),
		"alert": d.section("watch.alert", d.alert(&w.Alert)),
	}
}

func (d *decoder) metrics(m *Metrics) fields {
	return fields{"listen": value(d, &m.Listen, orNone(loopback))}
}

func (d *decoder) alert(a *Alert) fields {
	return fields{
		"webhook": value(d, &a.Webhook, orNone(webhook)),
		"syslog":  value(d, &a.Syslog, orNone(syslog)),
	}
}

// together checks settings against each other. What was refused by itself is
// not held against others.
func (d *decoder) together(s *Settings, root *yaml.Node) {
	if d.set("serve.tls.certificate") != d.set("serve.tls.key") {
		d.report.Fault(d.at(root, "serve.tls"), "serve.tls needs both certificate and key, or neither")
	}
	if l := s.Serve.Limits; l.Request > l.Queue && d.sound("serve.limits.request", "serve.limits.queue") {
		d.report.Fault(d.at(root, "serve.limits.request", "serve.limits.queue"),
			"serve.limits.request of %v is more than serve.limits.queue of %v", l.Request, l.Queue)
	}
	if a, b := s.Serve.Data, s.Watch.Data; (within(a, b) || within(b, a)) && d.sound("serve.data", "watch.data") {
		d.report.Fault(d.at(root, "watch.data", "serve.data"), "serve.data %q and watch.data %q are not apart", a, b)
	}
	if a, b := s.Serve.Listen, s.Serve.Metrics.Listen; a == b && !anyPort(a) && d.sound("serve.listen", "serve.metrics.listen") {
		d.report.Fault(d.at(root, "serve.metrics.listen", "serve.listen"), "serve.listen and serve.metrics.listen are both %s", a)
	}
}

func (d *decoder) set(name string) bool { return d.places[name].key != nil }

// sound reports whether none of those settings was refused.
func (d *decoder) sound(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return d.places[name].wrong })
}

// at is where the first of those settings stands that the file has.
func (d *decoder) at(root *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if d.set(name) {
			return d.places[name].key
		}
	}
	return root
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}
