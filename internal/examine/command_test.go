package examine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/steletest"
)

// hanging is how long a command may run until it counts as hanging.
const hanging = 2 * time.Minute

// run is one run of the command.
type run struct {
	status    int // -1: it had to be killed
	out, errs string
	took      time.Duration
}

// command runs stele on a store, in a process of its own.
func command(t *testing.T, st steletest.Store, in string, args ...string) run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hanging)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := prepare(ctx, st, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &errs
	start := time.Now()
	err := cmd.Run()
	r := run{out: out.String(), errs: errs.String(), took: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		r.status = exit.ExitCode()
	default:
		t.Fatal(err)
	}
	return r
}

// prepare is a process that is stele on a store.
func prepare(ctx context.Context, st steletest.Store, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], append(args, "--data", st.Layout.Dir)...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "STELE_TRUST="+beliefsOf(st), "STELE_SERVER=")
	return cmd
}

// said is what verify said, with --json.
type said struct {
	run
	State    string
	Status   int
	Size     uint64
	Findings []struct {
		Code, Where, Detail string
		Index               *uint64
	}
}

func verified(t *testing.T, st steletest.Store, flags ...string) said {
	t.Helper()
	s := said{run: command(t, st, "", append([]string{"verify", "--json"}, flags...)...)}
	if s.out != "" {
		if err := json.Unmarshal([]byte(s.out), &s); err != nil {
			t.Fatalf("verify --json: %v\n%s", err, s.out)
		}
	}
	return s
}
