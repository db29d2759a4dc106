package redact

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// labelledLines stands beside the checkout in CI.
const labelledLines = "../../../shared/data/secrets/lines.ndjson"

// labelled is one line of which is known what in it is secret.
type labelled struct {
	ID       string   `json:"id"`
	Format   string   `json:"format"`
	Secret   bool     `json:"secret"`
	Spans    [][2]int `json:"spans_bytes"`
	Text     []byte   `json:"-"`
	TextB64  string   `json:"text_b64"`
	Template string   `json:"template"`
}

func readLabelled(t *testing.T) []labelled {
	t.Helper()
	file, err := os.Open(labelledLines)
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("STELE_CI") == "1" {
			t.Fatalf("labelled lines are missing in CI: %v", err)
		}
		t.Skipf("no labelled lines beside the checkout: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []labelled
	sc := bufio.NewScanner(file)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var l labelled
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.Text, err = base64.StdEncoding.DecodeString(l.TextB64); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLabelledLines measures the rules on lines of which is known what in them
// is secret.
func TestLabelledLines(t *testing.T) {
	r := New(Config{})
	var want, found, innocent, masked, leaked, over, bytesSecret int
	for _, l := range readLabelled(t) {
		res := r.Text(l.Text, Source{Format: l.Format})
		if !l.Secret {
			innocent++
			if len(res.Spans) > 0 {
				masked++
				t.Logf("%s (%s): masked %q", l.ID, l.Format, res.Text)
			}
			continue
		}
		cover := make([]bool, len(l.Text))
		for _, s := range res.Spans {
			for i := s.Start; i < s.End; i++ {
				cover[i] = true
			}
		}
		inside := make([]bool, len(l.Text))
		for _, s := range l.Spans {
			want++
			whole := true
			for i := s[0]; i < s[1]; i++ {
				inside[i] = true
				bytesSecret++
				if !cover[i] {
					whole = false
					leaked++
				}
			}
			if whole {
				found++
			} else {
				t.Logf("%s (%s): leaked in %q: %q", l.ID, l.Format, l.Text, res.Text)
			}
		}
		for i := range cover {
			if cover[i] && !inside[i] {
				over++
			}
		}
	}
	t.Logf("recall %d/%d, leaked bytes %d, innocent lines masked %d/%d, bytes masked beside secrets %d of %d",
		found, want, leaked, masked, innocent, over, bytesSecret)
	if found*100 < want*98 {
		t.Errorf("recall %d of %d", found, want)
	}
	if masked*100 > innocent*2 {
		t.Errorf("%d of %d innocent lines masked", masked, innocent)
	}
	if over*20 > bytesSecret {
		t.Errorf("%d bytes masked beside %d secret ones", over, bytesSecret)
	}
}
