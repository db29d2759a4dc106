// Package harmless says of a value that it is no secret, and of which values a text
// holds: the opposite of package lexicon, which says what is secret.
//
// A value is harmless by its type (a number, an address, a path), by the name of its
// key (region, description), or since it is made of words that settings and their
// manuals are made of (always, roundrobin). The words are data: key.txt and
// word.txt. Whatever is none of these may be a secret.
//
// It promises that the time taken grows linearly with the text, that a cell lies
// within the text and in one line of it, and that cells come in their order. It
// masks nothing and does not judge whether a name is that of a secret.
package harmless

import (
	"bytes"
	_ "embed"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
)

//go:embed key.txt
var keyList string

//go:embed word.txt
var wordList string

// heads are words that end the name of a harmless value. Read only.
var heads = setOf(keyList)

// common are words of settings and of their manuals that nobody takes for a
// password. Read only.
var common = setOf(wordList)

// set is a set of words in lower case.
type set struct {
	words   map[string]bool
	longest int
}

func setOf(list string) set {
	s := set{words: make(map[string]bool)}
	for line := range strings.Lines(list) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for w := range strings.FieldsSeq(line) {
			s.words[w] = true
			s.longest = max(s.longest, len(w))
		}
	}
	return s
}

// maxWord is the length of the longest word that is looked up.
const maxWord = 24

// in says whether a word is in a set, in whatever case.
func in(s set, w []byte) bool {
	if len(w) > min(s.longest, maxWord) {
		return false
	}
	var buf [maxWord]byte
	return s.words[string(lower(&buf, w))]
}

// lower writes a word in lower case to buf, which is long enough for it.
func lower(buf *[maxWord]byte, w []byte) []byte {
	for i, c := range w {
		if ascii.IsUpper(c) {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(w)]
}

// Name says whether the last word of a name tells that its value is harmless.
func Name(name []byte) bool {
	return endsIn(heads, name) || hasHead(lastWord(name))
}

// endsIn says whether the last word of a name is in a set.
func endsIn(set set, name []byte) bool {
	w := lastWord(name)
	if len(w) == 0 || in(set, w) {
		return len(w) > 0
	}
	at := len(w) - 1
	for at > 0 && !(ascii.IsUpper(w[at]) && (ascii.IsLower(w[at-1]) || at+1 < len(w) && ascii.IsLower(w[at+1]))) {
		at--
	}
	return at > 0 && in(set, w[at:])
}

// lastWord is the last run of letters of a name.
func lastWord(name []byte) []byte {
	end := len(name)
	for end > 0 && !ascii.IsLetter(name[end-1]) {
		end--
	}
	start := end
	for start > 0 && ascii.IsLetter(name[start-1]) {
		start--
	}
	return name[start:end]
}

// hasHead says whether a word is run together with the head of a harmless name:
// dbuser, servername.
func hasHead(w []byte) bool {
	if len(w) < 4 || len(w) > maxWord {
		return false
	}
	var buf [maxWord]byte
	low := lower(&buf, w)
	for _, h := range joined {
		if len(low) > len(h) && bytes.HasSuffix(low, h) {
			return true
		}
	}
	return false
}

// joined are heads that are run together with what stands before them. Read only.
var joined = [][]byte{
	[]byte("user"), []byte("name"), []byte("host"), []byte("port"), []byte("path"), []byte("file"), []byte("dir"), []byte("id"), []byte("url"), []byte("uri"), []byte("prefix"),
	[]byte("mode"), []byte("type"), []byte("level"), []byte("size"), []byte("time"), []byte("addr"), []byte("zone"), []byte("server"), []byte("domain"), []byte("nick"), []byte("address"),
	[]byte("email"), []byte("mail"), []byte("lang"), []byte("limit"), []byte("count"), []byte("group"), []byte("label"), []byte("format"), []byte("class"), []byte("table"), []byte("base"), []byte("default"),
}

// Words says whether a value is made of nothing but words of settings and numbers.
func Words(v []byte) bool {
	if turns(v) > 3 {
		return false
	}
	for at := 0; at < len(v); {
		c := v[at]
		if c >= 0x80 {
			return false
		}
		if !ascii.IsLetter(c) {
			at++
			continue
		}
		end := at
		for end < len(v) && ascii.IsLetter(v[end]) {
			end++
		}
		if !known(v[at:end]) {
			return false
		}
		at = end
	}
	return true
}

// isForm says whether a word is known, or a form of a known one: its plural, what is
// done with it, its opposite.
func isForm(w []byte) bool {
	if in(common, w) {
		return true
	}
	if len(w) < 5 || len(w) > maxWord {
		return false
	}
	var buf [maxWord]byte
	low := lower(&buf, w)
	for _, before := range prefixes {
		if stem, ok := bytes.CutPrefix(low, before); ok && len(stem) > 3 && (common.words[string(stem)] || isInflected(stem)) {
			return true
		}
	}
	return isInflected(low)
}

// isInflected says whether a word ends in an ending behind a known word.
func isInflected(low []byte) bool {
	for _, end := range endings {
		stem, ok := bytes.CutSuffix(low, end)
		if ok && len(stem) > 3 && (common.words[string(stem)] || len(end) > 1 && common.words[string(stem)+"e"]) {
			return true
		}
	}
	stem, ok := bytes.CutSuffix(low, []byte("ies"))
	return ok && common.words[string(stem)+"y"]
}

// endings and prefixes make other words of a known one. Read only.
var (
	endings  = [][]byte{[]byte("s"), []byte("es"), []byte("ed"), []byte("d"), []byte("ing"), []byte("ly")}
	prefixes = [][]byte{[]byte("un"), []byte("re"), []byte("non"), []byte("pre"), []byte("sub"), []byte("multi"), []byte("auto")}
)

// turns counts the changes between letters and digits.
func turns(v []byte) (n int) {
	for i := 1; i < len(v); i++ {
		if ascii.IsDigit(v[i]) && ascii.IsLetter(v[i-1]) || ascii.IsLetter(v[i]) && ascii.IsDigit(v[i-1]) {
			n++
		}
	}
	return n
}

// known says whether letters are a known word, or several with their first letters
// in capitals.
func known(w []byte) bool {
	if len(w) < 2 || isForm(w) {
		return true
	}
	for at, i := 0, 1; i <= len(w); i++ {
		if i < len(w) && !(ascii.IsUpper(w[i]) && (ascii.IsLower(w[i-1]) || i+1 < len(w) && ascii.IsLower(w[i+1]))) {
			continue
		}
		if at == 0 && i == len(w) || i-at > 1 && !isForm(w[at:i]) {
			return false
		}
		at = i
	}
	return true
}
