package server_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/server"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/wire"
)

// say writes to a connection and reads what is answered; nil if the server hangs
// up instead.
func say(t *testing.T, c *tls.Conn, request string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		return nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Logf("read the answer: %v", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp
}

// raw is a request as bytes, with the headers every sound one has.
func raw(method, target, body string, headers ...string) string {
	head := append([]string{method + " " + target + " HTTP/1.1", "Host: 127.0.0.1"}, headers...)
	return strings.Join(head, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func certificate(t *testing.T, n int) *tls.Certificate {
	t.Helper()
	cert, err := mtls.Source(seed(n))
	must(t, err)
	return &cert
}

// TestHostileRequests: each is answered with the status that says what is wrong
// with it, or with none, and the server goes on (P8).
func TestHostileRequests(t *testing.T) {
	d := open(t, server.Impatient)
	s := d.join(t, 1)
	s.proves(t)
	const deep = 10000
	for name, c := range map[string]struct {
		request string
		want    int // 0: the server hangs up
	}{
		"another name":               {strings.Replace(raw("GET", "/healthz", ""), "Host: 127.0.0.1", "Host: evil.example", 1), 421},
		"another name with our port": {strings.Replace(raw("GET", "/healthz", ""), "Host: 127.0.0.1", "Host: evil.example:7835", 1), 421},
		"no name":                    {"GET /healthz HTTP/1.1\r\n\r\n", 400},
		"two names":                  {raw("GET", "/healthz", "", "Host: evil.example"), 400},
		"another name in the target": {raw("GET", "http://evil.example/healthz", ""), 421},
		"our name in the target":     {raw("GET", "http://127.0.0.1/healthz", ""), 200},
		"up and out":                 {raw("GET", "/log/tile/../../keys/tokens.json", ""), 307},
		"up and out, encoded":        {raw("GET", "/log/tile/%2e%2e/%2e%2e/keys/tokens.json", ""), 404},
		"up and out, slash encoded":  {raw("GET", "/log/tile%2f..%2f..%2fkeys%2ftokens.json", ""), 404},
		"up and out, twice encoded":  {raw("GET", "/log/tile/%252e%252e/%252e%252e/keys/tokens.json", ""), 404},
		"backslashes":                {raw("GET", `/log/tile/..\..\keys\tokens.json`, ""), 404},
		"double slashes":             {raw("GET", "/log//checkpoint", ""), 307},
		"NUL":                        {raw("GET", "/log/tile/%00", ""), 404},
		"a directory":                {raw("GET", "/log/tile/", ""), 404},
		"beside the tiles, encoded":  {raw("GET", "/log/tile/%2e%2e/.state/treeState", ""), 404},
		"beside, slash encoded":      {raw("GET", "/log/tile%2f..%2f.state%2ftreeState", ""), 404},
		"what lies beside the tiles": {raw("GET", "/log/.state/treeState", ""), 404},
		"no path":                    {raw("GET", "*", ""), 400},
		"not a path":                 {raw("GET", "log/checkpoint", ""), 400},
		"a path of 100 kB":           {raw("GET", "/"+strings.Repeat("a", 100<<10), ""), 431},
		"a header of 100 kB":         {raw("GET", "/healthz", "", "X: "+strings.Repeat("a", 100<<10)), 431},
		"10,000 headers":             {raw("GET", "/healthz", "", strings.TrimSuffix(strings.Repeat("X: y\r\n", 10000), "\r\n")), 431},
		"an unknown method":          {raw("BREW", wire.PathEntries, ""), 405},
		"PUT":                        {raw("PUT", wire.PathEntries, "x"), 405},
		"TRACE":                      {raw("TRACE", "/healthz", ""), 405},
		"CONNECT":                    {"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", 404},
		"DELETE the log":             {raw("DELETE", "/log/checkpoint", ""), 405},
		"no HTTP":                    {"\x16\x03\x01\x00\x05hello\r\n\r\n", 400},
		"HTTP/3.0":                   {"GET / HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n", 505},
		"two lengths":                {"POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"a length below zero":        {"POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400},
		"a length and chunks":        {"POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
		"chunks without length":      {"POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
		"a length beyond all bounds": {"POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000000000000000\r\n\r\n", 413},
		"a stream over HTTP/1":       {raw("POST", wire.PathStream, ""), 505},
		"a batch of junk":            {raw("POST", wire.PathEntries, "\xff\xff\xff\xff\xff\xff"), 400},
		"a batch that says more":     {raw("POST", wire.PathEntries, "\x80\x80\x80\x20x"), 400},
		"an unknown field":           {raw("POST", wire.PathReceipt, `{"believed":0,"indexes":[],"admin":true}`), 400},
		"JSON and something":         {raw("POST", wire.PathReceipt, `{"believed":0,"indexes":[]}{}`), 400},
		"no JSON":                    {raw("POST", wire.PathReceipt, `believed`), 400},
		"a number too large":         {raw("POST", wire.PathReceipt, `{"believed":1e99,"indexes":[]}`), 400},
		"nested JSON":                {raw("POST", wire.PathReceipt, strings.Repeat(`{"believed":`, deep)+"0"+strings.Repeat("}", deep)), 400},
		"JSON without end":           {raw("POST", wire.PathReceipt, `{"indexes":[`+strings.Repeat("1,", 1<<20)), 413},
		"a receipt for too many":     {raw("POST", wire.PathReceipt, `{"believed":0,"indexes":[0`+strings.Repeat(",0", wire.MaxReceipt)+`]}`), 413},
		"a receipt from beyond":      {raw("POST", wire.PathReceipt, `{"believed":0,"indexes":[1000000]}`), 404},
		"believing in more":          {raw("POST", wire.PathReceipt, `{"believed":1000000,"indexes":[]}`), 200},
		"a beat that is none":        {raw("POST", wire.PathBeat, `{"believed":0,"note":"aGVsbG8="}`), 400},
		"a long stranger":            {raw("POST", wire.PathEnrol, `{"secret":"`+strings.Repeat("a", 1<<20)+`"}`), 413},
		"a host without name":        {raw("POST", wire.PathEnrol, `{"secret":"a","role":"watcher","host":{"name":""}}`), 400},
		"gzip":                       {raw("POST", wire.PathEntries, "x", "Content-Encoding: gzip"), 415},
	} {
		t.Run(name, func(t *testing.T) {
			resp := say(t, d.dial(t, certificate(t, 1)), c.request)
			got := 0
			if resp != nil {
				got = resp.StatusCode
				if b, _ := io.ReadAll(resp.Body); bytes.Contains(b, []byte("digest")) || got >= 400 && len(b) > 2048 {
					t.Errorf("the answer says %.200q", b)
				}
			}
			if got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
	s.again(t, d).proves(t)
	if n := d.queued(t); n != 0 {
		t.Errorf("%d bytes of the queue are still taken", n)
	}
}

// compressed is one zstd frame.
func compressed(t *testing.T, plain []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append(opts, zstd.WithSingleSegment(true))...)
	must(t, err)
	return e.EncodeAll(plain, nil)
}

// TestBombs: what a request grows to is known before it grows, and memory stays
// flat however often it is tried.
func TestBombs(t *testing.T) {
	d := open(t, small)
	d.join(t, 1)
	zeros := make([]byte, 60<<20)
	bomb := compressed(t, zeros)
	lying := bytes.Clone(compressed(t, make([]byte, 100_000))) // single segment: 4 bytes of size behind magic and descriptor
	binary.LittleEndian.PutUint32(lying[5:], 10)
	var stream bytes.Buffer // without a size
	w, err := zstd.NewWriter(&stream)
	must(t, err)
	_, err = w.Write(zeros)
	must(t, errors.Join(err, w.Close()))
	empty, err := wire.AppendBatch(nil, []wire.Submission{{What: make([][]byte, 1000)}})
	must(t, err)
	hollow := bytes.Repeat(empty, 10_000) // 10 MB that take 240 MB to hold
	flat(t, d, func() {
		for name, c := range map[string]struct {
			body []byte
			want int
		}{
			"a bomb of zeros":            {bomb, 400}, // 60 MiB may be asked for; it is no batch
			"a size that lies":           {lying, 400},
			"no size":                    {stream.Bytes(), 400},
			"a bomb behind a small one":  {append(compressed(t, []byte("x")), bomb...), 400},
			"a batch of empty bodies":    {compressed(t, hollow), 413},
			"a bomb in a bomb":           {compressed(t, bomb), 400},
			"a size of 1 EiB":            {[]byte("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x00\x00\x10\x01\x00\x00"), 413},
			"a skippable frame and more": {append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00aaaa"), bomb...), 400},
			"cut short":                  {bomb[:len(bomb)/2], 400},
			"no zstd":                    {[]byte("hello"), 400},
			"nothing":                    {nil, 400},
		} {
			for range 5 {
				resp := say(t, d.dial(t, certificate(t, 1)), raw("POST", wire.PathEntries, string(c.body), "Content-Encoding: zstd"))
				if resp == nil || resp.StatusCode != c.want {
					t.Errorf("%s: %+v, want %d", name, resp, c.want)
				}
			}
		}
	})
}

// flat holds that an attack leaves nothing behind.
func flat(t *testing.T, d *door, attack func()) {
	t.Helper()
	heap := func() uint64 {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	attack()
	eventually(t, "the queue to be empty", func() bool { return d.queued(t) == 0 })
	const most = 64 << 20
	if after := heap(); after > before+most {
		t.Errorf("the heap grew from %d to %d MiB", before>>20, after>>20)
	}
}

// TestSlow: whoever sends a byte now and then is cut off, at the head, in a body
// and within a frame; what it held is free again.
func TestSlow(t *testing.T) {
	d := open(t, server.Impatient)
	s := d.join(t, 1)
	for name, begin := range map[string]string{
		"at the head":                 "POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
		"in a body":                   "POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n",
		"in a body that nobody wants": "GET " + wire.PathHealthy + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n",
		"in a body to nobody":         "POST " + wire.PathEntries + " HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: 100000\r\n\r\n",
		"in a bomb that lies":         "POST " + wire.PathEntries + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: zstd\r\nContent-Length: 60000000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := d.dial(t, certificate(t, 1))
			_, err := io.WriteString(c, begin)
			must(t, err)
			cut := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, c) // until the server hangs up
				cut <- err
			}()
			eventually(t, "the server to hang up", func() bool {
				io.WriteString(c, "a") // fails once it has
				select {
				case err := <-cut:
					return !errors.Is(err, os.ErrDeadlineExceeded)
				default:
					return false
				}
			})
		})
	}
	t.Run("within a frame", func(t *testing.T) {
		pr, pw := io.Pipe()
		defer pw.Close()
		resp := d.stream(t, pr)
		defer resp.Body.Close()
		go pw.Write(append(announced(1<<20, 0), "abc"...))
		if a := lastAnswer(t, resp.Body); a.Status != http.StatusRequestTimeout {
			t.Errorf("answer %+v", a)
		}
	})
	t.Run("quiet between frames", func(t *testing.T) {
		pr, pw := io.Pipe()
		defer pw.Close()
		resp := d.stream(t, pr)
		defer resp.Body.Close()
		time.Sleep(time.Second) // more than a body may take
		go pw.Write(append(announced(3, 0), "abc"...))
		if a := lastAnswer(t, resp.Body); a.Status != http.StatusBadRequest {
			t.Errorf("answer %+v", a)
		}
	})
	s.proves(t)
	eventually(t, "the queue to be empty", func() bool { return d.queued(t) == 0 })
}

// stream opens a stream over HTTP/2 as source 1.
func (d *door) stream(t *testing.T, body io.Reader) *http.Response {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(d.endpoint.Pin, certificate(t, 1)), ForceAttemptHTTP2: true}}
	t.Cleanup(c.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+wire.PathStream, body)
	must(t, err)
	resp, err := c.Do(req)
	must(t, err)
	return resp
}

type groupAnswer struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
}

// lastAnswer reads a stream's answers to their end.
func lastAnswer(t *testing.T, body io.Reader) (a groupAnswer) {
	t.Helper()
	for in := bufio.NewReader(body); ; {
		b, err := wire.ReadFrame(in, 1<<20)
		if err != nil {
			return a
		}
		a = groupAnswer{}
		must(t, json.Unmarshal(b, &a))
	}
}

// announced is what stands before a submission in a stream.
func announced(stored, plain int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(stored)), uint64(plain))
}

