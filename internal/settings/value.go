package settings

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/stele-log/stele/internal/strictyaml"
)

// Bytes is a size. It is written as a number of bytes or of KiB, MiB, GiB or TiB.
type Bytes int64

const (
	kibi Bytes = 1 << (10 * (iota + 1))
	mebi
	gibi
	tebi
)

// unit is a name for a number of bytes; units go from the largest down.
type unit struct {
	name string
	size Bytes
}

func units() []unit {
	return []unit{{"TiB", tebi}, {"GiB", gibi}, {"MiB", mebi}, {"KiB", kibi}}
}

// String writes a size in the largest unit that needs no fraction.
func (b Bytes) String() string {
	for _, u := range units() {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// UnmarshalText reads what String writes: 256MiB, 1073741824.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, scale := string(text), Bytes(1)
	for _, u := range units() {
		if cut, ok := strings.CutSuffix(digits, u.name); ok {
			digits, scale = cut, u.size
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > math.MaxInt64/uint64(scale) {
		return fmt.Errorf("%q is not a size such as 256MiB or 1GiB", text)
	}
	*b = Bytes(n) * scale
	return nil
}

// scalar is the value of a node with one of those tags, plain and in one line.
func scalar(n *yaml.Node, expected string, tags ...string) (string, error) {
	known := false
	for _, t := range tags {
		known = known || n.Kind == yaml.ScalarNode && n.Tag == t
	}
	if !known {
		return "", fmt.Errorf("expected %s, not %s", expected, strictyaml.KindOf(n))
	}
	if err := strictyaml.Legible(n.Value); err != nil {
		return "", err
	}
	return n.Value, nil
}

func text(n *yaml.Node, expected string) (string, error) { return scalar(n, expected, "!!str") }

// orNone reads a text that may be empty: what it names is then off.
func orNone(read func(*yaml.Node) (string, error)) func(*yaml.Node) (string, error) {
	return func(n *yaml.Node) (string, error) {
		if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && n.Value == "" {
			return "", nil
		}
		return read(n)
	}
}

func boolean(n *yaml.Node) (bool, error) {
	s, err := scalar(n, "true or false", "!!bool")
	return strings.EqualFold(s, "true"), err
}

func count(least, most int) func(*yaml.Node) (int, error) {
	return func(n *yaml.Node) (int, error) {
		s, err := scalar(n, "a number", "!!int")
		if err != nil {
			return 0, err
		}
		i, err := strconv.Atoi(s)
		if err != nil || i < least || i > most {
			return 0, fmt.Errorf("%s is not a number from %d to %d", s, least, most)
		}
		return i, nil
	}
}

func size(least, most Bytes) func(*yaml.Node) (Bytes, error) {
	return func(n *yaml.Node) (b Bytes, err error) {
		s, err := scalar(n, "a size such as 256MiB", "!!str", "!!int")
		if err != nil {
			return 0, err
		}
		if err := b.UnmarshalText([]byte(s)); err != nil {
			return 0, err
		}
		if b < least || b > most {
			return 0, fmt.Errorf("a size of %v; it is from %v to %v", b, least, most)
		}
		return b, nil
	}
}

// Bounds of the time between two scans.
const (
	shortest = time.Second
	longest  = 24 * time.Hour
)

func interval(n *yaml.Node) (time.Duration, error) {
	s, err := text(n, "a duration such as 5m or 30s")
	if err != nil {
		return 0, err
	}
	return Interval(s)
}

// Interval reads the time between two scans.
func Interval(s string) (time.Duration, error) {
	t, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration such as 5m or 30s", s)
	case t < shortest || t > longest:
		return 0, fmt.Errorf("a duration of %v; it is from %v to %v", t, shortest, longest)
	}
	return t, nil
}

// absolute reads an absolute path, or a pattern of some, in its shortest form.
func absolute(n *yaml.Node) (string, error) {
	s, err := text(n, "an absolute path")
	switch {
	case err != nil:
		return "", err
	case !path.IsAbs(s):
		return "", fmt.Errorf("%q is not an absolute path", s)
	}
	return path.Clean(s), nil
}

// directory reads the path of a directory of ours, which is not all there is.
func directory(n *yaml.Node) (string, error) {
	s, err := absolute(n)
	if s == "/" {
		return "", errors.New("the root directory cannot be it")
	}
	return s, err
}

// file reads the path of a file.
func file(n *yaml.Node) (string, error) {
	s, err := text(n, "the absolute path of a file")
	if err == nil && strings.HasSuffix(s, "/") {
		return "", fmt.Errorf("%q is a directory, not a file", s)
	}
	if err != nil {
		return "", err
	}
	return absolute(n)
}

// maxSocket is what fits into a sockaddr_un of Linux with its NUL.
const maxSocket = 107

func socket(n *yaml.Node) (string, error) {
	s, err := file(n)
	if len(s) > maxSocket {
		return "", fmt.Errorf("a path of %d bytes; that of a socket has at most %d", len(s), maxSocket)
	}
	return s, err
}

var hostShape = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

// isHost reports whether s is a host name or an address. A name of digits and
// dots alone is a mistyped address.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && hostShape.MatchString(s) && strings.Trim(s, "0123456789.") != ""
}

// HostName checks a name that clients know a server by.
func HostName(s string) error {
	if !isHost(s) {
		return fmt.Errorf("%q is not a host name or an address", s)
	}
	return nil
}

func hostName(n *yaml.Node) (string, error) {
	s, err := text(n, "a host name or an address")
	if err == nil {
		err = HostName(s)
	}
	return s, err
}

// address reads host:port. No host is every address of the machine, port 0 any
// free one.
func address(n *yaml.Node) (string, error) {
	s, err := text(n, "host:port")
	if err != nil {
		return "", err
	}
	host, _, err := splitAddress(s)
	if err == nil && host != "" && !isHost(host) {
		err = fmt.Errorf("%q is not a host name or an address", host)
	}
	return s, err
}

func splitAddress(s string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port", s)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q in %q is not a port", digits, s)
	}
	return host, int(n), nil
}

