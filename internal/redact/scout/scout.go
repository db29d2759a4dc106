// Package scout finds many words in a text in one pass, without regard to ASCII
// case: the automaton of Aho and Corasick.
//
// It promises time linear in the text and in what it finds. It does not know what
// the words mean.
package scout

// Scout finds every word of a list in a text. It does not change once made.
type Scout struct {
	words []string
	class [256]uint8 // byte → column of next
	width int
	next  []uint16 // state*width + class → state
	hits  [][]int  // state → words that end there
	ends  []bool   // state → whether any does: few do, and this is read for each byte
}

// New returns a Scout for words in lower case.
func New(words []string) *Scout {
	s := &Scout{words: words}
	s.classify()
	s.insert()
	s.connect()
	return s
}

// classify gives each byte that occurs in a word a column; all others share
// column 0.
func (s *Scout) classify() {
	n := uint8(0)
	for _, w := range s.words {
		for i := range len(w) {
			if c := w[i]; s.class[c] == 0 {
				n++
				s.class[c] = n
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		s.class[c] = s.class[c+'a'-'A']
	}
	s.width = int(n) + 1
}

// insert builds the trie of the words.
func (s *Scout) insert() {
	s.next = make([]uint16, s.width)
	s.hits = make([][]int, 1)
	for id, w := range s.words {
		at := 0
		for i := range len(w) {
			cell := at*s.width + int(s.class[w[i]])
			if s.next[cell] == 0 {
				s.next[cell] = uint16(len(s.hits))
				s.next = append(s.next, make([]uint16, s.width)...)
				s.hits = append(s.hits, nil)
			}
			at = int(s.next[cell])
		}
		s.hits[at] = append(s.hits[at], id)
	}
}

// connect turns the trie into an automaton that never goes back in the text.
func (s *Scout) connect() {
	fail := make([]uint16, len(s.hits))
	var queue []uint16
	for c := range s.width {
		if to := s.next[c]; to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		s.hits[at] = append(s.hits[at], s.hits[fail[at]]...)
		for c := range s.width {
			cell, back := int(at)*s.width+c, s.next[int(fail[at])*s.width+c]
			if to := s.next[cell]; to != 0 {
				fail[to] = back
				queue = append(queue, to)
			} else {
				s.next[cell] = back
			}
		}
	}
	s.ends = make([]bool, len(s.hits))
	for at, words := range s.hits {
		s.ends[at] = len(words) > 0
	}
}

// Scan calls hit for each word in text, by its place in the list, in order of their
// ends.
func (s *Scout) Scan(text []byte, hit func(id, end int)) {
	state := 0
	for i, c := range text {
		state = int(s.next[state*s.width+int(s.class[c])])
		if !s.ends[state] {
			continue
		}
		for _, id := range s.hits[state] {
			hit(id, i+1)
		}
	}
}