// TestHostileFrames: a stream ends with the reason.
func TestHostileFrames(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	bomb := compressed(t, make([]byte, 20<<20))
	flat(t, d, func() {
		for name, c := range map[string]struct {
			frames []byte
			want   int
		}{
			"a frame beyond all bounds":   {announced(1<<40, 0), http.StatusRequestEntityTooLarge},
			"a content beyond all bounds": {append(announced(5, 1<<40), "hello"...), http.StatusRequestEntityTooLarge},
			"a length without end":        {bytes.Repeat([]byte{0xff}, 20), http.StatusBadRequest},
			"a frame of junk":             {append(announced(5, 0), "hello"...), http.StatusBadRequest},
			"junk that is no zstd":        {append(announced(5, 100), "hello"...), http.StatusBadRequest},
			"more in it than announced":   {append(announced(len(bomb), 100), bomb...), http.StatusBadRequest},
			"less in it than announced":   {append(announced(len(bomb), 60<<20), bomb...), http.StatusBadRequest},
			"a bomb of zeros":             {append(announced(len(bomb), 20<<20), bomb...), http.StatusBadRequest},
			"an empty frame":              {announced(0, 0), http.StatusBadRequest},
			"cut short":                   {append(announced(1000, 0), "abc"...), http.StatusBadRequest},
			"cut in what is announced":    {announced(1000, 0)[:2], http.StatusBadRequest},
			"nothing":                     {nil, 0},
		} {
			resp := d.stream(t, bytes.NewReader(c.frames))
			if a := lastAnswer(t, resp.Body); a.Status != c.want {
				t.Errorf("%s: answer %+v, want %d", name, a, c.want)
			}
			resp.Body.Close()
		}
	})
	s.proves(t)
}

