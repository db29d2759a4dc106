package believed

import (
	"context"
	"fmt"

	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Newest is the newest checkpoint that is known of a log: its own, or the one
// believed before where the log does not continue that one any more. It is how
// long the log was, for the one that follows it.
func Newest(ctx context.Context, l layout.Store, n trust.Note) (verify.Checkpoint, error) {
	belief, ok, err := n.Read()
	if err != nil {
		return verify.Checkpoint{}, fmt.Errorf("read belief: %w", err)
	}
	log, err := Open(l, n)
	if err == nil {
		err = log.Continues(ctx)
	}
	switch {
	case err == nil:
		return log.Checkpoint(), nil
	case !ok:
		return verify.Checkpoint{}, err
	}
	return belief.Open()
}
