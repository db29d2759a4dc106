package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/strictyaml"
)

// valid is a catalogue that uses every part of the format, one per line.
const valid = `version: 1
revision: 3
common:
  drop_ins:
  - {glob: "/etc/default/{unit}", format: env}
  ignore: ["*~"]
  weakening:
  - {key: "**.tls.insecure", when: becomes(true), severity: high, why: plain}
agents:
- id: one-agent
  name: One
  category: logging
  format: yaml
  units: [one]
  paths:
  - /etc/one.yaml
  - {glob: "/etc/one.d/*.key", format: "", opaque: true}
  secrets: ["**.password"]
  ignore: []
  defaults: {a.b: "yes"}
  weakening:
  - {key: [a.b, "c[]"], when: cidr_widened, severity: info, why: wider}
  - {key: 'line:/^-b (\d+)$/', when: dec or inc, severity: low, why: less}
  validate: one --check
  reload: restart
  effective: one --dump
  evidence:
  - {how: ran, what: it ran}
`

func TestParse(t *testing.T) {
	c, err := Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	tree := func(names ...string) Key { return Key{Place: InTree, Path: names} }
	want := &Catalogue{
		Revision: 3,
		Digest:   digest([]byte(valid)),
		Common: []Rule{{
			Keys: []Key{tree("**", "tls", "insecure")}, When: []Condition{{Op: Becomes, Values: []string{"true"}}},
			Severity: finding.High, Why: "plain",
		}},
		Agents: []*Agent{{
			ID: "one-agent", Name: "One", Category: "logging", Units: []string{"one"},
			Paths: []Pattern{
				{Glob: "/etc/one.yaml", Format: "yaml"},
				{Glob: "/etc/one.d/*.key", Opaque: true},
				{Glob: "/etc/default/one", Format: "env"},
			},
			Secrets: []string{"**.password"}, Ignore: []string{}, Defaults: map[string]string{"a.b": "yes"},
			Weakening: []Rule{
				{Keys: []Key{tree("a", "b"), tree("c[]")}, When: []Condition{{Op: CIDRWidened}}, Severity: finding.Info, Why: "wider"},
				{
					Keys: []Key{{Place: InLine, Pattern: regexp.MustCompile(`^-b (\d+)$`)}},
					When: []Condition{{Op: Decreased}, {Op: Increased}}, Severity: finding.Low, Why: "less",
				},
			},
			Validate: "one --check", Reload: "restart", Effective: "one --dump",
			Evidence: []Evidence{{How: "ran", What: "it ran"}},
		}},
	}
	opts := cmp.Options{
		cmp.FilterPath(func(p cmp.Path) bool {
			name := p.Last().String()
			return name == ".index" || name == ".glob" || name == ".ignore"
		}, cmp.Ignore()),
		cmp.Comparer(func(a, b *regexp.Regexp) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
	}
	if diff := cmp.Diff(want, c, opts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each row breaks one thing of the valid text; the fault names that line.
func TestParseNamesTheLine(t *testing.T) {
	for _, test := range []struct {
		old, new string
		line     int
		detail   string
	}{
		{"version: 1", "version: 2", 1, "only 1 is understood"},
		{"version: 1", "version: one", 1, "expected a number"},
		{"version: 1\n", "", 1, `missing key "version"`},
		{"revision: 3", "revision: 0", 2, "expected a number"},
		{"revision: 3", "revison: 3", 2, `unknown key "revison"`},
		{"revision: 3", "revision: !!int 3", 2, "plain text"},
		{"revision: 3", "version: 1", 2, `"version" for the second time`},
		{"  drop_ins:\n", "  drop_ons:\n", 4, `unknown key "drop_ons"`},
		{"/etc/default/{unit}", "/etc/default/unit", 5, "without {unit}"},
		{"/etc/default/{unit}", "default/{unit}", 5, "must begin with"},
		{`ignore: ["*~"]`, `ignore: "*~"`, 6, "expected a list"},
		{`ignore: ["*~"]`, `ignore: ["a/*~"]`, 6, "a base name has no /"},
		{`ignore: ["*~"]`, `ignore: ["*"]`, 6, "ignore everything"},
		{`ignore: ["*~"]`, `ignore: ["[a"]`, 6, "bad character class"},
		{"becomes(true)", "becomes", 8, "needs values"},
		{"severity: high", "severity: grave", 8, `severity "grave"`},
		{"severity: high, ", "", 8, `missing key "severity"`},
		{"why: plain", `why: ""`, 8, "empty text"},
		{"why: plain", `why: "a\e[2Jb"`, 8, "does not print"},
		{"why: plain", `why: "a\u202eb"`, 8, "does not print"},
		{"why: plain", `why: " a"`, 8, "begins or ends with space"},
		{"id: one-agent", "id: One", 10, "lower-case"},
		{"name: One", "name:", 11, "empty text"},
		{"name: One", "name: [One]", 11, "plain text"},
		{"name: One", "name: &a One", 11, "plain text"},
		{"category: logging", "category: misc", 12, `"misc" is none of`},
		{"format: yaml", "format: yml", 13, `unknown format "yml"`},
		{"format: yaml", "format:", 13, "plain text"},
		{"units: [one]", "units: [one/two]", 14, `unit "one/two"`},
		{"- /etc/one.yaml", "- etc/one.yaml", 16, "must begin with"},
		{"- /etc/one.yaml", "- /etc/{unit}.yaml", 16, "neither a choice nor a known variable"},
		{"- /etc/one.yaml", "- /etc/one.d/*.key", 17, "already claimed in line 16"},
		{`format: "", opaque`, `format: "", opaqe`, 17, `unknown key "opaqe"`},
		{"opaque: true", "opaque: yes", 17, "true or false"},
		{`"**.password"`, `"a.**.password"`, 18, "** may only be the first"},
		{`"**.password"`, `"a..password"`, 18, `bad element ""`},
		{`{a.b: "yes"}`, `{"a[]": "yes"}`, 20, "not the path of one key"},
		{`{a.b: "yes"}`, `[a]`, 20, "expected a mapping"},
		{`[a.b, "c[]"]`, `[]`, 22, "no key"},
		{`[a.b, "c[]"]`, `"line:/(/"`, 22, "expression"},
		{`[a.b, "c[]"]`, `"c[]"`, 0, ""},
		{"cidr_widened", "item_added", 22, "item_added cannot be asked of a key in the tree"},
		{"dec or inc", "becomes(1)", 23, "becomes cannot be asked of a key in the line"},
		{"dec or inc", "dec and inc", 23, `joined by " or "`},
		{"dec or inc", "evaluate", 23, `unknown condition "evaluate"`},
		{"{how: ran, what: it ran}", "{how: believed, what: it ran}", 28, `"believed" is none of`},
		{"\n  - {how: ran, what: it ran}\n", " []\n", 27, "no evidence"},
		{"  validate: one --check\n", "  run: one --check\n", 24, `unknown key "run"`},
	} {
		t.Run(test.new, func(t *testing.T) {
			data := strings.Replace(valid, test.old, test.new, 1)
			if data == valid {
				t.Fatalf("%q is not in the text", test.old)
			}
			_, err := Parse([]byte(data))
			if test.line == 0 {
				if err != nil {
					t.Errorf("%v, want no error", err)
				}
				return
			}
			if !names(err, test.line, test.detail) {
				t.Errorf("%v, want line %d: …%s…", err, test.line, test.detail)
			}
		})
	}
}

// names reports whether one of the joined faults is at the line and says so.
func names(err error, line int, detail string) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return false
	}
	return slices.ContainsFunc(joined.Unwrap(), func(e error) bool {
		var f *strictyaml.Fault
		return errors.As(e, &f) && f.Line == line && strings.Contains(f.Detail, detail)
	})
}

func TestParseRefusesWhole(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":       "",
		"a comment":     "# nothing\n",
		"a list":        "- 1\n",
		"not yaml":      "version: [1\n",
		"an alias":      "version: &v 1\nrevision: *v\n",
		"two documents": valid + "---\n" + valid,
		"too long":      "# " + strings.Repeat("x", maxData),
		"a twin agent":  valid + strings.Replace(valid[strings.Index(valid, "- id"):], "one", "two", 1),
		"not utf-8":     strings.Replace(valid, "plain", "pl\xe4in", 1),
	} {
		if c, err := Parse([]byte(data)); err == nil || c != nil {
			t.Errorf("%s: %v, %v; want an error and nothing else", name, c, err)
		}
	}
}

