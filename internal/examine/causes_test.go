package examine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/mtls"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/trust"
	"github.com/stele-log/stele/verify"
)

// alteration is what was done to files of a store, and all that is to be said of files:
// codes with the files, below the store. What is said of entries alone follows from it.
type alteration struct {
	name string
	do   func(dir string) error
	want []string
}

func removed(rel string) func(string) error {
	return func(dir string) error { return os.RemoveAll(filepath.Join(dir, rel)) }
}

func linkedTo(rel, target string) func(string) error {
	return func(dir string) error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, rel)), os.Symlink(target, filepath.Join(dir, rel)))
	}
}

func written(rel, content string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, rel), []byte(content), 0o600) }
}

// cutTo has a file keep so many bytes, from the end if negative.
func cutTo(rel string, size int64) func(string) error {
	return func(dir string) error {
		path := filepath.Join(dir, rel)
		info, err := os.Stat(path)
		if err == nil && size < 0 {
			size += info.Size()
		}
		return errors.Join(err, os.Truncate(path, size))
	}
}

const (
	openingsFile, textsFile = "vault/openings-000001.seg", "vault/texts-000001.seg"
	seedsFile, textKeysFile = "keyring/seeds-000000.1", "keyring/texts-000000.1"
)

var alterations = []alteration{
	{"nothing", func(string) error { return nil }, nil},

	{"no checkpoint", removed("log/checkpoint"), []string{"bad-checkpoint log/checkpoint"}},
	{"a checkpoint that is none", written("log/checkpoint", "x"), []string{"bad-checkpoint log/checkpoint"}},
	{"a checkpoint that is a link to itself", linkedTo("log/checkpoint", "checkpoint"), []string{"bad-checkpoint log/checkpoint"}},
	{"no log", removed("log"), []string{"bad-checkpoint log/checkpoint"}},
	{"a file in place of the log", func(dir string) error {
		return errors.Join(removed("log")(dir), written("log", "x")(dir))
	}, []string{"bad-checkpoint log/checkpoint"}},
	{"no entries, the recorder's enrolment among them", removed("log/tile/entries"), []string{"tree-mismatch log/tile/entries/000.p/43"}},

	{"no hashes", removed("log/tile/0"), []string{"tree-mismatch log/tile/0/000.p/43"}},

	{"a format that is none", written("format", "stele store 1"), []string{"damaged format"}},
	{"a format with more behind it", written("format", "stele store 1\nxyz"), []string{"damaged format"}},

	{"no openings", removed(openingsFile), []string{"damaged " + openingsFile}},
	{"no texts", removed(textsFile), []string{"damaged " + textsFile}},
	{"no keys of entries", removed(seedsFile), []string{"damaged " + seedsFile}},
	{"no keys of texts", removed(textKeysFile), []string{"damaged " + textKeysFile}},
	{"openings cut short", cutTo(openingsFile, -1), []string{"damaged " + openingsFile}},
	{"texts cut short", cutTo(textsFile, -1), []string{"damaged " + textsFile}},
	{"keys of entries cut short", cutTo(seedsFile, -1), []string{"damaged " + seedsFile}},
	{"keys of texts cut short", cutTo(textKeysFile, -1), []string{"damaged " + textKeysFile}},
	{"openings elsewhere", linkedTo(openingsFile, "/nowhere"), []string{"unsafe-store " + openingsFile}},
	{"a keyring that is a link to itself", linkedTo("keyring", "keyring"), []string{"unsafe-store keyring"}},

	{"an empty index", written("index/index.db", ""), []string{"index-mismatch index/index.db"}},
	{"an index with more behind it", appended("index/index.db"), []string{"unsafe-store index/index.db"}},
	{"a link beside the index", linkedTo("index/index.db-wal", "/nowhere"), []string{"index-mismatch index/index.db-wal", "unsafe-store index/index.db-wal"}},

	{"a certificate and its key", certified, nil},
	{"a key of a certificate that is none", inOrder(certified, written("keys/tls.key", "x")), []string{"unsafe-store keys/tls.key"}},
	{"a certificate that is none", inOrder(certified, written("keys/tls.crt", "x")), []string{"unsafe-store keys/tls.crt"}},
	{"an importer's key that is none", inOrder(imports, written("importer/h_1/importer.key", "x")), []string{"damaged importer/h_1/importer.key"}},
	{"an importer's server that is none", inOrder(imports, written("importer/h_1/server.json", "x")), []string{"unsafe-store importer/h_1/server.json"}},
	{"a file in place of the keys", inOrder(removed("keys"), written("keys", "x")), []string{"unsafe-store keys"}},

	{"a file in place of what is watched", inOrder(removed("watch"), written("watch", "x")), []string{"unsafe-store watch"}},
	{"an importer that is a link to itself", inOrder(imports, linkedTo("importer/h_1", "h_1")), []string{"unsafe-store importer/h_1"}},

	{"a directory in place of the lock of beliefs", func(dir string) error { return os.Mkdir(filepath.Join(dir, "../trust/lock"), 0o700) }, []string{"unsafe-store ../trust/lock"}},
	{"a belief that others can write", func(dir string) error { return os.Chmod(beliefIn(dir), 0o666) }, []string{"unsafe-store ../trust/belief"}},
	{"a file in place of the beliefs", inOrder(removed("../trust"), written("../trust", "x")), []string{"damaged ../trust/belief"}},
}

