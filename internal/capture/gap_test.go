package capture

import "testing"

// Every gap says in words why it is one; where it is about a part alone, about which.
func TestGapWords(t *testing.T) {
	for _, cause := range []string{CauseDown, causeChurn, causeCanary, causeMarks, causeOverflow, causeMounts, causeUnreported, CauseActors} {
		if got := (&Gap{Cause: cause}).Words(); len(got) < len(cause)+10 {
			t.Errorf("%s: %q", cause, got)
		}
	}
	if got := (&Gap{Cause: causeMounts, Detail: "ext4 mounted on /etc/x"}).Words(); got != "mounts: ext4 mounted on /etc/x" {
		t.Error(got)
	}
}
