package lexicon

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
)

// schemes are the words that stand before the secret in a header.
var schemes = words(`bearer basic token digest negotiate apikey api-key splunk geniekey key aws4-hmac-sha256 bot
	zabbix sharedaccesssignature nrak ns1 sentry`)

// IsScheme says whether the word stands before the secret in a header.
func IsScheme(word []byte) bool { return schemes[string(bytes.ToLower(word))] }

// SchemeLen returns the length of the scheme and blanks a header value begins
// with.
func SchemeLen(v []byte) int {
	i := bytes.IndexByte(v[:min(len(v), 32)], ' ')
	if i <= 0 || !IsScheme(v[:i]) {
		return 0
	}
	for i < len(v) && ascii.IsBlank(v[i]) {
		i++
	}
	return i
}
