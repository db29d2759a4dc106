package asking

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/semdiff"
	"github.com/stele-log/stele/internal/terminal"
)

// Which subjects are asked for, as they stood at a time; at the zero time, as they are.
type Which struct {
	Host, Path string
	At         time.Time

	Out  io.Writer
	Talk func(format string, args ...any)
}

// standing are those subjects; that others were left out is told.
func (w *Which) standing(ctx context.Context, r *history.Reader) ([]history.Standing, error) {
	all, more, err := r.Standing(ctx, w.Host, w.Path, w.At)
	if more {
		w.Talk("there are more than were looked at; name a host or a directory")
	}
	switch {
	case err != nil || len(all) > 0:
	case w.Path == "" && w.Host != "":
		w.Talk("nothing is recorded there of a host %.80q; a path has a slash: ./%s", w.Host, terminal.Escape(w.Host))
	default:
		w.Talk("nothing is recorded there")
	}
	return all, err
}

// listed is a subject in a list.
type listed struct {
	Host  string `json:"host"`
	Path  string `json:"path"`
	Index uint64 `json:"index"` // the entry it came about with
	Ref   string `json:"ref"`
	Time  string `json:"time"`
	Mode  string `json:"mode,omitempty"`
	Owner string `json:"owner,omitempty"`
	Size  *int64 `json:"size,omitempty"`
}

// List prints the subjects, a line each.
func (w *Which) List(ctx context.Context, r *history.Reader, asJSON bool) error {
	all, err := w.standing(ctx, r)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w.Out)
	for _, s := range all {
		c := s.Change
		if asJSON {
			l := listed{s.Host, s.Path, s.Version.Index, fmt.Sprintf("%d/%d", s.Version.Index, s.Version.K), s.Time, c.Mode, c.Owner, c.Size}
			if err := json.NewEncoder(out).Encode(l); err != nil {
				return err
			}
			continue
		}
		size := "-"
		if c.Size != nil {
			size = strconv.FormatInt(*c.Size, 10)
		}
		target := ""
		if c.Target != "" {
			target = " → " + c.Target
		}
		fmt.Fprintf(out, "%6d  %s  %-5s %-12s %8s  %s\n", s.Version.Index, render.When(s.Time), c.Mode, terminal.Escape(c.Owner), size, terminal.Escape(s.Host+":"+s.Path+target))
	}
	return out.Flush()
}

// ErrOccupied says that a directory to restore into has something in it.
var ErrOccupied = errors.New("the directory is not empty")

// Restore writes the texts, as they were recorded, into a directory of its own: never
// in place. Below it the files of each host lie in a directory of that name.
func (w *Which) Restore(ctx context.Context, r *history.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		return errors.Join(err, ErrOccupied)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // every file was closed
	all, err := w.standing(ctx, r)
	if err != nil {
		return err
	}
	written, masked := 0, 0
	dirs := parents(all)
	for _, s := range all {
		if dirs[s.Host+":"+s.Path] {
			continue // a link to a directory: what is behind it is written in its place
		}
		text, err := r.TextOf(ctx, s.Version)
		if errors.Is(err, history.ErrNoText) || errors.Is(err, history.ErrErased) {
			w.Talk("%s:%s: not restored: %v", s.Host, s.Path, err)
			continue
		}
		if err != nil {
			return err
		}
		if err := restoreFile(root, s, text); err != nil {
			return err
		}
		written++
		if slices.Contains(s.Change.Marks, "redacted") {
			masked++
		}
	}
	w.Talk("%s written to %s; %d with secrets masked", terminal.Count(written, "file", "files"), dir, masked)
	return nil
}

// parents are the directories that subjects lie in, each with its host.
func parents(all []history.Standing) map[string]bool {
	dirs := make(map[string]bool)
	for _, s := range all {
		for d := path.Dir(s.Path); !dirs[s.Host+":"+d]; d = path.Dir(d) {
			dirs[s.Host+":"+d] = true
		}
	}
	return dirs
}

// restoreFile writes one text, with the bits of its mode that let somebody read, write
// or execute. A target of a link is written as a text: nothing here leads elsewhere.
func restoreFile(root *os.Root, s history.Standing, text []byte) error {
	name := path.Join(safeName(s.Host), path.Join("/", s.Path))
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if mode, bad := strconv.ParseUint(s.Change.Mode, 8, 32); bad == nil && err == nil {
		err = f.Chmod(fs.FileMode(mode) & 0o777)
	}
	return errors.Join(err, f.Close())
}

// safeName is a host as the name of one directory.
func safeName(host string) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, host)
	if name == "" || name == "." || name == ".." {
		return "_"
	}
	return name
}

// shared is a text, or a value of a key, and who has it.
type shared struct {
	Value string   `json:"value"`
	Hosts []string `json:"hosts"`
}

// Fleet prints which hosts have which value of a key, or without one the same text: the
// most common first, so that who is unlike the others comes last.
func (w *Which) Fleet(ctx context.Context, r *history.Reader, key string, asJSON bool) error {
	all, err := w.standing(ctx, r)
	if err != nil {
		return err
	}
	groups := make(map[string][]string)
	for _, s := range all {
		value, err := w.value(ctx, r, s, key)
		if err != nil {
			return err
		}
		groups[value] = append(groups[value], s.Host)
	}
	var list []shared
	for value, hosts := range groups {
		slices.Sort(hosts)
		list = append(list, shared{value, slices.Compact(hosts)})
	}
	slices.SortFunc(list, func(a, b shared) int {
		if len(a.Hosts) != len(b.Hosts) {
			return len(b.Hosts) - len(a.Hosts)
		}
		return strings.Compare(a.Value, b.Value)
	})
	out := bufio.NewWriter(w.Out)
	for _, s := range list {
		if asJSON {
			if err := json.NewEncoder(out).Encode(s); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "%-9s  %s: %s\n", terminal.Count(len(s.Hosts), "host", "hosts"), terminal.Escape(s.Value), terminal.Escape(strings.Join(s.Hosts, ", ")))
	}
	return out.Flush()
}

// value is what a subject has of a key, or which text.
func (w *Which) value(ctx context.Context, r *history.Reader, s history.Standing, key string) (string, error) {
	text, err := r.TextOf(ctx, s.Version)
	switch {
	case errors.Is(err, history.ErrNoText), errors.Is(err, history.ErrErased):
		return "the text is not on record", nil
	case err != nil:
		return "", err
	case key == "":
		return fmt.Sprintf("%s, %d bytes, digest %s", path.Base(s.Path), len(text), digest(text)), nil
	}
	format := s.Change.Format
	if format == "" {
		format = catalogue.FormatOf(s.Path, text)
	}
	found, err := semdiff.Find(string(text), format, func(p string) bool { return onKey(p, key) })
	if err != nil {
		return "unparsed", nil
	}
	if len(found) == 0 {
		return key + " absent", nil
	}
	var all []string
	for _, f := range found {
		all = append(all, f.Path+" "+string(f.Value))
	}
	return strings.Join(all, ", "), nil
}

// digest tells texts apart, for people.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
