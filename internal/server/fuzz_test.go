package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/wire"
)

// patient is a recorder that takes deadlines.
type patient struct{ *httptest.ResponseRecorder }

func (patient) SetReadDeadline(time.Time) error { return nil }

func (patient) SetWriteDeadline(time.Time) error { return nil }

// FuzzHandler: whatever a source sends is answered with a status that says so,
// and the server neither falls nor keeps anything of it.
func FuzzHandler(f *testing.F) {
	d := open(f, small)
	s := d.join(f, 1)
	cert, err := mtls.Source(seed(1))
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		f.Fatal(err)
	}
	batch, err := wire.AppendBatch(nil, s.sign(f, "/etc/a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("POST", wire.PathEntries, "", batch)
	f.Add("POST", wire.PathEntries, "zstd", batch)
	f.Add("POST", wire.PathStream, "", batch)
	f.Add("POST", wire.PathReceipt, "", []byte(`{"believed":0,"indexes":[0]}`))
	f.Add("POST", wire.PathBeat, "", []byte(`{"believed":0,"note":""}`))
	f.Add("POST", wire.PathLatest, "", []byte(`{"paths":["L2V0Yy9h"]}`))
	f.Add("POST", wire.PathEnrol, "", []byte(`{"secret":"x","role":"watcher","host":{"name":"h"}}`))
	f.Add("GET", wire.PathHead, "", []byte(nil))
	f.Add("GET", "/log/tile/entries/000.p/1", "", []byte(nil))
	f.Add("DELETE", wire.PathTokens+"/x", "", []byte(nil))
	h := d.Handler()
	f.Fuzz(func(t *testing.T, method, target, encoding string, content []byte) {
		r, err := http.NewRequest(method, "https://127.0.0.1/", bytes.NewReader(content))
		if err != nil {
			return // net/http refuses it too
		}
		if u, err := r.URL.Parse(target); err == nil {
			r.URL = u
		}
		r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:1"
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(patient{w}, r)
		if w.Code == http.StatusInternalServerError || w.Code == http.StatusServiceUnavailable || w.Code < 200 {
			t.Errorf("%s %q: status %d: %s", method, target, w.Code, w.Body)
		}
		if n := d.queued(t); n != 0 {
			t.Errorf("%s %q: %d bytes of the queue are still taken", method, target, n)
		}
	})
}
