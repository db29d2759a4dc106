package signature

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPublishedVectors holds this package against the standard library over test
// vectors that others published for the edges of Ed25519, on which verifiers
// differ: keys and points of small and mixed order, encodings that are not
// canonical, s at and beyond the order of the group. Both must have the verdict
// that the vectors give to the standard library.
func TestPublishedVectors(t *testing.T) {
	for _, v := range append(mostlyHarmless(t), wycheproof(t)...) {
		if got := same(t, v.key, v.message, v.sig); got != v.good {
			t.Errorf("%s: good %v, published as %v", v.name, got, v.good)
		}
	}
}

type vector struct {
	name              string
	key, message, sig []byte
	good              bool
}

// mostlyHarmless are the vectors that the tests of crypto/ed25519 take too.
func mostlyHarmless(t *testing.T) (all []vector) {
	var list []struct {
		A, R, S, M string
		Flags      []string
	}
	published(t, "filippo.io/mostly-harmless/ed25519vectors@v0.0.0-20210322192420-30a2d7243a94", "ed25519vectors.json",
		"ed3dd0730ec5ef2dbfd629186fbefeb6299cbbf9a6ed94af0478f07291acacca", &list)
	for _, x := range list {
		v := vector{x.M, unhex(t, x.A), []byte(x.M), unhex(t, x.R+x.S), true}
		for _, f := range x.Flags { // neither multiplied by the cofactor nor decoded
			v.good = v.good && f != "LowOrderResidue" && f != "NonCanonicalR"
		}
		all = append(all, v)
	}
	return all
}

func wycheproof(t *testing.T) (all []vector) {
	var file struct {
		TestGroups []struct {
			Key   struct{ PK string }
			Tests []struct {
				Comment, Msg, Sig, Result string
			}
		}
	}
	published(t, "github.com/google/wycheproof@v0.0.0-20191219022705-2196000605e4", "testvectors/eddsa_test.json",
		"a77b00e6399d13da54d28f4b4f26995977bf8a9780e5756a1c0fce85d260e041", &file)
	for _, g := range file.TestGroups {
		for _, x := range g.Tests {
			all = append(all, vector{x.Comment, unhex(t, g.Key.PK), unhex(t, x.Msg), unhex(t, x.Sig), x.Result == "valid"})
		}
	}
	return all
}

// published reads a file of a module that holds nothing but test vectors, known
// by its digest.
func published(t *testing.T, module, name, digest string, into any) {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	var got struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		if os.Getenv("STELE_CI") != "" {
			t.Fatalf("download %s: %v: %s", module, err, out)
		}
		t.Skipf("%s cannot be had here: %v", module, err)
	}
	b, err := os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != digest {
		t.Fatalf("%s of %s has the digest %x", name, module, sum)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNoVectorIsLeftOut: the lists are as long as they were when published.
func TestNoVectorIsLeftOut(t *testing.T) {
	if n, m := len(mostlyHarmless(t)), len(wycheproof(t)); n != 768 || m != 145 {
		t.Errorf("%d and %d vectors", n, m)
	}
	var odd int
	for _, v := range wycheproof(t) {
		if len(v.sig) != ed25519.SignatureSize {
			odd++
		}
	}
	if odd == 0 {
		t.Error("no signature of another length among them")
	}
}
