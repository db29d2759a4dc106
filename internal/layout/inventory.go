package layout

import (
	"path"
	"regexp"
	"strings"

	"github.com/stele-log/stele/internal/checkpoints"
)

// names says which names a directory of a store may hold, by what is in it. Those
// of log, vault, keyring and database are their packages' to say.
type names struct {
	files, dirs *regexp.Regexp // nil: none
}

// What the parts that lie here keep. A source that has been with another log has
// key and spool under names of its own.
var inventory = map[string]names{
	"":           {regexp.MustCompile(`^(format|lock|` + checkpoints.FileName + `)$`), regexp.MustCompile(`^(log|vault|keyring|index|keys|watch|importer)$`)},
	"index":      {regexp.MustCompile(`^(roll\.json|monitor\.json|rescan\.(json|lock))$`), nil},
	"keys":       {regexp.MustCompile(`^((log|recorder|importer|fingerprint|watcher(-[0-9a-f]{8})?)\.key(\.copied(\.\d+)?)?|tls\.(crt|key)|tokens\.json|endpoint\.json|keys\.lock)$`), nil},
	"watch":      {regexp.MustCompile(`^(lock|running|server\.json|` + spoolFiles + `)$`), regexp.MustCompile(`^[0-9a-f]{8}$`)},
	"watch/*":    {regexp.MustCompile(`^(` + spoolFiles + `)$`), nil},
	"importer":   {nil, regexp.MustCompile(`^[^/]+_\d+$`)},
	"importer/*": {regexp.MustCompile(`^(lock|keys\.lock|importer\.key|server\.json)$`), nil},
}

const spoolFiles = checkpoints.FileName + `|spool(\.new)?|reserve|spool\.(damaged|of-[0-9a-f]{32})(\.\d+)?`

// Owns reports whether a store may hold a file of that name, which is given below
// the store and with slashes. The names of log, vault, keyring and database are
// not among them.
func Owns(rel string) bool {
	n := inventory[kind(rel)]
	return n.files != nil && n.files.MatchString(path.Base(rel))
}

// OwnsDir is Owns for directories.
func OwnsDir(rel string) bool {
	n := inventory[kind(rel)]
	return n.dirs != nil && n.dirs.MatchString(path.Base(rel))
}

// IsSocket reports whether a socket belongs there.
func IsSocket(rel string) bool { return rel == "watch/socket" }

// kind is the directory of a name, as the inventory calls it.
func kind(rel string) string {
	dir := strings.TrimPrefix(path.Dir(rel), ".")
	if above, _, ok := strings.Cut(dir, "/"); ok {
		return above + "/*"
	}
	return dir
}
