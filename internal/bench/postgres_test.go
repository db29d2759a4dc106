package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// postgres is what many would use in place of a log: a table that is only ever
// inserted into, over TLS, durable on commit.
type postgres struct {
	dir    string
	port   int
	user   string
	pin    string
	server *exec.Cmd
}

// errNoPostgres says why the side is absent.
var errNoPostgres = errors.New("no PostgreSQL here")

// startPostgres starts a server of its own, which ends with the test.
func startPostgres(t *testing.T) (*postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "stele-bench-postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postgres{dir: dir}
	cred, err := p.account()
	if err != nil {
		return nil, err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: cred}
		return cmd
	}
	if out, err := run("initdb", "-D", p.data(), "-A", "trust", "-U", p.user, "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: initdb: %w: %s", errNoPostgres, err, out)
	}
	if err := p.prepare(cred); err != nil {
		t.Fatal(err)
	}
	p.server = run("postgres", "-D", p.data(), "-p", strconv.Itoa(p.port), "-k", dir, "-h", "127.0.0.1",
		"-c", "ssl=on", "-c", "max_connections=400", "-c", "logging_collector=off", "-c", "log_min_messages=fatal")
	if err := p.server.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPostgres, err)
	}
	t.Cleanup(func() {
		p.server.Process.Signal(syscall.SIGINT) // fast shutdown
		if err := p.server.Wait(); err != nil {
			t.Errorf("postgres: %v", err)
		}
	})
	return p, p.table(t.Context())
}

// postgresBin finds the binaries, which Debian keeps off the path.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("%w: initdb is not on the path and not in /usr/lib/postgresql", errNoPostgres)
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// account is who the server runs as: it refuses to be root.
func (p *postgres) account() (*syscall.Credential, error) {
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPostgres, err)
	}
	if p.user = me.Username; os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.Atoi(u.Uid)
		gid, gerr := strconv.Atoi(u.Gid)
		if err := errors.Join(uerr, gerr, os.Chown(p.dir, uid, gid)); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoPostgres, err)
		}
		p.user = name
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("%w: it refuses to run as root and there is no other account", errNoPostgres)
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

// prepare gives the server its certificate and a port.
func (p *postgres) prepare(cred *syscall.Credential) error {
	certificate, key, err := mtls.NewServer([]string{"127.0.0.1"})
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(p.data(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return err
		}
		if cred != nil {
			if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
				return err
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.port = l.Addr().(*net.TCPAddr).Port
	shown, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	p.pin, err = mtls.PinOf(shown)
	return errors.Join(err, l.Close())
}

// connect is a session over TLS, held to the server's own key.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=require", p.port, p.user))
	if err != nil {
		return nil, err
	}
	cfg.TLSConfig = mtls.ClientConfig(p.pin, nil)
	cfg.Fallbacks = nil
	return pgx.ConnectConfig(ctx, cfg)
}

// table makes the table once the server answers.
func (p *postgres) table(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		c, err := p.connect(ctx)
		if err == nil {
			_, err = c.Exec(ctx, `CREATE TABLE changes (id bigserial PRIMARY KEY, source bytea, seq bigint, submission bytea)`)
			return errors.Join(err, c.Close(ctx))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: it does not answer: %w", errNoPostgres, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sessions connects so many clients.
func (p *postgres) sessions(t *testing.T, n int) (conns []*pgx.Conn, err error) {
	for range n {
		c, err := p.connect(t.Context())
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		t.Cleanup(func() { c.Close(context.Background()) })
	}
	return conns, nil
}

// insert stores what a submission brings, durably.
func insert(ctx context.Context, c *pgx.Conn, s *wire.Submission) error {
	e, err := entry.Parse(s.Note)
	if err != nil {
		return err
	}
	b, err := s.AppendBinary(nil)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `INSERT INTO changes (source, seq, submission) VALUES ($1, $2, $3)`, e.Source[:], int64(e.Seq), b)
	return err
}

// cpu is what the server and its children have taken. None has ended: sessions
// stay open until the test ends. The scheduler tells it in nanoseconds, where
// the times in stat are cut to hundredths of a second, process by process.
func (p *postgres) cpu() (sum time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	server := strconv.Itoa(p.server.Process.Pid)
	for _, name := range stats {
		b, _ := os.ReadFile(name) // of a process that has ended: nothing
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest) // from the third field on: the state, the parent
		if dir := filepath.Dir(name); filepath.Base(dir) == server || len(f) > 1 && f[1] == server {
			sum += onCPU(dir)
		}
	}
	return sum
}

func onCPU(dir string) time.Duration {
	b, _ := os.ReadFile(filepath.Join(dir, "schedstat"))
	first, _, _ := strings.Cut(string(b), " ")
	n, _ := strconv.ParseInt(first, 10, 64)
	return time.Duration(n)
}
