package bench

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
)

// The environment of a process that plays one part of a measurement.
const (
	farPart = "STELE_BENCH_PART"
	farDir  = "STELE_BENCH_DIR"
)

// parts are what the test binary can be when it is started once more.
var farParts = map[string]func(dir string) (any, func() error, error){
	"stele": steleFar, "signature": signatureFar, "watcher": watcherFar, "postgres": postgresFar,
}

func TestMain(m *testing.M) {
	if part := os.Getenv(farPart); part != "" {
		if err := playFar(part, os.Getenv(farDir)); err != nil {
			fmt.Fprintln(os.Stderr, part+":", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// playFar answers calls until whoever started this process closes the pipe.
func playFar(part, dir string) error {
	receiver, stop, err := farParts[part](dir)
	if err != nil {
		return err
	}
	s := rpc.NewServer()
	if err := s.RegisterName("Far", receiver); err != nil {
		return errors.Join(err, stop())
	}
	s.ServeConn(pipe{os.Stdin, os.Stdout})
	return stop()
}

// pipe is a connection over two files.
type pipe struct {
	io.ReadCloser
	out io.WriteCloser
}

func (p pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p pipe) Close() error { return errors.Join(p.ReadCloser.Close(), p.out.Close()) }

// far is a part in a process of its own, so that its processor time and memory
// can be told from those of whoever drives it.
type far struct {
	*rpc.Client
	part  string
	cmd   *exec.Cmd
	ended bool
}

// startFar starts a part; it ends with the test.
func startFar(t *testing.T, part, dir string) *far {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), farPart+"="+part, farDir+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &far{Client: rpc.NewClient(pipe{out, in}), part: part, cmd: cmd}
	t.Cleanup(func() { f.end(t) })
	return f
}

// end has a part close what it has open, and waits until it has.
func (f *far) end(t *testing.T) {
	if f.ended {
		return
	}
	f.ended = true
	if err := errors.Join(f.Close(), f.cmd.Wait()); err != nil {
		t.Errorf("%s: %v", f.part, err)
	}
}

// ask calls a method of a part.
func ask[Out any](t *testing.T, f *far, method string, in any) Out {
	t.Helper()
	out, err := askFor[Out](f, method, in)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return out
}

func askFor[Out any](f *far, method string, in any) (out Out, err error) {
	err = f.Call("Far."+method, in, &out)
	return out, err
}

// None is the argument of a call that needs none.
type None struct{}

// Usage is what a process has taken so far.
type Usage struct {
	CPU      time.Duration
	Resident int64 // bytes; 0: not told on this system
	Peak     int64 // the most it ever had
}

// measuredFar answers what this process has taken.
type measuredFar struct{}

// Usage implements the call of that name.
func (measuredFar) Usage(_ None, u *Usage) error {
	*u = Usage{CPU: cpuTime(), Resident: memory("VmRSS"), Peak: memory("VmHWM")}
	return nil
}

// Live implements the call of that name: Usage of what is still in use.
func (m measuredFar) Live(_ None, u *Usage) error {
	debug.FreeOSMemory()
	return m.Usage(None{}, u)
}

// memory is a line of what Linux tells of this process, in bytes; elsewhere 0.
func memory(name string) int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// Where says how a part is reached.
type Where struct{ URL, Pin, VKey string }

// Stele is the real server over a store, at an address on this machine.
type Stele struct {
	measuredFar
	svc   *server.Server
	where Where
}

func steleFar(dir string) (any, func() error, error) {
	l := layout.Store{Dir: filepath.Join(dir, "store")}
	note, err := trust.Of(filepath.Join(dir, "trust"), l.Dir)
	if err != nil {
		return nil, nil, err
	}
	cert, err := serverCertificate()
	if err != nil {
		return nil, nil, err
	}
	svc, err := server.New(context.Background(), server.Config{
		Layout: l, Certificate: cert,
		Open: func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, store.Config{Layout: l, Trust: note, Version: "1.0.0"})
		},
	})
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, errors.Join(err, svc.Close(context.Background()))
	}
	served := make(chan error, 1)
	go func() { served <- svc.Serve(listener) }()
	e := svc.Endpoint("https://" + listener.Addr().String())
	stop := func() error { return errors.Join(svc.Close(context.Background()), <-served) }
	return &Stele{svc: svc, where: Where{e.URL, e.Pin, e.VKey}}, stop, nil
}

// Where implements the call of that name.
func (s *Stele) Where(_ None, out *Where) error {
	*out = s.where
	return nil
}

// Enrol admits the hosts of the fleet up to the n-th and answers where the chain
// of each begins.
func (s *Stele) Enrol(n int, heads *[]record.Head) error {
	return s.svc.Store(context.Background(), func(ctx context.Context, srv *store.Store) error {
		for i := range n {
			key, err := entry.NewSecretKey(hostSeed(i))
			if err != nil {
				return err
			}
			head, err := srv.Enrol(ctx, key.Public(), entry.Watcher, &body.Host{Name: hostName(i), OS: "linux"})
			if err != nil {
				return err
			}
			*heads = append(*heads, head)
		}
		return nil
	})
}

// Settled waits until the index has as many entries as the log, and answers how
// many those are: what was accepted is then in the vault, the log and the index.
func (s *Stele) Settled(_ None, size *uint64) error {
	return s.svc.Store(context.Background(), func(ctx context.Context, srv *store.Store) error {
		*size = srv.Size()
		return untilIndexed(ctx, srv, *size)
	})
}

// untilIndexed polls the index until it has that many entries.
func untilIndexed(ctx context.Context, srv *store.Store, size uint64) error {
	deadline := time.After(5 * time.Minute)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		next, err := srv.Index().Next(ctx)
		if err := errors.Join(err, srv.Err()); err != nil {
			return err
		}
		if next >= size {
			return nil
		}
		select {
		case <-poll.C:
		case <-deadline:
			return fmt.Errorf("the index has %d of %d entries after five minutes", next, size)
		}
	}
}

func serverCertificate() (tls.Certificate, error) {
	certificate, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certificate, key)
}

func hostSeed(i int) []byte {
	seed := sha256.Sum256([]byte(hostName(i)))
	return seed[:]
}

// serveFar answers HTTPS with a handler until it is stopped.
func serveFar(h http.Handler) (Where, func() error, error) {
	cert, err := serverCertificate()
	if err != nil {
		return Where{}, nil, err
	}
	pin, err := mtls.PinOf(cert)
	if err != nil {
		return Where{}, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Where{}, nil, err
	}
	s := &http.Server{Handler: h, TLSConfig: mtls.ServerConfig(cert)}
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(listener, "", "") }()
	stop := func() error {
		if err := s.Close(); err != nil {
			return err
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
	return Where{URL: "https://" + listener.Addr().String(), Pin: pin}, stop, nil
}
