package histories

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
)

// asServer names the directory of a server, in the environment of the process
// that is to be that server.
const asServer = "STELE_HISTORY_SERVER"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(asServer); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	go machine.Run(context.Background())
	os.Exit(m.Run())
}

// machine measures what this process could do, in which all hosts live.
var machine = patience.New(nil)

// place is where a server keeps its store, and what is believed of it.
type place struct{ dir string }

func (p place) layout() layout.Store { return layout.Store{Dir: filepath.Join(p.dir, "store")} }

func (p place) beliefs() string { return filepath.Join(p.dir, "trust") }

func (p place) trust() (trust.File, error) { return trust.Of(p.beliefs(), p.layout().Dir) }

// openStore opens the store in a place, for writing.
func openStore(ctx context.Context, p place) (*store.Store, error) {
	file, err := p.trust()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Config{Layout: p.layout(), Trust: file, Version: "test"})
}

func certificate(p place) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(p.dir, "tls.crt"), filepath.Join(p.dir, "tls.key"))
}

// makeCertificate makes the one certificate of all servers of a run.
func makeCertificate(p place) error {
	cert, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(p.dir, "tls.crt"), cert, 0o600), os.WriteFile(filepath.Join(p.dir, "tls.key"), key, 0o600))
}

// serve is the server's process. It says where it listens, and ends in good
// order when its standard input does.
func serve(dir string) error {
	p := place{dir}
	cert, err := certificate(p)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := server.New(ctx, server.Config{
		Layout: p.layout(), Certificate: cert, Diag: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Open: func(ctx context.Context) (*store.Store, error) { return openStore(ctx, p) },
	})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	fmt.Printf("%s\n", l.Addr())
	io.Copy(io.Discard, os.Stdin)
	return errors.Join(s.Close(ctx), <-served)
}

// process is a server that runs as a process of its own.
type process struct {
	cmd  *exec.Cmd
	in   io.Closer
	addr string
	errs *tail
}

func startServer(p place) (*process, error) {
	proc := &process{cmd: exec.Command(os.Args[0]), errs: new(tail)}
	proc.cmd.Env = append(os.Environ(), asServer+"="+p.dir, "GOMAXPROCS=2")
	proc.cmd.Stderr = proc.errs
	in, err := proc.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := proc.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := proc.cmd.Start(); err != nil {
		return nil, err
	}
	proc.in = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("server does not start: %w\n%s", errors.Join(err, proc.cmd.Wait()), proc.errs)
	}
	proc.addr = strings.TrimSpace(line)
	return proc, nil
}

// kill ends the process without a word.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait() // it says that it was killed
}

// stop ends the process in good order.
func (p *process) stop() error {
	p.in.Close()
	late := time.AfterFunc(comeWithin, p.kill)
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("server does not end in good order: %w\n%s", err, p.errs)
	}
	return nil
}

// tail keeps the last of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailMost = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - tailMost; over > 0 {
		t.b = bytes.Clone(t.b[over:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