// Types of HTTP/2 frames, RFC 9113.
const (
	frameHeaders, frameReset, frameSettings, framePing = 1, 3, 4, 6

	endStream, endHeaders = 1, 4
)

// frame is one of HTTP/2.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// fields are headers as HPACK literals, RFC 7541.
func fields(pairs ...string) (b []byte) {
	for i, s := range pairs {
		if i%2 == 0 {
			b = append(b, 0)
		}
		b = append(append(b, byte(len(s))), s...)
	}
	return b
}

// TestFloodOfFrames: rapid resets, pings and settings without end are stopped by
// the connection's end, or borne; others are answered meanwhile.
func TestFloodOfFrames(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	post := fields(":method", "POST", ":scheme", "https", ":authority", "127.0.0.1", ":path", wire.PathEntries, "content-length", "60000")
	for name, flood := range map[string]func(i uint32) []byte{
		"rapid reset": func(i uint32) []byte {
			return append(frame(frameHeaders, endHeaders, 2*i+1, post), frame(frameReset, 0, 2*i+1, []byte{0, 0, 0, 8})...)
		},
		"streams without end": func(i uint32) []byte { return frame(frameHeaders, endHeaders, 2*i+1, post) },
		"pings":               func(i uint32) []byte { return frame(framePing, 0, 0, binary.BigEndian.AppendUint64(nil, uint64(i))) },
		"settings":            func(uint32) []byte { return frame(frameSettings, 0, 0, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			flat(t, d, func() {
				c := d.dial(t, certificate(t, 1), "h2")
				out := bufio.NewWriter(c)
				out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
				out.Write(frame(frameSettings, 0, 0, nil))
				must(t, out.Flush())
				go io.Copy(io.Discard, c)
				for i := range uint32(5000) {
					if _, err := out.Write(flood(i)); err != nil {
						break // the server has had enough
					}
				}
				out.Flush()
				s.proves(t)
				c.Close()
			})
		})
	}
}

