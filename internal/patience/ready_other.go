//go:build !linux

package patience

import "time"

// ready is not known here: beats that come late tell alone.
func ready() time.Duration { return 0 }
