package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// door is a server at a loopback address, with its operator.
type door struct {
	*server.Server
	*scene
	store    steletest.Store
	url      string
	endpoint server.Endpoint
	cert     tls.Certificate
	next     *door // that took its place
}

// open begins a server over a new store. change may alter its configuration.
func open(t testing.TB, change ...func(*server.Config)) *door {
	t.Helper()
	certificate, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return openStore(t, steletest.NewStore(t), cert, "127.0.0.1:0", change...)
}

func openStore(t testing.TB, st steletest.Store, cert tls.Certificate, addr string, change ...func(*server.Config)) *door {
	t.Helper()
	sc := new(scene)
	sc.clock = patience.New(sc.now)
	cfg := server.Config{
		Now: sc.now, Clock: sc.clock, Alert: sc.alert,
		Layout: st.Layout, Certificate: cert, Diag: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Open: func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, store.Config{Layout: st.Layout, Trust: st.Trust, Version: "test", Now: sc.now})
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := server.New(t.Context(), cfg)
	if err != nil {
		t.Fatalf("open server: %v", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	d := &door{Server: s, scene: sc, store: st, url: "https://" + l.Addr().String(), cert: cert}
	d.endpoint = s.Endpoint(d.url)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close server: %v", err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return d
}

// operator is a client with the operator's secret.
func (d *door) operator(t testing.TB) *client.Client {
	t.Helper()
	return d.client(t, client.Config{Secret: d.endpoint.Secret})
}

func (d *door) client(t testing.TB, cfg client.Config) *client.Client {
	t.Helper()
	cfg.URL, cfg.Pin = d.url, d.endpoint.Pin
	if cfg.Now == nil {
		cfg.Now = d.now
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func seed(n int) []byte {
	b := make([]byte, 32)
	copy(b, fmt.Sprintf("source %d", n))
	return b
}

// source is a source with its key, its client and its chain.
type source struct {
	*client.Client
	clock    *scene // its own, beside that of the server
	n        int
	key      entry.SecretKey
	log      *entry.LogKey
	chain    *record.Chain
	believed verify.Checkpoint
}

// stranger is a source that has not enrolled.
func (d *door) stranger(t testing.TB, n int) *source {
	t.Helper()
	cert, err := mtls.Source(seed(n))
	if err != nil {
		t.Fatal(err)
	}
	key, err := entry.NewSecretKey(seed(n))
	if err != nil {
		t.Fatal(err)
	}
	log, err := entry.ParseLogKey(d.endpoint.VKey)
	if err != nil {
		t.Fatal(err)
	}
	own := new(scene)
	now := func() time.Time { return d.now().Add(own.ahead()) }
	return &source{Client: d.client(t, client.Config{Certificate: &cert, Now: now}), clock: own, n: n, key: key, log: log}
}

// join enrols a source with a token of its own.
func (d *door) join(t testing.TB, n int) *source {
	t.Helper()
	s := d.stranger(t, n)
	given, err := d.operator(t).GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Watcher})
	if err != nil {
		t.Fatalf("ask for a token: %v", err)
	}
	cp, id, err := s.Client.Enrol(t.Context(), s.log, s.key.Public(), given.Secret, entry.Watcher, body.Host{Name: fmt.Sprintf("host-%d", n)})
	if err != nil {
		t.Fatalf("enrol: %v", err)
	}
	s.chain, s.believed = record.NewChain(s.key, record.Head{Prev: id}), cp
	s.chain.Saw(entry.Saw{Size: cp.Size, Root: cp.Root})
	return s
}

func (s *source) sign(t testing.TB, paths ...string) []wire.Submission {
	t.Helper()
	var ds []record.Draft
	for _, p := range paths {
		c := steletest.Change(p, p+"\n", nil)
		c.Time = time.Now().Add(s.clock.ahead())
		ds = append(ds, c)
	}
	return steletest.Sign(t, s.chain, ds...)
}

// beat is a signed sign of life.
func (s *source) beat(t *testing.T, believed verify.Checkpoint, next, kept uint64) wire.Beat {
	t.Helper()
	if believed.Size == 0 {
		believed.Root = entry.EmptyRoot
	}
	b := entry.Beat{
		Origin: s.log.Origin(), Next: next, Kept: kept,
		Time: body.FormatTime(time.Now()), Saw: entry.Saw{Size: believed.Size, Root: believed.Root},
	}
	note, err := b.Sign(s.key)
	if err != nil {
		t.Fatalf("sign a beat: %v", err)
	}
	return wire.Beat{Believed: believed.Size, Note: note}
}

// files are all files below a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
