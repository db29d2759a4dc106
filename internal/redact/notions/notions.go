// Package notions is what the documentation of programs says about where they keep
// secrets: tables and files that are secrets, directives of which words are, key
// paths, programs and their options, and the words that sentences are made of.
//
// It is data, and what is concluded from one name or one word of it. It promises
// that nothing in it changes once the program runs.
//
// It reads no text and masks nothing: package redact does.
package notions

import "strings"

func setOf(list string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}
