package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// nastyArchive holds files that have broken programs like this one: broken
// encodings, bombs, nesting, huge lines, and names no one should give a file.
const nastyArchive = "../../../shared/data/nasty/nasty.tar.zst"

// patience is how long a test waits for what must happen; nothing takes that
// long unless it hangs.
const patience = 3 * time.Minute

// redactionMark is what stands in a text for every secret.
const redactionMark = "«redacted»"

// nasty is one file of the archive.
type nasty struct {
	name    string // relative, slashes
	content []byte // of a link: its target
	link    bool
}

// nastyFiles unpacks the archive, or skips the test where there is none.
func nastyFiles(t *testing.T) []nasty {
	t.Helper()
	f, err := os.Open(nastyArchive)
	if errors.Is(err, fs.ErrNotExist) {
		skipUnlessCI(t, "the nasty inputs are not here: %v", err)
	}
	ok(t, err)
	defer f.Close()
	z, err := zstd.NewReader(f)
	ok(t, err)
	defer z.Close()
	var files []nasty
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		ok(t, err)
		name, inside := strings.CutPrefix(h.Name, "nasty/files/")
		switch {
		case !inside:
		case h.Typeflag == tar.TypeSymlink:
			files = append(files, nasty{name, []byte(h.Linkname), true})
		case h.Typeflag == tar.TypeReg:
			b, err := io.ReadAll(r)
			ok(t, err)
			files = append(files, nasty{name, b, false})
		}
	}
	if len(files) < 60 {
		t.Fatalf("%d nasty files, want more than 60", len(files))
	}
	return files
}

func skipUnlessCI(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("STELE_CI") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// modified is the file after somebody changed it.
func (n nasty) modified() nasty {
	n.content = append(slices.Clone(n.content), '\n')
	if n.link {
		n.content = append(bytes.TrimSpace(n.content), "-2"...)
	}
	return n
}

// put writes the file below dir. A link is replaced as a whole.
func (n nasty) put(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(n.name))
	ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if !n.link {
		ok(t, os.WriteFile(path, n.content, 0o644))
		return
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		ok(t, err)
	}
	ok(t, os.Symlink(string(n.content), path))
}

// followed are the files as a watcher sees them: a link that leads to a file has its text.
func followed(t *testing.T, dir string, files []nasty) []nasty {
	t.Helper()
	files = slices.Clone(files)
	for i, n := range files {
		path := filepath.Join(dir, filepath.FromSlash(n.name))
		if fi, err := os.Stat(path); n.link && err == nil && fi.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			ok(t, err)
			files[i] = nasty{name: n.name, content: text}
		}
	}
	return files
}

// maxWatched is the size from which a watcher keeps the digest only.
const maxWatched = 4 << 20

// marks of the text of n; mark redacted is left to the redactor, see recordedAs.
func (n nasty) marks(watched bool) []string {
	switch {
	case n.link:
		return []string{"link"}
	case watched && len(n.content) > maxWatched:
		return []string{"too-large"}
	case bytes.HasPrefix(n.content, []byte("\xff\xfe")), bytes.HasPrefix(n.content, []byte("\xfe\xff")):
		if filepath.Ext(n.name) == ".csv" { // UTF-16 is read as what it is; CSV has no parser
			return []string{"unparsed"}
		}
		return nil
	case bytes.IndexByte(n.content, 0) >= 0:
		return []string{"binary", "redacted", "unparsed"}
	}
	return nil
}

// store is a store of its own, and the process that writes to it.
type store struct {
	dir string
	env []string
}

func newStore(t *testing.T) store {
	dir := t.TempDir()
	env := append(os.Environ(), "STELE_DATA="+filepath.Join(dir, "store"), "STELE_TRUST="+filepath.Join(dir, "trust"), "HOME="+dir)
	return store{dir, env}
}

func (s store) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// run runs a command that must neither crash nor hang.
func (s store) run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := s.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	ok(t, cmd.Start())
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !hung.Stop() {
		t.Fatalf("stele %q hung", args)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	status = cmd.ProcessState.ExitCode()
	if status < 0 || status > 3 || strings.Contains(errs.String(), "goroutine ") {
		t.Fatalf("stele %q crashed: %v\n%s", args, err, errs.String())
	}
	return out.String(), errs.String(), status
}

