package server_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/examine"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// status is the status of an answer that was not a success.
func status(t *testing.T, err error) int {
	t.Helper()
	var s *wire.StatusError
	if !errors.As(err, &s) {
		t.Fatalf("not an answer: %v", err)
	}
	return s.Status
}

// TestOneEntryAcrossTheWire: accepted, proved, and the same over a request and
// over a stream; what is sent twice is recorded once.
func TestOneEntryAcrossTheWire(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	subs := s.sign(t, "/etc/a", "/etc/b", "/etc/c")
	posted, err := s.Post(t.Context(), subs[:2])
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := s.Submit(t.Context(), subs)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range streamed {
		if a.Refused != nil || a.Duplicate != (i < 2) || i < 2 && a.Index != posted[i].Index {
			t.Errorf("entry %d: %+v after %+v", i, a, posted)
		}
	}
	log, err := entry.ParseLogKey(d.endpoint.VKey)
	if err != nil {
		t.Fatal(err)
	}
	none := verify.Checkpoint{Origin: log.Origin(), Root: entry.EmptyRoot}
	indexes := []uint64{streamed[0].Index, streamed[1].Index, streamed[2].Index}
	r, err := s.Receipt(t.Context(), 0, indexes)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := r.Check(log, none, indexes, [][]byte{subs[0].Note, subs[1].Note, subs[2].Note})
	if err != nil {
		t.Fatalf("receipt: %v", err)
	}
	if r, err = s.Beat(t.Context(), s.beat(t, cp, 3, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Check(log, cp, nil, nil); err != nil {
		t.Fatalf("beat: %v", err)
	}
	if h, _, err := s.Head(t.Context(), s.key.Source()); err != nil || h != s.chain.Head() {
		t.Fatalf("head %+v, want %+v; %v", h, s.chain.Head(), err)
	}
	latest, err := s.Latest(t.Context(), "a host of somebody else", []string{"/etc/b", "/etc/none"})
	e, _ := entry.Parse(subs[1].Note)
	if err != nil || !latest[0].Found || entry.ID(latest[0].ID) != e.ID() || latest[0].What != 0 || latest[1].Found {
		t.Fatalf("latest %+v, %v", latest, err)
	}
	examined(t, d)
}

// examined verifies the whole store.
func examined(t *testing.T, d *door) *examine.Report {
	t.Helper()
	d.begun(t)
	rep, err := examine.Run(t.Context(), examine.Config{Layout: d.store.Layout, Trust: d.store.Trust})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Bad() {
		t.Fatalf("the store does not verify: %+v %+v", rep.Findings, rep.Problems)
	}
	return rep
}

// TestManyAtOnce: batches under way at the same time get their own answers.
func TestManyAtOnce(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	const batches, each = 20, 30
	paths := make([]string, each)
	errs := make(chan error, batches)
	lasts := make(chan uint64, batches)
	for range batches {
		subs := s.sign(t, slices.Repeat([]string{"/etc/x"}, len(paths))...)
		go func() {
			answers, err := s.Submit(t.Context(), subs)
			for i, a := range answers {
				err = errors.Join(err, a.Refused)
				if i > 0 && a.Index < answers[i-1].Index {
					err = errors.Join(err, errors.New("answers out of order"))
				}
			}
			if err == nil {
				lasts <- answers[len(answers)-1].Index
			}
			errs <- err
		}()
	}
	for range batches {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	close(lasts)
	var last uint64
	for at := range lasts {
		last = max(last, at)
	}
	if _, err := s.Receipt(t.Context(), 0, []uint64{last}); err != nil { // waits for a checkpoint
		t.Fatal(err)
	}
	if rep := examined(t, d); rep.Size < batches*each {
		t.Fatalf("%d entries in the log, %d were accepted", rep.Size, batches*each)
	}
}

// TestAuthority: who may do what.
func TestAuthority(t *testing.T) {
	d := open(t)
	s, x := d.join(t, 1), d.stranger(t, 2)
	nobody := d.client(t, client.Config{})
	reader := d.client(t, client.Config{Secret: "not the secret"})
	x.chain = record.NewChain(x.key, record.Head{})
	foreign := x.sign(t, "/etc/a")
	for name, c := range map[string]struct {
		do   func() error
		want int
	}{
		"post without certificate":    {func() error { _, err := nobody.Post(t.Context(), foreign); return err }, http.StatusUnauthorized},
		"stream without certificate":  {func() error { _, err := nobody.Submit(t.Context(), foreign); return err }, http.StatusUnauthorized},
		"post as a stranger":          {func() error { _, err := x.Post(t.Context(), foreign); return err }, http.StatusForbidden},
		"stream as a stranger":        {func() error { _, err := x.Submit(t.Context(), foreign); return err }, http.StatusForbidden},
		"entries of somebody else":    {func() error { _, err := s.Post(t.Context(), foreign); return err }, http.StatusForbidden},
		"stream of somebody else":     {func() error { _, err := s.Submit(t.Context(), foreign); return err }, http.StatusForbidden},
		"head without certificate":    {func() error { _, _, err := nobody.Head(t.Context(), s.key.Source()); return err }, http.StatusUnauthorized},
		"receipt as a stranger":       {func() error { _, err := x.Receipt(t.Context(), 0, nil); return err }, http.StatusForbidden},
		"latest without certificate":  {func() error { _, err := nobody.Latest(t.Context(), "h", []string{"/p"}); return err }, http.StatusUnauthorized},
		"imported as a watcher":       {func() error { _, err := s.Imported(t.Context(), "00"); return err }, http.StatusForbidden},
		"tokens as a source":          {func() error { _, err := s.Tokens(t.Context()); return err }, http.StatusUnauthorized},
		"sources with a wrong secret": {func() error { _, err := reader.Sources(t.Context()); return err }, http.StatusUnauthorized},
		"token with a wrong secret":   {func() error { _, err := reader.GiveToken(t.Context(), wire.TokenRequest{}); return err }, http.StatusUnauthorized},
		"revoke without secret":       {func() error { _, err := nobody.Revoke(t.Context(), wire.Revoke{}); return err }, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			if got := status(t, c.do()); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
}

// TestRevoked: a source that was revoked is let in no more, and what it sent
// before stays.
func TestRevoked(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	if _, err := s.Post(t.Context(), s.sign(t, "/etc/a")); err != nil {
		t.Fatal(err)
	}
	op := d.operator(t)
	if _, err := op.Revoke(t.Context(), wire.Revoke{Source: s.key.Source().String(), Reason: "the host was scrapped"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(t.Context(), s.sign(t, "/etc/b")); status(t, err) != http.StatusForbidden {
		t.Fatal(err)
	}
	sources, err := op.Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(sources, func(i wire.SourceInfo) bool { return i.Source == s.key.Source().String() })
	if at < 0 || !sources[at].Revoked || sources[at].Next != 1 || sources[at].Host != "host-1" {
		t.Fatalf("%+v", sources)
	}
	examined(t, d)
}

// TestRevokedInside: the watcher of the server's own process is kept out as well.
func TestRevokedInside(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	in := d.Inside(s.key.Source(), "host-1")
	if _, err := in.Submit(t.Context(), s.sign(t, "/etc/a")); err != nil {
		t.Fatal(err)
	}
	d.revoke(t, s)
	if answers, err := in.Submit(t.Context(), s.sign(t, "/etc/b")); err == nil {
		t.Errorf("it is let in: %+v", answers)
	}
	d.recorded(t, verify.AfterRevoke)
}

// TestEnrolAgain: a source that was revoked, or has another role, is told that it
// is not let in, and spends no token.
func TestEnrolAgain(t *testing.T) {
	d := open(t)
	op := d.operator(t)
	s := d.join(t, 1)
	enrol := func(role entry.Role) error {
		given, err := op.GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: role})
		must(t, err)
		_, _, err = s.Enrol(t.Context(), s.log, s.key.Public(), given.Secret, role, body.Host{Name: "host-1"})
		return err
	}
	if err := enrol(entry.Watcher); err != nil {
		t.Errorf("once more: %v", err)
	}
	d.scene.mu.Lock()
	if told := slices.DeleteFunc(slices.Clone(d.alerts), func(f finding.Finding) bool { return f.Code != "enrolled" }); len(told) != 1 {
		t.Errorf("told %d times that it was enrolled", len(told))
	}
	d.scene.mu.Unlock()
	if err := enrol(entry.Importer); err == nil || status(t, err) != http.StatusForbidden {
		t.Errorf("in another role: %v", err)
	}
	d.revoke(t, s)
	if err := enrol(entry.Watcher); err == nil || status(t, err) != http.StatusForbidden {
		t.Errorf("revoked: %v", err)
	}
	tokens, err := op.Tokens(t.Context())
	must(t, err)
	if spent := slices.DeleteFunc(tokens, func(i wire.TokenInfo) bool { return i.UsedBy == "" }); len(spent) != 2 {
		t.Errorf("%d tokens were spent, want 2: %+v", len(spent), spent)
	}
}

// TestJoinTokens: single use, scoped, withdrawn; the same source may ask again.
func TestJoinTokens(t *testing.T) {
	d := open(t)
	op := d.operator(t)
	log, err := entry.ParseLogKey(d.endpoint.VKey)
	if err != nil {
		t.Fatal(err)
	}
	try := func(n int, secret string, role entry.Role, host string) error {
		s := d.stranger(t, n)
		_, _, err := s.Client.Enrol(t.Context(), log, s.key.Public(), secret, role, body.Host{Name: host})
		return err
	}
	given, err := op.GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Watcher, Host: "web-1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"other role": try(1, given.Secret, entry.Importer, "web-1"),
		"other host": try(1, given.Secret, entry.Watcher, "web-2"),
		"no secret":  try(1, "", entry.Watcher, "web-1"),
		"its id":     try(1, given.Info.ID, entry.Watcher, "web-1"),
	} {
		if got := status(t, err); got != http.StatusForbidden {
			t.Errorf("%s: status %d", name, got)
		}
	}
	if err := try(1, given.Secret, entry.Watcher, "web-1"); err != nil {
		t.Fatal(err)
	}
	if err := try(1, given.Secret, entry.Watcher, "web-1"); err != nil {
		t.Errorf("the answer got lost and the same source asks again: %v", err)
	}
	if err := try(2, given.Secret, entry.Watcher, "web-1"); status(t, err) != http.StatusForbidden {
		t.Errorf("a second source on the same token: %v", err)
	}
	other, err := op.GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Watcher})
	if err != nil {
		t.Fatal(err)
	}
	if err := op.WithdrawToken(t.Context(), other.Info.ID); err != nil {
		t.Fatal(err)
	}
	if err := try(3, other.Secret, entry.Watcher, "web-3"); status(t, err) != http.StatusForbidden {
		t.Errorf("a token that was withdrawn: %v", err)
	}
	list, err := op.Tokens(t.Context())
	if err != nil || len(list) != 1 || list[0].UsedBy == "" {
		t.Errorf("tokens %+v, %v", list, err)
	}
	if _, err := op.GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Recorder}); status(t, err) != http.StatusBadRequest {
		t.Errorf("a token for a recorder: %v", err)
	}
}

// TestSecretsStayOut: what the server writes down holds no secret it gave.
func TestSecretsStayOut(t *testing.T) {
	d := open(t)
	given, err := d.operator(t).GiveToken(t.Context(), wire.TokenRequest{Kind: wire.JoinToken, Role: entry.Person})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, d.store.Layout.Dir) {
		if b := read(t, name); bytes.Contains(b, []byte(given.Secret)) || bytes.Contains(b, []byte(d.endpoint.Secret)) {
			t.Errorf("%s holds a secret", name)
		}
	}
}
