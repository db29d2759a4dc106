package settings

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/strictyaml"
)

func TestDefaultFileIsDefault(t *testing.T) {
	got, err := Parse("stele.yaml", []byte(DefaultFile()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Error(diff)
	}
}

// example is a setting that the default file shows commented out: no space
// follows the sign.
var example = regexp.MustCompile(`(?m)^( *)#([a-z])`)

func TestExamplesOfDefaultFileAreFine(t *testing.T) {
	got, err := Parse("stele.yaml", []byte(example.ReplaceAllString(DefaultFile(), "$1$2")))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Serve.Names = []string{"stele.example.org", "192.0.2.7"}
	want.Serve.TLS = TLS{"/etc/stele/tls/server.pem", "/etc/stele/tls/server.key"}
	want.Watch.Paths = []string{"/etc/myagent", "/opt/other/*.conf"}
	want.Watch.Alert = Alert{"https://alerts.example.org/stele", "unix:///dev/log"}
	want.Serve.Alert = want.Watch.Alert
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultFileShowsEverySetting(t *testing.T) {
	d := newDecoder("s")
	s := Default()
	d.section("", d.top(&s))(d.document([]byte(example.ReplaceAllString(DefaultFile(), "$1$2"))))
	shown := 0
	for name := range d.places {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(d.places)), func(n string) bool { return strings.HasPrefix(n, name+".") }) {
			shown++
		}
	}
	if want := leaves(reflect.TypeFor[Settings]()); shown != want {
		t.Errorf("the default file shows %d settings of %d", shown, want)
	}
}

// leaves counts the fields of a struct, in all depths, that are no structs.
func leaves(t reflect.Type) (n int) {
	if t.Kind() != reflect.Struct {
		return 1
	}
	for f := range t.Fields() {
		n += leaves(f.Type)
	}
	return n
}

