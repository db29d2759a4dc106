package semdiff

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cases are pairs of texts and what is said of them, a line an operation.
var cases = []struct {
	name, format, a, b string
	want               []string
}{
	{"one key", "yaml", "a: 1 # note\nb: [x]\n", "a: 2 # note\nb: [x]\n", []string{"value a 1 → 2"}},
	{"null is not empty", "yaml", "debug:\n", "debug: {}\n", []string{"value debug null → {}"}},
	{"absent is not null", "yaml", "a: 1\nb:\n", "a: 1\n", []string{"removed b null"}},
	{"a string is not a number", "json", `{"a": 7}`, `{"a": "7"}`, []string{`value a 7 → "7"`}},
	{"equal numbers are noted", "toml", "a = 7\n", "a = 7.0\n", []string{"format a 7 → 7.0"}},
	{"great integers", "json", `{"a": 9007199254740993}`, `{"a": 9007199254740992}`, []string{"value a 9007199254740993 → 9007199254740992"}},
	{"great integers in YAML", "yaml", "a: 123456789012345678901234567890\n", "a: 123456789012345678901234567891\n", []string{"value a 123456789012345678901234567890 → 123456789012345678901234567891"}},
	{"quotes alone", "yaml", "a: x\n", "a: 'x'\n", []string{"format a"}},
	{"a blank", "json", "{}", "{ }", []string{"format"}},
	{"a comment is lost", "yaml", "a: 1\n# keep\nb: 2\n", "a: 1\nb: 2\n", []string{`comment  "# keep"`}},
	{"a comment behind a value", "toml", "a = 1 # x\n", "a = 1 # y\n", []string{`comment a "# x" → "# y"`}},
	{
		"an item by its name", "yaml",
		"jobs:\n- job_name: a\n  port: 1\n- job_name: b\n  port: 2\n", "jobs:\n- job_name: b\n  port: 3\n- job_name: a\n  port: 1\n",
		[]string{"moved jobs[job_name=a]", "value jobs[job_name=b].port 2 → 3"},
	},
	{"an item changes", "json", `["a", "b", "c"]`, `["a", "x", "c"]`, []string{`value [1] "b" → "x"`}},
	{"an item at the end", "json", "[\n 1,\n 2\n]", "[\n 1,\n 2,\n 3\n]", []string{"added [2] 3"}},
	{"an item at the start", "yaml", "a: [x, y]\n", "a: [w, x, y]\n", []string{`added a[0] "w"`}},
	{"order of names", "yaml", "a: 1\nb: 2\n", "b: 2\na: 1\n", []string{"order a"}},
	{"another document", "yaml", "a: 1\n", "a: 1\n---\nb: 2\n", []string{`added [1] {"b":2}`}},
	{"in the second document", "yaml", "a: 1\n---\nb: 2\n", "a: 1\n---\nb: 3\n", []string{"value [1].b 2 → 3"}},
	{"a name that repeats", "sshd", "AcceptEnv A\nAcceptEnv B\n", "AcceptEnv A\nAcceptEnv C\n", []string{`value AcceptEnv "B" → "C"`}},
	{"a directive", "sshd", "# root\nPermitRootLogin no\n", "# root\nPermitRootLogin yes\n", []string{`value PermitRootLogin "no" → "yes"`}},
	{"a section", "ini", "[a]\nx=1\n", "[a]\nx=1\n[b]\ny=2\n", []string{`added b {"y":"2"}`}},
	{"the end of the last line", "conf", "a 1", "a 1\n", []string{"format"}},
	{"a scalar becomes a map", "yaml", "a: 1\n", "a:\n  b: 1\n", []string{`value a 1 → {"b":1}`}},
	{"an attribute", "xml", `<z><s name="ssh" on="1"/></z>`, `<z><s name="ssh" on="0"/></z>`, []string{`value s.@.on "1" → "0"`}},
	{"a line of a table", "crontab", "# m\n0 * * * * root a\n", "# m\n5 * * * * root a\n", []string{`value [0] "0 * * * * root a" → "5 * * * * root a"`}},
	{"a name", "conf", "/var/log/a {\n  daily\n}\n", "/var/log/b {\n  daily\n}\n", []string{`moved /var/log/a "/var/log/a" → "/var/log/b"`}},
	{"an item without identity", "yaml", "- ip: 1\n- ip: 2\n", "- ip: 1\n- ip: 3\n", []string{"value [1].ip 2 → 3"}},
	{"another item", "yaml", "- name: a\n  x: 1\n", "- name: b\n  x: 2\n", []string{`removed [name=a] {"name":"a","x":1}`, `added [name=b] {"name":"b","x":2}`}},
	{"indented deeper", "yaml", "a:\n- x\n- y\n", "a:\n  - x\n  - y\n", []string{"format a"}},
}

