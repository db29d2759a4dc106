package verifier_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestVectors runs the second verifier over the vectors of docs/format.
func TestVectors(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal("node is missing")
		}
		t.Skip("node is missing")
	}
	if out, err := exec.Command(node, "vectors.mjs", "../../docs/format/vectors").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
