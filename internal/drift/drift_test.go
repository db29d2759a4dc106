package drift_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/internal/drift"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/redact"
)

// TestCompare: a file is read by its recorded name, and a record that was made by
// other rules differs from it by nothing else.
func TestCompare(t *testing.T) {
	l := layout.Store{Dir: t.TempDir()}
	if err := os.Mkdir(l.Keys(), 0o700); err != nil {
		t.Fatal(err)
	}
	kf, err := keyfile.OpenOrCreate(l.Key("fingerprint"), "fingerprint", "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := redact.NewKey(kf.Secret.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const named = "/etc/postfix/sasl_passwd"
	const text = "mail.example.org relay:sunflower\n"
	res := redact.New(redact.Config{Key: key}).Text([]byte(text), redact.Source{Path: named})
	if len(res.Fingerprints) != 1 {
		t.Fatalf("of %q is recorded %q", text, res.Text)
	}
	rec := func(text string, secrets ...string) history.Recorded {
		return history.Recorded{Change: history.Change{Path: named}, Text: []byte(text), Secrets: secrets}
	}
	for name, c := range map[string]struct {
		disk string
		rec  history.Recorded
		want drift.Verdict
	}{
		"the same":               {text, rec(string(res.Text), res.Fingerprints...), drift.Verdict{Same: true}},
		"another secret":         {"mail.example.org relay:marigold\n", rec(string(res.Text), res.Fingerprints...), drift.Verdict{}},
		"another text":           {"mail.example.net relay:sunflower\n", rec(string(res.Text), res.Fingerprints...), drift.Verdict{}},
		"rules that masked less": {text, rec(text), drift.Verdict{Same: true}},
		"less, another text":     {"mail.example.net relay:sunflower\n", rec(text), drift.Verdict{}},
		"rules that masked more": {text, rec("mail.example.org "+redact.Mark+"\n", key.Of([]byte("relay:sunflower"))...), drift.Verdict{Same: true}},
		"more, another value":    {"mail.example.org relay:marigold\n", rec("mail.example.org "+redact.Mark+"\n", key.Of([]byte("relay:sunflower"))...), drift.Verdict{}},
		"more, of several lines": {"a\nb\nc\nd: x\n", rec("a\n"+redact.Mark+"\nd: "+redact.Mark+"\n", key.Of([]byte("b\nc"), []byte("x"))...), drift.Verdict{Same: true}},
		"more, a line too many":  {"a\nb\nc\nd: x\n\n", rec("a\n"+redact.Mark+"\nd: "+redact.Mark+"\n", key.Of([]byte("b\nc"), []byte("x"))...), drift.Verdict{}},
		"marks without a secret": {"a\n", rec("a\n" + redact.Mark), drift.Verdict{}},
	} {
		path := filepath.Join(t.TempDir(), "sasl_passwd")
		if err := os.WriteFile(path, []byte(c.disk), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := drift.Compare(l, path, c.rec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