func appended(rel string) func(string) error {
	return func(dir string) error {
		f, err := os.OpenFile(filepath.Join(dir, rel), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("xyz")
		}
		return errors.Join(err, f.Close())
	}
}

func inOrder(acts ...func(string) error) func(string) error {
	return func(dir string) error {
		var errs []error
		for _, do := range acts {
			errs = append(errs, do(dir))
		}
		return errors.Join(errs...)
	}
}

func certified(dir string) error {
	c, k, err := mtls.NewServer([]string{"localhost"})
	return errors.Join(err, written("keys/tls.crt", string(c))(dir), written("keys/tls.key", string(k))(dir))
}

func imports(dir string) error { return os.MkdirAll(filepath.Join(dir, "importer", "h_1"), 0o700) }

// beliefIn is the file of the belief about the store in a directory.
func beliefIn(dir string) string {
	file, err := trust.Of(filepath.Join(dir, "..", "trust"), dir)
	if err != nil {
		panic(err)
	}
	return file.Path()
}

// TestCauses: whatever is done to a file, that file is named, and no other one.
func TestCauses(t *testing.T) {
	sound := steletest.NewStore(t)
	fill(t, sound, 40)
	dir := t.TempDir()
	st := steletest.StoreIn(t, filepath.Join(dir, "store"), filepath.Join(dir, "trust"))
	believe(t, sound, st)
	sure := filepath.Join(dir, "sure")
	copyTree(t, beliefsOf(st), sure)
	for _, a := range alterations {
		t.Run(a.name, func(t *testing.T) {
			copyTree(t, sound.Layout.Dir, st.Layout.Dir)
			copyTree(t, sure, beliefsOf(st))
			if err := a.do(st.Layout.Dir); err != nil {
				t.Fatal(err)
			}
			rep, err := examined(t, st)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range rep.Problems {
				where, _, _ := strings.Cut(p.Where, " at byte ")
				rel, err := filepath.Rel(st.Layout.Dir, where)
				if err != nil {
					rel = where // rows of the index
				}
				if where == st.Trust.Path() {
					rel = "../trust/belief"
				}
				got = append(got, string(p.Code)+" "+rel)
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, a.want) {
				t.Errorf("named %q, want %q; problems %v, findings %v", got, a.want, rep.Problems, rep.Findings)
			}
		})
	}
}

// beliefsOf is the directory of what is believed of a store.
func beliefsOf(st steletest.Store) string { return filepath.Dir(st.Trust.Path()) }

// TestOlderLog: where the log is an older one than vault and index, it is the log that
// is named.
func TestOlderLog(t *testing.T) {
	st := steletest.NewStore(t)
	fill(t, st, 40)
	older := filepath.Join(t.TempDir(), "log")
	copyTree(t, st.Layout.Log(), older)
	srv := st.Open(t)
	for n := range 3 {
		steletest.Enrol(t, srv, entry.Watcher, 2+n)
	}
	steletest.Stop(t, srv)
	copyTree(t, older, st.Layout.Log())
	rep, err := examined(t, st)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Findings) != 1 || rep.Findings[0].Code != verify.Shrunk || len(rep.Problems) > 0 {
		t.Errorf("findings %v, problems %v", rep.Findings, rep.Problems)
	}
}