// TestBundlesNobodyTakes: a stranger who asks for as many bundles as a connection
// carries and takes none of them does not fill the memory.
func TestBundlesNobodyTakes(t *testing.T) {
	d := open(t)
	var paths []string
	for i := range 300 {
		paths = append(paths, fmt.Sprintf("/etc/%d", i))
	}
	s := d.join(t, 1)
	s.post(t, s.sign(t, paths...)...)
	d.published(t)
	get := fields(":method", "GET", ":scheme", "https", ":authority", "127.0.0.1", ":path", wire.PathLog+"tile/entries/000", "accept-encoding", "zstd")
	flat(t, d, func() {
		c := d.dial(t, nil, "h2") // open until the test ends
		out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		out = append(out, frame(frameSettings, 0, 0, []byte{0, 4, 0, 0, 0, 0})...) // windows of no bytes
		const most = 64                                                            // streams of a connection
		for i := range uint32(most) {
			out = append(out, frame(frameHeaders, endHeaders|endStream, 2*i+1, get)...)
		}
		_, err := c.Write(out)
		must(t, err)
		in := bufio.NewReader(c)
		for answered := 0; answered < most; {
			var head [9]byte
			_, err := io.ReadFull(in, head[:])
			must(t, err)
			if head[3] == frameHeaders {
				answered++
			}
			_, err = in.Discard(int(head[0])<<16 | int(head[1])<<8 | int(head[2]))
			must(t, err)
		}
	})
}

