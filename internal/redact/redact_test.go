package redact

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/redact/fingerprint"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

var formats = []string{
	"", "yaml", "toml", "json", "jsonc", "ini", "conf", "sshd", "sudoers", "crontab", "rsyslog", "xml", "env", "rules", "erb",
}

// sharedRedactor serves the tests that make many calls.
var sharedRedactor = newTest()

// check tests what holds for every input, and returns the result.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, raw []byte, src Source,
) Result {
	t.Helper()
	r := sharedRedactor
	before := bytes.Clone(raw)
	res := r.Text(raw, src)
	if !bytes.Equal(before, raw) {
		t.Fatalf("input altered")
	}
	if n := bytes.Count(res.Text, []byte(Mark)); n != len(res.Fingerprints) || n != len(res.Spans) {
		t.Fatalf("%d marks, %d fingerprints, %d spans in %q for %q", n, len(res.Fingerprints), len(res.Spans), res.Text, raw)
	}
	at, out := 0, []byte(nil)
	for i, s := range res.Spans {
		if s.Start < at || s.End <= s.Start || s.End > len(raw) {
			t.Fatalf("span %d is %v after %d in %d bytes", i, s, at, len(raw))
		}
		if want := testKey.Of(raw[s.Start:s.End])[0]; want != res.Fingerprints[i] {
			t.Fatalf("fingerprint %d is %s, want %s", i, res.Fingerprints[i], want)
		}
		out = append(append(out, raw[at:s.Start]...), Mark...)
		at = s.End
	}
	if out = append(out, raw[at:]...); !bytes.Equal(out, res.Text) {
		t.Fatalf("bytes outside the spans altered: %q, want %q", res.Text, out)
	}
	again := r.Text(res.Text, src)
	if !bytes.Equal(again.Text, res.Text) {
		t.Fatalf("not idempotent: %q, then %q (from %q)", res.Text, again.Text, raw)
	}
	if same := r.Text(raw, src); !cmp.Equal(same, res) {
		t.Fatalf("not deterministic: %s", cmp.Diff(res, same))
	}
	return res
}

func TestTextKeepsItsPromisesOnTables(t *testing.T) {
	for _, c := range textCases {
		text, _ := planted(c.text)
		for _, format := range formats {
			check(t, []byte(text), Source{Format: format, SecretPaths: c.paths})
		}
	}
	for _, c := range innocent {
		check(t, []byte(c.text), Source{Format: c.format})
	}
}

// fragments are what hostile and ordinary texts are drawn from.
var fragments = []string{
	"password", "token", "api_key", "secret", "Authorization", "name", "value", "kind: Secret", "data:", ":", ": ", "=", " = ", "=>",
	"\"", "'", "`", "\\\"", "\n", "\n  ", "\n- ", "- ", "{", "}", "[", "]", "<", ">", "</", "/", ",", ";", "#", " # ", "|\n   ", ">-\n  ",
	"${", "$", "{{ ", " }}", "<%= ", " %>", "https://bob:", "@host", "@tcp(", "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----",
	"hunter2", "Ginger#3425", "9f86d081884c7d659a2feaa0c55ad015", "ghp_4FBhju4brKKjrOzruofEmxJqJdjea5WtQfal", "$6$abc$", "eyJ", "Basic ",
	Mark, Mark[:3], Mark[3:], "\xff", "\r\n", "\t", "mysql -p", "curl -u a:", "--password", "-p", "[[a.b]]", "[a]", "\"\"\"", "!vault |", "&a", "*a", "é",
	"*.* :ommysql:a,b,c,", "CREATE USER a IDENTIFIED BY ", "Private-Lines: 1\n", "? ", "\n: ", "\n- mysql\n- -p", " \\\n ", "\npassword: |\n  ", "passwords =\n  ",
	"<name>password</name><value>", "\\u0070", "secrets:\n  ", "PASSWORD '", "*.* >a,b,c,",
}

func TestTextKeepsItsPromisesOnFragments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 40).Draw(t, "text"), "")
		check(t, []byte(text), Source{
			Format:      rapid.SampledFrom(formats).Draw(t, "format"),
			SecretPaths: rapid.SliceOfN(rapid.SampledFrom([]string{"a.b", "*", "a.*.(x|token)", "a[].b*", "(", "", "name.value"}), 0, 3).Draw(t, "paths"),
		})
	})
}

