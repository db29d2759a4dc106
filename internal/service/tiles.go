package service

import (
	"net/http"
	"os"
	"strings"
	"time"
)

// tiles serves the log as C2SP tlog-tiles: the checkpoint, tiles and bundles,
// and nothing else that lies in its directory.
func (s *Service) tiles(w http.ResponseWriter, r *http.Request) error {
	path := r.PathValue("path")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", "application/octet-stream")
	switch {
	case path == "checkpoint":
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	case !strings.HasPrefix(path, "tile/"):
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
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

func notFound(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	return refuse(http.StatusNotFound, "", "no such file in the log")
}