func TestParse(t *testing.T) {
	changed := func(change func(*Settings)) Settings {
		s := Default()
		change(&s)
		return s
	}
	for _, c := range []struct {
		name, in string
		want     Settings
	}{
		{"nothing", "", Default()},
		{"comments", "# nothing\n", Default()},
		{"a document of nothing", "---\n", Default()},
		{"empty sections", "serve:\nwatch:\n", Default()},
		{"empty sections within", "serve:\n  tls:\n  #certificate: /x\n", Default()},
		{"a mark before it", "\ufeffserve: {erasers: 3}\n", changed(func(s *Settings) { s.Serve.Erasers = 3 })},
		{"carriage returns", "serve:\r\n  erasers: 3\r\n", changed(func(s *Settings) { s.Serve.Erasers = 3 })},
		{"JSON", `{"serve": {"erasers": 3}}`, changed(func(s *Settings) { s.Serve.Erasers = 3 })},
		{"the rest stays", "serve:\n  limits: {streams: 7}\n", changed(func(s *Settings) { s.Serve.Limits.Streams = 7 })},
		{"metrics off", "serve: {metrics: {listen: ''}}\n", changed(func(s *Settings) { s.Serve.Metrics.Listen = "" })},
		{"every address", "serve: {listen: ':7835'}\n", changed(func(s *Settings) { s.Serve.Listen = ":7835" })},
		{"IPv6", "serve: {listen: '[::]:7835', metrics: {listen: '[::1]:0'}}\n", changed(func(s *Settings) { s.Serve.Listen, s.Serve.Metrics.Listen = "[::]:7835", "[::1]:0" })},
		{"sizes", "serve: {limits: {queue: 1GiB, request: 1048576}}\n", changed(func(s *Settings) { s.Serve.Limits.Queue, s.Serve.Limits.Request = 1<<30, 1<<20 })},
		{"paths are shortened", "watch: {data: /srv//watch/, paths: [/etc/x/, '/opt/*.d/*.conf']}\n", changed(func(s *Settings) { s.Watch.Data, s.Watch.Paths = "/srv/watch", []string{"/etc/x", "/opt/*.d/*.conf"} })},
		{"no socket, no discovery", "watch: {socket: '', discover: False, scan_every: 90s}\n", changed(func(s *Settings) { s.Watch.Socket, s.Watch.Discover, s.Watch.ScanEvery = "", false, 90*time.Second })},
		{"True is true", "watch: {discover: True}\n", Default()},
		{"alerts", "watch: {alert: {webhook: 'http://127.0.0.1:9000/x?y=z', syslog: 'udp://[2001:db8::1]:514'}}\n", changed(func(s *Settings) { s.Watch.Alert = Alert{"http://127.0.0.1:9000/x?y=z", "udp://[2001:db8::1]:514"} })},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("s", []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"unknown, near", "serve:\n  data: /a\n  lisen: x:1\n", `s:3:3: unknown setting "lisen" in serve; did you mean "listen"?`},
		{"unknown, other spelling", "watch:\n  scanEvery: 5m\n", `s:2:3: unknown setting "scanEvery" in watch; did you mean "scan_every"?`},
		{"unknown, far", "watch:\n  colour: red\n", `s:2:3: unknown setting "colour" in watch`},
		{"unknown section", "server: {}\n", `s:1:1: unknown setting "server"; did you mean "serve"?`},
		{"unknown, deep", "serve: {limits: {stream: 1}}\n", `s:1:18: unknown setting "stream" in serve.limits; did you mean "streams"?`},
		{"merge key", "serve:\n  <<: {erasers: 1}\n", `s:2:3: unknown setting "<<" in serve`},
		{"twice", "serve:\n  erasers: 1\n  erasers: 1\n", `s:3:3: serve.erasers for the second time, after line 2`},
		{"section twice", "serve:\n  erasers: 1\nserve:\n  erasers: 2\n", `s:3:1: serve for the second time, after line 1`},
		{"a list for a section", "serve: [a]\n", `s:1:8: expected settings by name in serve, not a list`},
		{"a text for all", "serve\n", `s:1:1: expected settings by name, not the text "serve"`},
		{"a key that is a list", "? [a]\n: b\n", `s:1:3: expected the name of a setting, not a list`},
		{"a number for a text", "serve: {data: 5}\n", `s:1:15: expected an absolute path, not 5`},
		{"nothing for a text", "serve:\n  data:\n", `s:2:8: expected an absolute path, not nothing`},
		{"a text for a list", "watch: {paths: /etc}\n", `s:1:16: expected a list, not the text "/etc"`},
		{"a text for a truth", "watch: {discover: 'true'}\n", `s:1:19: expected true or false, not the text "true"`},
		{"yes is a text", "watch: {discover: yes}\n", `s:1:19: expected true or false, not the text "yes"`},
		{"a fraction", "serve: {erasers: 1.5}\n", `s:1:18: expected a number, not 1.5`},
		{"too few", "serve: {erasers: 0}\n", `s:1:18: 0 is not a number from 1 to 16`},
		{"relative", "serve: {data: var/lib}\n", `s:1:15: "var/lib" is not an absolute path`},
		{"the root", "serve: {data: /../}\n", `s:1:15: the root directory cannot be it`},
		{"relative in a list", "watch:\n  paths:\n  - /a\n  - ./b\n", `s:4:5: "./b" is not an absolute path`},
		{"does not print", "serve: {data: \"/a\\n\"}\n", `s:1:15: "/a\n" does not print`},
		{"space", "serve: {data: '/a '}\n", `s:1:15: "/a " begins or ends with space`},
		{"decimal unit", "watch: {spool: {limit: 256MB}}\n", `s:1:24: "256MB" is not a size such as 256MiB or 1GiB`},
		{"negative size", "watch: {spool: {limit: -1}}\n", `s:1:24: "-1" is not a size such as 256MiB or 1GiB`},
		{"a huge size", "watch: {spool: {limit: 9999999999999TiB}}\n", `s:1:24: "9999999999999TiB" is not a size such as 256MiB or 1GiB`},
		{"a small spool", "watch: {spool: {limit: 1023KiB}}\n", `s:1:24: a size of 1023KiB; it is from 1MiB to 1TiB`},
		{"a bare duration", "watch: {scan_every: 300}\n", `s:1:21: expected a duration such as 5m or 30s, not 300`},
		{"a bad duration", "watch: {scan_every: 5 minutes}\n", `s:1:21: "5 minutes" is not a duration such as 5m or 30s`},
		{"a short duration", "watch: {scan_every: 1ms}\n", `s:1:21: a duration of 1ms; it is from 1s to 24h0m0s`},
		{"no port", "serve: {listen: localhost}\n", `s:1:17: "localhost" is not host:port`},
		{"a named port", "serve: {listen: 'localhost:https'}\n", `s:1:17: "https" in "localhost:https" is not a port`},
		{"a port too high", "serve: {listen: 'localhost:65536'}\n", `s:1:17: "65536" in "localhost:65536" is not a port`},
		{"a bad host", "serve: {listen: 'a b:1'}\n", `s:1:17: "a b" is not a host name or an address`},
		{"half an address", "serve: {names: ['192.0.2']}\n", `s:1:17: "192.0.2" is not a host name or an address`},
		{"metrics for all", "serve: {metrics: {listen: ':7836'}}\n", `s:1:27: ":7836" is not on loopback; metrics have no password`},
		{"metrics outside", "watch: {metrics: {listen: '192.0.2.7:1'}}\n", `s:1:27: "192.0.2.7:1" is not on loopback; metrics have no password`},
		{"half a certificate", "serve:\n  tls:\n    key: /k\n", `s:2:3: serve.tls needs both certificate and key, or neither`},
		{"a directory of certificates", "serve: {tls: {key: /k/, certificate: /c}}\n", `s:1:20: "/k/" is a directory, not a file`},
		{"request over queue", "serve: {limits: {request: 512MiB}}\n", `s:1:18: serve.limits.request of 512MiB is more than serve.limits.queue of 256MiB`},
		{"one directory", "watch:\n  data: /var/lib/stele\n", `s:2:3: serve.data "/var/lib/stele" and watch.data "/var/lib/stele" are not apart`},
		{"one in the other", "serve:\n  data: /var/lib/stele-watch/x\n", `s:2:3: serve.data "/var/lib/stele-watch/x" and watch.data "/var/lib/stele-watch" are not apart`},
		{"one port", "serve: {listen: 'localhost:1', metrics: {listen: 'localhost:1'}}\n", `s:1:42: serve.listen and serve.metrics.listen are both localhost:1`},
		{"a plain webhook of the server", "serve: {alert: {webhook: 'http://example.org/secret'}}\n", `s:1:26: neither an https URL nor http on loopback`},
		{"plain webhook", "watch: {alert: {webhook: 'http://example.org/secret'}}\n", `s:1:26: neither an https URL nor http on loopback`},
		{"webhook with a password", "watch: {alert: {webhook: 'https://u:secret@example.org/'}}\n", `s:1:26: a URL with a password; it would be sent in clear to diagnostics`},
		{"webhook of no host", "watch: {alert: {webhook: 'https:secret'}}\n", `s:1:26: not an https URL`},
		{"a relative socket of syslog", "watch: {alert: {syslog: 'unix://dev/log'}}\n", `s:1:25: "unix://dev/log" is not unix:///dev/log, udp://host:port or tcp://host:port`},
		{"syslog without port", "watch: {alert: {syslog: 'tcp://log.example.org'}}\n", `s:1:25: "tcp://log.example.org" is not unix:///dev/log, udp://host:port or tcp://host:port`},
		{"a long socket", "watch: {socket: /" + strings.Repeat("s", 107) + "}\n", `s:1:17: a path of 108 bytes; that of a socket has at most 107`},
		{"an anchor", "serve: &a {erasers: 1}\n", `s:1:8: an anchor; settings have none`},
		{"an alias", "serve: {names: &a [x.example]}\nwatch: {paths: *a}\n", "s:1:16: an anchor; settings have none\ns:2:16: an alias; settings have none\ns:2:16: expected a list, not an alias"},
		{"a tag", "serve: {erasers: !!int 1}\n", `s:1:18: the tag "!!int"; settings have none`},
		{"two documents", "serve: {erasers: 1}\n---\nwatch: {discover: true}\n", `s:2:1: a second document; settings are one`},
		{"not YAML", "serve:\n  data: [\n", `s:3:1: not YAML: did not find expected node content`},
		{"not UTF-8", "serve:\n  dätä\xff: 1\n", `s:2:7: not UTF-8`},
		{"too big", strings.Repeat("#", maxFile+1), `s:1:1: more than 1MiB of settings`},
		{
			"all at once", "serve:\n  lisen: a:1\n  limits: {queue: much, request: 512MiB}\nwatch:\n  data: x\n  discover: 1\n",
			"s:2:3: unknown setting \"lisen\" in serve; did you mean \"listen\"?\n" +
				"s:3:19: \"much\" is not a size such as 256MiB or 1GiB\n" +
				"s:5:9: \"x\" is not an absolute path\n" +
				"s:6:13: expected true or false, not 1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("s", []byte(c.in))
			if err == nil {
				t.Fatalf("accepted: %+v", got)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			var f *strictyaml.Fault
			if !errors.As(err, &f) {
				t.Errorf("%T holds no Fault", err)
			}
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	_, err := Parse("s", []byte("watch:\n  paths:\n"+strings.Repeat("  - "+strings.Repeat("ä", 1000)+"\n", 200)))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxFaults {
		t.Errorf("%d faults, want %d", len(lines), maxFaults)
	}
	if n := len(lines[0]); n > strictyaml.MaxDetail+20 {
		t.Errorf("a fault of %d bytes", n)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stele.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("serve: {erasers: 1, x: 1}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":1:21: ") {
		t.Errorf("a fault does not begin with its place: %v", err)
	}
	if err := os.WriteFile(path, []byte("serve: {erasers: 1}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(path); err != nil || s.Serve.Erasers != 1 {
		t.Errorf("Load = %+v, %v", s, err)
	}
}

func TestLoadOfWhatNeverEnds(t *testing.T) {
	if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "more than 1MiB") {
		t.Errorf("Load of a device: %v", err)
	}
}

func TestBytesReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Bytes(rapid.Int64Range(0, 1<<62).Draw(t, "size")) << rapid.SampledFrom([]int{0, 10, 20}).Draw(t, "unit") & (1<<63 - 1)
		var got Bytes
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Fatalf("%d written as %s, read as %d: %v", want, want, got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(DefaultFile()))
	f.Add([]byte(example.ReplaceAllString(DefaultFile(), "$1$2")))
	f.Add([]byte("a: [*b, &b c, !!int d]\n---\n\xff"))
	f.Add([]byte("serve: {limits: {queue: 1KiB}, tls: {key: /k}}\n"))
	place := regexp.MustCompile(`^f\.yaml:[1-9][0-9]*:[1-9][0-9]*: [^\n]+$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse("f.yaml", data)
		if err == nil {
			checkBounds(t, got)
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !place.MatchString(line) {
				t.Errorf("a fault without its place: %q", line)
			}
		}
	})
}

// checkBounds checks of accepted settings what others rely on.
func checkBounds(t *testing.T, s Settings) {
	t.Helper()
	for _, p := range append([]string{s.Serve.Data, s.Watch.Data}, s.Watch.Paths...) {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p {
			t.Errorf("accepted the path %q", p)
		}
	}
	if (s.Serve.TLS.Certificate == "") != (s.Serve.TLS.Key == "") {
		t.Errorf("accepted half a certificate: %+v", s.Serve.TLS)
	}
	if l := s.Serve.Limits; l.Queue < mebi || l.Request > l.Queue || l.Streams < 1 || s.Watch.Spool.Limit < mebi {
		t.Errorf("accepted limits out of bounds: %+v %v", l, s.Watch.Spool)
	}
	if s.Serve.Erasers < 1 || s.Watch.ScanEvery < time.Second {
		t.Errorf("accepted %d erasers, scans every %v", s.Serve.Erasers, s.Watch.ScanEvery)
	}
}
