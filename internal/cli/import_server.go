package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// importRemote is an importer of this machine in the log of a server: a source
// with a key of its own, one for each server.
type importRemote struct {
	*client.Client
	lock *durable.Lock // one process signs with the key
	key  entry.SecretKey
	log  *entry.LogKey
	note trust.Note // what is believed of that log
}

// importToServer imports a file into the log of a server.
func (a *app) importToServer(ctx context.Context, name, join string) error {
	l, err := a.layout()
	if err != nil {
		return err
	}
	var r *importRemote
	err = a.importRows(ctx, l, name, func(ctx context.Context) (s *importSender, err error) {
		if r, err = a.openImporter(ctx, l, join); err != nil {
			return nil, err
		}
		return r.sender(ctx, a)
	})
	if r != nil {
		err = errors.Join(err, r.close())
	}
	return err
}

// openImporter opens the importer for a server, and joins that if a token is given.
func (a *app) openImporter(ctx context.Context, l layout.Store, join string) (_ *importRemote, err error) {
	var t wire.Token
	if join != "" {
		if t, err = a.joinToken(join); err != nil {
			return nil, err
		}
		if a.server == "" {
			a.server = t.URL
		}
	}
	u, err := address(a.serverName())
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(l.Dir, "importer", strings.ReplaceAll(u.Hostname(), ":", ".")+"_"+u.Port())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hintStore(err)
	}
	r := &importRemote{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.lock, err = durable.LockFile(filepath.Join(dir, "lock")); err != nil {
		return nil, hintStore(err)
	}
	kf, err := keyfile.OpenOrCreate(filepath.Join(dir, "importer.key"), string(entry.Importer), "")
	if errors.Is(err, keyfile.ErrOtherMachine) {
		return nil, withHint(err, "this disk was copied from another machine; remove %s and join anew", dir)
	}
	if err != nil {
		return nil, err
	}
	j, err := a.joinedAt(filepath.Join(dir, "server.json"), u, t)
	if err != nil {
		return nil, err
	}
	if err := r.connect(a, kf, u, j); err != nil {
		return nil, err
	}
	if join == "" {
		return r, nil
	}
	return r, r.join(ctx, filepath.Join(dir, "server.json"), j, t)
}

// joinToken reads a join token, from standard input where it is -.
func (a *app) joinToken(text string) (wire.Token, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, 64<<10))
		if err != nil {
			return wire.Token{}, err
		}
		text = string(b)
	}
	t, err := wire.ParseToken(wire.JoinToken, text)
	if err != nil {
		return t, withHint(err, "`stele admin token` on the server makes one")
	}
	return t, nil
}

// joinedAt is what is known of the server: as the token says, or as was written
// down when it was joined.
func (a *app) joinedAt(path string, u *url.URL, t wire.Token) (j joined, err error) {
	if t.Secret != "" {
		return joined{URL: u.String(), Pin: t.Pin, VKey: t.VKey}, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, withHint(fmt.Errorf("the importer on this machine has joined no server at %s", u),
			"ask its operator for a token (`stele admin token --role importer`), then: stele import ndjson FILE --join - < TOKEN")
	}
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return j, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

func (r *importRemote) connect(a *app, kf keyfile.Key, u *url.URL, j joined) (err error) {
	if r.key, err = entry.NewSecretKey(kf.Secret.Bytes()); err != nil {
		return err
	}
	if r.log, err = entry.ParseLogKey(j.VKey); err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	if r.note, err = a.believes(r.log); err != nil {
		return err
	}
	cert, err := mtls.Source(kf.Secret.Bytes())
	if err != nil {
		return err
	}
	r.Client, err = client.New(client.Config{URL: u.String(), Pin: j.Pin, Certificate: &cert})
	return err
}

// join spends a token. A crash before the server is written down leaves a token
// that the same machine can spend again.
func (r *importRemote) join(ctx context.Context, path string, j joined, t wire.Token) error {
	machine := body.Host{Name: hostName(), Machine: keyfile.Machine(), OS: runtime.GOOS}
	if _, _, err := r.Enrol(ctx, r.log, r.key.Public(), t.Secret, entry.Importer, machine); err != nil {
		return fmt.Errorf("join %s: %w", j.URL, err)
	}
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, b, 0o600)
}

func (r *importRemote) close() error {
	if r.Client != nil {
		r.Client.Close()
	}
	if r.lock == nil {
		return nil
	}
	return r.lock.Release()
}

// sender goes on where the log sees the importer's chain, and from what was
// believed of the log before.
func (r *importRemote) sender(ctx context.Context, a *app) (*importSender, error) {
	head, note, err := r.Head(ctx, r.key.Source())
	if err == nil {
		err = head.EndsWith(note, r.key.Public())
	}
	if err != nil {
		return nil, fmt.Errorf("ask where the importer stands: %w", err)
	}
	belief, ok, err := r.note.Read()
	if err != nil {
		return nil, fmt.Errorf("read what was believed: %w", err)
	}
	s := newImportSender(patient{r.Client, a}, r.log, r.key, head)
	if ok {
		if s.believed, err = belief.Open(); err != nil {
			return nil, fmt.Errorf("%s: what was believed is damaged: %v", r.note.Path(), err)
		}
	}
	s.keep = func(cp verify.Checkpoint) error {
		belief.VKey, belief.Checkpoint = r.log.VKey(), string(cp.Note)
		return r.note.Write(belief)
	}
	return s, nil
}

// Pauses between tries to hand in entries, and for how long it is tried.
const (
	patienceFirst = 200 * time.Millisecond
	patienceMost  = 5 * time.Second
	patienceEnds  = 2 * time.Minute
)

// patient hands in entries again where the server was away or full: what it took
// the first time it does not take twice.
type patient struct {
	*client.Client
	app *app
}

func (p patient) Submit(ctx context.Context, subs []wire.Submission) (answers []wire.Answer, err error) {
	err = p.again(ctx, func() (err error) {
		answers, err = p.Client.Submit(ctx, subs)
		return err
	})
	return answers, err
}

func (p patient) Receipt(ctx context.Context, believed uint64, indexes []uint64) (r *wire.Receipt, err error) {
	err = p.again(ctx, func() (err error) {
		r, err = p.Client.Receipt(ctx, believed, indexes)
		return err
	})
	return r, err
}

func (p patient) again(ctx context.Context, do func() error) error {
	start, pause := time.Now(), patienceFirst
	for {
		err := do()
		if !mayPass(err) || ctx.Err() != nil {
			return err
		}
		if time.Since(start) > patienceEnds {
			return withHint(err, "what was acknowledged stays; import again: it goes on where it ended")
		}
		if pause == patienceFirst {
			p.app.talk("waiting for the server: %v", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, patienceMost)
	}
}

// mayPass reports whether waiting may help.
func mayPass(err error) bool {
	var s *wire.StatusError
	if errors.As(err, &s) {
		return s.Status == http.StatusTooManyRequests || s.Status == http.StatusServiceUnavailable || s.Status == http.StatusInsufficientStorage
	}
	return errors.Is(err, wire.ErrUnreachable) && !errors.Is(err, mtls.ErrPin)
}