func anyPort(s string) bool {
	_, port, err := splitAddress(s)
	return err != nil || port == 0
}

func loopback(n *yaml.Node) (string, error) {
	s, err := address(n)
	if err != nil {
		return "", err
	}
	if host, _, _ := splitAddress(s); !isLoopback(host) {
		return "", fmt.Errorf("%q is not on loopback; metrics have no password", s)
	}
	return s, nil
}

func isLoopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	return host == "localhost"
}

// webhook reads the URL that findings are posted to. It is often a secret: no
// error quotes it.
func webhook(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("expected an https URL, not %s", strictyaml.KindOf(n))
	}
	u, err := url.Parse(n.Value)
	switch {
	case err != nil || u.Opaque != "" || !isHost(u.Hostname()) || strings.TrimSpace(n.Value) != n.Value:
		return "", errors.New("not an https URL")
	case u.User != nil:
		return "", errors.New("a URL with a password; it would be sent in clear to diagnostics")
	case u.Fragment != "":
		return "", errors.New("a URL with a fragment, which is never sent")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return n.Value, nil
	}
	return "", errors.New("neither an https URL nor http on loopback")
}

// syslog reads where the system's log is spoken to.
func syslog(n *yaml.Node) (string, error) {
	s, err := text(n, "unix:///dev/log, udp://host:port or tcp://host:port")
	if err != nil {
		return "", err
	}
	scheme, rest, _ := strings.Cut(s, "://")
	switch scheme {
	case "unix":
		if path.IsAbs(rest) && path.Clean(rest) == rest && len(rest) <= maxSocket {
			return s, nil
		}
	case "udp", "tcp":
		if host, port, err := splitAddress(rest); err == nil && isHost(host) && port != 0 {
			return s, nil
		}
	}
	return "", fmt.Errorf("%q is not unix:///dev/log, udp://host:port or tcp://host:port", s)
}
