package drift

import (
	"bytes"

	"github.com/stele-log/stele/internal/redact"
)

// maxEnds bounds the places at which one secret may end.
const maxEnds = 1000

// fits reports whether a content is that of a recorded text whatever the rules were
// that masked it: the same between the marks, and at each mark a secret with that
// fingerprint; of is nil where nobody here can tell.
func fits(content, recorded []byte, secrets []string, of func([]byte) string) bool {
	parts := bytes.Split(recorded, []byte(redact.Mark))
	if len(parts) != len(secrets)+1 || !bytes.HasPrefix(content, parts[0]) {
		return false
	}
	content = content[len(parts[0]):]
	for i, after := range parts[1:] {
		last := i == len(secrets)-1
		end := secretEnd(content, after, last, func(secret []byte) bool { return of == nil || of(secret) == secrets[i] })
		if end < 0 {
			return false
		}
		content = content[end+len(after):]
	}
	return len(content) == 0
}

// secretEnd is where a secret ends that content begins with: before what comes
// after it, which for the last one is all the rest.
func secretEnd(content, after []byte, last bool, is func([]byte) bool) int {
	if last {
		if end := len(content) - len(after); end >= 0 && bytes.HasSuffix(content, after) && is(content[:end]) {
			return end
		}
		return -1
	}
	for end, tries := 0, 0; tries < maxEnds; tries++ {
		next := bytes.Index(content[end:], after)
		if next < 0 {
			return -1
		}
		if end += next; is(content[:end]) {
			return end
		}
		if end++; end > len(content) {
			return -1
		}
	}
	return -1
}
