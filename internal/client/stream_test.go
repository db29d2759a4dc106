package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/wire"
)

// TestServerThatReadsNothing: a server that accepts a stream and takes nothing of
// it does not hold up whoever hands in, neither for ever nor at the end.
func TestServerThatReadsNothing(t *testing.T) {
	url, pin := deafServer(t)
	for name, c := range map[string]struct {
		patience time.Duration
		within   time.Duration   // of the context
		clock    *patience.Clock // one that does not beat is that of a starved process
		want     error
	}{
		"patience ends":           {100 * time.Millisecond, time.Minute, nil, wire.ErrUnreachable},
		"context ends":            {time.Minute, 100 * time.Millisecond, nil, context.DeadlineExceeded},
		"this process is starved": {time.Millisecond, 100 * time.Millisecond, patience.New(nil), context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			cl, err := New(Config{URL: url, Pin: pin, Clock: c.clock})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cl.Close)
			cl.patience = c.patience
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			defer cancel()
			text := make([]byte, 8<<20)
			rand.Read(text) // nothing that can be packed
			large := wire.Submission{Texts: []wire.Text{{Body: text}}}
			done := make(chan error, 1)
			go func() {
				_, err := cl.Submit(ctx, []wire.Submission{large})
				done <- err
			}()
			select {
			case err := <-done:
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			case <-time.After(2 * time.Minute):
				t.Error("waits for ever")
			}
		})
	}
}

// deafServer takes streams and reads nothing of them.
func deafServer(t *testing.T) (url, pin string) {
	t.Helper()
	certificate, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	if pin, err = mtls.PinOf(cert); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	srv.TLS, srv.EnableHTTP2 = mtls.ServerConfig(cert), true
	srv.StartTLS()
	t.Cleanup(func() {
		close(over)
		srv.Close()
	})
	return srv.URL, pin
}