// must is run for a command that must succeed.
func (s store) must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, status := s.run(t, args...)
	if status != 0 {
		t.Fatalf("stele %q: status %d\n%s\n%s", args, status, out, errs)
	}
	return out
}

// shown is what the test reads of an entry in log --json.
type shown struct {
	Index   uint64 `json:"index"`
	ID      string `json:"id"`
	Changes []struct {
		Path   string   `json:"path"`
		Path64 string   `json:"path64"`
		Action string   `json:"action"`
		Size   *int64   `json:"size"`
		Digest string   `json:"digest"`
		Marks  []string `json:"marks"`
	} `json:"changes"`
	Proof struct {
		State string `json:"state"`
	} `json:"proof"`
}

// latest is the latest change of a path.
type latest struct {
	ref    string // that cat takes
	action string
	size   int64
	digest string
	marks  []string
	proof  string
}

// heads are the latest changes, by the exact path, of the paths below dir.
func (s store) heads(t *testing.T, dir string) map[string]latest {
	t.Helper()
	out := s.must(t, "log", "--json")
	heads := make(map[string]latest)
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var e shown
		err := dec.Decode(&e)
		if err == io.EOF {
			return heads
		}
		ok(t, err)
		for k, c := range slices.Backward(e.Changes) { // log is newest first
			rel, below := strings.CutPrefix(exact(t, c.Path, c.Path64), dir)
			if _, newer := heads[rel]; !below || newer {
				continue
			}
			h := latest{ref: fmt.Sprintf("%s/%d", e.ID, k), action: c.Action, digest: c.Digest, marks: c.Marks, proof: e.Proof.State, size: -1}
			if c.Size != nil {
				h.size = *c.Size
			}
			heads[rel] = h
		}
	}
}

// exact is the bytes of a path or a line in JSON.
func exact(t *testing.T, plain, encoded string) string {
	t.Helper()
	if encoded == "" {
		if strings.ContainsRune(plain, utf8.RuneError) {
			t.Errorf("%q lost bytes, and they are in no other field", plain)
		}
		return plain
	}
	b, err := base64.StdEncoding.DecodeString(encoded)
	ok(t, err)
	if utf8.Valid(b) {
		t.Errorf("%q in base64, which is UTF-8", b)
	}
	return string(b)
}

// recordedAs holds the record of a file against the file: the same bytes, or a
// mark that says why not.
func (s store) recordedAs(t *testing.T, n nasty, h latest, watched bool) {
	t.Helper()
	if h.size != int64(len(n.content)) || h.proof != "verified" {
		t.Errorf("%q: size %d, proof %q; want %d, verified", n.name, h.size, h.proof, len(n.content))
	}
	if slices.Contains(h.marks, "too-large") {
		s.digestOnly(t, n, h)
	} else if text := s.must(t, "cat", h.ref); !agrees([]byte(text), n.content, slices.Contains(h.marks, "redacted")) {
		t.Errorf("%q: %d bytes recorded are not the %d of the file", n.name, len(text), len(n.content))
	}
	if d := gocmp.Diff(wantMarks(n, h.marks, watched), h.marks); d != "" {
		t.Errorf("%q: marks (-want +got):\n%s", n.name, d)
	}
}

// digestOnly holds the record of a file that is too large for a text against it.
func (s store) digestOnly(t *testing.T, n nasty, h latest) {
	t.Helper()
	if h.digest != sha256Hex(n.content) {
		t.Errorf("%q: digest %q is not that of the file", n.name, h.digest)
	}
	if _, errs, status := s.run(t, "cat", h.ref); status != 1 || !strings.Contains(errs, "has no text") {
		t.Errorf("%q: cat of a digest: status %d, %s", n.name, status, errs)
	}
}

// wantMarks are the marks n must have. What is a secret is for the redactor's
// tests to say: here any text may be redacted.
func wantMarks(n nasty, got []string, watched bool) []string {
	if want := n.marks(watched); want != nil {
		return want
	}
	var want []string
	if slices.Contains(got, "redacted") {
		want = append(want, "redacted")
	}
	if unparsed, said := parsing[n.name]; !said && slices.Contains(got, "unparsed") || unparsed {
		want = append(want, "unparsed")
	}
	return want
}