func TestDiff(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := Diff(Text{Text: c.a}, Text{Text: c.b}, c.format)
			var got []string
			for _, o := range d.Operations {
				got = append(got, strings.TrimRight(fmt.Sprintf("%s %s %s", o.Kind, o.Path, sides(o)), " "))
			}
			if diff := cmp.Diff(c.want, got); d.Unparsed || diff != "" {
				t.Errorf("unparsed: %v\n%s", d.Unparsed, diff)
			}
			holds(t, c.a, c.b, c.format)
			holds(t, c.b, c.a, c.format)
		})
	}
}

func sides(o Operation) string {
	switch {
	case o.Old != nil && o.New != nil:
		return string(o.Old) + " → " + string(o.New)
	case o.Old != nil:
		return string(o.Old)
	}
	return string(o.New)
}

// holds: the operations give the other text, and the patch the other data.
func holds(t interface{ Fatalf(string, ...any) }, a, b, format string) {
	d := Diff(Text{Text: a}, Text{Text: b}, format)
	if d.Unparsed {
		t.Fatalf("unparsed: %q, %q", a, b)
	}
	if got, err := Apply(a, format, d.Operations); err != nil || got != b {
		t.Fatalf("%q to %q: got %q, %v; operations %+v", a, b, got, err, d.Operations)
	}
	if a == b != (len(d.Operations) == 0) {
		t.Fatalf("%q to %q: %d operations", a, b, len(d.Operations))
	}
	ops, err := Patch(a, b, format)
	if err != nil {
		t.Fatalf("patch: %v", err)
	}
	old, _ := Data(a, format)
	want, _ := Data(b, format)
	got := string(canonical(t, patched(t, old, ops)))
	if want := string(canonical(t, decoded(t, want))); got != want {
		t.Fatalf("%q to %q: the patch %+v gives %s, want %s", a, b, ops, got, want)
	}
}

func decoded(t interface{ Fatalf(string, ...any) }, raw json.RawMessage) any {
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func canonical(t interface{ Fatalf(string, ...any) }, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// patched applies a patch as RFC 6902 says.
func patched(t interface{ Fatalf(string, ...any) }, raw json.RawMessage, ops []PatchOperation) any {
	doc := decoded(t, raw)
	for _, o := range ops {
		var value any
		if o.Op != "remove" {
			value = decoded(t, o.Value)
		}
		doc = put(t, doc, strings.Split(o.Path, "/")[1:], o.Op, value)
	}
	return doc
}

func put(t interface{ Fatalf(string, ...any) }, doc any, path []string, op string, value any) any {
	if len(path) == 0 {
		return value
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch d := doc.(type) {
	case map[string]any:
		_, there := d[name]
		if !there && (op != "add" || len(path) > 1) {
			t.Fatalf("%s %q: there is no such name", op, name)
		}
		if len(path) == 1 && op == "remove" {
			delete(d, name)
			return d
		}
		d[name] = put(t, d[name], path[1:], op, value)
		return d
	case []any:
		var i int
		if _, err := fmt.Sscan(name, &i); err != nil || i > len(d) || i == len(d) && op != "add" {
			t.Fatalf("%s %q: there is no such item of %d", op, name, len(d))
		}
		switch {
		case len(path) > 1 || op == "replace":
			d[i] = put(t, d[i], path[1:], op, value)
			return d
		case op == "remove":
			return slices.Delete(d, i, i+1)
		}
		return slices.Insert(d, i, value)
	}
	t.Fatalf("%s %v in %T", op, path, doc)
	return nil
}

// TestRandom: whatever two texts of a format are, what is said of them holds.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]string{"yaml", "json", "toml", "conf", "ini"}).Draw(t, "format")
		a := written(format).Draw(t, "a")
		holds(t, a, written(format).Draw(t, "b"), format)
	})
}

