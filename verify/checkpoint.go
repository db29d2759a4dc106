package verify

import (
	"encoding/base64"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
)

// Checkpoint is a statement of a log about its size and root, whose signature
// has been verified.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   entry.Hash
	Note   []byte // as signed
}

// OpenCheckpoint reads a checkpoint and verifies the log's signature on it. The
// error is a *[Finding].
func OpenCheckpoint(key *entry.LogKey, signed []byte) (Checkpoint, error) {
	bad := func(format string, args ...any) (Checkpoint, error) {
		return Checkpoint{}, found(BadCheckpoint, 0, entry.Source{}, format, args...)
	}
	verifier, err := note.NewVerifier(key.VKey())
	if err != nil {
		return bad("log key: %v", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return bad("%v", err)
	}
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) { // note.Open takes other spellings too
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return bad("signature of %.80q is not in canonical base64", s.Name)
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Origin() {
		return bad("origin %.80q is not %q", lines[0], key.Origin())
	}
	size, ok := parseSize(lines[1])
	if !ok {
		return bad("%.40q is not a size", lines[1])
	}
	root, err := entry.ParseHash(lines[2])
	if err != nil {
		return bad("%v", err)
	}
	if size == 0 && root != entry.EmptyRoot {
		return bad("size 0 with a root that is not the empty tree's")
	}
	return Checkpoint{key.Origin(), size, root, signed}, nil
}

func parseSize(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 16 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= entry.MaxNumber
}