// parsing says of files whether they must be marked unparsed or must not be.
var parsing = map[string]bool{
	"s-alias-bomb.yaml": false, "s-selfref.yaml": false, "s-merge-override.yaml": false, "s-multi-doc.yaml": false,
	"s-tags.yaml": false, "s-norway.yaml": false, "s-dupkeys.yaml": false, "s-json-bignum.json": false, "s-empty.yaml": false,
	"s-one-line-1mb.json": false, "w00-large-yaml-metadata.yaml": false, "w02-one-line-json-components.json": false,
	"s-deep.json": true, "s-deep-flow.yaml": true, "s-trunc.json": true, "s-gotmpl.yaml": true, "s-erb.yml": true,
	"s-latin1.conf": true, "s-shiftjis.conf": true,
}

// agrees reports whether text is content, but for secrets that were masked: the
// pieces between the marks must stand in content, in order, the first at its
// beginning and the last at its end.
func agrees(text, content []byte, masked bool) bool {
	if !masked {
		return bytes.Equal(text, content)
	}
	pieces := bytes.Split(text, []byte(redactionMark))
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(pieces) < 2 || !bytes.HasPrefix(content, first) {
		return false
	}
	rest := content[len(first):]
	for _, p := range pieces[1 : len(pieces)-1] {
		at := bytes.Index(rest, p)
		if at < 0 {
			return false
		}
		rest = rest[at+len(p):]
	}
	return bytes.HasSuffix(rest, last)
}

func TestAgrees(t *testing.T) {
	for _, tc := range []struct {
		text, content string
		masked, want  bool
	}{
		{"a", "a", false, true},
		{"a", "b", false, false},
		{"a", "a", true, false}, // marked, and nothing is masked
		{"k: " + redactionMark + "\nx", "k: secret\nx", true, true},
		{"k: " + redactionMark + "\nx", "k: secret\ny", true, false},
		{"k: " + redactionMark, "j: secret", true, false},
		{redactionMark + "b" + redactionMark + "c", "1b2c", true, true},
		{redactionMark + "b" + redactionMark + "c", "1x2c", true, false},
	} {
		if got := agrees([]byte(tc.text), []byte(tc.content), tc.masked); got != tc.want {
			t.Errorf("agrees(%q, %q, %v) = %v", tc.text, tc.content, tc.masked, got)
		}
	}
}

// steers finds the first character that could steer the terminal of a reader:
// everything but line feed, tab and what is meant to be seen.
func steers(out string) (string, bool) {
	for i, r := range out {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(out[i:], "\uFFFD"):
		case r < 0x20 && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0:
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x2028, r == 0x2029:
		default:
			continue
		}
		return fmt.Sprintf("%q at byte %d of %q", r, i, out[max(0, i-40):min(len(out), i+40)]), true
	}
	return "", false
}

func TestSteers(t *testing.T) {
	for _, s := range []string{"\x1b[31m", "a\r\n", "\u202e", "\u2067", "\x00", "\xff", "\u009b", "\x7f", "\u200f"} {
		if _, bad := steers("fine" + s); !bad {
			t.Errorf("%q passed", s)
		}
	}
	if what, bad := steers("é «x»\t\\x1b\n"); bad {
		t.Error(what)
	}
}

// shows runs a reading command and looks for what steers a terminal.
func (s store) shows(t *testing.T, args ...string) string {
	t.Helper()
	out := s.must(t, args...)
	if what, bad := steers(out); bad {
		t.Errorf("stele %q prints %s", args, what)
	}
	return out
}

// verified runs both verifiers.
func (s store) verified(t *testing.T) {
	t.Helper()
	if out := s.shows(t, "verify", "--strict"); !strings.Contains(out, "verified: ") {
		t.Errorf("verify: %s", out)
	}
	t.Run("second verifier", func(t *testing.T) { s.verifiedBySecond(t) })
}

// verifiedBySecond asks the verifier that shares no code with the first.
func (s store) verifiedBySecond(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		skipUnlessCI(t, "no second verifier: %v", err)
	}
	script, err := filepath.Abs("../../contrib/verifier/verify.mjs")
	ok(t, err)
	var first struct {
		Size, Changes uint64
	}
	ok(t, json.Unmarshal([]byte(s.must(t, "verify", "--json")), &first))
	out, err := exec.Command(node, script, "--json", "--vkey", s.vkey(t), filepath.Join(s.dir, "store", "log")).Output()
	if err != nil {
		t.Fatalf("second verifier: %v\n%s", err, out)
	}
	var second struct {
		Size, Changes uint64
		Findings      []any
	}
	ok(t, json.Unmarshal(out, &second))
	if second.Size != first.Size || second.Changes != first.Changes || len(second.Findings) > 0 || first.Changes == 0 {
		t.Errorf("the verifiers disagree: %+v, %+v", first, second)
	}
}

