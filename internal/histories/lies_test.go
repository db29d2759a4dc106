package histories

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// forger has the key of the log, as an operator has.
type forger struct {
	origin string
	hash   []byte
	key    ed25519.PrivateKey
}

func newForger(p place) (*forger, error) {
	kf, err := keyfile.Open(p.layout().Key("log"), "log")
	if err != nil {
		return nil, err
	}
	public, err := p.layout().LogKey()
	if err != nil {
		return nil, err
	}
	hash, err := hex.DecodeString(strings.Split(public.VKey(), "+")[1])
	return &forger{kf.Name, hash, ed25519.NewKeyFromSeed(kf.Secret.Bytes())}, err
}

// checkpoint signs what it is told to.
func (f *forger) checkpoint(size uint64, root entry.Hash) []byte {
	text := fmt.Sprintf("%s\n%d\n%s\n", f.origin, size, root)
	sig := append(slices.Clone(f.hash), ed25519.Sign(f.key, []byte(text))...)
	return fmt.Appendf(nil, "%s\n— %s %s\n", text, f.origin, base64.StdEncoding.EncodeToString(sig))
}

// lies are the ways in which a server can try one watcher's belief.
func lies(f *forger) []*lie {
	return []*lie{
		{code: finding.BadReceipt, receipt: func(_ *road, r *wire.Receipt) (*wire.Receipt, error) {
			for i := range r.Inclusion {
				r.Inclusion[i] = append(tlog.RecordProof{{1}}, r.Inclusion[i]...)
			}
			return r, nil
		}},
		{code: verify.Fork, receipt: func(_ *road, r *wire.Receipt) (*wire.Receipt, error) {
			size, err := sizeOf(r.Checkpoint)
			r.Checkpoint = f.checkpoint(size, entry.Hash{1, 2, 3})
			return r, err
		}},
		{code: verify.BadCheckpoint, receipt: func(_ *road, r *wire.Receipt) (*wire.Receipt, error) {
			r.Checkpoint = slices.Clone(r.Checkpoint)
			r.Checkpoint[len(r.Checkpoint)-5] ^= 1
			return r, nil
		}},
		{code: verify.Shrunk, receipt: func(road *road, r *wire.Receipt) (*wire.Receipt, error) {
			return &wire.Receipt{Checkpoint: road.early, Inclusion: r.Inclusion}, nil
		}},
		{code: finding.MissingInclusion, receipt: func(_ *road, r *wire.Receipt) (*wire.Receipt, error) {
			if len(r.Inclusion) > 0 {
				return nil, status(http.StatusNotFound)
			}
			return r, nil
		}},
		{code: finding.NoReceipt, silent: true, receipt: func(_ *road, r *wire.Receipt) (*wire.Receipt, error) {
			if len(r.Inclusion) > 0 {
				return nil, status(http.StatusServiceUnavailable)
			}
			return r, nil
		}},
		{code: finding.BadAnswer, begin: true, head: func(h record.Head, note []byte) (record.Head, []byte) {
			return record.Head{Next: h.Next + 3, Prev: h.Prev}, note
		}},
		{code: finding.NoAnswer, silent: true, submit: func() error { return status(http.StatusTooManyRequests) }},
	}
}

func sizeOf(checkpoint []byte) (size uint64, err error) {
	_, err = fmt.Sscanf(strings.SplitN(string(checkpoint), "\n", 3)[1], "%d", &size)
	return size, err
}
