package server_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/client"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// forgeries are entries that are not what they seem.
var forgeries = []threat{
	{
		"58 put another source's seal into an own entry", "", func(t *testing.T, d *door) {
			jane, s := d.join(t, 1), d.join(t, 2)
			hers, mine := jane.sign(t, "/etc/a")[0], s.sign(t, "/etc/a")[0]
			theirs, err := entry.Parse(hers.Note)
			must(t, err)
			mine = s.resign(t, mine, func(e *entry.Entry) { e.Who = theirs.Who })
			mine.Who, mine.Seed = hers.Who, hers.Seed
			refused(t, s, mine, verify.SealMismatch)
			if _, err := s.Post(t.Context(), []wire.Submission{hers}); status(t, err) != http.StatusForbidden {
				t.Errorf("her entry under another name: %v", err)
			}
		}, "two sources that say the same", func(t *testing.T, d *door) {
			d.join(t, 1).proves(t)
			d.join(t, 2).proves(t)
		},
	},
	{
		"58 ask about another host", "", func(t *testing.T, d *door) {
			jane, s := d.join(t, 1), d.join(t, 2)
			jane.post(t, jane.sign(t, "/etc/a")...)
			jane.indexed(t, "/etc/a")
			got, err := s.Latest(t.Context(), "host-1", []string{"/etc/a"})
			if err != nil || got[0].Found {
				t.Errorf("a watcher is told of another host: %+v, %v", got, err)
			}
		}, "ask about the own one", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.sign(t, "/etc/a")...)
			s.indexed(t, "/etc/a")
		},
	},
	{
		"59 respell what is signed", "", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for name, alter := range respellings {
				sub := s.sign(t, "/etc/a")[0]
				if sub.Note = alter(bytes.Clone(sub.Note)); sub.Note == nil {
					t.Fatalf("%s: nothing to alter", name)
				}
				answers, err := s.Post(t.Context(), []wire.Submission{sub})
				must(t, err)
				var syntax *entry.SyntaxError
				if !errors.As(answers[0].Refused, &syntax) || syntax.Line == 0 {
					t.Errorf("%s: %+v", name, answers[0])
				}
			}
		}, "an entry as it should be", func(t *testing.T, d *door) { d.join(t, 1).proves(t) },
	},
	{
		"59 come with a key of small order, under which everything is signed", "", func(t *testing.T, d *door) {
			cert := weakCertificate(t)
			c := d.client(t, client.Config{Certificate: &cert})
			if _, _, err := c.Head(t.Context(), entry.Source{}); status(t, err) != http.StatusUnauthorized {
				t.Errorf("it is let in: %v", err)
			}
		}, "a sound key", func(t *testing.T, d *door) { d.join(t, 1) },
	},
	{
		"61 claim to have seen another tree", verify.SawMismatch, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			s.post(t, s.resign(t, s.sign(t, "/etc/b")[0], func(e *entry.Entry) { e.Saw.Root[0] ^= 1 }))
		}, "see what the log shows", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			for range 5 {
				s.proves(t)
			}
		},
	},
	{
		"claim to have seen the future", verify.SawFuture, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.resign(t, s.sign(t, "/etc/b")[0], func(e *entry.Entry) { e.Saw.Size = 1 << 40 }))
		}, "have seen nothing yet", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.resign(t, s.sign(t, "/etc/b")[0], func(e *entry.Entry) { e.Saw = entry.Saw{Root: entry.EmptyRoot} }))
		},
	},
	{
		"forget what was seen", verify.SawRollback, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.proves(t)
			s.post(t, s.sign(t, "/etc/b")...)
			s.post(t, s.resign(t, s.sign(t, "/etc/c")[0], func(e *entry.Entry) { e.Saw = entry.Saw{Root: entry.EmptyRoot} }))
		}, "see no more than before", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.sign(t, "/etc/b", "/etc/c")...)
		},
	},
	{
		"seal a body that is none", verify.MalformedBody, func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.reword(t, s.sign(t, "/etc/a")[0], `{"detail": "spaced"}`))
		}, "seal a field of a later version", func(t *testing.T, d *door) {
			s := d.join(t, 1)
			s.post(t, s.reword(t, s.sign(t, "/etc/a")[0], `{"detail":"plain","of_a_later_version":7}`))
		},
	},
}

// respellings leave the meaning of an entry, or some verifier's idea of it.
var respellings = map[string]func([]byte) []byte{
	"a second signature line": func(b []byte) []byte { return append(b, b[bytes.LastIndex(b, []byte("— ")):]...) },
	"CRLF":                    func(b []byte) []byte { return bytes.Replace(b, []byte("\n"), []byte("\r\n"), 3) },
	"a leading zero":          func(b []byte) []byte { return bytes.Replace(b, []byte("\nsaw "), []byte("\nsaw 0"), 1) },
	"two spaces":              func(b []byte) []byte { return bytes.Replace(b, []byte("\nwho "), []byte("\nwho  "), 1) },
	"no padding":              func(b []byte) []byte { return bytes.Replace(b, []byte("=\nwhy"), []byte("\nwhy"), 1) },
	"a line of its own":       func(b []byte) []byte { return bytes.Replace(b, []byte("\nwho "), []byte("\nx y\nwho "), 1) },
	"spare bits": func(b []byte) []byte {
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		i := bytes.Index(b, []byte("=\nwhy")) - 1
		b[i] = digits[bytes.IndexByte([]byte(digits), b[i])|1]
		return b
	},
}

// refused hands in an entry that must be refused by that name.
func refused(t *testing.T, s *source, sub wire.Submission, want verify.Code) {
	t.Helper()
	answers, err := s.Post(t.Context(), []wire.Submission{sub})
	if err != nil || code(answers[0].Refused) != want {
		t.Errorf("%+v, %v; want %s", answers, err, want)
	}
}

// reword seals other bytes as the how of an entry.
func (s *source) reword(t *testing.T, sub wire.Submission, how string) wire.Submission {
	t.Helper()
	sub.How = []byte(how)
	return s.resign(t, sub, func(e *entry.Entry) {
		e.How = seal.Seal(e.Source, e.Seq, entry.LineHow, sub.Seed.Salt(entry.LineHow), sub.How)
	})
}

// indexed waits until the index knows of a path of the source's host.
func (s *source) indexed(t *testing.T, path string) {
	t.Helper()
	eventually(t, "the index", func() bool {
		got, err := s.Latest(t.Context(), "", []string{path})
		return err == nil && got[0].Found
	})
}

// weakSigner has the key of small order whose only multiple is itself: one
// signature is good for every message.
type weakSigner struct{}

func (weakSigner) Public() crypto.PublicKey {
	return ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
}

func (weakSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return append([]byte{1}, make([]byte, 63)...), nil
}

func weakCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, weakSigner{}.Public(), weakSigner{})
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: weakSigner{}}
}
