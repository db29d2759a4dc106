package importer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/hint"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// Pauses between tries to hand in entries, and for how long it is tried.
const (
	patienceFirst = 200 * time.Millisecond
	patienceMost  = 5 * time.Second
	patienceEnds  = 2 * time.Minute
)

// Patient hands in entries again where the server was away or full: what it took
// the first time it does not take twice.
type Patient struct {
	*client.Client
	Say func(format string, args ...any) // tells people that it waits
}

// Submit implements [Server].
func (p Patient) Submit(ctx context.Context, subs []wire.Submission) (answers []wire.Answer, err error) {
	err = p.retry(ctx, func() (err error) {
		answers, err = p.Client.Submit(ctx, subs)
		return err
	})
	return answers, err
}

// Receipt implements [Server].
func (p Patient) Receipt(ctx context.Context, believed uint64, indexes []uint64) (r *wire.Receipt, err error) {
	err = p.retry(ctx, func() (err error) {
		r, err = p.Client.Receipt(ctx, believed, indexes)
		return err
	})
	return r, err
}

func (p Patient) retry(ctx context.Context, do func() error) error {
	start, pause := time.Now(), patienceFirst
	for {
		err := do()
		if !mayPass(err) || ctx.Err() != nil {
			return err
		}
		if time.Since(start) > patienceEnds {
			return hint.With(err, "acknowledged entries are safe; run the import again, which resumes")
		}
		if pause == patienceFirst {
			p.Say("waiting for the server: %v", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, patienceMost)
	}
}

// mayPass reports whether waiting may help.
func mayPass(err error) bool {
	var s *wire.StatusError
	if errors.As(err, &s) {
		return s.Status == http.StatusTooManyRequests || s.Status == http.StatusServiceUnavailable || s.Status == http.StatusInsufficientStorage
	}
	return errors.Is(err, wire.ErrUnreachable) && !errors.Is(err, mtls.ErrPin)
}
