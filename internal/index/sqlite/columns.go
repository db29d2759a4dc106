package sqlite

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
)

// Numbers of kinds, roles and actions in the database: the place in the list.
// What is in no list, because it is not known or not disclosed, is 0.
var (
	kinds = []entry.Kind{
		"", entry.Enrol, entry.Revoke, entry.Change, entry.Gap, entry.Remark, entry.RollCall, entry.Erase, entry.Finding, entry.Access,
	}
	roles   = []entry.Role{"", entry.Watcher, entry.Receiver, entry.Importer, entry.Recorder, entry.Person, entry.Monitor}
	actions = []body.Action{"", body.Create, body.Modify, body.Delete, body.Rename, body.Attributes, body.Baseline}
)

// kindChange is the number of entry.Change, written out in postsOf.
const kindChange = 3

func number[T comparable](list []T, v T) int64 { return int64(max(0, slices.Index(list, v))) }

func named[T any](list []T, n int64) T {
	if n < 0 || n >= int64(len(list)) {
		return list[0]
	}
	return list[n]
}

// fromNanos undoes [index.Nanos].
func fromNanos(n int64) time.Time { return time.Unix(0, n).UTC() }

// splitID is an entry id as the database holds it: a number to find it by, and
// the rest.
func splitID(id entry.ID) (int64, []byte) {
	return int64(binary.BigEndian.Uint64(id[:8])), id[8:]
}

func joinID(head int64, rest []byte) (id entry.ID, ok bool) {
	binary.BigEndian.PutUint64(id[:], uint64(head))
	return id, copy(id[8:], rest) == len(id)-8 && len(rest) == len(id)-8
}

// packNames makes one string of several, any bytes.
func packNames(names []string) string {
	var b []byte
	for _, n := range names {
		b = binary.AppendUvarint(b, uint64(len(n)))
		b = append(b, n...)
	}
	return string(b)
}

// unpackNames undoes packNames; of a string that it did not make it returns
// what can be made out.
func unpackNames(s string) []string {
	var names []string
	b := []byte(s)
	for len(b) > 0 {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return names
		}
		names = append(names, string(b[used:used+int(n)]))
		b = b[used+int(n):]
	}
	return names
}
