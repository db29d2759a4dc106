package mtls

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/stele-log/stele/entry"
)

// server returns the certificate of a new server and its pin.
func newServer(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	certificate, key, err := NewServer([]string{"localhost", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := PinOf(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, pin
}

// shake connects a client to a server and returns what each says of it.
func shake(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		c := tls.Server(conn, server)
		err = c.Handshake()
		state = c.ConnectionState()
		done <- err
	}()
	c, clientErr := tls.Dial("tcp", l.Addr().String(), client)
	if clientErr == nil {
		c.Close()
	}
	return state, <-done, clientErr
}

func TestSourceIsKnownByItsKey(t *testing.T) {
	srv, pin := newServer(t)
	seed := make([]byte, 32)
	c, err := Source(seed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := entry.NewSecretKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	state, serverErr, clientErr := shake(t, ServerConfig(srv), ClientConfig(pin, &c))
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	if p := Peer(&state); p == nil || p.Source() != key.Source() {
		t.Fatalf("the server sees %v, want %v", p, key.Source())
	}
}

func TestWithoutCertificateNobody(t *testing.T) {
	srv, pin := newServer(t)
	state, serverErr, clientErr := shake(t, ServerConfig(srv), ClientConfig(pin, nil))
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	if p := Peer(&state); p != nil {
		t.Fatalf("the server sees %v, want nobody", p.Source())
	}
	if Peer(nil) != nil {
		t.Fatal("somebody without a connection")
	}
}

// TestOtherKindOfKey: a certificate that is not a source's names nobody.
func TestOtherKindOfKey(t *testing.T) {
	srv, pin := newServer(t)
	other, _ := newServer(t)
	state, serverErr, clientErr := shake(t, ServerConfig(srv), ClientConfig(pin, &other))
	if serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	if p := Peer(&state); p != nil {
		t.Fatalf("an ECDSA key was taken for source %v", p.Source())
	}
}

// TestBorrowedCertificate: whoever shows the certificate of a source without its
// key does not get through the handshake.
func TestBorrowedCertificate(t *testing.T) {
	srv, pin := newServer(t)
	own, err := Source(append(make([]byte, 31), 1))
	if err != nil {
		t.Fatal(err)
	}
	victim, err := Source(append(make([]byte, 31), 2))
	if err != nil {
		t.Fatal(err)
	}
	own.Certificate = victim.Certificate
	_, serverErr, _ := shake(t, ServerConfig(srv), ClientConfig(pin, &own))
	if serverErr == nil {
		t.Fatal("a certificate was shown without its key, and taken")
	}
}

func TestOtherServer(t *testing.T) {
	_, pin := newServer(t)
	other, _ := newServer(t)
	_, _, err := shake(t, ServerConfig(other), ClientConfig(pin, nil))
	if !errors.Is(err, ErrPin) {
		t.Fatalf("%v, want ErrPin", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	srv, pin := newServer(t)
	c := ClientConfig(pin, nil)
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, _, err := shake(t, ServerConfig(srv), c); err == nil {
		t.Fatal("TLS 1.2 was spoken")
	}
}
