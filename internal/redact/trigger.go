package redact

import (
	"strings"

	"github.com/stele-log/stele/internal/redact/lexicon"
)

// kind says which rule a trigger calls.
type kind uint8

const (
	kindName     kind = iota + 1 // part of a key name that may name a secret
	kindMark                     // Mark itself
	kindURL                      // "://": user information, webhook paths
	kindDial                     // "@tcp(": user information of a Go DSN
	kindPEM                      // a private key block
	kindCrypt                    // a password hash
	kindToken                    // a token that carries its issuer's prefix
	kindBasic                    // Basic authentication
	kindTool                     // a program that takes secrets as options
	kindOutput                   // an output of rsyslog that logs in to a database
	kindPuTTY                    // the private part of a key file of PuTTY
	kindPuTTYMAC                 // and its checksum
	kindSQL                      // the password of an account in a statement
	kindAccount                  // an entry of a list of accounts: user_bob="x"
	kindVault                    // the text of an encrypted variable of Ansible
	kindPiped                    // a program that reads a secret from a pipe
)

// trigger is a string worth a closer look, and the rule that takes it.
type trigger struct {
	text string // lower case
	kind kind
	arg  int // kindToken: index into lexicon.Tokens
}

func triggers() []trigger {
	var all []trigger
	add := func(k kind, texts ...string) {
		for _, t := range texts {
			all = append(all, trigger{text: strings.ToLower(t), kind: k})
		}
	}
	add(kindName, lexicon.NameParts...)
	add(kindMark, Mark)
	add(kindURL, "://")
	add(kindDial, "@tcp(", "@tcp6(", "@unix(", "@(")
	add(kindPEM, "-----begin ")
	add(kindCrypt, lexicon.HashPrefixes...)
	add(kindBasic, "basic ")
	add(kindTool, toolTriggers...)
	add(kindOutput, ":ommysql:", ":ompgsql:")
	add(kindPuTTY, "private-lines:")
	add(kindPuTTYMAC, "private-mac:", "private-hash:")
	add(kindSQL, "identified")
	add(kindVault, "$ansible_vault;")
	add(kindAccount, "user_")
	add(kindPiped, "chpasswd", "sudo -s", "-stdin", "cryptsetup", "passwd --stdin")
	for i, s := range lexicon.Tokens {
		all = append(all, trigger{text: strings.ToLower(s.Prefix), kind: kindToken, arg: i})
	}
	return all
}

// scout finds every trigger in a text in one pass, without regard to ASCII
// case: the automaton of Aho and Corasick. It does not change once made.
type scout struct {
	triggers []trigger
	class    [256]uint8 // byte → column of next
	width    int
	next     []uint16 // state*width + class → state
	hits     [][]int  // state → triggers that end there
}

func newScout() *scout {
	s := &scout{triggers: triggers()}
	s.classify()
	s.insert()
	s.connect()
	return s
}

// classify gives each byte that occurs in a trigger a column; all others share
// column 0.
func (s *scout) classify() {
	n := uint8(0)
	for _, t := range s.triggers {
		for i := range len(t.text) {
			if c := t.text[i]; s.class[c] == 0 {
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

// insert builds the trie of the triggers.
func (s *scout) insert() {
	s.next = make([]uint16, s.width)
	s.hits = make([][]int, 1)
	for id, t := range s.triggers {
		at := 0
		for i := range len(t.text) {
			cell := at*s.width + int(s.class[t.text[i]])
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
func (s *scout) connect() {
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
}

// scan calls hit for each trigger in text, in order of their ends.
func (s *scout) scan(text []byte, hit func(t *trigger, end int)) {
	state := 0
	for i, c := range text {
		state = int(s.next[state*s.width+int(s.class[c])])
		for _, id := range s.hits[state] {
			hit(&s.triggers[id], i+1)
		}
	}
}
