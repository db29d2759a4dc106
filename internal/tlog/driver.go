package tlog

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
)

// driver is Tessera's storage of files whose reader tells sizes from memory.
// Tessera reads them ten times a second for its metrics, each from files, which
// is most of what a log costs in which nothing happens.
type driver struct {
	files *posix.Storage
	size  *atomic.Uint64
}

func newDriver(ctx context.Context, dir string, size *atomic.Uint64) (*driver, error) {
	storage, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, err
	}
	return &driver{files: storage.(*posix.Storage), size: size}, nil
}

// Appender sets the size to that of the integrated tree.
func (d *driver) Appender(ctx context.Context, opts *tessera.AppendOptions) (*tessera.Appender, tessera.LogReader, error) {
	appender, reader, err := d.files.Appender(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	size, err := reader.IntegratedSize(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read size of log: %w", err)
	}
	d.size.Store(size)
	return appender, sizes{LogReader: reader, size: d.size}, nil
}

// sizes reads a log with one writer, which waits until what it adds is
// integrated: what it has counted is what the files say, or a moment behind.
type sizes struct {
	tessera.LogReader
	size *atomic.Uint64
}

func (s sizes) IntegratedSize(context.Context) (uint64, error) { return s.size.Load(), nil }
func (s sizes) NextIndex(context.Context) (uint64, error)      { return s.size.Load(), nil }
