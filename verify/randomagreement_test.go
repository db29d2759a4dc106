package verify_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// TestRandomAgreement has the second verifier judge random logs as the slow one
// does; TestRandomHistories holds this implementation against that.
func TestRandomAgreement(t *testing.T) {
	node := nodeOrSkip(t)
	random := rapid.Custom(func(r *rapid.T) logVector {
		v := makeHistory(r).someVector(r)
		v.verdictVector = judgeLog(v)
		return v
	})
	var logs []logVector
	for seed := range 100 {
		v := random.Example(seed)
		v.Name = fmt.Sprint("of seed ", seed)
		logs = append(logs, v)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "logs.json"), render(t, logs))
	for _, name := range []string{"entries.json", "seals.json", "bodies.json", "checkpoints.json"} {
		write(t, filepath.Join(dir, name), []byte("[]"))
	}
	out, err := exec.Command(node, filepath.Join("..", "contrib", "verifier", "vectors.mjs"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.4000s", err, out)
	}
}

// nodeOrSkip is where node lies.
func nodeOrSkip(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal("node is missing")
		}
		t.Skip("node is missing")
	}
	return node
}
