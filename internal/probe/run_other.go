//go:build !linux

package probe

import (
	"context"
	"errors"
	"io/fs"

	"github.com/stele-log/stele/internal/catalogue"
)

func run(context.Context, *catalogue.Probe) ([]byte, error) { return nil, errors.ErrUnsupported }

func roots(fs.FileInfo) bool { return false }

func watchMounts(context.Context) <-chan struct{} { return nil }
