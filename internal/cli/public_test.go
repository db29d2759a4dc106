package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
)

const publicData = "../../../shared/data/public/changes.ndjson.zst"

// need skips a test for want of something, and fails it in CI.
func need(t *testing.T, what string, ok bool) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("STELE_CI") != "" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing", what)
}

// stele runs the binary over a store and returns its standard output.
func stele(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "STELE_DATA="+filepath.Join(dir, "store"), "STELE_TRUST="+filepath.Join(dir, "trust"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("stele %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out
}

// TestPublicHistory imports 5,900 real changes and holds everything that was
// said about them against what comes back.
func TestPublicHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	_, err := os.Stat(publicData)
	need(t, "the public data set", err == nil)
	dir := t.TempDir()
	stele(t, dir, "import", "ndjson", publicData)
	if out := stele(t, dir, "verify"); !bytes.HasPrefix(out, []byte("verified: ")) {
		t.Fatalf("verify says %s", out)
	}
	rows, _, err := importer.ReadRows(publicData)
	if err != nil {
		t.Fatal(err)
	}
	comesBack(t, dir, rows)
	sizes(t, dir, len(rows))
	disclosures := filepath.Join(dir, "disclosures.ndjson")
	if err := os.WriteFile(disclosures, stele(t, dir, "export", "disclosures"), 0o600); err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	need(t, "node", err == nil)
	out, err := exec.Command(node, "../../contrib/verifier/verify.mjs", "--json", "--vkey", strings.TrimSpace(string(stele(t, dir, "admin", "key"))),
		"--disclosures", disclosures, filepath.Join(dir, "store", "log")).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(`"findings":[]`)) {
		t.Fatalf("second verifier: %v\n%s", err, out)
	}
}

