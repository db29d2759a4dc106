package redact

import (
	"strings"
	"sync"

	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/redact/scout"
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
	kindMailbox                  // "@": the password of an account before a host
	kindThin                     // an address of Oracle
	kindIdentify                 // what is told to a service of names
	kindUser                     // user=NAME%SECRET
	kindHere                     // a string given to a program
	kindClear                    // the keyword cleartext
	kindCall                     // a function of whose arguments one is a secret
	kindSend                     // what a script of expect types
	kindPiped                    // a program that reads a secret from a pipe
)

// trigger is a string worth a closer look, and the rule that takes it.
type trigger struct {
	text string // lower case
	kind kind
	arg  int // kindToken: index into lexicon.Tokens; kindCall: into notions.Calls
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
	add(kindTool, notions.ToolTriggers...)
	add(kindOutput, ":ommysql:", ":ompgsql:")
	add(kindPuTTY, "private-lines:")
	add(kindPuTTYMAC, "private-mac:", "private-hash:")
	add(kindSQL, "identified")
	add(kindVault, "$ansible_vault;")
	add(kindAccount, "user_")
	add(kindPiped, "chpasswd", "sudo -s", "-stdin", "cryptsetup", "passwd --stdin", "kinit", "passphrase-fd", "gocryptfs", "encfs", "cryptroot-unlock", "luksopen", "mount.ecryptfs", "--stdin", "-p -")
	add(kindMailbox, "@")
	add(kindThin, ":thin:", ":oci:", ":oci8:")
	add(kindIdentify, "identify ")
	add(kindUser, "user=", "username=", "login=")
	add(kindHere, "<<<")
	add(kindSend, "send ")
	for i, c := range notions.Calls {
		all = append(all, trigger{text: c.Text, kind: kindCall, arg: i})
	}
	add(kindClear, "cleartext ", "clear-text ", "plaintext ", "plain-text ")
	for i, s := range lexicon.Tokens {
		all = append(all, trigger{text: strings.ToLower(s.Prefix), kind: kindToken, arg: i})
	}
	return all
}

// searcher finds triggers. It does not change once made.
type searcher struct {
	triggers []trigger
	scout    *scout.Scout
}

// shared is the searcher of every Redactor, made when the first is.
var shared = sync.OnceValue(newSearcher)

func newSearcher() *searcher {
	s := &searcher{triggers: triggers()}
	words := make([]string, 0, len(s.triggers))
	for _, t := range s.triggers {
		words = append(words, t.text)
	}
	s.scout = scout.New(words)
	return s
}

// scan calls hit for each trigger in text, in order of their ends.
func (s *searcher) scan(text []byte, hit func(t *trigger, end int)) {
	s.scout.Scan(text, func(id, end int) { hit(&s.triggers[id], end) })
}
