// Package vault stores what opens the seals: the disclosures of every entry and
// the texts of its changes. [keyring], a directory and package of its own, holds
// the keys.
//
// It promises:
//   - Nothing lies in the vault in clear. Each disclosure and each text is
//     encrypted under a key of its own, and keys lie in the keyring only.
//   - Erasing makes exactly that line or that text unreadable, by destroying its
//     key.
//   - What [Vault.Put] returned for is durable. A crash loses nothing else than
//     the batch that was being put.
//   - Every byte of every file is covered: [Reader.Check] names what is not as
//     it was written.
//
// Equal texts are stored once, and texts as chains of deltas; neither shows
// outside. The vault does not know the log, does not check seals (its callers
// do, and must) and does not decide what may be erased.
//
// # Files
//
//	vault/disclosures-000001.seg   frames, one for each entry: its lines, encrypted
//	vault/texts-000001.seg      frames, one for each text: whole or as a delta
//
// They only grow.
package vault

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/internal/keyring"
	"github.com/stele-log/stele/seal"
)

// Loc says where the disclosures of an entry lie. It never changes.
type Loc uint64

// The low bits of a Loc are the offset of a frame, the others its segment.
const offsetBits = 40

func newLoc(seg uint32, off int64) Loc { return Loc(uint64(seg)<<offsetBits | uint64(off)) }

func (l Loc) segment() uint32 { return uint32(l >> offsetBits) }
func (l Loc) offset() int64   { return int64(l & (1<<offsetBits - 1)) }

// String shows segment and offset.
func (l Loc) String() string { return fmt.Sprintf("%d:%d", l.segment(), l.offset()) }

// TextID names a stored text, for as long as it is stored. 0 is none.
type TextID uint64

// Disclosures is everything that opens the seals of one entry.
type Disclosures struct {
	ID     entry.ID
	Source entry.Source
	Seq    uint64
	Seed   *seal.Seed               // all salts derive from it; nil: Salts has them
	Salts  map[entry.Line]seal.Salt // one for each line, where there is no seed
	Who    []byte
	Why    []byte
	How    []byte
	What   [][]byte
	Texts  []Text
}

// Text is the text of one change.
type Text struct {
	K    int // of the change
	Body []byte
	Near []TextID // texts it may resemble, best first; wrong ones cost time only
	Name string   // path of what it is the text of; a hint, not stored
}

// Placed says where the vault put the disclosures of an entry.
type Placed struct {
	Loc   Loc
	Texts []TextID // of Disclosures.Texts, in that order
}

// ErrErased says that the key of a line or of a text was destroyed.
var ErrErased = keyring.ErrErased

// ErrRefused says that a batch holds what could not be read back: nothing of it
// was written, and the vault goes on.
var ErrRefused = errors.New("refused, nothing was written")

// errUnknown says that there is no such line or text.
var errUnknown = errors.New("not in the vault")

// Damage is a place in a file that is not as it was written.
type Damage = durable.Damage

// Config says where a vault is.
type Config struct {
	Dir        string     // of disclosures and texts; may be copied anywhere
	KeyringDir string     // of the keys; its backups must expire
	FS         durable.FS // nil: durable.OS
	Log        *slog.Logger
	Segment    int64 // bytes after which a new file is begun; 0: 64 MiB
	Cache      int64 // bytes of texts kept in memory; 0: 32 MiB
}

func (c Config) keyring() keyring.Config {
	return keyring.Config{Dir: c.KeyringDir, FS: c.FS, Log: c.Log}
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = durable.OS
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Segment == 0 {
		c.Segment = 64 << 20
	}
	if c.Cache == 0 {
		c.Cache = 32 << 20
	}
	return c
}

// Vault is a vault opened for writing. One process at a time may do that; its
// owner sees to it. Reading may go on from any goroutine all the while.
type Vault struct {
	*Reader
	packer *packer

	mu      sync.Mutex                // one writer at a time, of the keyring too; guards what follows
	broken  error                     // after an outcome nobody knows
	entries tail                      // of disclosures
	records tail                      // of texts
	last    keyring.Last              // slots given last to an entry and to a text
	digests map[keyring.Digest]TextID // of texts that are not erased
	names   map[string]TextID         // latest text under a name
	torn    []Damage                  // ends of segments, by a crash
}

// Open opens a vault for writing, or begins one in empty directories. What a
// crash left behind stays as it is, see [Vault.DropTorn].
func Open(cfg Config) (*Vault, error) {
	cfg = cfg.withDefaults()
	if err := durable.MkdirAll(cfg.FS, cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if err := durable.Sweep(cfg.FS, cfg.Dir); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if err := keyring.Prepare(cfg.keyring()); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	r, err := OpenReader(cfg)
	if err != nil {
		return nil, err
	}
	z, err := newPacker()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open vault %s: %w", cfg.Dir, err), r.Close())
	}
	v := &Vault{Reader: r, packer: z, digests: map[keyring.Digest]TextID{}, names: map[string]TextID{}}
	if err := v.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open vault %s: %w", cfg.Dir, err), v.Close())
	}
	return v, nil
}

// Close closes the files. Nothing is lost: what was put is durable.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = errors.Join(v.broken, errors.New("vault is closed"))
	return errors.Join(v.entries.close(), v.records.close(), v.Reader.Close())
}

// fail keeps the vault from being written to: what is on disk is not known.
func (v *Vault) fail(err error) error {
	v.broken = err
	v.cfg.Log.Error("vault stopped", "error", err)
	return fmt.Errorf("%w: %w", durable.ErrPoisoned, err)
}

// Check examines every byte of every file while nothing is written.
func (v *Vault) Check(report func(Damage)) (Stats, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.check(report)
}

// workers is how many goroutines share n pieces of work.
func workers(n int) int { return max(1, min(runtime.GOMAXPROCS(0), n)) }

// parallel calls do for 0 … n−1 from several goroutines. make gives each
// goroutine a scratch of its own. It returns one of the errors.
func parallel[S any](n int, scratch func() S, do func(S, int) error) error {
	var wg sync.WaitGroup
	w := workers(n)
	errs := make([]error, w)
	for g := range w {
		wg.Go(func() {
			s := scratch()
			for i := g; i < n && errs[g] == nil; i += w {
				errs[g] = do(s, i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
