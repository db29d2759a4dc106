// Command stele keeps an immutable, tamper-evident record of the configuration
// of agents. `stele help` says more.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/helper"
	"github.com/stele-log/stele/internal/cli"
)

func main() {
	helper.Main(capture.Helpers())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
