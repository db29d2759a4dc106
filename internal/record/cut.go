package record

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/seal"
)

// Limits of what is kept of a body that is too long: fewer bytes of a string and
// fewer strings of a list until it fits.
const (
	longestCut  = 256 << 10
	shortestCut = 256
)

// marshal renders a body. What only tells (a reason, a command line, names) is
// cut where the body would be too long, and says so with the length and the
// digest of the whole; what names a subject is not, for two must not become one.
func marshal(v any) ([]byte, error) {
	b, err := body.Marshal(v)
	for most := longestCut; err == nil && len(b) > seal.MaxBody && most >= shortestCut; most /= 4 {
		b, err = body.Marshal(cutBody(v, most))
	}
	if err == nil && len(b) > seal.MaxBody {
		return nil, fmt.Errorf("%d bytes are more than %d", len(b), seal.MaxBody)
	}
	return b, err
}

// cutBody is a copy of a body without strings of more than most bytes and
// without lists of more than most strings.
func cutBody(v any, most int) any {
	switch v := v.(type) {
	case *body.Who:
		w := *v
		for _, s := range []*string{&w.User, &w.LoginUser, &w.Author, &w.TTY, &w.Unit, &w.Container} {
			*s = cut(*s, most)
		}
		w.Command = cutList(w.Command, most)
		w.Ancestors = slices.Clone(w.Ancestors)
		for i := range w.Ancestors {
			w.Ancestors[i].Command = cutList(w.Ancestors[i].Command, most/8)
		}
		return &w
	case *body.Why:
		w := *v
		w.Reason, w.Ticket = cut(w.Reason, most), cut(w.Ticket, most)
		return &w
	case *body.How:
		h := *v
		h.Detail = cut(h.Detail, most)
		return &h
	}
	return v
}

// cut keeps the beginning of a string, in whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s… cut: %d of %d bytes, SHA-256 %x", s[:end], end, len(s), sha256.Sum256([]byte(s)))
}

// cutList keeps the first of the strings that together have most bytes, the
// last of them cut.
func cutList(list []string, most int) []string {
	left := most
	for i, s := range list {
		if left -= len(s) + 1; left >= 0 {
			continue
		}
		kept := append(slices.Clone(list[:i]), cut(s, max(0, left+len(s))))
		if rest := list[i+1:]; len(rest) > 0 {
			kept = append(kept, fmt.Sprintf("… cut: %d more, SHA-256 of all %x", len(rest), sha256.Sum256([]byte(strings.Join(list, "\x00")))))
		}
		return kept
	}
	return list
}
