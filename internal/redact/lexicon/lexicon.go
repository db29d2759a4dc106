// Package lexicon judges one name, one value or one word: does a key of that name
// hold a secret, is a value plainly something else, does it look random or chosen
// by a person, does it carry the prefix of an issuer of tokens.
//
// It is data (words, prefixes, hosts) and what is concluded from them. It promises
// that a judgement depends on its arguments alone and takes time linear in them.
//
// It does not walk texts, does not know where a value ends, and masks nothing: a
// judgement is one reason among others, and package redact weighs them.
package lexicon

import (
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

// Mark is what stands in a text wherever a secret stood. As a value it is a
// reference: there is no secret in it.
const Mark = "«redacted»"

// words turns a list into a set.
func words(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// longest is the length of the longest word that is looked up without a copy of it.
const longest = 64

// has says whether a word is in a set of words in lower case, in whatever case it is
// written.
func has[T ~string | ~[]byte](set map[string]bool, w T) bool {
	if len(w) > longest {
		return set[strings.ToLower(string(w))]
	}
	var low [longest]byte
	for i := range len(w) {
		c := w[i]
		if c >= 0x80 {
			return set[strings.ToLower(string(w))]
		}
		if ascii.IsUpper(c) {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	return set[string(low[:len(w)])]
}

// prefixes are strings that values begin with, by their first byte in lower case.
type prefixes [256][]string

func prefixesOf(all []string) *prefixes {
	var p prefixes
	for _, s := range all {
		c := strings.ToLower(s[:1])[0]
		p[c] = append(p[c], s)
	}
	return &p
}

// of are the prefixes that a value may begin with, which has at least one byte.
func (p *prefixes) of(v []byte) []string {
	c := v[0]
	if ascii.IsUpper(c) {
		c += 'a' - 'A'
	}
	return p[c]
}
