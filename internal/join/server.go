package join

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/layout"
	"github.com/stele-log/stele/internal/wire"
)

// Server is what a source knows of the server it has joined, and under which
// names it keeps what belongs to that log: a key speaks in one log only.
type Server struct {
	URL  string `json:"url"`
	Pin  string `json:"pin"`
	VKey string `json:"vkey"`
	Name string `json:"name,omitempty"` // of key and spool; empty: those of the first log
}

// File is where the watcher of a machine keeps which server it has joined.
func File(l layout.Store) string { return filepath.Join(l.Watch(), "server.json") }

// maxServer bounds what is read as a server that was joined.
const maxServer = 64 << 10

// Read reads which server was joined; ok is false if none.
func Read(path string) (s Server, ok bool, err error) {
	b, err := durable.ReadSmall(durable.OS, path, maxServer)
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err != nil {
		return s, false, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, false, fmt.Errorf("%s: %w", path, err)
	}
	return s, true, nil
}

// write writes down which server was joined. A crash leaves the one before.
func (s Server) write(path string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, b, 0o600)
}

func (s Server) key(l layout.Store) string {
	if s.Name == "" {
		return l.Key(string(entry.Watcher))
	}
	return l.Key(string(entry.Watcher) + "-" + s.Name)
}

// Spool is the directory of the spool for that server.
func (s Server) Spool(l layout.Store) string { return filepath.Join(l.Watch(), s.Name) }

// of is what a token says of a server, where the host has been with another log:
// key and spool are then named for the log.
func (s Server) of(t wire.Token) Server {
	next := Server{t.URL, t.Pin, t.VKey, s.Name}
	if s.VKey != "" && s.VKey != t.VKey {
		sum := sha256.Sum256([]byte(s.Name + "\n" + t.VKey)) // another one at each change, and the same at each try
		next.Name = hex.EncodeToString(sum[:4])
	}
	return next
}
