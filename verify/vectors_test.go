package verify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

var update = flag.Bool("update", false, "write the test vectors of docs/format anew")

var vectorFiles = filepath.Join("..", "docs", "format", "vectors")

// TestVectors holds the implementation against the test vectors as they are on
// disk, and the files against what makes them.
func TestVectors(t *testing.T) {
	t.Run("entries", func(t *testing.T) { checkFile(t, "entries.json", makeEntryVectors(), nameOf, checkEntry) })
	t.Run("seals", func(t *testing.T) { checkFile(t, "seals.json", makeSealVectors(), sealName, checkSeal) })
	t.Run("bodies", func(t *testing.T) { checkFile(t, "bodies.json", makeBodyVectors(), bodyName, checkBody) })
	t.Run("checkpoints", func(t *testing.T) {
		checkFile(t, "checkpoints.json", makeCheckpointVectors(), checkpointName, checkCheckpoint)
	})
	t.Run("proofs", func(t *testing.T) { checkFile(t, "proofs.json", makeProofVectors(), proofName, checkProof) })
	t.Run("logs", func(t *testing.T) { checkFile(t, "logs.json", makeLogVectors(t), logName, checkLog) })
}

func nameOf(v entryVector) string  { return v.Name }
func sealName(v sealVector) string { return v.Name }
func bodyName(v bodyVector) string { return v.Name }
func logName(v logVector) string   { return v.Name }

// checkFile runs check over every vector of a file.
func checkFile[V any](t *testing.T, name string, made []V, nameOf func(V) string, check func(*testing.T, V)) {
	file := filepath.Join(vectorFiles, name)
	want := render(t, made)
	if *update {
		write(t, file, want)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the generator makes; run with -update and look at the difference", file)
	}
	seen := make(map[string]bool)
	for _, v := range parseVectors[V](t, got) {
		if seen[nameOf(v)] {
			t.Errorf("two vectors are named %q", nameOf(v))
		}
		seen[nameOf(v)] = true
		t.Run(nameOf(v), func(t *testing.T) { check(t, v) })
	}
	if len(seen) == 0 {
		t.Errorf("%s has no vectors", file)
	}
}

// readVectors reads a file of vectors for tests that use them in their own way.
func readVectors[V any](t testing.TB, name string) []V {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorFiles, name))
	if err != nil {
		t.Fatal(err)
	}
	return parseVectors[V](t, b)
}

func parseVectors[V any](t testing.TB, b []byte) (list []V) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func render(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func checkEntry(t *testing.T, v entryVector) {
	e, err := entry.Parse(bytes.Clone(v.Note))
	if got := judgeEntry(t, e, err, v.VKey); got != v.Expect {
		t.Fatalf("got %s (%v), want %s", got, err, v.Expect)
	}
	if v.Expect != expectOK {
		return
	}
	id := e.ID()
	got := entryVector{
		Name: v.Name, Comment: v.Comment, Note: v.Note, VKey: v.VKey, Expect: expectOK,
		Kind: string(e.Kind), Source: e.Source.String(), Seq: &e.Seq, ID: id.String(),
	}
	if d := cmp.Diff(v, got); d != "" {
		t.Fatal(d)
	}
}

// judgeEntry says how far an entry comes.
func judgeEntry(t *testing.T, e *entry.Entry, err error, vkey string) string {
	t.Helper()
	var syntax *entry.SyntaxError
	switch {
	case errors.Is(err, entry.ErrVersion):
		return expectVersion
	case errors.As(err, &syntax):
		return expectMalformed
	case err != nil:
		t.Fatalf("error of another type: %v", err)
	case e.Open.Key != nil && !e.Open.Key.Sound(), e.Open.Log != nil && !e.Open.Log.Sound():
		return expectBadKey
	case vkey != "" && e.Verify(publicKey(t, vkey)) != nil:
		return expectBadSignature
	}
	return expectOK
}

func publicKey(t *testing.T, vkey string) *entry.PublicKey {
	t.Helper()
	parts := strings.SplitN(vkey, "+", 3)
	b, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	k, err := entry.NewPublicKey(b[1:])
	if err != nil {
		t.Fatal(err)
	}
	if k.VKey() != vkey {
		t.Fatalf("vkey is %s, the vector says %s", k.VKey(), vkey)
	}
	return k
}

func checkSeal(t *testing.T, v sealVector) {
	d, err := v.disclosure()
	if err != nil {
		if v.Opens {
			t.Fatal(err)
		}
		return
	}
	h, err := entry.ParseHash(v.Seal)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Opens(h); got != v.Opens {
		t.Fatalf("opens is %v, want %v", got, v.Opens)
	}
}

// disclosure reads the vector's fields as a line of disclosures, which they are.
func (v sealVector) disclosure() (d seal.Disclosure, err error) {
	b, err := json.Marshal(map[string]any{"source": v.Source, "seq": v.Seq, "line": v.Line, "salt": v.Salt, "body": v.Body})
	if err != nil {
		return d, err
	}
	err = json.Unmarshal(b, &d)
	d.Body = append(d.Body, bytes.Repeat([]byte("x"), v.Longer)...)
	return d, err
}

func checkBody(t *testing.T, v bodyVector) {
	into := map[string]any{"who": new(body.Who), "why": new(body.Why), "how": new(body.How), "what": new(body.What)}[v.Kind]
	if into == nil {
		t.Fatalf("no body is a %q", v.Kind)
	}
	err := body.Unmarshal(v.Body, into)
	if err != nil && !errors.Is(err, body.ErrNotCanonical) {
		t.Fatalf("error of another type: %v", err)
	}
	if got := err == nil; got != v.Canonical {
		t.Fatalf("canonical is %v (%v), want %v", got, err, v.Canonical)
	}
	if !v.Canonical {
		return
	}
	if !json.Valid(v.Body) {
		t.Fatal("the vector is no JSON")
	}
}

// TestOnDisk checks the vectors of verdicts as they are on disk, without asking
// what makes them, and stops at the first that differs: `make mutants` runs it
// for each mutant.
func TestOnDisk(t *testing.T) {
	t.Run("checkpoints", func(t *testing.T) { checkOnDisk(t, "checkpoints.json", checkCheckpoint) })
	t.Run("proofs", func(t *testing.T) { checkOnDisk(t, "proofs.json", checkProof) })
	t.Run("logs", func(t *testing.T) { checkOnDisk(t, "logs.json", checkLog) })
}

func checkOnDisk[V any](t *testing.T, name string, check func(*testing.T, V)) {
	for _, v := range readVectors[V](t, name) {
		check(t, v)
	}
}
