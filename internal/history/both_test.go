package history_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
)

// opener opens a store for reading, in one of two ways.
type opener func(t *testing.T, st steletest.Store) (*history.Reader, error)

// both runs a test twice: what is shown, and what is found out, is the same for
// whoever has the store on disk and for whoever asks a server.
func both(t *testing.T, test func(*testing.T, opener)) {
	t.Run("disk", func(t *testing.T) { test(t, onDisk) })
	t.Run("server", func(t *testing.T) { test(t, atServer) })
}

func onDisk(t *testing.T, st steletest.Store) (*history.Reader, error) {
	t.Helper()
	return history.Open(t.Context(), st.Layout, st.Trust, nil)
}

// atServer reads over TLS from a process that answers out of the store's files, as
// they are: no writer has looked at them, and none would take some of them.
func atServer(t *testing.T, st steletest.Store) (*history.Reader, error) {
	t.Helper()
	return ask(t, st, wire.Question{Ask: wire.AskGround})
}

func ask(t *testing.T, st steletest.Store, q wire.Question) (*history.Reader, error) {
	t.Helper()
	return history.OpenRemote(t.Context(), remote(t, st), q, nil)
}

// remote is how to reach a store that is served.
func remote(t *testing.T, st steletest.Store) believed.Remote {
	t.Helper()
	certificate, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reads := server.NewAnswerer(st.Layout, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	mux.Handle(wire.PathLog, http.StripPrefix(wire.PathLog, http.FileServer(http.Dir(st.Layout.Log()))))
	mux.HandleFunc(wire.PathRead, func(w http.ResponseWriter, r *http.Request) {
		if err := reads.Answer(w, r, nil); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	srv := &http.Server{Handler: mux, TLSConfig: mtls.ServerConfig(cert)}
	done := make(chan error, 1)
	go func() { done <- srv.ServeTLS(l, "", "") }()
	pin, err := mtls.PinOf(cert)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: "https://" + l.Addr().String(), Pin: pin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		_ = srv.Shutdown(context.Background())
		<-done
		if err := reads.Close(); err != nil {
			t.Error(err)
		}
	})
	logKey, err := st.Layout.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	note, err := trust.OfLog(filepath.Dir(st.Trust.Path()), logKey.VKey())
	if err != nil {
		t.Fatal(err)
	}
	return believed.Remote{Read: c.Read, File: c.File, Key: logKey, Trust: note}
}
