package keyring

import (
	"maps"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

func FuzzParseList(f *testing.F) {
	f.Add(appendList(nil, 9, SaltList{entry.LineWho: {1}, entry.LineWhy: {2}, entry.LineWhat(1): seal.Salt{3}, entry.LineText(1): {4}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		slot, list, err := parseList(b)
		if err != nil {
			return
		}
		slot2, list2, err := parseList(appendList(nil, slot, list))
		if err != nil || slot2 != slot || !maps.Equal(list2, list) {
			t.Errorf("list of slot %d does not survive: %v", slot, err)
		}
	})
}