// TestCertificates: it is the key that comes in, and nothing else about a
// certificate matters; who has not got the key does not.
func TestCertificates(t *testing.T) {
	d := open(t)
	d.join(t, 1).proves(t)
	sound := ed25519.NewKeyFromSeed(seed(1))
	weak, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		cert *tls.Certificate
		want int // 0: there is no connection
	}{
		"none":                     {nil, http.StatusUnauthorized},
		"the own key":              {issued(t, sound, sound, future), http.StatusOK},
		"the own key, expired":     {issued(t, sound, sound, past), http.StatusOK},
		"a key of its own making":  {issued(t, ed25519.NewKeyFromSeed(seed(7)), nil, future), http.StatusForbidden},
		"a key of another kind":    {issued(t, weak, nil, future), http.StatusUnauthorized},
		"a key it has not got":     {issued(t, sound, ed25519.NewKeyFromSeed(seed(7)), future), 0},
		"junk for a certificate":   {&tls.Certificate{Certificate: [][]byte{[]byte("junk")}, PrivateKey: sound}, 0},
		"the certificate of a log": {&d.cert, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			if got := d.asks(t, c.cert); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
}

// asks is the status a client with that certificate is answered with, 0 where it
// is not answered.
func (d *door) asks(t *testing.T, cert *tls.Certificate) int {
	t.Helper()
	c, err := tls.Dial("tcp", d.url[len("https://"):], mtls.ClientConfig(d.endpoint.Pin, cert))
	if err != nil {
		return 0
	}
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(5*time.Minute)))
	if resp := say(t, c, raw("GET", wire.PathHead, "")); resp != nil { // in TLS 1.3 who is refused hears of it only now
		return resp.StatusCode
	}
	return 0
}

