// Package mtls says who is at the other end of a connection. There is no
// certificate authority: a source shows a certificate that its own signing key
// signed, so the key that enrolled is the key that connects, and a server shows
// a certificate whose key was pinned when the source joined.
//
// A TLS 1.3 handshake signs bytes that begin with 64 spaces and a TLS label; an
// entry begins with its own header. One key for both can therefore not be made
// to sign the one in place of the other. Other versions of TLS are refused.
package mtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/stele-log/stele/entry"
)

// ErrPin says that a server showed another key than the one it was pinned to.
var ErrPin = errors.New("the server's key is not the one it was known by")

// Certificates carry no meaning but their key, so they are valid for ever: a
// source is let in by its enrolment and kept out by its revocation.
var (
	notBefore = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280, section 4.1.2.5: no expiry
)

// Source returns the certificate of the source whose key has that seed.
func Source(seed []byte) (tls.Certificate, error) {
	if len(seed) != ed25519.SeedSize {
		return tls.Certificate{}, fmt.Errorf("seed of %d bytes", len(seed))
	}
	key := ed25519.NewKeyFromSeed(seed)
	pub, err := entry.NewPublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		return tls.Certificate{}, err
	}
	t := template(pub.Source().String())
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return selfSigned(t, key)
}

// NewServer makes the key and certificate of a server reachable under names
// and addresses, as PEM: the certificate, then the key.
func NewServer(names []string) (certificate, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // a browser takes no Ed25519 here
	if err != nil {
		return nil, nil, err
	}
	t := template("stele")
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	c, err := selfSigned(t, k)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: notBefore, NotAfter: notAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
}

func selfSigned(t *x509.Certificate, key crypto.Signer) (tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Pin is the SHA-256 of a certificate's public key, base64: what a join token
// carries. A certificate renewed with the same key has the same pin.
func Pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// PinOf is the pin of the certificate a server shows.
func PinOf(c tls.Certificate) (string, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return "", err
	}
	return Pin(leaf), nil
}

// ServerConfig shows a certificate and takes whatever certificate a client
// shows, if any: the handshake proves that the client has its key, and [Peer]
// says which key that is. What the key may do is for the caller to say.
func ServerConfig(c tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c},
		ClientAuth: tls.RequestClientCert,
	}
}

// ClientConfig believes the server with that pin and no other, and shows a
// certificate where there is one.
func ClientConfig(pin string, c *tls.Certificate) *tls.Config {
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // names and authorities are not asked: the key is
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || Pin(s.PeerCertificates[0]) != pin {
				return ErrPin
			}
			return nil
		},
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
	if c != nil {
		cfg.Certificates = []tls.Certificate{*c}
	}
	return cfg
}

// Peer is the key of the source at the other end; nil where the client showed
// no certificate, or one that is not a source's.
func Peer(s *tls.ConnectionState) *entry.PublicKey {
	if s == nil || len(s.PeerCertificates) == 0 {
		return nil
	}
	raw, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil
	}
	key, err := entry.NewPublicKey(raw)
	if err != nil {
		return nil
	}
	return key
}