// written draws a text of a format.
func written(format string) *rapid.Generator[string] {
	name := rapid.SampledFrom([]string{"a", "b", "name", "id"})
	value := rapid.SampledFrom([]string{"1", "1.0", "true", `"x"`, `"y z"`, `""`})
	blanks := rapid.SampledFrom([]string{"", "\n", " "})
	note := rapid.SampledFrom([]string{"", "", "# one\n", "# two\n# three\n"})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		switch format {
		case "json":
			writeJSON(t, &b, 3, name, value, blanks)
			return b.String()
		case "yaml":
			writeYAML(t, &b, "", 3, name, value, note)
			return b.String()
		}
		eq := map[string]string{"toml": " = ", "ini": "=", "conf": " "}[format]
		used := map[string]bool{}
		for i := range rapid.IntRange(0, 8).Draw(t, "lines") {
			b.WriteString(note.Draw(t, "note"))
			if n := name.Draw(t, "name"); !used[n] || format != "toml" {
				used[n] = true
				b.WriteString(n + eq + value.Draw(t, "value") + "\n")
			}
			if i%3 == 2 {
				fmt.Fprintf(&b, "[s%d]\n", rapid.IntRange(0, 2).Draw(t, "section"))
				used = map[string]bool{}
			}
		}
		return b.String()
	})
}

func writeJSON(t *rapid.T, b *strings.Builder, depth int, name, value, blanks *rapid.Generator[string]) {
	kind := rapid.IntRange(0, 2).Draw(t, "kind")
	if depth == 0 || kind == 0 {
		b.WriteString(value.Draw(t, "value"))
		return
	}
	b.WriteString([]string{"", "{", "["}[kind])
	used := map[string]bool{}
	for range rapid.IntRange(0, 4).Draw(t, "count") {
		n := name.Draw(t, "name")
		if kind == 1 && used[n] {
			continue
		}
		if len(used) > 0 {
			b.WriteString(blanks.Draw(t, "blank") + ",")
		}
		used[n] = true
		b.WriteString(blanks.Draw(t, "blank"))
		if kind == 1 {
			fmt.Fprintf(b, "%q:%s", n, blanks.Draw(t, "blank"))
		} else {
			used[fmt.Sprint(len(used))] = true
		}
		writeJSON(t, b, depth-1, name, value, blanks)
	}
	b.WriteString(blanks.Draw(t, "blank") + []string{"", "}", "]"}[kind])
}

func writeYAML(t *rapid.T, b *strings.Builder, indent string, depth int, name, value, note *rapid.Generator[string]) {
	list := rapid.Bool().Draw(t, "list")
	used := map[string]bool{}
	for range rapid.IntRange(1, 4).Draw(t, "count") {
		if n := note.Draw(t, "note"); n != "" {
			b.WriteString(indent + strings.ReplaceAll(strings.TrimSuffix(n, "\n"), "\n", "\n"+indent) + "\n")
		}
		n := name.Draw(t, "name")
		if used[n] && !list {
			continue
		}
		used[n] = true
		head := n + ":"
		if list {
			head = "-"
		}
		if depth > 0 && rapid.Bool().Draw(t, "deeper") {
			b.WriteString(indent + head + "\n")
			writeYAML(t, b, indent+"  ", depth-1, name, value, note)
			continue
		}
		b.WriteString(indent + head + " " + value.Draw(t, "value") + "\n")
	}
}