// issued is a certificate of a key. Whoever shows it signs with another, if one
// is given.
func issued(t *testing.T, key, shown crypto.Signer, until time.Time) *tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-2 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(t, err)
	if shown == nil {
		shown = key
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: shown}
}

// TestOldTLS: there is TLS 1.3 and nothing else.
func TestOldTLS(t *testing.T) {
	d := open(t)
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		cfg := mtls.ClientConfig(d.endpoint.Pin, nil)
		cfg.MinVersion, cfg.MaxVersion = version, version
		if c, err := tls.Dial("tcp", d.url[len("https://"):], cfg); err == nil {
			c.Close()
			t.Errorf("%s is spoken", tls.VersionName(version))
		}
	}
}

// TestOtherUser: another user of the machine reads neither the store nor the
// operator's secret, and without it is answered nothing.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal("root is needed to become another user")
		}
		t.Skip("root is needed to become another user")
	}
	d := open(t)
	d.join(t, 1).proves(t)
	must(t, d.endpoint.Write(d.store.Layout))
	for _, name := range append(files(t, d.store.Layout.Dir), d.store.Layout.Dir) {
		cmd := exec.Command("/bin/cat", name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("ermission denied")) {
			t.Errorf("%s: another user is told %.80q, %v", name, out, err)
		}
	}
	for _, path := range []string{wire.PathSources, wire.PathTokens, wire.PathHead} {
		if resp := say(t, d.dial(t, nil), raw("GET", path, "", "Authorization: Bearer guess")); resp == nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v", path, resp)
		}
	}
	if resp := say(t, d.dial(t, nil), raw("GET", "/log/checkpoint", "")); resp == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the log is open to everyone: %v", resp)
	}
}

// TestNames: a server goes by its names in whatever case they are written.
func TestNames(t *testing.T) {
	d := open(t, func(c *server.Config) { c.Names = []string{"Stele.Example"} })
	for name, want := range map[string]int{"Stele.Example": 200, "stele.example:7835": 200, "STELE.EXAMPLE": 200, "other.example": 421} {
		resp := say(t, d.dial(t, nil), strings.Replace(raw("GET", "/healthz", ""), "Host: 127.0.0.1", "Host: "+name, 1))
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %+v, want %d", name, resp, want)
		}
	}
}

// TestLongNames: what is remembered of a path does not grow with its length.
func TestLongNames(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	flat(t, d, func() {
		for i := range 24 {
			var ds []record.Draft
			for k := range 8 {
				c := steletest.Change("/etc/a", "text\n", nil)
				c.Changes[0].What.Path = fmt.Sprintf("/%d/%d/%s", i, k, strings.Repeat("a", 1<<20-1000))
				ds = append(ds, c)
			}
			s.post(t, steletest.Sign(t, s.chain, ds...)...)
		}
		for range 20 { // what is left of the last batches goes with the next
			s.proves(t)
		}
	})
}

// TestLargeLatest: a short question with a long answer takes no more than the
// share of its source.
func TestLargeLatest(t *testing.T) {
	d := open(t)
	s := d.join(t, 1)
	c := steletest.Change("/etc/large", "text\n", nil)
	c.Changes[0].What.Format = strings.Repeat("a", 1<<20-1000)
	s.post(t, steletest.Sign(t, s.chain, c)...)
	paths := slices.Repeat([]string{"/etc/large"}, wire.MaxLatest)
	if all, err := s.Latest(t.Context(), "", paths[:4]); err != nil || len(all) != 4 || len(all[3].Body) < 1<<20-1000 {
		t.Errorf("a few: %d answers, %v", len(all), err)
	}
	if _, err := s.Latest(t.Context(), "", paths); err == nil || status(t, err) != http.StatusTooManyRequests {
		t.Errorf("many: %v, want %d", err, http.StatusTooManyRequests)
	}
	s.proves(t)
	if n := d.queued(t); n != 0 {
		t.Errorf("%d bytes of the queue are still taken", n)
	}
}