// vkey is the key of the log that is believed of the store.
func (s store) vkey(t *testing.T) string {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(s.dir, "trust", "*.json"))
	ok(t, err)
	if len(notes) != 1 {
		t.Fatalf("%d beliefs, want 1", len(notes))
	}
	b, err := os.ReadFile(notes[0])
	ok(t, err)
	var belief struct{ VKey string }
	ok(t, json.Unmarshal(b, &belief))
	return belief.VKey
}

// running is a stele up.
type running struct {
	cmd   *exec.Cmd
	ended chan error

	mu   sync.Mutex
	said bytes.Buffer // standard error
}

// Write takes what the process says.
func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(b)
}

func (r *running) says() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

// up watches dir until the test ends or stop is called.
func (s store) up(t *testing.T, dir string) *running {
	t.Helper()
	r := &running{cmd: s.command("up", "--probes=false", dir), ended: make(chan error, 1)}
	r.cmd.Stderr = r
	ok(t, r.cmd.Start())
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	r.until(t, "it watches", func() bool { return strings.Contains(r.says(), "watching ") })
	return r
}

// until polls while the process lives.
func (r *running) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case err := <-r.ended:
			t.Fatalf("stele up ended before %s: %v\n%s", what, err, r.says())
		case <-deadline:
			t.Fatalf("not after %v: %s\n%s", patience, what, r.says())
		case <-tick.C:
		}
	}
}

// stop interrupts the process, which must have lived until then.
func (r *running) stop(t *testing.T) {
	t.Helper()
	ok(t, r.cmd.Process.Signal(syscall.SIGINT))
	select {
	case err := <-r.ended:
		if err != nil || strings.Contains(r.says(), "goroutine ") {
			t.Errorf("stele up: %v\n%s", err, r.says())
		}
	case <-time.After(patience):
		t.Errorf("stele up does not end\n%s", r.says())
	}
}

// recorded waits until the latest change of every file is of its size.
func (r *running) recorded(t *testing.T, s store, dir string, files []nasty) map[string]latest {
	t.Helper()
	var heads map[string]latest
	missing := func(n nasty) bool {
		h, is := heads[n.name]
		return !is || h.action == "delete" || h.size != int64(len(n.content)) || h.proof != "verified"
	}
	r.until(t, "everything is recorded", func() bool {
		heads = s.heads(t, dir+"/")
		return !slices.ContainsFunc(files, missing)
	})
	return heads
}

// TestNastyWatched lets a watcher see every nasty file come, change and go.
func TestNastyWatched(t *testing.T) {
	files := nastyFiles(t)
	s := newStore(t)
	dir := filepath.Join(s.dir, "etc")
	ok(t, os.Mkdir(dir, 0o755))
	r := s.up(t, dir)

	for _, n := range files {
		n.put(t, dir)
	}
	created := r.recorded(t, s, dir, followed(t, dir, files))
	for _, n := range followed(t, dir, files) {
		s.recordedAs(t, n, created[n.name], true)
	}
	changed := make([]nasty, len(files))
	for i, n := range files {
		changed[i] = n.modified()
		changed[i].put(t, dir)
	}
	changed = followed(t, dir, changed)
	modified := r.recorded(t, s, dir, changed)
	for _, n := range changed {
		s.recordedAs(t, n, modified[n.name], true)
	}
	gone := removeThird(t, dir, changed)
	r.until(t, "the removals are recorded", func() bool {
		heads := s.heads(t, dir+"/")
		return !slices.ContainsFunc(gone, func(n nasty) bool { return heads[n.name].action != "delete" })
	})
	onlyThese(t, s.heads(t, dir+"/"), files)
	s.readable(t, dir+"/", changed)
	s.blamedExactly(t, dir+"/", changed)
	s.onDisk(t, dir, changed)
	r.stop(t)
	s.drifts(t, dir, changed)
	s.verified(t)
}

func removeThird(t *testing.T, dir string, files []nasty) (gone []nasty) {
	t.Helper()
	for i, n := range files {
		if i%3 == 0 {
			ok(t, os.Remove(filepath.Join(dir, filepath.FromSlash(n.name))))
			gone = append(gone, n)
		}
	}
	return gone
}

