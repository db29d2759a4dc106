package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/redact"
)

func TestKnown(t *testing.T) {
	r := redact.New(redact.Config{})
	res := r.Text([]byte("password: hunter2secret\nbasic_auth:\n  password: 'pa/ss word!'\n"), redact.Source{Format: "yaml"})
	if len(res.Fingerprints) != 2 {
		t.Fatalf("masked %q", res.Text)
	}
	again := redact.New(redact.Config{})
	again.Remember(res.Fingerprints)
	m := redact.Mark
	for _, tc := range []struct{ in, want string }{
		{"s/hunter2secret/hunter3secret/", "s/" + m + "/hunter3secret/"},
		{"hunter2secret", m},
		{"--set=hunter2secret,hunter2secret", "--set=" + m + "," + m},
		{"s|.*|pa/ss word!|", "s|.*|" + m + "|"},
		{"/etc/prometheus/prometheus.yml", "/etc/prometheus/prometheus.yml"},
		{"xhunter2secret", "xhunter2secret"}, // another word
		{"", ""},
	} {
		for _, r := range []*redact.Redactor{r, again} {
			if got := r.Known(tc.in); got != tc.want {
				t.Errorf("%q became %q, want %q", tc.in, got, tc.want)
			}
		}
	}
	if got := redact.New(redact.Config{}).Known("s/hunter2secret/x/"); got != "s/hunter2secret/x/" {
		t.Errorf("nothing is known and %q came", got)
	}
}

// What cannot be looked at in full is masked, and nothing takes for ever.
func TestKnownIsBounded(t *testing.T) {
	r := redact.New(redact.Config{})
	for n := range 1000 {
		var prints []string
		for k := range 100 {
			prints = append(prints, fmt.Sprintf("%06d%06d", n, k))
		}
		r.Remember(prints)
	}
	r.Text([]byte("password: hunter2secret\n"), redact.Source{Format: "yaml"})
	long := strings.Repeat("-a", 100_000) + "/hunter2secret"
	if got := r.Known(long); strings.Contains(got, "hunter2secret") || !strings.HasSuffix(got, redact.Mark) {
		t.Errorf("%d bytes came back", len(got))
	}
}
