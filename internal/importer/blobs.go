package importer

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// maxBlob bounds one content.
const maxBlob = 256 << 20

// Blobs are contents by the hexadecimal SHA-256 of their bytes. They are held
// in memory, compressed: contents may hold secrets and must not reach a disk.
type Blobs struct {
	packed map[string][]byte
	dir    string
	enc    *zstd.Encoder
	dec    *zstd.Decoder
}

// OpenBlobs finds the contents beside a file of changes: the archive
// blobs.tar.zst or blobs.tar, or the directory blobs.
func OpenBlobs(beside string) (*Blobs, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	b := &Blobs{make(map[string][]byte), "", enc, dec}
	base := filepath.Dir(beside)
	for _, name := range []string{"blobs.tar.zst", "blobs.tar"} {
		err := b.readArchive(filepath.Join(base, name))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	b.dir = filepath.Join(base, "blobs")
	if _, err := os.Stat(b.dir); err != nil {
		return nil, fmt.Errorf("contents of the changes: no blobs.tar.zst, blobs.tar or blobs beside %s: %w", beside, err)
	}
	return b, nil
}

func (b *Blobs) readArchive(name string) error {
	f, err := regular(os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
	if err != nil {
		return err
	}
	defer f.Close()
	plain, done, err := decompress(name, f)
	if err != nil {
		return err
	}
	defer done()
	t := tar.NewReader(plain)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := b.add(path.Base(h.Name), t); err != nil {
			return fmt.Errorf("%s: %s: %w", name, h.Name, err)
		}
	}
}

func (b *Blobs) add(digest string, r io.Reader) error {
	content, err := readContent(digest, r)
	if err != nil {
		return err
	}
	b.packed[digest] = b.enc.EncodeAll(content, nil)
	return nil
}

// readContent reads a content and holds it against its name.
func readContent(digest string, r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxBlob+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxBlob {
		return nil, fmt.Errorf("more than %d bytes", maxBlob)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != digest {
		return nil, errors.New("the content does not match the digest in its name")
	}
	return content, nil
}

// Get returns a content.
func (b *Blobs) Get(digest string) ([]byte, error) {
	if packed, ok := b.packed[digest]; ok {
		return b.dec.DecodeAll(packed, nil)
	}
	if b.dir == "" {
		return nil, fmt.Errorf("content %s is not in the archive", digest)
	}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, name := range []string{filepath.Join(digest[:2], digest), digest} {
		content, err := readFile(root, name, digest)
		if !errors.Is(err, fs.ErrNotExist) {
			return content, err
		}
	}
	return nil, fmt.Errorf("content %s is not in %s", digest, b.dir)
}

// readFile reads a content from a file that is no link.
func readFile(root *os.Root, name, digest string) ([]byte, error) {
	if fi, err := root.Lstat(name); err != nil {
		return nil, err
	} else if !fi.Mode().IsRegular() {
		return nil, notRegular(filepath.Join(root.Name(), name))
	}
	f, err := regular(root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := readContent(digest, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return content, nil
}

// regular lets only a regular file pass that was opened without waiting: a FIFO
// would wait for a writer, a device may never end.
func regular(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = notRegular(f.Name())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func notRegular(name string) error { return fmt.Errorf("%s is not a regular file", name) }
