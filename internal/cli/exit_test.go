package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/verify"
)

// TestExitStatus: 0 fine, 1 could not, 2 usage, 3 evidence is bad, however an
// error is wrapped. That a source is accused makes no evidence bad.
func TestExitStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"fine":                  {nil, 0},
		"could not":             {errors.New("no such file"), 1},
		"could not, with hint":  {hint.With(errors.New("no store here"), "start one"), 1},
		"usage":                 {usagef("explain needs --reason"), 2},
		"usage, wrapped":        {fmt.Errorf("--since: %w", usagef("not a time")), 2},
		"bad evidence, said":    {hint.With(errBadEvidence, "see above"), 3},
		"the log accused":       {&verify.Finding{Code: verify.Fork, Accused: verify.TheLog}, 3},
		"the vault accused":     {fmt.Errorf("open: %w", &verify.Finding{Code: verify.SealMismatch, Accused: verify.TheVault}), 3},
		"a source accused":      {&verify.Finding{Code: verify.ForkedSource, Accused: verify.TheSource}, 1},
		"a file on disk":        {&verify.Finding{Code: finding.Drift, Accused: finding.Host}, 3},
		"two errors, one bad":   {errors.Join(errors.New("close"), &verify.Finding{Code: verify.Shrunk, Accused: verify.TheLog}), 3},
		"a command that failed": {exitWith(7), 7},
	} {
		if got := exitStatus(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
