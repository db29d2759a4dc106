package catalogue

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// programPlaces are where a program lies that is asked: root's alone.
var programPlaces = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

func (d *decoder) probe(n *yaml.Node, a *Agent) {
	p := Probe{Agent: a}
	d.fields(n, map[string]func(*yaml.Node){
		"name":    func(n *yaml.Node) { p.Name = d.probeName(n) },
		"run":     func(n *yaml.Node) { p.Run = d.list(n) },
		"read":    func(n *yaml.Node) { p.Read = d.words(n) },
		"network": func(n *yaml.Node) { p.Network = d.flag(n) },
		"by":      func(n *yaml.Node) { p.By = d.ignore(n) },
		"format":  func(n *yaml.Node) { p.Format = d.format(n) },
	}, "name", "by")
	switch {
	case (len(p.Run) > 0) == (p.Read != ""):
		d.report.Fault(n, "a probe either runs a program or reads a file")
	case p.Read != "" && !strings.HasPrefix(path.Clean(p.Read), "/proc/"):
		d.report.Fault(n, "read %q: only files of the kernel's, below /proc", p.Read)
	case p.Read == "" && (path.Clean(p.Run[0]) != p.Run[0] || !slices.Contains(programPlaces, path.Dir(p.Run[0]))):
		d.report.Fault(n, "run %q: only programs of %s", p.Run[0], strings.Join(programPlaces, ", "))
	}
	d.catalogue.Probes = append(d.catalogue.Probes, p)
}

func (d *decoder) probeName(n *yaml.Node) string {
	name := d.text(n)
	if !idShape.MatchString(name) {
		d.report.Fault(n, "name %q: lower-case letters, digits and single dashes only", name)
	}
	if slices.ContainsFunc(d.catalogue.Probes, func(p Probe) bool { return p.Name == name }) {
		d.report.Fault(n, "a probe %q already stands above", name)
	}
	return name
}

// ChangedBy reports whether a program, by its path, changes what the probe shows.
func (p *Probe) ChangedBy(exe string) bool {
	base := path.Base(strings.TrimSuffix(exe, " (deleted)"))
	return slices.ContainsFunc(p.By, func(elem string) bool { return matchElement(elem, base) })
}
