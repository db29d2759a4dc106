package record

// MoveTo has the chain go on from another head: one the log is known to have, or
// the one before an entry that never left this process.
func (c *Chain) MoveTo(h Head) { c.head = h }
