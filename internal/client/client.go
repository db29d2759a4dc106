// Package client is the host's side of the network: it hands a server what a
// source has signed and asks for the proof. It believes one server, the one it
// was pinned to, and takes nothing that server says on trust: whoever calls it
// verifies receipts.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
)

// Config says where the server is and who calls.
type Config struct {
	URL         string
	Pin         string           // of the server's certificate
	Certificate *tls.Certificate // of the source that calls; nil: none
	Secret      string           // of a reader or the operator; empty: none
	Now         func() time.Time

	// Clock measures patience with the server; nil: what passes. A process that is
	// starved would take every answer for lost.
	Clock *patience.Clock

	// Dial connects; nil: as net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client calls one server. All methods may be called from any goroutine.
type Client struct {
	cfg      Config
	base     *url.URL
	instance string
	http     *http.Client
	patience time.Duration // with a server that takes or answers nothing

	mu     sync.Mutex
	stream *stream // open, or nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256 << 20

// Times to wait. What takes longer is taken for lost, and tried again.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 60 * time.Second
	pingEvery     = 30 * time.Second
)

// New prepares a client. Nothing is sent yet.
func New(cfg Config) (*Client, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("%.200q is not the address of a server: https://HOST:PORT", cfg.URL)
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext
	}
	var id [16]byte
	rand.Read(id[:])
	return &Client{
		cfg: cfg, base: base, instance: hex.EncodeToString(id[:]), patience: answerTimeout,
		http: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: cfg.Dial, TLSClientConfig: mtls.ClientConfig(cfg.Pin, cfg.Certificate),
				TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true, DisableCompression: true,
				IdleConnTimeout: 2 * time.Minute, MaxIdleConnsPerHost: 4,
				HTTP2: &http.HTTP2Config{SendPingTimeout: pingEvery, PingTimeout: dialTimeout, MaxReadFrameSize: 1 << 20},
			},
		},
	}, nil
}

// Close ends the stream and the connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != nil {
		c.stream.close(wire.ErrUnreachable)
		c.stream = nil
	}
	c.http.CloseIdleConnections()
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	u := *c.base
	ref, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, u.ResolveReference(ref).String(), body)
	if err != nil {
		return nil, err
	}
	c.sign(req)
	return req, nil
}

func (c *Client) sign(req *http.Request) {
	if c.cfg.Secret != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Secret)
	}
	if c.cfg.Certificate != nil {
		req.Header.Set(wire.HeaderInstance, c.instance)
		req.Header.Set(wire.HeaderTime, body.FormatTime(c.cfg.Now()))
	}
	req.Header.Set("User-Agent", "stele")
}

// call sends a request and reads the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var payload io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	ctx, cancel := c.cfg.Clock.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := c.request(ctx, method, path, payload)
	if err != nil {
		return err
	}
	return c.do(req, out)
}

func (c *Client) do(req *http.Request, out any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return statusError(resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return unreachable(err)
	}
	if len(b) > maxAnswer {
		return fmt.Errorf("the answer of the server: %w", wire.ErrTooLarge)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("the answer of the server: %w", err)
	}
	return nil
}

func unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the address is known to whoever asked
	}
	return fmt.Errorf("%w: %w", wire.ErrUnreachable, err)
}

func statusError(resp *http.Response) error {
	var p wire.Problem
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(b, &p) != nil || p.Error == "" {
		p.Error = "no reason given"
	}
	return &wire.StatusError{Status: resp.StatusCode, Why: p.Error, Hint: p.Hint}
}

// Post hands in entries with one request. [Client.Submit] does it on a stream.
func (c *Client) Post(ctx context.Context, subs []wire.Submission) ([]wire.Answer, error) {
	b, err := wire.AppendBatch(nil, subs)
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, http.MethodPost, wire.PathEntries, nil)
	if err != nil {
		return nil, err
	}
	if packed := wire.Pack(b); packed != nil {
		b = packed
		req.Header.Set("Content-Encoding", "zstd")
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	var answers []wire.Answer
	if err := c.do(req, &answers); err != nil {
		return nil, err
	}
	if len(answers) != len(subs) {
		return nil, fmt.Errorf("the server gives %d answers to %d entries", len(answers), len(subs))
	}
	return answers, nil
}

// Receipt asks for the proof of entries.
func (c *Client) Receipt(ctx context.Context, believed uint64, indexes []uint64) (*wire.Receipt, error) {
	var r wire.Receipt
	return &r, c.call(ctx, http.MethodPost, wire.PathReceipt, wire.ReceiptRequest{Believed: believed, Indexes: indexes}, &r)
}

// Beat says that the source lives, and asks for the newest checkpoint.
func (c *Client) Beat(ctx context.Context, b wire.Beat) (*wire.Receipt, error) {
	var r wire.Receipt
	return &r, c.call(ctx, http.MethodPost, wire.PathBeat, b, &r)
}

// Head asks where the log sees the chain of the source that calls, and for the
// entry it ends with.
func (c *Client) Head(ctx context.Context, _ entry.Source) (record.Head, []byte, error) {
	var h wire.Head
	err := c.call(ctx, http.MethodGet, wire.PathHead, nil, &h)
	return record.Head{Next: h.Next, Prev: entry.ID(h.Prev)}, h.Note, err
}

// Latest asks for the latest change of paths on that host.
func (c *Client) Latest(ctx context.Context, host string, paths []string) (all []wire.Latest, err error) {
	for len(paths) > 0 {
		n := min(len(paths), wire.MaxLatest)
		req := wire.LatestRequest{Host: host, Paths: make([][]byte, n)}
		for i, p := range paths[:n] {
			req.Paths[i] = []byte(p)
		}
		var some []wire.Latest
		if err := c.call(ctx, http.MethodPost, wire.PathLatest, req, &some); err != nil {
			return nil, err
		}
		if len(some) != n {
			return nil, fmt.Errorf("the server gives %d answers to %d questions", len(some), n)
		}
		all, paths = append(all, some...), paths[n:]
	}
	return all, nil
}

// Imported asks how many rows of a file are in the log.
func (c *Client) Imported(ctx context.Context, file string) (int, error) {
	var n wire.Imported
	err := c.call(ctx, http.MethodGet, wire.PathImported+"?file="+url.QueryEscape(file), nil, &n)
	return n.Rows, err
}