// onlyThese fails if a path was recorded that no file has: one that was
// followed through a link, or spelled in two ways.
func onlyThese(t *testing.T, heads map[string]latest, files []nasty) {
	t.Helper()
	var want []string
	for _, n := range files {
		want = append(want, n.name)
	}
	slices.Sort(want)
	if d := gocmp.Diff(want, slices.Sorted(maps.Keys(heads))); d != "" {
		t.Errorf("recorded paths (-want +got):\n%s", d)
	}
}

// readable runs every reading command over everything that was recorded.
func (s store) readable(t *testing.T, prefix string, files []nasty) {
	t.Helper()
	s.shows(t, "log", "-n", "0")
	s.shows(t, "status")
	for dec := json.NewDecoder(strings.NewReader(s.must(t, "log", "--json"))); ; {
		var e shown
		err := dec.Decode(&e)
		if err == io.EOF {
			break
		}
		ok(t, err)
		index := fmt.Sprint(e.Index)
		s.shows(t, "show", index)
		if len(e.Changes) > 0 {
			s.shows(t, "diff", index)
		}
	}
	for _, n := range files {
		s.shows(t, "blame", "--", prefix+n.name)
	}
}

// onDisk lets verify hold every file on disk against the record, those that are
// gone too.
func (s store) onDisk(t *testing.T, dir string, files []nasty) {
	t.Helper()
	for _, n := range files {
		s.shows(t, "verify", filepath.Join(dir, filepath.FromSlash(n.name)))
	}
}

// drifts lets verify find what changed while nobody watched: the kinds that are
// compared in different ways, each.
func (s store) drifts(t *testing.T, dir string, files []nasty) {
	t.Helper()
	for _, n := range files {
		if !slices.Contains([]string{"s-large-6mb.yaml", "s-nul.conf", "s-empty.yaml", "symlinks/loop-a", "names/bad\xff\xfeutf8.conf"}, n.name) {
			continue
		}
		n = n.modified()
		n.put(t, dir)
		_, errs, status := s.run(t, "verify", filepath.Join(dir, filepath.FromSlash(n.name)))
		if what, bad := steers(errs); status != 3 || !strings.Contains(errs, "drift") || bad {
			t.Errorf("%q changed: status %d, %s %s", n.name, status, errs, what)
		}
	}
}

// blamedExactly holds the lines of blame --json against a text that is not UTF-8.
func (s store) blamedExactly(t *testing.T, prefix string, files []nasty) {
	t.Helper()
	n := files[slices.IndexFunc(files, func(n nasty) bool { return n.name == "s-latin1.conf" })]
	var got bytes.Buffer
	for dec := json.NewDecoder(strings.NewReader(s.must(t, "blame", "--json", prefix+n.name))); ; {
		var l struct{ Text, Text64 string }
		err := dec.Decode(&l)
		if err == io.EOF {
			break
		}
		ok(t, err)
		got.WriteString(exact(t, l.Text, l.Text64) + "\n")
	}
	if want := append(bytes.TrimSuffix(n.content, []byte("\n")), '\n'); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%q: blamed lines %q, want %q", n.name, got.Bytes(), want)
	}
}

// TestNastyImported lets an importer tell the same: each file is added, and in
// one commit all are modified.
func TestNastyImported(t *testing.T) {
	s := newStore(t)
	var added, changed []nasty
	var rows []map[string]any
	for i, n := range nastyFiles(t) {
		if n.link { // an importer is told contents
			continue
		}
		added, changed = append(added, n), append(changed, n.modified())
		rows = append(rows, s.row(t, n, "add", fmt.Sprint("c", i), nil))
	}
	for i, n := range changed {
		rows = append(rows, s.row(t, n, "modify", "all", added[i].content))
	}
	file := s.rows(t, "changes.ndjson", rows...)
	if out := s.must(t, "import", "ndjson", file); !strings.Contains(out, fmt.Sprintf("imported %d rows", len(rows))) {
		t.Errorf("import: %s", out)
	}
	heads := s.heads(t, "")
	onlyThese(t, heads, changed)
	for _, n := range changed {
		s.recordedAs(t, n, heads[n.name], false)
		if got := s.must(t, "cat", "--", n.name); got != s.must(t, "cat", heads[n.name].ref) {
			t.Errorf("%q: cat by path and by reference differ", n.name)
		}
	}
	s.readable(t, "", changed)
	s.verified(t)
}

