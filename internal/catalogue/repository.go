package catalogue

import (
	"path"
	"strings"
)

// inRepository says whether a path lies in what a version control system keeps for
// itself, and whether it is a setting there: a hook is a program that others run.
// Objects, indexes and references are no configuration; that a version was made, or
// taken out, is one line of git's logs/HEAD.
func inRepository(p string) (inside, setting bool) {
	if _, rest, ok := strings.Cut(p, "/.git/"); ok {
		dir, base := path.Split(rest)
		switch path.Base(dir) {
		case "hooks":
			return true, path.Ext(base) != ".sample"
		case "info":
			return true, true
		}
		return true, base == "config" || rest == "logs/HEAD"
	}
	if _, rest, ok := strings.Cut(p, "/.hg/"); ok {
		return true, rest == "hgrc"
	}
	return strings.Contains(p, "/.svn/"), false
}
