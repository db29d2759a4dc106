package presence

import (
	"fmt"
	"time"
)

// Bounds of what is a clock that runs. A request may be under way for a minute.
const (
	maxSkew   = 5 * time.Minute
	maxStep   = 90 * time.Second
	maxFrozen = time.Minute
)

// clock is what the requests of a source say about its clock. They say when they
// were sent: how old the entries in them are does not matter.
type clock struct {
	sent time.Time // as the last request says
	at   time.Time // when the first request came that said so
}

// tells notes when a request was sent and came, and says what is wrong with the
// clock it was sent by.
func (c *clock) tells(sent, now time.Time) (wrong string) {
	last := *c
	if sent.Equal(last.sent) {
		if still := now.Sub(last.at); still >= maxFrozen {
			return fmt.Sprintf("the clock of this source has stood still for %s", still.Round(time.Second))
		}
		return ""
	}
	*c = clock{sent, now}
	if skew := sent.Sub(now); skew.Abs() > maxSkew {
		return fmt.Sprintf("the clock of this source is %s off that of the server", skew.Round(time.Second))
	}
	if last.sent.IsZero() {
		return ""
	}
	if step := sent.Sub(last.sent) - now.Sub(last.at); step.Abs() > maxStep {
		return fmt.Sprintf("the clock of this source has stepped by %s", step.Round(time.Second))
	}
	return ""
}