// row words a change of n and puts its contents among the blobs.
func (s store) row(t *testing.T, n nasty, op, commit string, before []byte) map[string]any {
	t.Helper()
	row := map[string]any{
		"repo": "nasty/\u202erepo", "commit": commit, "op": op, "path": n.name, "author_name": "A\x1b[31m", "committer_name": "\u2067B",
		"time": "2026-01-02T03:04:05Z", "message": "line\r\nline\x00\u202e\x1b]0;x\a", "before_sha256": nil, "after_sha256": s.blob(t, n.content),
	}
	if ext := strings.TrimPrefix(filepath.Ext(n.name), "."); ext == "yaml" || ext == "json" {
		row["format"] = ext
	}
	if before != nil {
		row["before_sha256"] = s.blob(t, before)
	}
	if !utf8.ValidString(n.name) {
		delete(row, "path")
		row["path64"] = base64.StdEncoding.EncodeToString([]byte(n.name))
	}
	return row
}

func (s store) blob(t *testing.T, content []byte) string {
	t.Helper()
	dir, digest := filepath.Join(s.dir, "blobs"), sha256Hex(content)
	ok(t, os.MkdirAll(dir, 0o755))
	ok(t, os.WriteFile(filepath.Join(dir, digest), content, 0o644))
	return digest
}

// rows writes a file of changes.
func (s store) rows(t *testing.T, name string, rows ...map[string]any) string {
	t.Helper()
	var b bytes.Buffer
	for _, r := range rows {
		ok(t, json.NewEncoder(&b).Encode(r))
	}
	path := filepath.Join(s.dir, name)
	ok(t, os.WriteFile(path, b.Bytes(), 0o644))
	return path
}

// TestMalformedImports hands in what is wrong in its third row: each time the
// error names the row, and the record is what it was.
func TestMalformedImports(t *testing.T) {
	s := newStore(t)
	one, two := nasty{name: "one.yaml", content: []byte("a: 1\n")}, nasty{name: "two.yaml", content: []byte("b: 2\n")}
	good := s.rows(t, "good.ndjson", s.row(t, one, "add", "c1", nil), s.row(t, two, "add", "c2", nil))
	s.must(t, "import", "ndjson", good)
	before := s.must(t, "log", "--json", "--kind", "change")
	rows, err := os.ReadFile(good)
	ok(t, err)

	digest := sha256Hex(one.content)
	wrong := sha256Hex([]byte("wrong"))
	ok(t, os.WriteFile(filepath.Join(s.dir, "blobs", wrong), []byte("other"), 0o644))
	const add = `{"path":"x","op":"add","after_sha256":`
	for _, tc := range []struct{ name, row, want string }{
		{"bad JSON", `{"path":`, "unexpected end of JSON input"},
		{"two values", add + `"` + digest + `"} {}`, "invalid character"},
		{"a list", `[]`, "cannot unmarshal array"},
		{"null", `null`, "no path"},
		{"an empty line", "\n" + add + `"` + digest + `"}`, "an empty line"},
		{"blank with CRLF", "\r\n", "an empty line"},
		{"byte order mark", "\ufeff" + add + `"` + digest + `"}`, "invalid character"},
		{"invalid UTF-8", strings.Replace(add, "x", "x\xff", 1) + `"` + digest + `"}`, "not UTF-8"},
		{"NUL byte", strings.Replace(add, "x", "x\x00", 1) + `"` + digest + `"}`, "invalid character"},
		{"UTF-16", "\xff\xfe{\x00", "not UTF-8"},
		{"5 MB row", `{"path":"x","message":"` + strings.Repeat("m", 5<<20) + `"}`, "longer than 4194304 bytes"},
		{"2 MB path", strings.Replace(add, "x", strings.Repeat("p", 2<<20), 1) + `"` + digest + `"}`, "more than 1048576"},
		{"deep nesting", `{"x":` + strings.Repeat("[", 1<<20), "exceeded max depth"},
		{"no path", `{"op":"add","after_sha256":"` + digest + `"}`, "no path"},
		{"two paths", strings.Replace(add, "{", `{"path64":"eA==",`, 1) + `"` + digest + `"}`, "both path and path64"},
		{"bad base64", `{"path64":"!","op":"add","after_sha256":"` + digest + `"}`, "path64: illegal base64"},
		{"number for a path", `{"path":-1}`, "cannot unmarshal number"},
		{"no op", `{"path":"x","after_sha256":"` + digest + `"}`, `op "" is not add, modify or delete`},
		{"delete with a content", `{"path":"x","op":"delete","after_sha256":"` + digest + `"}`, "op delete does not go with the digests"},
		{"negative digest", add + `-1}`, "cannot unmarshal number"},
		{"short digest", add + `"abcd"}`, "is not a hexadecimal SHA-256"},
		{"escaping digest", add + `"../../../../etc/passwd"}`, "is not a hexadecimal SHA-256"},
		{"missing content", add + `"` + sha256Hex([]byte("absent")) + `"}`, "is not in"},
		{"wrong content", add + `"` + wrong + `"}`, "the content does not match the digest in its name"},
		{"negative year", add + `"` + digest + `","time":"-001-01-01T00:00:00Z"}`, "is not RFC 3339"},
		{"day that is none", add + `"` + digest + `","author_time":"2026-02-30T00:00:00Z"}`, "is not RFC 3339"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(s.dir, "bad.ndjson")
			ok(t, os.WriteFile(file, slices.Concat(rows, []byte(tc.row+"\n")), 0o644))
			out, errs, status := s.run(t, "import", "ndjson", file)
			if status != 1 || out != "" || !strings.Contains(errs, "row 3: ") || !strings.Contains(errs, tc.want) {
				t.Errorf("status %d, %q, %s; want 1, row 3, %q", status, out, errs, tc.want)
			}
			if what, bad := steers(errs); bad || len(errs) > 1000 {
				t.Errorf("the error is %d bytes long and has %s", len(errs), what)
			}
			if d := gocmp.Diff(before, s.must(t, "log", "--json", "--kind", "change")); d != "" {
				t.Errorf("the record changed:\n%s", d)
			}
		})
	}
	s.verified(t)
}

