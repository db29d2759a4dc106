package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/wire"
)

// told is a row by hand: contents are named by themselves.
type told struct {
	path, commit, op, before, after, format, message string
}

// taken is what an import handed in.
type taken struct {
	cfg     Config
	subs    []wire.Submission
	batches int
	full    error // what Submit says once it has batches
}

func newTaken(t *testing.T) *taken {
	t.Helper()
	key, err := entry.NewSecretKey(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	cat, err := catalogue.Builtin()
	must(t, err)
	k := &taken{}
	k.cfg = Config{
		Chain: record.NewChain(key, record.Head{}), Redactor: redact.New(redact.Config{}), Catalogue: cat, Version: "test", Now: time.Now,
		Submit: func(_ context.Context, subs []wire.Submission) error {
			if k.full != nil && k.batches > 0 {
				return k.full
			}
			k.batches++
			k.subs = append(k.subs, subs...)
			return nil
		},
		Latest: func(context.Context, string, string) (Place, bool, error) { return Place{}, false, nil },
	}
	return k
}

// run imports rows and the contents they name.
func (k *taken) run(t *testing.T, first int, rows ...told) error {
	t.Helper()
	var rs []Row
	b, err := laid(t, func(dir string) {
		put(t, filepath.Join(dir, "blobs", "none"), "")
		for _, r := range rows {
			row := Row{Repository: "r", Path: r.path, Commit: r.commit, Op: r.op, Format: r.format, Message: r.message}
			for content, digest := range map[string]**string{r.before: &row.BeforeDigest, r.after: &row.AfterDigest} {
				if content != "" {
					d := sha256Hex(content)
					*digest = &d
					put(t, filepath.Join(dir, "blobs", d), content)
				}
			}
			rs = append(rs, row)
		}
	})
	must(t, err)
	return New(k.cfg, rs, sha256Hex("rows"), b).Run(t.Context(), first)
}

// whats are the changes that were handed in, entry by entry.
func (k *taken) whats(t *testing.T) (out [][]body.What) {
	t.Helper()
	for _, s := range k.subs {
		var ws []body.What
		for _, b := range s.What {
			var w body.What
			must(t, body.Unmarshal(b, &w))
			ws = append(ws, w)
		}
		out = append(out, ws)
	}
	return out
}

// TestAddressOfTheRepository: the password in it is recorded nowhere.
func TestAddressOfTheRepository(t *testing.T) {
	b, err := laid(t, func(dir string) { put(t, filepath.Join(dir, "blobs", sha256Hex("a")), "a") })
	must(t, err)
	k, digest := newTaken(t), sha256Hex("a")
	row := Row{Repository: "https://bob:hunter2@git.example.net/etc.git", Path: "p", Op: "add", AfterDigest: &digest}
	must(t, New(k.cfg, []Row{row}, sha256Hex("rows"), b).Run(t.Context(), 0))
	for _, sealed := range append(k.subs[0].What, k.subs[0].How) {
		if !bytes.Contains(sealed, []byte("git.example.net")) || bytes.Contains(sealed, []byte("hunter2")) {
			t.Errorf("recorded as %s", sealed)
		}
	}
}

// TestFormats: what no row tells is looked up, by the catalogue and then by the
// look of it; what is told stays.
func TestFormats(t *testing.T) {
	for _, tc := range []struct{ path, told, content, want string }{
		{"etc/ssh/sshd_config", "", "Port 22\n", "sshd"},
		{"roles/x/files/prometheus.yml", "", "a: 1\n", "yaml"},
		{"x", "", "\xef\xbb\xbf{\"a\": 1}\n", "json"},
		{"x", "", "???\n", ""},
		{"x.yaml", "toml", "a = 1\n", "toml"},
		{"\xff.toml", "", "a = 1\n", "toml"},
	} {
		k := newTaken(t)
		must(t, k.run(t, 0, told{path: tc.path, op: "add", after: tc.content, format: tc.told}))
		if w := k.whats(t)[0][0]; w.Format != tc.want || body.Text(w.Path, w.Path64) != tc.path {
			t.Errorf("%q: format %q, want %q", tc.path, w.Format, tc.want)
		}
	}
}

// TestSecretsAreMasked: those of a key path that only the catalogue knows too.
func TestSecretsAreMasked(t *testing.T) {
	k := newTaken(t)
	must(t, k.run(t, 0, told{path: "etc/chrony/chrony.keys", op: "add", after: "1 x\n", message: "password=Tr0ub4dor&3-x"}))
	if got := k.subs[0].Texts[0].Body; string(got) != redact.Mark {
		t.Errorf("a key file became %q", got)
	}
	if why := string(k.subs[0].Why); strings.Contains(why, "Tr0ub4dor") || !strings.Contains(why, redact.Mark) {
		t.Errorf("the message became %s", why)
	}
	must(t, k.run(t, 0, told{path: "a.yaml", op: "add", after: "password: plainvalue\n", format: "yaml", message: "it is plainvalue now"}))
	if why := string(k.subs[1].Why); strings.Contains(why, "plainvalue") || !strings.Contains(why, "it is "+redact.Mark) {
		t.Errorf("a message that tells what its text keeps secret became %s", why)
	}
}

// TestEntries: rows of one commit become one entry, a subject that was never
// seen begins with what was there, and each change follows the one before.
func TestEntries(t *testing.T) {
	k := newTaken(t)
	must(t, k.run(
		t, 0,
		told{path: "a", commit: "1", op: "modify", before: "a0\n", after: "a1\n"},
		told{path: "b", commit: "1", op: "add", after: "b0\n"},
		told{path: "a", commit: "1", op: "modify", before: "a1\n", after: "a2\n"},
		told{path: "a", commit: "2", op: "delete", before: "a2\n"},
	))
	var got []string
	for i, ws := range k.whats(t) {
		for n, w := range ws {
			before := "none"
			if w.Before != nil {
				before = fmt.Sprintf("%v %d", w.Before.Entry != "", w.Before.What)
			}
			got = append(got, fmt.Sprintf("%d/%d %s %s after %s", i, n, w.Action, w.Path, before))
		}
	}
	want := []string{
		"0/0 baseline a after none", "0/1 modify a after false 0", "0/2 create b after none", "0/3 modify a after false 1",
		"1/0 delete a after true 3",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}

// TestBytesMakeSubjects: paths that differ in bytes alone are two subjects.
func TestBytesMakeSubjects(t *testing.T) {
	k := newTaken(t)
	must(t, k.run(t, 0, told{path: "\xff", commit: "1", op: "add", after: "a\n"}, told{path: "\xfe", commit: "2", op: "add", after: "b\n"}, told{path: "\ufffd", commit: "3", op: "add", after: "c\n"}))
	seen := map[string]bool{}
	for _, ws := range k.whats(t) {
		if ws[0].Before != nil {
			t.Errorf("%+v follows another subject", ws[0])
		}
		seen[body.Text(ws[0].Path, ws[0].Path64)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d subjects of 3: %v", len(seen), seen)
	}
}

// TestGoesOn: after an error what was taken stays, and from there the next run
// hands in the rest, once.
func TestGoesOn(t *testing.T) {
	var rows []told
	for i := range rowsAtOnce + 10 {
		rows = append(rows, told{path: fmt.Sprint(i), commit: fmt.Sprint(i), op: "add", after: "x\n"})
	}
	k := newTaken(t)
	done := 0
	k.cfg.Progress = func(n int) { done = n }
	k.full = errors.New("full")
	if err := k.run(t, 0, rows...); !errors.Is(err, k.full) || done != rowsAtOnce {
		t.Fatalf("%d done, %v", done, err)
	}
	k.full = nil
	must(t, k.run(t, done, rows...))
	for i, ws := range k.whats(t) {
		if ws[0].Path != fmt.Sprint(i) {
			t.Fatalf("change %d is of %s", i, ws[0].Path)
		}
	}
	if done != len(rows) || len(k.subs) != len(rows) {
		t.Errorf("%d done, %d handed in, of %d", done, len(k.subs), len(rows))
	}
}

// TestBadContentNamesTheRow, and nothing of its batch is handed in.
func TestBadContentNamesTheRow(t *testing.T) {
	k := newTaken(t)
	rows := []told{{path: "a", commit: "1", op: "add", after: "x\n"}, {path: strings.Repeat("p", 2<<20), commit: "2", op: "add", after: "x\n"}}
	var at *RowError
	if err := k.run(t, 0, rows...); !errors.As(err, &at) || at.Row != 2 || len(k.subs) != 0 {
		t.Errorf("%v, %d handed in", err, len(k.subs))
	}
}

// TestLongMessagesAreCut: a message is no reason to refuse a row.
func TestLongMessagesAreCut(t *testing.T) {
	k := newTaken(t)
	must(t, k.run(t, 0, told{path: "a", op: "add", after: "x\n", message: strings.Repeat("m ", 1<<20)}))
	if why := k.subs[0].Why; !bytes.Contains(why, []byte("… cut: ")) {
		t.Errorf("a reason of %d bytes", len(why))
	}
}
