package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/capture/reach"
)

// Attributes that need more than 4 KiB, and an attribute beside very many
// others, count like any.
func TestManyAndLongAttributes(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("/dev/shm", "") // others have less room for attributes
	need(t, err == nil, "/dev/shm")
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "a")
	write(t, path, "x")
	set := func(name string, value []byte) {
		t.Helper()
		if err := unix.Lsetxattr(path, name, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	e := eye{key: []byte("k")}
	extra := func() [32]byte {
		f, err := reach.New().Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, sum := inode.Attributes(f, e.hmac)
		return sum
	}
	before := extra()
	differs := func(what string) {
		t.Helper()
		after := extra()
		if after == before {
			t.Errorf("%s is not seen", what)
		}
		before = after
	}
	set("trusted.long", bytes.Repeat([]byte("x"), 5000))
	differs("a long attribute")
	set("trusted.long", bytes.Repeat([]byte("y"), 5000))
	differs("its change")
	for i := range 60 {
		set(fmt.Sprintf("trusted.%0200d", i), nil)
	}
	before = extra()
	set("trusted.long", nil)
	differs("a change beside many others")
}