// comesBack compares author, applier, time, message and content of every row.
func comesBack(t *testing.T, dir string, rows []importer.Row) {
	t.Helper()
	ctx := context.Background()
	note, err := trust.Of(filepath.Join(dir, "trust"), filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := history.Open(ctx, layout.Store{Dir: filepath.Join(dir, "store")}, note, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	blobs, err := importer.OpenBlobs(publicData)
	if err != nil {
		t.Fatal(err)
	}
	views := map[string][]*history.View{} // by commit
	for v, err := range r.Log(ctx, history.Filter{Kinds: []string{"change"}}, 1<<30) {
		if err != nil {
			t.Fatal(err)
		}
		if v.Proof.State != history.Verified {
			t.Fatalf("entry %d is %s: %v", v.Index, v.Proof.State, v.Findings)
		}
		views[v.Host+" "+v.Time] = append(views[v.Host+" "+v.Time], v)
	}
	texts, masked := map[string]bool{}, map[string]int{}
	for i, row := range rows {
		size := int64(-1)
		if row.AfterDigest != nil {
			content, err := blobs.Get(*row.AfterDigest)
			if err != nil {
				t.Fatal(err)
			}
			size = int64(len(content))
		}
		v, k := find(views[row.Repository+" "+row.Time], &row, size)
		if v == nil {
			t.Fatalf("row %d (%s of %s) did not come back", i+1, row.Path, row.Time)
		}
		if row.AfterDigest == nil || texts[*row.AfterDigest] {
			continue
		}
		text, err := r.Text(ctx, v.Index, k)
		if err != nil {
			t.Fatalf("row %d: text: %v", i+1, err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) == *row.AfterDigest {
			texts[*row.AfterDigest] = true
		} else {
			masked[*row.AfterDigest] = bytes.Count(text, []byte("«redacted»"))
		}
	}
	for digest, marks := range masked {
		t.Logf("not byte-identical: %s, %d spans masked", digest[:12], marks)
		if marks == 0 {
			t.Errorf("text %s differs without a mark", digest)
		}
	}
	share := float64(len(texts)) / float64(len(texts)+len(masked))
	t.Logf("%d of %d texts byte-identical (%.2f %%)", len(texts), len(texts)+len(masked), 100*share)
	if share < 0.97 {
		t.Errorf("only %.2f %% of the texts come back byte-identical", 100*share)
	}
}

// find is the change that a row, with a content of that size after it, was
// recorded as.
func find(vs []*history.View, row *importer.Row, size int64) (*history.View, int) {
	action := map[string]string{"add": "create", "modify": "modify", "delete": "delete"}[row.Op]
	for _, v := range vs {
		if v.Actor.User != row.Applier || v.Actor.Author != row.Author || v.Reason == nil && row.Message != "" {
			continue
		}
		if v.Reason != nil && v.Reason.Text != row.Message && !strings.Contains(v.Reason.Text, "«redacted»") {
			continue
		}
		for k, c := range v.Changes {
			if c.Path == row.Path && c.Action == action && (size < 0 || c.Size != nil && *c.Size == size) {
				return v, k
			}
		}
	}
	return nil, 0
}

// sizes states what a change takes on disk, and holds the texts against what git
// makes of the same contents in the same run.
func sizes(t *testing.T, dir string, changes int) {
	t.Helper()
	var st struct {
		Bytes map[string]int64 `json:"bytes"`
		Total int64            `json:"bytes_total"`
	}
	if err := json.Unmarshal(stele(t, dir, "status", "--json"), &st); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"log", "vault", "keyring", "index"} {
		t.Logf("%-8s %8d bytes, %5d a change", part, st.Bytes[part], st.Bytes[part]/int64(changes))
	}
	t.Logf("all      %8d bytes, %5d a change", st.Total, st.Total/int64(changes))
	texts, err := filepath.Glob(filepath.Join(dir, "store", "vault", "texts-*"))
	if err != nil || len(texts) == 0 {
		t.Fatal("no texts", err)
	}
	var ours int64
	for _, p := range texts {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		ours += info.Size()
	}
	git := gitPack(t, t.TempDir())
	t.Logf("texts    %8d bytes, git %d bytes, ratio %.2f", ours, git, float64(ours)/float64(git))
}

// gitPack commits the same changes in the same order to a new repository,
// repacks it as tight as git does, and returns what the contents take in it.
func gitPack(t *testing.T, dir string) int64 {
	t.Helper()
	_, err := exec.LookPath("git")
	need(t, "git", err == nil)
	rows, _, err := importer.ReadRows(publicData)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := importer.OpenBlobs(publicData)
	if err != nil {
		t.Fatal(err)
	}
	run := func(in []byte, args ...string) []byte {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	run(nil, "init", "-q")
	run(fastImport(t, rows, blobs), "fast-import", "--quiet")
	run(nil, "repack", "-adfq")
	var total int64
	for line := range strings.Lines(string(run(nil, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectsize:disk)"))) {
		var size int64
		if n, _ := fmt.Sscanf(line, "blob %d", &size); n == 1 {
			total += size
		}
	}
	return total
}

func fastImport(t *testing.T, rows []importer.Row, blobs *importer.Blobs) []byte {
	t.Helper()
	var b bytes.Buffer
	marks := map[string]int{}
	blob := func(digest string) int {
		if m, ok := marks[digest]; ok {
			return m
		}
		content, err := blobs.Get(digest)
		if err != nil {
			t.Fatal(err)
		}
		marks[digest] = len(marks) + 1
		fmt.Fprintf(&b, "blob\nmark :%d\ndata %d\n%s\n", marks[digest], len(content), content)
		return marks[digest]
	}
	for i, r := range rows {
		path := fmt.Sprintf("%q", r.Repository+"/"+r.Path)
		commit := func(change string) {
			fmt.Fprintf(&b, "commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 0\n%s\n\n", i, change)
		}
		if r.BeforeDigest != nil && marks[*r.BeforeDigest] == 0 {
			m := blob(*r.BeforeDigest)
			commit(fmt.Sprintf("M 100644 :%d %s", m, path))
		}
		if r.AfterDigest == nil {
			commit("D " + path)
			continue
		}
		m := blob(*r.AfterDigest)
		commit(fmt.Sprintf("M 100644 :%d %s", m, path))
	}
	return b.Bytes()
}
