package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/wire"
)

// Read asks a question and returns the pieces of evidence that answer it, as they
// come. The caller closes them.
func (c *Client) Read(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.ask(ctx, cancel, http.MethodPost, wire.PathRead, bytes.NewReader(b))
	if err != nil {
		cancel()
		return nil, err
	}
	in, err := decoder(resp.Body)
	if err != nil {
		cancel()
		return nil, err
	}
	return wire.NewEvidence(in, func() error {
		cancel()
		in.Close()
		return resp.Body.Close()
	}), nil
}

// ask sends a request whose answer is read piece by piece; only its beginning has
// to come in time.
func (c *Client) ask(ctx context.Context, cancel func(), method, path string, payload io.Reader) (*http.Response, error) {
	req, err := c.request(ctx, method, path, payload)
	if err != nil {
		return nil, err
	}
	defer c.cfg.Clock.AfterFunc(answerTimeout, cancel)()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, statusError(resp)
	}
	return resp, nil
}

// File reads a file of the log, fs.ErrNotExist where there is none; of a file
// larger than limit, one byte more.
func (c *Client) File(ctx context.Context, path string, limit int64) ([]byte, error) {
	return c.get(ctx, wire.PathLog+path, limit)
}

func (c *Client) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := c.cfg.Clock.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "zstd")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	default:
		return nil, statusError(resp)
	}
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "zstd" {
		in, err := decoder(resp.Body)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		body = in
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, unreachable(err)
	}
	return b, nil
}

// maxCheckpoints bounds the answer with the checkpoints of sources, in bytes.
const maxCheckpoints = 4 << 20

// Checkpoints are those that sources handed on to the server, signed by the log or
// not: that is for the caller to try. A server that hands out none has none.
func (c *Client) Checkpoints(ctx context.Context) ([][]byte, error) {
	b, err := c.get(ctx, wire.PathCheckpoints, maxCheckpoints)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(b) > maxCheckpoints {
		err = fmt.Errorf("the checkpoints of sources: %w", wire.ErrTooLarge)
	}
	return checkpoints.Split(b), err
}

// decoder reads zstd, with memory that does not depend on what is read.
func decoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
}

// Identity asks who the server takes the caller for.
func (c *Client) Identity(ctx context.Context) (r wire.Reader, err error) {
	err = c.call(ctx, http.MethodGet, wire.PathReadIdentity, nil, &r)
	return r, err
}

// ReadSources lists the sources enrolled, as a reader.
func (c *Client) ReadSources(ctx context.Context) (l []wire.SourceInfo, err error) {
	err = c.call(ctx, http.MethodGet, wire.PathReadSources, nil, &l)
	return l, err
}

// Entry asks for an entry by its index, as a source. That it stands there is for
// a receipt to prove.
func (c *Client) Entry(ctx context.Context, i uint64) ([]byte, error) {
	var l wire.Leaf
	err := c.call(ctx, http.MethodGet, wire.PathEntry+"?index="+strconv.FormatUint(i, 10), nil, &l)
	return l.Note, err
}
