package attribute

import (
	"encoding/hex"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, attribute, value, want string }{
		{"an access control list", accessList, "02000000" + "01000600ffffffff" + "02000400e9030000" + "04000400ffffffff" + "0800070007000000" + "10000400ffffffff" + "20000000ffffffff", "user::rw-,user:1001:r--,group::r--,group:7:rwx,mask::r--,other::---"},
		{"an empty list", defaultList, "02000000", ""},
		{"capabilities", capabilities, "01000002" + "00200000" + "00000000" + "00000000" + "00000000", "cap_net_raw+ep"},
		{"two", capabilities, "00000002" + "00340000" + "00000000" + "00000000" + "00000000", "cap_net_bind_service,cap_net_admin,cap_net_raw+p"},
		{"above 32, inheritable", capabilities, "00000002" + "00000000" + "00000000" + "80000000" + "80010000", "cap_bpf+ip cap_checkpoint_restore+i"},
		{"all", capabilities, "01000002" + "ffffffff" + "00000000" + "ff010000" + "00000000", "all+ep"},
		{"one without a name", capabilities, "00000002" + "00000000" + "00000000" + "00020000" + "00000000", "41+p"},
		{"of a user namespace", capabilities, "01000003" + "01000000" + "00000000" + "00000000" + "00000000" + "a0860100", "cap_chown+ep [rootid=100000]"},
		{"as long ago", capabilities, "01000001" + "01000000" + "00000000", "cap_chown+ep"},
		{"none", capabilities, "00000002" + "00000000" + "00000000" + "00000000" + "00000000", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := Words(c.attribute, unhex(t, c.value)); got != c.want || !ok {
				t.Errorf("got %q, %t, want %q", got, ok, c.want)
			}
		})
	}
}

// What is not laid out as it should be has no words, and is not read past its end.
func TestNoWords(t *testing.T) {
	for _, c := range []struct{ attribute, value string }{
		{accessList, ""},
		{accessList, "0200"},
		{accessList, "01000000"},
		{accessList, "02000000" + "0100"},
		{accessList, "02000000" + "4000060000000000"},
		{accessList, "02000000" + "0100080000000000"},
		{capabilities, ""},
		{capabilities, "01000002" + "00200000"},
		{capabilities, "01000004" + "00200000" + "00000000" + "00000000" + "00000000"},
		{capabilities, "11000002" + "00200000" + "00000000" + "00000000" + "00000000"},
		{"user.text", "61"},
	} {
		if got, ok := Words(c.attribute, unhex(t, c.value)); ok {
			t.Errorf("%s %s: got %q, want no words", c.attribute, c.value, got)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add(accessList, []byte{2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255})
	f.Add(capabilities, make([]byte, 20))
	f.Fuzz(func(_ *testing.T, name string, value []byte) { Words(name, value) })
}

func TestFlags(t *testing.T) {
	const extents, indexed = 0x80000, 0x1000 // as ext4 keeps them for itself
	for flags, want := range map[uint32]string{0: "", extents | indexed: "", 0x10 | extents: "immutable", 0x20 | 0x10: "append-only,immutable", 0x80 | 0x08: "no-atime,sync"} {
		if got := Flags(flags); got != want {
			t.Errorf("flags %#x: got %q, want %q", flags, got, want)
		}
		if got := Set(flags); Flags(got) != want || Set(got) != got {
			t.Errorf("flags %#x: those that people set are %#x", flags, got)
		}
	}
	all := Flags(^uint32(0))
	if want := "append-only,casefold,compress,dax,dirsync,immutable,journal-data,no-atime,no-compress,no-copy-on-write,no-dump,no-tail,project-inherit,secure-deletion,sync,top-directory,undeletable,verity"; all != want {
		t.Errorf("all: got %s, want %s", all, want)
	}
}
