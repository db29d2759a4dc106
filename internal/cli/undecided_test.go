package cli

import (
	"testing"

	"github.com/stele-log/stele/verify"
)

func TestUndecided(t *testing.T) {
	for _, c := range []struct {
		v    verify.Verdict
		want int
	}{
		{verify.Verdict{}, exitFine},
		{verify.Verdict{NotUnderstood: 1}, exitError},
		{verify.Verdict{Contested: []verify.Contest{{Size: 3}}}, exitError},
	} {
		if got := exitStatus(undecided(&c.v)); got != c.want {
			t.Errorf("%+v: exit status %d, want %d", c.v, got, c.want)
		}
	}
}
