package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A mutant that goes on for ever is noticed by that: by the processor's time it
// takes, in seconds, which no other work on the machine adds to, and, where it
// waits, by the clock.
const (
	mostTime = 60
	patience = 4 * time.Minute
)

// tryAll tries every mutant, some at once, and says how it goes.
func (l *language) tryAll(jobs int) error {
	if noticed, err := l.try(&mutant{id: -1}); err != nil || noticed {
		return fmt.Errorf("%s: without a mutant the vectors fail (%v)", l.name, err)
	}
	queue := make(chan *mutant)
	errs := make(chan error, jobs)
	var all sync.WaitGroup
	for range jobs {
		all.Go(func() {
			for m := range queue {
				noticed, err := l.try(m)
				if err != nil {
					errs <- err
					return
				}
				if m.survived = !noticed; m.survived {
					fmt.Fprintf(os.Stderr, "survived: %s\n", m)
				}
			}
		})
	}
	go func() {
		all.Wait()
		close(errs)
	}()
	for i, m := range l.mutants {
		select {
		case queue <- m:
		case err := <-errs:
			return err
		}
		if i%100 == 99 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d\n", l.name, i+1, len(l.mutants))
		}
	}
	close(queue)
	return <-errs
}

func (m *mutant) String() string { return fmt.Sprintf("%s:%d %s: %s", m.file, m.line, m.kind, m.text) }

// fails runs a command with a mutant live and reports whether it fails.
func fails(m *mutant, dir, name string, args ...string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", fmt.Sprintf(`ulimit -t %d; exec "$0" "$@"`, mostTime), name}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), fmt.Sprintf("STELE_MUTANT=%d", m.id))
	err := cmd.Run()
	if ctx.Err() != nil {
		fmt.Fprintf(os.Stderr, "ended by the clock: %s\n", m)
		return true, nil
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return false, err
	}
	return err != nil, nil
}