// settings are the ways the formats have to give a key a value; %s is the
// value.
var settings = map[string][]string{
	"yaml": {"password: %s\n", "a:\n  - token: %s\n    b: c\n", "api_key: \"%s\"\n", "x:\n  client_secret: '%s'\n", "secret: |\n  %s\n", "u: https://bob:%s@db/x\n", "a: {password: \"%s\"}\n"},
	"toml": {"password = \"%s\"\n", "[a]\n  api_token = '%s'\n", "t = { secret = \"%s\" }\n", "u = \"amqp://bob:%s@mq:5672\"\n", "secret = '''\n%s\n'''\n"},
	"json": {"{\"password\": \"%s\"}", "{\"a\":[{\"name\":\"TOKEN\",\"value\":\"%s\"}]}", "{\"args\":[\"--token\",\"%s\"]}"},
	"ini":  {"password = %s\n", "[a]\nauth_token=%s\n", "Environment=\"DB_PASSWORD=%s\"\n"},
	"conf": {"bindpw %s\n", "  password => \"%s\",\n", "secret \"%s\";\n", "machine h login bob password %s\n"},
	"env":  {"A_PASSWORD=%s\n", "export TOKEN='%s'\n"},
	"xml":  {"<a><password>%s</password></a>\n", "<a token=\"%s\"/>\n", "<p name=\"password\" value=\"%s\"/>\n"},
}

// TestNoPlantedSecretSurvives plants drawn secrets in every way of every
// format, among ordinary lines (P2).
func TestNoPlantedSecretSurvives(t *testing.T) {
	secret := rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_+.!#%^*()~?@:=-]{7,40}[0-9]`)
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]string{"yaml", "toml", "json", "ini", "conf", "env", "xml"}).Draw(t, "format")
		pattern := rapid.SampledFrom(settings[format]).Draw(t, "setting")
		s := secret.Filter(func(s string) bool { return !lexicon.IsPlain([]byte(s)) }).Draw(t, "secret")
		if strings.Contains(pattern, "://") {
			s = strings.ReplaceAll(s, "@", "%40") // a host after it would be ambiguous
		}
		text := fmt.Sprintf(pattern, s)
		if format == "yaml" || format == "ini" {
			text = "# head\n" + text
		}
		res := check(t, []byte(text), Source{Format: format})
		left := bytes.ReplaceAll(res.Text, []byte(Mark), nil)
		if len(left) > len(text)-len(s) {
			t.Fatalf("%s: part of %q survives in %q", format, s, res.Text)
		}
	})
}

func FuzzText(f *testing.F) {
	for i, c := range textCases {
		text, _ := planted(c.text)
		f.Add([]byte(text), uint8(i), "a.*.b")
	}
	f.Fuzz(func(t *testing.T, raw []byte, format uint8, path string) {
		check(t, raw, Source{Format: formats[int(format)%len(formats)], SecretPaths: []string{path}})
		sharedRedactor.String(string(raw))
		sharedRedactor.Command(strings.Split(string(raw), " "))
	})
}

func TestFingerprint(t *testing.T) {
	other, err := NewKey(bytes.Repeat([]byte{7}, fingerprint.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("a_password: one\nb_password: one\nc_password: two\n")
	got := newTest().Text(text, Source{Format: "yaml"})
	if f := got.Fingerprints; len(f) != 3 || f[0] != f[1] || f[0] == f[2] || len(f[0]) != 12 {
		t.Errorf("fingerprints %v: want two equal ones and another, of 12 characters", f)
	}
	under := New(Config{Key: other}).Text(text, Source{Format: "yaml"})
	if under.Fingerprints[0] == got.Fingerprints[0] {
		t.Error("fingerprints under two keys are equal")
	}
	if !bytes.Equal(under.Text, got.Text) {
		t.Error("the text depends on the key")
	}
}

func TestUnparsedAndBinary(t *testing.T) {
	for _, c := range []struct {
		format, text     string
		unparsed, binary bool
	}{
		{"yaml", "a: 1\n", false, false},
		{"yaml", "{{ if .x }}\na: 1\n{{ end }}\n", true, false},
		{"json", `{"a": 1}`, false, false},
		{"json", `{"a": `, true, false},
		{"toml", "a = 1\n", false, false},
		{"toml", "{{ a }}\n", true, false},
		{"xml", "<a></a>", false, false},
		{"xml", "<a></b>", true, false},
		{"conf", "a b\n", false, false},
		{"", "a b\n", true, false},
		{"yaml", "a: \x00", true, true},
	} {
		got := newTest().Text([]byte(c.text), Source{Format: c.format})
		if got.Unparsed != c.unparsed || got.Binary != c.binary {
			t.Errorf("%s %q: unparsed %t, binary %t", c.format, c.text, got.Unparsed, got.Binary)
		}
	}
}

func BenchmarkText(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "- job_name: node-%d\n  static_configs:\n    - targets: [\"host-%d.example.org:9100\"]\n      labels: {site: a%d}\n  # scraped every minute\n  metrics_path: /metrics\n", i, i, i)
		if i%100 == 0 {
			text.WriteString("  basic_auth:\n    username: bob\n    password: hunter2\n")
		}
	}
	for _, format := range []string{"yaml", ""} {
		b.Run("format="+format, func(b *testing.B) {
			r := newTest()
			raw := []byte(text.String())
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				r.Text(raw, Source{Format: format, SecretPaths: []string{"remote_write[].basic_auth.password"}})
			}
		})
	}
}
