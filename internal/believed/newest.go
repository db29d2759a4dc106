package believed

import (
	"context"

	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// Newest is the newest checkpoint that is known of a log: its own, or the one
// believed before where the log does not continue that one any more. It is how
// long the log was, for the one that follows it.
func Newest(ctx context.Context, l layout.Store, f trust.File) (verify.Checkpoint, error) {
	belief, known, err := f.Read()
	if err != nil {
		return verify.Checkpoint{}, err
	}
	log, err := Open(l, f)
	if err != nil {
		if known {
			return belief.Open()
		}
		return verify.Checkpoint{}, err
	}
	if err := log.Continues(ctx); err != nil {
		return log.before.Checkpoint, nil //nolint:nilerr // that it was lost is why another log follows it
	}
	return log.Checkpoint(), nil
}