func TestParseNamesTheLineOfWhatIsNotYAML(t *testing.T) {
	_, err := Parse([]byte(strings.Replace(valid, "category: logging", "category: [logging", 1)))
	var f *strictyaml.Fault
	if !errors.As(err, &f) || f.Line < 12 || f.Line > 13 {
		t.Errorf("%v", err)
	}
}

func TestParseNamesAllFaultsInOrder(t *testing.T) {
	data := strings.NewReplacer("version: 1", "version: 9", "format: yaml", "format: yml", "how: ran", "how: dreamt").Replace(valid)
	_, err := Parse([]byte(data))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "line 1:") || !strings.HasPrefix(lines[1], "line 13:") || !strings.HasPrefix(lines[2], "line 28:") {
		t.Errorf("faults:\n%v", err)
	}
}

func TestParseNamesNoMoreThanABoundOfFaults(t *testing.T) {
	_, err := Parse([]byte("version: 1\n" + strings.Repeat("x: 1\n", 1000)))
	if err == nil || strings.Count(err.Error(), "\n") >= maxFaults {
		t.Errorf("%v", err)
	}
	_, err = Parse([]byte(strings.Repeat("x", 100_000) + ": 1\n"))
	if err == nil || len(err.Error()) > maxFaults*(strictyaml.MaxDetail+20) {
		t.Errorf("error of %d bytes", len(fmt.Sprint(err)))
	}
}

