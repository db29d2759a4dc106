// Package alert brings findings to people by a way of their own: what is wrong
// with a server must not need that server to be told. Findings go to a webhook
// or to syslog, in order, and are tried again until they arrive or this process
// ends; they stand in the diagnostics in any case.
package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/terminal"
)

// Config says where findings go.
type Config struct {
	Webhook string // URL: https, or http on loopback; findings are posted as JSON
	Syslog  string // unix:///dev/log, udp://HOST:PORT or tcp://HOST:PORT
	Diag    *slog.Logger
}

// Alerts sends findings. All methods may be called from any goroutine.
type Alerts struct {
	cfg    Config
	http   *http.Client
	queue  chan finding.Finding
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

const (
	queued     = 256 // findings that wait; more are in the diagnostics only
	sendWithin = 10 * time.Second
	retryFirst = time.Second
	retryMost  = time.Minute
)

// Start begins to send. Close ends it.
func Start(cfg Config) *Alerts {
	if cfg.Diag == nil {
		cfg.Diag = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &Alerts{
		cfg: cfg, queue: make(chan finding.Finding, queued), cancel: cancel,
		http: &http.Client{
			Timeout:       sendWithin,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	a.wg.Go(func() { a.run(ctx) })
	return a
}

// Send hands over a finding. It never waits.
func (a *Alerts) Send(f finding.Finding) {
	f.Log(a.cfg.Diag)
	if a.cfg.Webhook == "" && a.cfg.Syslog == "" {
		return
	}
	select {
	case a.queue <- f:
	default:
		a.cfg.Diag.Error("too many findings wait to be sent", "code", f.Code)
	}
}

// Close gives what waits one more try and ends.
func (a *Alerts) Close() {
	close(a.queue)
	done := make(chan struct{})
	go func() { a.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(sendWithin):
		a.cancel()
		<-done
	}
	a.cancel()
}

func (a *Alerts) run(ctx context.Context) {
	for f := range a.queue {
		pause := retryFirst
		for ctx.Err() == nil {
			err := a.deliver(ctx, f)
			if err == nil {
				break
			}
			a.cfg.Diag.Warn("a finding could not be sent", "code", f.Code, "error", err, "next_try", pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, retryMost)
		}
	}
}

func (a *Alerts) deliver(ctx context.Context, f finding.Finding) error {
	if a.cfg.Webhook != "" {
		if err := a.post(ctx, f); err != nil {
			return err
		}
	}
	if a.cfg.Syslog != "" {
		return a.log(ctx, f)
	}
	return nil
}

func (a *Alerts) post(ctx context.Context, f finding.Finding) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.Webhook, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answers %s", resp.Status)
	}
	return nil
}

// withoutURL takes the address out of an error: there may be a secret in it.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok {
		return fmt.Errorf("reach the webhook: %w", u.Err)
	}
	return err
}

// Priorities of RFC 5424: facility 13, log audit.
const (
	priAlert  = 13*8 + 1
	priNotice = 13*8 + 5
)

// log sends one message as RFC 5424, with the finding as JSON. Over TCP it is
// framed by its length, RFC 6587; sockets and datagrams need no frame.
func (a *Alerts) log(ctx context.Context, f finding.Finding) error {
	u, err := url.Parse(a.cfg.Syslog)
	if err != nil {
		return err
	}
	msg, err := message(f)
	if err != nil {
		return err
	}
	network, address := u.Scheme, u.Host
	switch network {
	case "unix":
		network, address = "unixgram", u.Path
	case "tcp":
		msg = append([]byte(fmt.Sprintf("%d ", len(msg))), msg...)
	}
	d := net.Dialer{Timeout: sendWithin}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("reach syslog: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(sendWithin)); err != nil {
		return err
	}
	_, err = conn.Write(msg)
	return err
}

func message(f finding.Finding) ([]byte, error) {
	pri := priAlert
	if f.Over {
		pri = priNotice
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	f.Detail = terminal.Escape(f.Detail)
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "<%d>1 %s %s stele %d %s - %s", pri, f.Time.UTC().Format(time.RFC3339Nano),
		strings.ReplaceAll(host, " ", "_"), os.Getpid(), messageID(string(f.Code)), b), nil
}

// messageID makes a message id of RFC 5424: at most 32 characters, none of them a
// space.
func messageID(s string) string {
	s = strings.ReplaceAll(s, " ", "_")
	return s[:min(len(s), 32)]
}
