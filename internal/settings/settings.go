// Package settings reads Stele's own settings: one strict YAML file for the
// server and the watcher of a machine, /etc/stele/stele.yaml.
//
// A file that is accepted means what it says: whatever is unknown, repeated, of
// another type or out of bounds is refused, and all that is wrong is said at
// once, each with line and column. What a file leaves out has the value that
// [Default] gives it. Nothing here looks at the machine: whether a directory
// can be written, a port bound or a certificate read is for those who do it.
package settings

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"time"
)

// Path is where the settings of a machine are.
const Path = "/etc/stele/stele.yaml"

// maxFile bounds a file of settings, in bytes.
const maxFile = 1 << 20

// Settings is all that can be set. Directories, files and sockets are absolute
// paths in their shortest form.
type Settings struct {
	Serve Serve
	Watch Watch
}

// Serve is what `stele serve` goes by.
type Serve struct {
	Data    string   // the store
	Listen  string   // host:port of the listener for watchers
	Names   []string // host names and addresses by which watchers call this server
	TLS     TLS
	Metrics Metrics
	Alert   Alert
	Erasers int // persons an erasure needs; recorded when the log begins, later it can only grow
	Limits  Limits
}

// TLS names the server's certificate: both files, or neither. Without them the
// server makes a certificate of its own, and join tokens say which.
type TLS struct {
	Certificate string // PEM file of the chain, the server's own first
	Key         string // PEM file of its key
}

// Metrics is where a process tells how it fares. There is no password: the
// address is on loopback.
type Metrics struct {
	Listen string // host:port; empty: nowhere
}

// Limits is what a server takes on at most.
type Limits struct {
	Queue   Bytes // of entries and texts not on disk yet, over all requests
	Request Bytes // of one request; at most Queue
	Streams int   // watchers connected at a time
}

// Watch is what `stele watch` goes by.
type Watch struct {
	Data      string        // keys, spool, and what joining gave
	Paths     []string      // files, directories and patterns, beside what is discovered
	Discover  bool          // watch the agents of the catalogue that are found here
	Probes    bool          // ask for the settings in force, as root, beside files
	ScanEvery time.Duration // between two scans for what no notification told
	Socket    string        // for `stele run` and `stele explain`; empty: none
	Spool     Spool
	Alert     Alert
	Metrics   Metrics
}

// Spool is what a host keeps until the log has proved that it holds it.
type Spool struct {
	Limit Bytes // on disk
}

// Alert is whom findings are told beside the log. Both may be empty.
type Alert struct {
	Webhook string // https URL, or http on loopback
	Syslog  string // unix:///dev/log, udp://host:port or tcp://host:port
}

// Default is what holds where a file says nothing.
func Default() Settings {
	return Settings{
		Serve: Serve{
			Data:    "/var/lib/stele",
			Listen:  "127.0.0.1:7835",
			Metrics: Metrics{Listen: "127.0.0.1:7836"},
			Erasers: 2,
			Limits:  Limits{Queue: 256 * mebi, Request: 64 * mebi, Streams: 20_000},
		},
		Watch: Watch{
			Data:      "/var/lib/stele-watch",
			Discover:  true,
			Probes:    true,
			ScanEvery: 5 * time.Minute,
			Socket:    "/run/stele/watch.sock",
			Spool:     Spool{Limit: 256 * mebi},
		},
	}
}

//go:embed stele.yaml
var defaultFile string

// DefaultFile is a file that says what [Default] is, with a comment on each
// setting. It is the one that packages install.
func DefaultFile() string { return defaultFile }

// Load reads the settings in a file. A file that is not there is an error, for
// somebody named it. Errors are those of [Parse] and of reading.
func Load(path string) (Settings, error) {
	data, err := read(path)
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return Parse(path, data)
}

// read reads one byte more than settings may have, so that Parse can refuse it,
// and not much more of what turns out to be a device.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}