// TestSecrets: a secret that changed is a value that did, though both are masked.
func TestSecrets(t *testing.T) {
	text := "user: «redacted»\npassword: «redacted»\n"
	d := Diff(Text{text, []string{"f1", "f2"}}, Text{text, []string{"f1", "f3"}}, "yaml")
	if len(d.Operations) != 1 || d.Operations[0].Path != "password" || !d.Operations[0].Secret || d.Operations[0].Kind != Value {
		t.Errorf("%+v", d.Operations)
	}
	if got, err := Apply(text, "yaml", d.Operations); got != text || err != nil {
		t.Error(got, err)
	}
	if d := Diff(Text{text, []string{"f1", "f2"}}, Text{text, []string{"f1", "f2"}}, "yaml"); len(d.Operations) != 0 {
		t.Errorf("nothing changed: %+v", d.Operations)
	}
}

// TestUnparsed: of a text that is not of its format nothing is said.
func TestUnparsed(t *testing.T) {
	for _, c := range [][3]string{{"a: [", "a: 1\n", "yaml"}, {"{}", "{", "json"}, {"x", "y", "markdown"}, {"x", "y", ""}} {
		if d := Diff(Text{Text: c[0]}, Text{Text: c[1]}, c[2]); !d.Unparsed || d.Operations != nil {
			t.Errorf("%q: %+v", c, d)
		}
	}
}

// TestLinear: eight times as much takes no more than about eight times as long, of
// texts in which nothing is where it was.
func TestLinear(t *testing.T) {
	for name, write := range map[string]func(n, k int) string{
		"items":   func(n, k int) string { return fmt.Sprintf("- x%d\n", (n*7919+k)%100_003) },
		"named":   func(n, k int) string { return fmt.Sprintf("- name: n%d\n  a: %d\n", (n*7919)%(10_007+k), k) },
		"same":    func(_, k int) string { return fmt.Sprintf("- a: %d\n  b: 1\n", k) },
		"comment": func(n, k int) string { return fmt.Sprintf("# c%d\n\na%d: 1\n", n*k, n) },
		"empty":   func(_, k int) string { return []string{"- {}\n", "- []\n"}[k%2] },
	} {
		timed := func(count int) time.Duration {
			var a, b strings.Builder
			for n := range count {
				a.WriteString(write(n, 1))
				b.WriteString(write(count-n, 2))
			}
			best := time.Hour
			for range 3 {
				start := cpu(t)
				if Diff(Text{Text: a.String()}, Text{Text: b.String()}, "yaml").Unparsed {
					t.Fatal(name, "is unparsed")
				}
				best = min(best, cpu(t)-start)
			}
			return best
		}
		if small, large := timed(2000), timed(16_000); large > 24*small+200*time.Millisecond {
			t.Errorf("%s: %v for 2,000, %v for 16,000", name, small, large)
		}
	}
}

// cpu is the time that this process has computed, which others on the machine do not
// make longer.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLongNames: however long the names of a text are, the paths of what changed are not.
func TestLongNames(t *testing.T) {
	text := func(value int) Text {
		var b strings.Builder
		fmt.Fprintf(&b, "{%q: {%q: {", strings.Repeat("é", 1<<16), strings.Repeat("k", 700))
		for i := range 100 {
			fmt.Fprintf(&b, "\"a%d\": %d, ", i, value)
		}
		return Text{Text: b.String() + "\"z\": 0}}}"}
	}
	d := Diff(text(1), text(2), "json")
	if len(d.Operations) != 100 {
		t.Fatalf("%d operations", len(d.Operations))
	}
	for i, o := range d.Operations {
		if len(o.Path) > 2*mostPath || !utf8.ValidString(o.Path) || !strings.HasPrefix(o.Path, "…é") || !strings.HasSuffix(o.Path, fmt.Sprintf("é.%s.a%d", strings.Repeat("k", 700), i)) {
			t.Fatalf("path %q", o.Path)
		}
	}
	if back, err := Apply(text(1).Text, "json", d.Operations); err != nil || back != text(2).Text {
		t.Errorf("applied: %v", err)
	}
}
