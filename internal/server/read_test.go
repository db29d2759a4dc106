package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/believed"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// readToken has a reading token given out.
func (d *door) readToken(t *testing.T, note string) wire.TokenGiven {
	t.Helper()
	given, err := d.operator(t).GiveToken(t.Context(), wire.TokenRequest{Kind: wire.ReadToken, Note: note})
	if err != nil {
		t.Fatalf("ask for a token: %v", err)
	}
	return given
}

// remote is how a reader with that client reaches the log; it believes nothing yet.
func (d *door) remote(t *testing.T, c *client.Client) believed.Remote {
	t.Helper()
	key, err := entry.ParseLogKey(d.endpoint.VKey)
	if err != nil {
		t.Fatal(err)
	}
	note, err := trust.OfLog(t.TempDir(), key.VKey())
	if err != nil {
		t.Fatal(err)
	}
	return believed.Remote{Read: c.Read, File: c.File, Key: key, Trust: note}
}

// recorded waits until entries stand under a checkpoint.
func (s *source) recorded(t *testing.T, paths ...string) []uint64 {
	t.Helper()
	answers, err := s.Submit(t.Context(), s.sign(t, paths...))
	if err != nil {
		t.Fatal(err)
	}
	var at []uint64
	for _, a := range answers {
		if a.Refused != nil {
			t.Fatal(a.Refused)
		}
		at = append(at, a.Index)
	}
	if _, err := s.Receipt(t.Context(), 0, at); err != nil {
		t.Fatal(err)
	}
	return at
}

// TestWhoMayRead: a reading token opens the record and nothing else; nothing else
// opens the record, on loopback or not.
func TestWhoMayRead(t *testing.T) {
	clock := newClock()
	d := open(t, func(c *server.Config) { c.Now = clock.now })
	s := d.join(t, 1)
	given := d.readToken(t, "auditor")
	joins, err := d.operator(t).GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Watcher})
	if err != nil {
		t.Fatal(err)
	}
	reader := d.client(t, client.Config{Secret: given.Secret})
	ask := func(c *client.Client) error {
		answer, err := c.Read(t.Context(), wire.Question{Ask: wire.AskGround})
		if err != nil {
			return err
		}
		return answer.Close()
	}
	if who, err := reader.Identity(t.Context()); err != nil || who.Note != "auditor" || who.ID != given.Info.ID {
		t.Errorf("known as %+v, %v", who, err)
	}
	for name, err := range map[string]error{
		"reader":        ask(reader),
		"again":         ask(reader), // it is not spent
		"operator":      ask(d.operator(t)),
		"reader's list": func() error { _, err := reader.ReadSources(t.Context()); return err }(),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	nobody := d.client(t, client.Config{})
	for name, err := range map[string]error{
		"another user of this machine": ask(nobody),
		"a source":                     ask(s.Client),
		"a join token":                 ask(d.client(t, client.Config{Secret: joins.Secret})),
		"the id of the token":          ask(d.client(t, client.Config{Secret: given.Info.ID})),
		"who nobody is":                func() error { _, err := nobody.Identity(t.Context()); return err }(),
		"nobody's list":                func() error { _, err := nobody.ReadSources(t.Context()); return err }(),
		"a reader gives out tokens": func() error {
			_, err := reader.GiveToken(t.Context(), wire.TokenRequest{Kind: wire.ReadToken})
			return err
		}(),
		"a reader revokes":            func() error { _, err := reader.Revoke(t.Context(), wire.Revoke{}); return err }(),
		"a reader brings entries":     func() error { _, err := reader.Post(t.Context(), s.sign(t, "/etc/a")); return err }(),
		"entries by index for nobody": func() error { _, err := nobody.Entry(t.Context(), 0); return err }(),
	} {
		if got := status(t, err); got != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, got)
		}
	}
	clock.add(31 * 24 * time.Hour)
	if got := status(t, ask(reader)); got != http.StatusUnauthorized {
		t.Errorf("after its time: status %d", got)
	}
	fresh := d.readToken(t, "")
	if err := d.operator(t).WithdrawToken(t.Context(), fresh.Info.ID); err != nil {
		t.Fatal(err)
	}
	if got := status(t, ask(d.client(t, client.Config{Secret: fresh.Secret}))); got != http.StatusUnauthorized {
		t.Errorf("withdrawn: status %d", got)
	}
	for name, req := range map[string]wire.TokenRequest{
		"for two years": {Kind: wire.ReadToken, Seconds: 2 * 366 * 86400},
		"for a role":    {Kind: wire.ReadToken, Role: entry.Monitor},
		"negative":      {Kind: wire.ReadToken, Seconds: -1},
	} {
		if _, err := d.operator(t).GiveToken(t.Context(), req); status(t, err) != http.StatusBadRequest {
			t.Errorf("a token %s: %v", name, err)
		}
	}
}

