package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stele-log/stele/internal/store"
)

// keeper holds the store open. One that has stopped, for a full disk or
// anything else whose outcome was unknown, is opened again: opening is
// recovering.
type keeper struct {
	open   func(context.Context) (*store.Store, error)
	opened func(*store.Store) // told of each store that was opened
	diag   *slog.Logger

	mu  sync.RWMutex // held for reading while the store is in use
	srv *store.Store
	ctx context.Context // ends when the store has stopped
	end context.CancelFunc
	why error // why there is no store
}

// Pauses between tries to open the store again.
const (
	checkEvery  = 200 * time.Millisecond
	reopenFirst = time.Second
	reopenMost  = 30 * time.Second
)

// unavailable says that there is no store at the moment.
type unavailable struct{ why error }

func (e *unavailable) Error() string { return fmt.Sprintf("the store is not open: %v", e.why) }

func (e *unavailable) Unwrap() error { return e.why }

func (k *keeper) start(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reopen(ctx)
}

// reopen opens the store. The caller holds mu.
func (k *keeper) reopen(ctx context.Context) error {
	k.srv, k.why = nil, nil
	srv, err := k.open(ctx)
	if err != nil {
		k.why = err
		return err
	}
	k.srv = srv
	k.opened(srv)
	k.ctx, k.end = context.WithCancel(context.Background())
	return nil
}

// run watches the store until the context ends.
func (k *keeper) run(ctx context.Context) {
	pause := reopenFirst
	for {
		wait := checkEvery
		if why := k.stopped(); why != nil {
			k.diag.Error("the store has stopped and is opened again", "error", why)
			if err := k.again(ctx); err != nil {
				k.diag.Error("the store cannot be opened", "error", err, "next_try", pause)
				wait, pause = pause, min(2*pause, reopenMost)
			} else {
				k.diag.Info("the store is open again")
				pause = reopenFirst
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (k *keeper) stopped() error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.srv == nil {
		return k.why
	}
	return k.srv.Err()
}

// again closes the stopped store, once nobody uses it, and opens it.
func (k *keeper) again(ctx context.Context) error {
	k.mu.RLock()
	if k.end != nil {
		k.end() // whoever waits on the stopped store waits in vain
	}
	k.mu.RUnlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.srv != nil {
		if err := k.srv.Stop(ctx); err != nil {
			k.diag.Warn("closing the stopped store", "error", err)
		}
	}
	return k.reopen(ctx)
}

// use lends the store. What is done with it ends when the store stops.
func (k *keeper) use(ctx context.Context, do func(context.Context, *store.Store) error) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.srv == nil {
		return &unavailable{k.why}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(k.ctx, cancel)()
	return do(ctx, k.srv)
}

// pass returns once the store could be used: while it is opened again everybody
// waits who brings something.
func (k *keeper) pass() {
	k.mu.RLock()
	defer k.mu.RUnlock()
}

// stop closes the store.
func (k *keeper) stop(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.srv == nil {
		return nil
	}
	k.end()
	err := k.srv.Stop(ctx)
	k.srv, k.why = nil, errors.New("the server has ended")
	return err
}
