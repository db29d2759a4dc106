package examine_test

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kinds of files and directories, by their names. A file that is of none fails
// the walk: whoever puts a new one into a store says here what it is.
var kinds = []struct{ kind, name string }{
	{"checkpoint", `store/log/checkpoint`},
	{"bundle", `store/log/tile/entries/\d+`},
	{"partial bundle", `store/log/tile/entries/\d+\.p/\d+`},
	{"hash tile", `store/log/tile/\d/\d+`},
	{"partial hash tile", `store/log/tile/\d/\d+\.p/\d+`},
	{"note of the log's writer", `store/log/\.state/(treeState|version|gcState)`},
	{"lock of the log's writer", `store/log/\.state/\w+\.lock`},
	{"openings", `store/vault/openings-\d+\.seg`},
	{"texts", `store/vault/texts-\d+\.seg`},
	{"keys of entries", `store/keyring/seeds-[\d.]+`},
	{"keys of lines", `store/keyring/salts-[\d.]+`},
	{"keys of texts", `store/keyring/texts-[\d.]+`},
	{"key of digests", `store/keyring/dedup`},
	{"index", `store/index/index\.db`},
	{"journal of the index", `store/index/index\.db-(wal|shm)`},
	{"roll", `store/index/roll\.json`},
	{"key of the log", `store/keys/log\.key`},
	{"key of the recorder", `store/keys/recorder\.key`},
	{"key of a source", `store/(keys/watcher|importer/[^/]+/importer)\.key`},
	{"key of fingerprints", `store/keys/fingerprint\.key`},
	{"certificate", `store/keys/tls\.crt`},
	{"key of the certificate", `store/keys/tls\.key`},
	{"tokens", `store/keys/tokens\.json`},
	{"lock of keys", `store/(keys|importer/[^/]+)/keys\.lock`},
	{"format", `store/format`},
	{"lock of the store", `store/lock`},
	{"checkpoints handed on", `store/checkpoints`},
	{"checkpoints seen here", `store/watch/checkpoints`},
	{"spool", `store/watch/spool`},
	{"reserve of the spool", `store/watch/reserve`},
	{"lock of a source", `store/(watch|importer/[^/]+)/lock`},
	{"server of an importer", `store/importer/[^/]+/server\.json`},
	{"belief", regexp.QuoteMeta(beliefName)},
	{"lock of beliefs", `trust/lock`},
}

var dirKinds = []struct{ kind, name string }{
	{"directory of the store", `store`},
	{"directory log", `store/log`},
	{"directory of tiles", `store/log/tile|store/log/tile/(\d|entries)`},
	{"directory of partial tiles", `store/log/tile/(\d|entries)/\d+\.p`},
	{"directory log/.state", `store/log/\.state`},
	{"directory vault", `store/vault`},
	{"directory keyring", `store/keyring`},
	{"directory index", `store/index`},
	{"directory keys", `store/keys`},
	{"directory watch", `store/watch`},
	{"directory importer", `store/importer(/[^/]+)?`},
	{"directory of beliefs", `trust`},
}

func kindOf(t *testing.T, p *place, rel string, dir bool) string {
	t.Helper()
	table := kinds
	if dir {
		table = dirKinds
	}
	for _, k := range table {
		if regexp.MustCompile(`^(` + k.name + `)$`).MatchString(rel) {
			switch {
			case k.kind == "directory of partial tiles" && present(p.sound(strings.TrimSuffix(rel, ".p"))) != "":
				return "directory of earlier partial tiles"
			case strings.HasPrefix(k.kind, "partial") && !widest(t, p, rel):
				return "earlier " + k.kind
			}
			return k.kind
		}
	}
	t.Fatalf("%s is of no kind", rel)
	return ""
}

// widest reports whether no tile of the same number is wider.
func widest(t *testing.T, p *place, rel string) bool {
	t.Helper()
	if present(p.sound(strings.TrimSuffix(filepath.Dir(rel), ".p"))) != "" {
		return false
	}
	others, err := filepath.Glob(filepath.Join(filepath.Dir(p.sound(rel)), "*"))
	if err != nil {
		t.Fatal(err)
	}
	width, err := strconv.Atoi(filepath.Base(rel))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range others {
		if w, err := strconv.Atoi(filepath.Base(other)); err == nil && w > width {
			return false
		}
	}
	return true
}
