// Command stele keeps an immutable, tamper-evident record of the configuration
// of agents. `stele help` says more.
package main

import (
	"context"
	"os"

	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/helper"
	"github.com/stele-log/stele/internal/cli"
	"github.com/stele-log/stele/internal/stop"
)

func main() {
	helper.Main(capture.Helpers())
	var from stop.Senders
	if cli.Watches(os.Args[1:]) {
		from = senders()
	}
	ctx, release := stop.Context(context.Background(), from)
	defer release()
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
