package tlog

import (
	"context"
	"errors"
	"io/fs"

	sumdb "golang.org/x/mod/sumdb/tlog"
)

// fetched is a log that lies elsewhere, for reading: get returns one of its files
// by the path C2SP tlog-tiles gives it, fs.ErrNotExist where there is none. Of a
// file larger than limit it may return any limit+1 bytes.
type fetched struct {
	get func(ctx context.Context, path string, limit int64) ([]byte, error)
}

// NewFetched returns the log whose files get returns.
func NewFetched(get func(ctx context.Context, path string, limit int64) ([]byte, error)) Source {
	return &fetched{get}
}

// ReadTile implements [Source].
func (f *fetched) ReadTile(ctx context.Context, t sumdb.Tile) (data []byte, path string, err error) {
	path = TilePath(t)
	data, err = f.get(ctx, path, maxFile(t.L))
	if t.W < tileWidth && errors.Is(err, fs.ErrNotExist) {
		whole := full(t.L, t.N)
		if data, err := f.get(ctx, TilePath(whole), maxFile(t.L)); err == nil {
			return data, TilePath(whole), nil
		}
	}
	return data, path, err
}
