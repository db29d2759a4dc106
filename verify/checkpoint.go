package verify

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
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

// OpenCheckpoint reads a checkpoint (C2SP tlog-checkpoint) and verifies the log's
// signature on it. Every signature line under the log's key must verify, and all
// must be in canonical base64: nobody can add to a checkpoint but lines of other
// keys. The error is a *[Finding].
func OpenCheckpoint(key *entry.LogKey, signed []byte) (Checkpoint, error) {
	verifier, err := note.NewVerifier(key.VKey())
	if err == nil {
		_, err = note.Open(signed, note.VerifierList(verifier))
	}
	if err != nil {
		return badCheckpoint("%v", err)
	}
	text, lines := cutNote(signed)
	for line := range strings.Lines(lines) {
		if why := fault(line, text, verifier); why != "" {
			return badCheckpoint("signature line %.80q %s", line, why)
		}
	}
	cp, err := ReadCheckpoint(signed)
	if err == nil && cp.Origin != key.Origin() {
		return badCheckpoint("origin %.80q is not %q", cp.Origin, key.Origin())
	}
	return cp, err
}

// fault says what is wrong with a signature line of a note. note.Open takes other
// spellings of base64, and only looks at the first line of a key.
func fault(line, text string, v note.Verifier) string {
	name, b64, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
	sig, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(b64, "\n"))
	switch {
	case err != nil:
		return "is not in canonical base64"
	case name == v.Name() && binary.BigEndian.Uint32(sig) == v.KeyHash() && !v.Verify([]byte(text), sig[4:]):
		return "does not verify"
	}
	return ""
}

// cutNote cuts a note at its last empty line. Without one there is no text.
func cutNote(signed []byte) (text, lines string) {
	s := string(signed)
	if at := strings.LastIndex(s, "\n\n"); at >= 0 {
		text, lines = s[:at+1], s[at+2:]
	}
	return text, lines
}

func badCheckpoint(format string, args ...any) (Checkpoint, error) {
	return Checkpoint{}, found(BadCheckpoint, 0, entry.Source{}, format, args...)
}

// ReadCheckpoint reads what a checkpoint says, as strictly as [OpenCheckpoint],
// and verifies no signature: that is for those who were given the log's key. The
// error is a *[Finding].
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	text, _ := cutNote(signed)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || slices.Contains(lines, "") {
		return badCheckpoint("it does not begin with origin, size and root, or has an empty line")
	}
	size, ok := parseSize(lines[1])
	if !ok {
		return badCheckpoint("%.40q is not a size", lines[1])
	}
	root, err := entry.ParseHash(lines[2])
	if err != nil {
		return badCheckpoint("%v", err)
	}
	if size == 0 && root != entry.EmptyRoot {
		return badCheckpoint("size 0 with a root that is not the empty tree's")
	}
	return Checkpoint{lines[0], size, root, signed}, nil
}

func parseSize(s string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return n, err == nil && strconv.FormatUint(n, 10) == s
}
