package server

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// tiles serves the log as C2SP tlog-tiles: the checkpoint, tiles and bundles,
// and nothing else that lies in its directory.
func (s *Server) tiles(w http.ResponseWriter, r *http.Request) error {
	path := r.PathValue("path")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", "application/octet-stream")
	switch {
	case path == "checkpoint":
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	case !strings.HasPrefix(path, "tile/"), !fs.ValidPath(path): // encoded dots lead out of tile/
		return notFound(w)
	}
	root, err := os.OpenRoot(s.cfg.Layout.Log())
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.Open(path)
	if err != nil { // whatever it is: a name that leads out of the log is not there either
		return notFound(w)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return notFound(w)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fileTimeout)) // nobody holds on to a file for ever
	if strings.HasPrefix(path, bundles) {
		w.Header().Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "zstd") && s.zipping.TryAcquire(1) {
			defer s.zipping.Release(1)
			return compressed(w, r, f)
		}
	}
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// bundles hold entries, which are text and half as long compressed. Hashes are not.
const bundles = "tile/entries/"

// zippedAtOnce bounds the bundles that are compressed at a time: each takes some
// 3 MiB of memory for as long as the other end takes, and anybody may ask. Whoever
// comes when there are as many gets the file as it is.
const zippedAtOnce = 16

// compressed sends a file as zstd.
func compressed(w http.ResponseWriter, r *http.Request, f io.Reader) error {
	w.Header().Set("Content-Encoding", "zstd")
	if r.Method == http.MethodHead {
		return nil
	}
	z := zips.Get().(*zstd.Encoder)
	defer putBack(z)
	z.Reset(w)
	if _, err := io.Copy(z, f); err != nil {
		return nil // nobody is there any more, or the file is cut short: the other end sees that
	}
	_ = z.Close() // likewise
	return nil
}

func notFound(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	return refuse(http.StatusNotFound, "", "no such file in the log")
}