// TestReadSecretsStayOut: the server keeps no reading token it gave.
func TestReadSecretsStayOut(t *testing.T) {
	d := open(t)
	given := d.readToken(t, "auditor")
	for _, name := range files(t, d.store.Layout.Dir) {
		if strings.Contains(string(read(t, name)), given.Secret) {
			t.Errorf("%s holds a secret", name)
		}
	}
}

// TestReadByAnotherName: a page in a browser whose name points here reads nothing,
// with a token or without one.
func TestReadByAnotherName(t *testing.T) {
	d := open(t, func(c *server.Config) { c.Names = []string{"Log.Example.com"} })
	given := d.readToken(t, "")
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(d.endpoint.Pin, nil), ForceAttemptHTTP2: true}}
	defer web.CloseIdleConnections()
	for host, want := range map[string]int{"": http.StatusOK, "log.example.com": http.StatusOK, "LOG.example.com:443": http.StatusOK, "evil.example.com": http.StatusMisdirectedRequest} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+wire.PathRead, strings.NewReader(`{"ask":"ground"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Authorization", "Bearer "+given.Secret)
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("as %q: status %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// TestBadQuestions are refused with a word on why, and cost nothing.
func TestBadQuestions(t *testing.T) {
	d := open(t)
	reader := d.client(t, client.Config{Secret: d.readToken(t, "").Secret})
	beyond, many := uint64(1<<40), make([]wire.Want, wire.MaxWants+1)
	for name, c := range map[string]struct {
		q    wire.Question
		want int
	}{
		"none":               {wire.Question{}, http.StatusBadRequest},
		"nonsense":           {wire.Question{Ask: strings.Repeat("x", 1000)}, http.StatusBadRequest},
		"of a larger tree":   {wire.Question{Ask: wire.AskGround, Under: beyond}, http.StatusBadRequest},
		"of many stars":      {wire.Question{Ask: wire.AskCat, Name: bytes.Repeat([]byte("*a"), 100)}, http.StatusBadRequest},
		"of a long name":     {wire.Question{Ask: wire.AskPieces, Wants: []wire.Want{{Lookup: &wire.Lookup{Subjects: &wire.Subject{Path: make([]byte, 9000)}}}}}, http.StatusBadRequest},
		"too many pieces":    {wire.Question{Ask: wire.AskPieces, Wants: many}, http.StatusRequestEntityTooLarge},
		"longer than it may": {wire.Question{Ask: wire.AskShow, Name: make([]byte, 1<<20)}, http.StatusRequestEntityTooLarge},
	} {
		_, err := reader.Read(t.Context(), c.q)
		if got := status(t, err); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	for name, w := range map[string]wire.Want{
		"an entry beyond the log":  {Entry: &beyond},
		"openings beyond the log":  {Open: &beyond},
		"nothing":                  {},
		"of a line there is not":   {Open: new(uint64), Lines: []string{"whom"}},
		"an index asked nothing":   {Lookup: &wire.Lookup{}},
		"a source that is no hash": {Lookup: &wire.Lookup{Source: "x"}},
	} {
		answer, err := reader.Read(t.Context(), wire.Question{Ask: wire.AskPieces, Wants: []wire.Want{w}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for err == nil {
			_, _, err = answer.Next()
		}
		if !errors.As(err, new(*wire.ProblemError)) {
			t.Errorf("%s is answered: %v", name, err)
		}
		answer.Close()
	}
}

// TestReadAndVerifyFromAfar: what was recorded is shown with its proof, and all of
// the log verifies, without a look at the store.
func TestReadAndVerifyFromAfar(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	at := s.recorded(t, "/etc/a", "/etc/b", "/etc/a")
	remote := d.remote(t, d.client(t, client.Config{Secret: d.readToken(t, "").Secret}))
	r, err := history.OpenRemote(t.Context(), remote, wire.Question{Ask: wire.AskShow, Name: fmt.Append(nil, at[2])}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Entry(t.Context(), at[2])
	if err != nil || v.Proof.State != history.Verified || v.Changes[0].Path != "/etc/a" || v.Host != "host-1" {
		t.Fatalf("%+v, %v", v, err)
	}
	if text, err := r.Text(t.Context(), at[2], 0); err != nil || string(text) != "/etc/a\n" { // not part of that answer
		t.Fatalf("%q, %v", text, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, onlyNew := range []bool{false, true} {
		rep, err := examine.Run(t.Context(), examine.Config{Remote: &remote, OnlyNew: onlyNew})
		if err != nil || rep.Bad() || !rep.Remote || rep.Changes != 3 || rep.Disclosed < 15 {
			t.Fatalf("%+v, %v", rep, err)
		}
	}
}

// TestBundles: whoever can take a bundle compressed gets it so, and reads the same.
func TestBundles(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	s.recorded(t, "/etc/a", "/etc/b", "/etc/c")
	found, err := filepath.Glob(filepath.Join(d.store.Layout.Log(), "tile/entries/000.p/*"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	path, err := filepath.Rel(d.store.Layout.Log(), found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, found[len(found)-1])
	nobody := d.client(t, client.Config{})
	if got, err := nobody.File(t.Context(), path, 1<<20); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if got, err := nobody.File(t.Context(), path, 100); err != nil || len(got) != 101 {
		t.Errorf("%d bytes where 100 are the limit, %v", len(got), err)
	}
	if _, err := nobody.File(t.Context(), "tile/entries/999", 1<<20); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file there is not: %v", err)
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(d.endpoint.Pin, nil)}}
	defer web.CloseIdleConnections()
	for accept, length := range map[string]int{"identity": len(want), "zstd": len(want)/2 + 400} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+wire.PathLog+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", accept)
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(b) > length || accept == "identity" && !bytes.Equal(b, want) {
			t.Errorf("%s: %d bytes of %d, %v", accept, len(b), len(want), err)
		}
	}
}

// TestStatusFromAfar: what was found wrong is on the record, and shown with its
// proof and its sentence.
func TestStatusFromAfar(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	s.recorded(t, "/etc/a")
	err := d.Store(t.Context(), func(ctx context.Context, srv *store.Store) error {
		return srv.Finding(ctx, "cloned-key", "two processes speak as this source")
	})
	if err != nil {
		t.Fatal(err)
	}
	s.recorded(t, "/etc/b")
	remote := d.remote(t, d.client(t, client.Config{Secret: d.readToken(t, "").Secret}))
	r, err := history.OpenRemote(t.Context(), remote, wire.Question{Ask: wire.AskStatus}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	counts, found, err := r.Summary(t.Context())
	if err != nil || counts.Changes != 2 || len(counts.Sources) != 2 || counts.Kinds["finding"] != 1 {
		t.Fatalf("%+v, %v", counts, err)
	}
	if len(found) != 1 || found[0].Proof.State != history.Verified || found[0].Detail != "two processes speak as this source" {
		t.Errorf("%+v", found)
	}
}

// TestTamperedFromAfar: what is altered on the server's disk, or on the way, is
// named by who verifies elsewhere, and the rest is examined all the same.
func TestTamperedFromAfar(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		want  verify.Code
	}{
		"an entry":   {"", verify.TreeMismatch}, // on the way: the server would not sign over it
		"an opening": {"vault/openings-*", verify.MissingDisclosure},
		"a text":     {"vault/texts-*", verify.MissingDisclosure},
		"a key":      {"keyring/seeds-*", verify.MissingDisclosure},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			s := d.join(t, 1)
			s.recorded(t, "/etc/a", "/etc/b", "/etc/c")
			remote := d.remote(t, d.client(t, client.Config{Secret: d.readToken(t, "").Secret}))
			file := remote.File
			remote.File = func(ctx context.Context, path string, limit int64) ([]byte, error) {
				b, err := file(ctx, path, limit)
				if c.files == "" && strings.HasPrefix(path, "tile/entries/") && err == nil {
					b[len(b)-20] ^= 1
				}
				return b, err
			}
			if c.files != "" {
				flipIn(t, filepath.Join(d.store.Layout.Dir, c.files))
			}
			rep, err := examine.Run(t.Context(), examine.Config{Remote: &remote})
			if err != nil {
				t.Fatal(err)
			}
			codes := make(map[verify.Code]int)
			for _, f := range rep.Findings {
				codes[f.Code]++
			}
			if !rep.Bad() || codes[c.want] == 0 || rep.Size != rep.Checkpoint.Size {
				t.Errorf("%v, of %d entries of %d", rep.Findings, rep.Size, rep.Checkpoint.Size)
			}
		})
	}
}

// flipIn flips a bit in every file that a pattern names.
func flipIn(t *testing.T, pattern string) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, f := range found {
		b := read(t, f)
		b[len(b)-20] ^= 1
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInterruptedVerify: an answer that breaks off is asked for again from where it
// did, and the verdict is the same; one that never gets on is an error.
func TestInterruptedVerify(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	s.recorded(t, "/etc/a", "/etc/b", "/etc/c", "/etc/a", "/etc/b")
	remote := d.remote(t, d.client(t, client.Config{Secret: d.readToken(t, "").Secret}))
	whole, err := examine.Run(t.Context(), examine.Config{Remote: &remote})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	short := remote
	short.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
		asked++
		return firstPieces(ctx, remote, q, 7)
	}
	rep, err := examine.Run(t.Context(), examine.Config{Remote: &short})
	if err != nil || rep.Bad() || rep.Disclosed < whole.Disclosed || asked < 4 {
		t.Errorf("%+v after %d questions, %v; in one go %+v", rep, asked, err, whole)
	}
	short.Read = func(ctx context.Context, q wire.Question) (*wire.Evidence, error) {
		return firstPieces(ctx, remote, q, 2)
	}
	if rep, err := examine.Run(t.Context(), examine.Config{Remote: &short}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v, %v", rep, err)
	}
}

// firstPieces breaks an answer off.
func firstPieces(ctx context.Context, remote believed.Remote, q wire.Question, n int) (*wire.Evidence, error) {
	answer, err := remote.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var b bytes.Buffer
	for range n {
		p, _, err := answer.Next()
		if err == io.EOF {
			err = wire.WriteEnd(&b)
			return wire.NewEvidence(&b, func() error { return nil }), err
		}
		if err == nil {
			err = wire.WritePiece(&b, &p)
		}
		if err != nil {
			return nil, err
		}
	}
	return wire.NewEvidence(&b, func() error { return nil }), nil
}

// TestAccessIsRecorded: who reads is on the record, at once and then once for many
// reads.
func TestAccessIsRecorded(t *testing.T) {
	clock := newClock()
	d := open(t, func(c *server.Config) { c.Now = clock.now })
	c := d.client(t, client.Config{Secret: d.readToken(t, "auditor").Secret})
	ask := func(n int) {
		for range n {
			answer, err := c.Read(t.Context(), wire.Question{Ask: wire.AskCat, Name: []byte("/etc/shadow")})
			if err != nil {
				t.Fatal(err)
			}
			answer.Close()
		}
	}
	ask(1)
	first := d.accesses(t, 1)[0]
	if first.Detail != "1 read: cat 1; of /etc/shadow" || first.Actor.User != "auditor" || first.Actor.Session.Address != "127.0.0.1" {
		t.Errorf("%+v", first)
	}
	ask(30)
	clock.add(6 * time.Minute)
	all := d.accesses(t, 2)
	if !strings.Contains(all[0].Detail, "cat 30") || strings.Count(all[0].Detail, "/etc/shadow") != 1 {
		t.Errorf("%+v", all[0])
	}
	if len(all) != 2 {
		t.Errorf("%d entries about the reads of a few minutes", len(all))
	}
	examined(t, d)
}

// TestSourcesAreRecorded: who lists the sources learns the names of hosts, and that
// is on the record.
func TestSourcesAreRecorded(t *testing.T) {
	d := open(t)
	c := d.client(t, client.Config{Secret: d.readToken(t, "auditor").Secret})
	if _, err := c.ReadSources(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := d.accesses(t, 1)[0]; first.Detail != "1 read: sources 1" || first.Actor.User != "auditor" {
		t.Errorf("%+v", first)
	}
}

// accesses waits until so many entries say who read, and shows them, newest first.
func (d *door) accesses(t *testing.T, n int) []*history.View {
	t.Helper()
	filter := history.Filter{Kinds: []string{string(entry.Access)}}
	d.begun(t)
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); {
		r, err := history.Open(t.Context(), d.store.Layout, d.store.Trust, nil)
		if err != nil {
			t.Fatal(err)
		}
		var views []*history.View
		for v, err := range r.Log(t.Context(), filter, 10) {
			if err != nil {
				t.Fatal(err)
			}
			if v.Proof.State == history.Verified {
				views = append(views, v)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if len(views) >= n {
			return views
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatalf("no %d entries say who read", n)
	return nil
}

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