// TestMalformedFiles hands in files that have no bad row and are no good.
func TestMalformedFiles(t *testing.T) {
	s := newStore(t)
	one := nasty{name: "one.yaml", content: []byte("a: 1\n")}
	good, err := os.ReadFile(s.rows(t, "good.ndjson", s.row(t, one, "add", "c1", nil)))
	ok(t, err)
	for _, tc := range []struct{ name, content, want string }{
		{"empty.ndjson", "", "no rows"},
		{"garbage.ndjson.zst", "not zstd", "row 1: "},
		{"truncated.ndjson.zst", string(zstdOf(t, good)[:20]), "row 1: "},
	} {
		path := filepath.Join(s.dir, tc.name)
		ok(t, os.WriteFile(path, []byte(tc.content), 0o644))
		if _, errs, status := s.run(t, "import", "ndjson", path); status != 1 || !strings.Contains(errs, tc.name+": "+tc.want) {
			t.Errorf("%s: status %d, %s", tc.name, status, errs)
		}
	}
	for _, name := range []string{"none.ndjson", "blobs"} { // absent, and a directory
		if _, errs, status := s.run(t, "import", "ndjson", filepath.Join(s.dir, name)); status != 1 || !strings.Contains(errs, name) {
			t.Errorf("%s: status %d, %s", name, status, errs)
		}
	}
}

func zstdOf(t *testing.T, b []byte) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	ok(t, err)
	return enc.EncodeAll(b, nil)
}

// TestImportsThatAreOdd are not errors: white space of another system, digests
// in capitals, times at the ends of the calendar, escapes in a path.
func TestImportsThatAreOdd(t *testing.T) {
	s := newStore(t)
	n := nasty{name: "a\x00\x1b[2J\u202e\n../../x", content: []byte("a: 1\r\n")}
	first, last := s.row(t, n, "add", "c1", nil), s.row(t, n.modified(), "modify", "c2", n.content)
	first["time"], last["time"] = "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"
	first["after_sha256"] = strings.ToUpper(first["after_sha256"].(string))
	file := s.rows(t, "odd.ndjson", first, last)
	b, err := os.ReadFile(file)
	ok(t, err)
	ok(t, os.WriteFile(file, bytes.ReplaceAll(b, []byte("\n"), []byte(" \r\n")), 0o644))
	s.must(t, "import", "ndjson", file)
	heads := s.heads(t, "")
	onlyThese(t, heads, []nasty{n})
	s.recordedAs(t, n.modified(), heads[n.name], false)
	s.readable(t, "", nil)
	s.verified(t)
}
