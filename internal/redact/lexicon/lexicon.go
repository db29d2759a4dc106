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

import "strings"

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