func TestParseRefusesADropInOfTwoAgents(t *testing.T) {
	twin := strings.NewReplacer("one-agent", "two-agent", "/etc/one", "/etc/two").Replace(valid[strings.Index(valid, "- id"):])
	_, err := Parse([]byte(valid + twin))
	if err == nil || !strings.Contains(err.Error(), `line 33: glob "/etc/default/one" is already claimed in line 14`) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte("version: &a [*a]\n"))
	f.Add(minimal(agentWith("a", `"/etc/{a,b}/**/[^x]?*.conf"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if (c == nil) == (err == nil) {
			t.Fatalf("catalogue %v, error %v", c, err)
		}
		if err != nil {
			return
		}
		for _, a := range c.Agents {
			checkAgent(t, c, a)
		}
	})
}

// checkAgent asserts what Parse promises of everything it accepts.
func checkAgent(t *testing.T, c *Catalogue, a *Agent) {
	if !idShape.MatchString(a.ID) || len(a.Evidence) == 0 || c.Agent(a.ID) != a {
		t.Errorf("agent %+v", a)
	}
	for _, r := range a.Weakening {
		if len(r.Keys) == 0 || len(r.When) == 0 || r.Severity < finding.Info || r.Severity > finding.Critical || r.Why == "" || r.check() != nil {
			t.Errorf("rule %+v", r)
		}
	}
	for _, p := range a.Paths {
		if g, err := parseGlob(p.Glob); err != nil || !knownFormat(p.Format) {
			t.Errorf("pattern %+v: %v", p, err)
		} else if m, ok := c.Match(g.prefix); g.exact() && (!ok || m.Agent != a) {
			t.Errorf("%s does not lead to %s", g.prefix, a.ID)
		}
	}
}
