// Package keyfile keeps secret keys in files: one key a file, mode 0600, with
// the role it signs in and the machine it was made for. A key found on another
// machine came there with a copied disk, and must not go on signing.
package keyfile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/stele-log/stele/internal/durable"
)

const header = "stele key v1"

// maxFile bounds a key file.
const maxFile = 4096

// ErrOtherMachine says that a key was made on another machine.
var ErrOtherMachine = errors.New("key was made on another machine")

// Secret is 32 secret bytes. It cannot be printed: they are two pointers away,
// because package fmt follows one where a verb does not fit.
type Secret struct{ p **[32]byte }

func newSecret() Secret {
	b := new([32]byte)
	return Secret{&b}
}

// Bytes returns the secret itself.
func (s Secret) Bytes() []byte { return (*s.p)[:] }

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// Key is what a key file holds.
type Key struct {
	Role    string // log, a role of a source, or fingerprint
	Name    string // origin of a log; empty for others
	Machine string
	Secret  Secret
}

// Open reads the key in path, which must have that role. With [ErrOtherMachine]
// comes the key, for those who only want its public half.
func Open(path, role string) (Key, error) {
	data, err := durable.ReadSmall(durable.OS, path, maxFile)
	if err != nil {
		return Key{}, err
	}
	k, err := parse(data)
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", path, err)
	}
	if k.Role != role {
		return Key{}, fmt.Errorf("key %s: role %q, want %q", path, k.Role, role)
	}
	if k.Machine != Machine() {
		return k, fmt.Errorf("key %s: %w", path, ErrOtherMachine)
	}
	return k, nil
}

// OpenOrCreate opens the key in path, or makes one. Of several processes that do so
// at once one makes it, and all have it. A crash leaves no key or a whole one.
func OpenOrCreate(path, role, name string) (k Key, err error) {
	if k, err = Open(path, role); !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	err = Creating(filepath.Dir(path), func() error {
		if k, err = Open(path, role); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		k = Key{role, name, Machine(), newSecret()}
		rand.Read(k.Secret.Bytes())
		return durable.WriteFile(durable.OS, path, k.render(), 0o600)
	})
	return k, err
}

// LockName is the lock of a directory of keys, held while one is made.
const LockName = "keys.lock"

// Creating runs make while no other process makes a key in that directory.
func Creating(dir string, make func() error) error {
	lock, err := durable.WaitLock(context.Background(), filepath.Join(dir, LockName))
	if err != nil {
		return err
	}
	return errors.Join(make(), lock.Release())
}

// Move has a key that was made on another machine be of this one: the machine it
// came from must not go on with it, which only people can know. A crash leaves
// the old file or the new one.
func Move(path, role string) error {
	k, err := Open(path, role)
	if !errors.Is(err, ErrOtherMachine) {
		return err
	}
	k.Machine = Machine()
	return durable.WriteFile(durable.OS, path, k.render(), 0o600)
}

func (k Key) render() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nrole %s\nname %s\nmachine %s\nsecret %s\n", header, k.Role, k.Name, k.Machine,
		base64.StdEncoding.EncodeToString(k.Secret.Bytes()))
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "check %s\n", hex.EncodeToString(sum[:8]))
	return b.Bytes()
}

func parse(data []byte) (Key, error) {
	k := Key{Secret: newSecret()}
	sc := bufio.NewScanner(bytes.NewReader(data))
	if !sc.Scan() || sc.Text() != header {
		return Key{}, fmt.Errorf("the first line is not %q", header)
	}
	for sc.Scan() {
		word, value, _ := strings.Cut(sc.Text(), " ")
		switch word {
		case "role":
			k.Role = value
		case "name":
			k.Name = value
		case "machine":
			k.Machine = value
		case "secret":
			b, err := base64.StdEncoding.Strict().DecodeString(value)
			if err != nil || len(b) != 32 {
				return Key{}, errors.New("the secret is not 32 bytes in base64")
			}
			copy(k.Secret.Bytes(), b)
		}
	}
	if !bytes.Equal(k.render(), data) {
		return Key{}, errors.New("damaged: the file does not agree with its own check")
	}
	return k, nil
}

// Machine is a digest of this machine's id, "unknown" where it has none. The id
// is given once, when a system is installed or first started: it stays the same
// whatever the machine is called, and when it starts again.
func Machine() string { return machineOf("/etc/machine-id", "/var/lib/dbus/machine-id") }

// machineOf takes the first file that holds an id. An image that is to be copied
// has none yet: the file is empty, or says "uninitialized" (machine-id(5)).
func machineOf(paths ...string) string {
	for _, path := range paths {
		id, err := durable.ReadLinked(path, maxFile)
		if id = bytes.TrimSpace(id); err != nil || len(id) == 0 || string(id) == "uninitialized" {
			continue
		}
		sum := sha256.Sum256(append([]byte("stele/machine/v1\n"), id...))
		return hex.EncodeToString(sum[:16])
	}
	return "unknown"
}
