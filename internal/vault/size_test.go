package vault

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/seal"
)

// TestSizeOfPublicData stores a history of real configurations and prints what
// it comes to. STELE_HISTORY names a directory with changes.ndjson and blobs.
func TestSizeOfPublicData(t *testing.T) {
	dir := os.Getenv("STELE_HISTORY")
	if dir == "" {
		t.Skip("STELE_HISTORY is not set")
	}
	rows := readHistory(t, dir)
	cfg := Config{Dir: t.TempDir(), KeyringDir: t.TempDir()}
	v := open(t, cfg)
	ids := map[string]TextID{}
	plain := 0
	start := time.Now()
	for len(rows) > 0 {
		n := min(64, len(rows))
		var batch []Disclosures
		var shas []string
		for _, r := range rows[:n] {
			text, err := os.ReadFile(filepath.Join(dir, "blobs", "blobs", r.After[:2], r.After))
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := ids[r.After]; !ok {
				plain, ids[r.After] = plain+len(text), 0
			}
			var near []TextID
			if id := ids[r.Before]; id != 0 {
				near = append(near, id)
			}
			o := Disclosures{
				Seed: &seal.Seed{1}, What: [][]byte{[]byte(`{}`)},
				Texts: []Text{{Body: text, Near: near, Name: r.Repo + "/" + r.Path}},
			}
			batch, shas = append(batch, o), append(shas, r.After)
		}
		placed, err := v.Put(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range placed {
			ids[shas[i]] = p.Texts[0]
		}
		rows = rows[n:]
	}
	took := time.Since(start)
	stats := undamaged(t, v)
	if stats.TextBytes != int64(plain) {
		t.Errorf("%d bytes of text stored, put %d", stats.TextBytes, plain)
	}
	t.Logf("%d texts of %d bytes: %d bytes and %d of keys, %d together; %v", stats.Texts, stats.TextBytes,
		stats.TextsSize, stats.TextKeysSize, stats.TextsSize+stats.TextKeysSize, took)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

type historyRow struct {
	Repo   string
	Path   string
	Before string `json:"before_sha256"`
	After  string `json:"after_sha256"`
}

func readHistory(t *testing.T, dir string) []historyRow {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "changes.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []historyRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var r historyRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.After != "" {
			rows = append(rows, r)
		}
	}
	return rows
}
