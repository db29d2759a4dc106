package presence

import (
	"fmt"
	"time"

	"github.com/stele-log/stele/internal/patience"
)

// Bounds of what is a clock that runs. A request may be under way for a minute.
const (
	maxSkew   = 5 * time.Minute
	maxStep   = 90 * time.Second
	maxFrozen = time.Minute
	maxLate   = 5 * time.Minute // nobody waits longer for an answer
)

// clock is what the requests of a source say about its clock. They say when they
// were sent: how old the entries in them are does not matter. A server that is
// starved reads them late, which is not the fault of that clock.
type clock struct {
	sent time.Time       // as the last request says
	at   patience.Moment // when the first request came that said so
	late time.Duration   // by which it may have been read late
}

// tells notes when a request was sent and came, and says what is wrong with the
// clock it was sent by.
func (c *clock) tells(sent time.Time, now patience.Moment) (wrong string) {
	last := *c
	if sent.Equal(last.sent) {
		if still := now.Able(last.at); still >= maxFrozen {
			return fmt.Sprintf("the clock of this source has stood still for %s", still.Round(time.Second))
		}
		return ""
	}
	late := min(now.Lost(last.at), maxLate)
	*c = clock{sent, now, late}
	if skew := sent.Sub(now.Time); skew > maxSkew || -skew > maxSkew+late {
		return fmt.Sprintf("the clock of this source is %s off that of the server", skew.Round(time.Second))
	}
	if last.sent.IsZero() {
		return ""
	}
	if step := sent.Sub(last.sent) - now.Time.Sub(last.at.Time); step > maxStep+last.late || -step > maxStep+late {
		return fmt.Sprintf("the clock of this source has stepped by %s", step.Round(time.Second))
	}
	return ""
}
