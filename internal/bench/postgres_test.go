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
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// Postgres is what many would use in place of a log: a table that is only ever
// inserted into, over TLS, durable on commit. The process that plays this part
// starts the server, and stops it when whoever measures is gone.
type Postgres struct {
	dir    string
	port   int
	user   string
	pin    string
	absent error
	server *exec.Cmd
}

// errNoPostgres says why the side is absent.
var errNoPostgres = errors.New("no PostgreSQL here")

func postgresFar(dir string) (any, func() error, error) {
	p := &Postgres{dir: dir}
	p.absent = p.start()
	return p, p.stop, nil
}

// Session says how a session is opened; Absent, why there is no server.
type Session struct{ DSN, Pin, Absent string }

// Session implements the call of that name.
func (p *Postgres) Session(_ None, out *Session) error {
	if p.absent != nil {
		out.Absent = p.absent.Error()
		return nil
	}
	*out = Session{DSN: p.dsn(), Pin: p.pin}
	return nil
}

// Usage implements the call of that name, for the server and its sessions.
func (p *Postgres) Usage(_ None, u *Usage) error {
	u.CPU = p.cpu()
	return nil
}

func (p *Postgres) start() error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	cred, err := p.account()
	if err != nil {
		return err
	}
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: cred}
		return cmd
	}
	if out, err := run("initdb", "-D", p.data(), "-A", "trust", "-U", p.user, "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: initdb: %w: %s", errNoPostgres, err, out)
	}
	if err := p.prepare(cred); err != nil {
		return fmt.Errorf("%w: %w", errNoPostgres, err)
	}
	p.server = run("postgres", "-D", p.data(), "-p", strconv.Itoa(p.port), "-k", p.dir, "-h", "127.0.0.1",
		"-c", "ssl=on", "-c", "max_connections=400", "-c", "logging_collector=off", "-c", "log_min_messages=fatal")
	if err := p.server.Start(); err != nil {
		return fmt.Errorf("%w: %w", errNoPostgres, err)
	}
	return p.table()
}

// stop is what PostgreSQL calls a fast shutdown.
func (p *Postgres) stop() error {
	if p.server == nil || p.server.Process == nil {
		return nil
	}
	p.server.Process.Signal(syscall.SIGINT)
	if err := p.server.Wait(); err != nil && p.absent == nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
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
func (p *Postgres) account() (*syscall.Credential, error) {
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

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// prepare gives the server its certificate and a port.
func (p *Postgres) prepare(cred *syscall.Credential) error {
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

func (p *Postgres) dsn() string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=require", p.port, p.user)
}

// open opens a session over TLS, held to the server's own key.
func (s Session) open(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.DSN)
	if err != nil {
		return nil, err
	}
	cfg.TLSConfig, cfg.Fallbacks = mtls.ClientConfig(s.Pin, nil), nil
	return pgx.ConnectConfig(ctx, cfg)
}

// table makes the table once the server answers.
func (p *Postgres) table() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		c, err := Session{DSN: p.dsn(), Pin: p.pin}.open(ctx)
		if err == nil {
			_, err = c.Exec(ctx, `CREATE TABLE changes (id bigserial PRIMARY KEY, source bytea, seq bigint, submission bytea)`)
			return errors.Join(err, c.Close(ctx))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: it does not answer: %w", errNoPostgres, err)
		case <-poll.C:
		}
	}
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
func (p *Postgres) cpu() (sum time.Duration) {
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
