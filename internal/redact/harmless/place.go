package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

// places says whether the word before a value tells that it is harmless.
func (j *judge) places(c *Cell) bool {
	lead := c.Lead
	if len(lead) == 2 && lead[0] == '-' {
		return bytes.IndexByte([]byte("uUhHSdDlofnts"), lead[1]) >= 0 && isAccount(j.Bytes[c.Start:c.End])
	}
	return len(lead) < 64 && !in(personas, lead) && j.isHarmless(lead) && (!isMachineMade(j.Bytes[c.Start:c.End]) || endsIn(ids, lead))
}

// personas are words that end names of harmless values and are names of accounts, too:
// behind one of them stands a password. Read only.
var personas = setOf(`monitor agent worker printer scanner phone mail mailer sendmail relay editor browser operators client customer member person people
	app browser master slave leader primary secondary local remote public dashboard exporter logger appender registry cron`)

// isHarmless says whether a name tells that its value is no secret.
func (j *judge) isHarmless(name []byte) bool {
	if low := bytes.ToLower(name); bytes.Contains(low, []byte("communit")) || bytes.HasSuffix(low, []byte("commname")) || string(low) == "appid" {
		return false // the name of a community of SNMP is its secret, and so is an appid of a weather service
	}
	if low := bytes.ToLower(name[max(0, len(name)-10):]); bytes.HasSuffix(low, []byte("secretid")) || bytes.HasSuffix(low, []byte("secret_id")) || bytes.HasSuffix(low, []byte("secret-id")) {
		return false // of a role of Vault: its secret
	}
	if c := j.Names.Class(name); c == lexicon.Weak && endsIn(sure, name) {
		return true
	} else if c != lexicon.None {
		return j.Names.IsOpen(name[:min(len(name), 64)])
	}
	if len(name) > len("keys") && endsIn(keys, name) {
		return true // package lexicon knows that it opens nothing
	}
	return Name(name) || j.Names.IsOpen(name[:min(len(name), 64)])
}

// isNoun says whether a word of a remark is a noun: an article stands before it, or
// before the word before it, or it is a name behind a preposition.
func (j *judge) isNoun(c *Cell) bool {
	v := j.Bytes[c.Start:c.End]
	if in(articles, c.Lead) || in(determiners, c.Second) && j.Names.Class(c.Lead) == lexicon.None {
		return !lexicon.LooksChosen(v)
	}
	return in(prepositions, c.Lead) && len(v) > 2 && ascii.IsUpper(v[0]) && isLower(v[1:])
}

// isSaid says whether a word of a long sentence is one of it, rather than what the
// sentence tells: no word that announces a secret stands before it.
func (j *judge) isSaid(c *Cell) bool {
	v := j.Bytes[c.Start:c.End]
	return !in(tellers, c.Lead) && (c.Lead == nil || j.Names.Class(c.Lead[:min(len(c.Lead), 64)]) == lexicon.None) && (c.Name == nil || j.Names.Class(c.Name) == lexicon.None) && !lexicon.LooksChosen(v) && !isCode(v)
}

// tellers stand before what a sentence tells. Read only.
var tellers = setOf(`was is are were be to with using uses use used now as old before formerly previously changed`)

func isLower(v []byte) bool {
	for _, c := range v {
		if !ascii.IsLower(c) {
			return false
		}
	}
	return true
}

// texts are keywords behind which nothing but words for people stands. Read only.
var texts = setOf(`comment description descr title banner motd label remark location contact message info model displayname`)

// prepositions stand before names. Read only.
var prepositions = setOf(`of by for to from at and see via ask dear`)

// determiners are articles that are nothing else. Read only.
var determiners = setOf(`the a an my your our their its this that these`)

// articles stand before a noun of a remark, and before no password. Read only.
var articles = setOf(`the a an for in at our my your their its this that these`)

// isMadeUp says whether the value of a name that is that of an account looks like a
// secret: the key of a user of a service, or what a login needs.
func isMadeUp(name, v []byte) bool {
	return len(v) >= 24 && lexicon.LooksRandom(v) && !bytes.ContainsAny(v, ".-@") ||
		endsIn(logins, name) && (lexicon.LooksChosen(v) || bytes.ContainsAny(v, " !#;&{"))
}

// logins end names of what somebody logs in with, mostly of an account. Read only.
var logins = setOf(`login logins`)

// accounts are what remarks call an account with its password. Read only.
var accounts = setOf(`account login logins access admin user`)

// isPin says whether a number is a PIN by the word before it.
func isPin(name, v []byte) bool {
	if len(v) < 4 || len(v) > 10 || !ascii.IsNumber(v) {
		return false
	}
	low := bytes.ToLower(name[max(0, len(name)-4):])
	return (bytes.HasSuffix(low, []byte("pin")) || bytes.HasSuffix(low, []byte("puk"))) && (len(low) == 3 || !ascii.IsLetter(low[0]))
}

// isForeign says whether a word has letters that English does not have.
func isForeign(v []byte) bool {
	for _, c := range v {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// ids end names of what is long and mixed, and public. Read only.
var ids = setOf(`id ids uuid guid sid kid key keys fingerprint thumbprint digest checksum hash cert certs certificate certificates ca crt pem public pubkey serial etag name image commit revision
	ref signature nonce principal client account user url uri path file query command args script expr pattern regex filter message value data content text body`)

// keys end names of keys. Read only.
var keys = setOf(`key keys`)

// sure are heads of names that are harmless even where another word of the name is
// doubtful. Read only.
var sure = setOf(`user users username usernames login name names email host hosts server port path paths file files dir directory id ids url uri type types mode method methods region zone domain realm level group role identity group_dn dn
	account nick address uuid sid guid endpoint version algorithm policy provider backend driver database db table prefix suffix header ttl timeout banner title description label message comment`)
