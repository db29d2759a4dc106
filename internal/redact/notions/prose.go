package notions

import (
	"bytes"
	"strings"
)

// Leads are words that stand before the name of a setting. Read only.
var Leads = setOf(`- export set setenv env public private protected const var let val static define( $this-> option old: was: old previous previously former formerly was prev earlier original legacy current new temp temporary`)

// Function are the words that sentences are made with and passwords are not. Read
// only.
var Function = setOf(`the a an is are was were be been to of for in on at by from with without if when then must should can may will would not no and or as it its this
	that these your you our we they which what who how only use used using uses like such via into than also after before same see more about has have`)

// IsProse says whether some words are a sentence rather than a value.
func IsProse(v []byte) bool {
	words, hits := 0, 0
	for w := range bytes.FieldsSeq(v) {
		if words++; words > 24 {
			break
		}
		if Function[string(bytes.ToLower(bytes.Trim(w, ".,;:!?()\"'`")))] {
			hits++
		}
	}
	return words >= 2 && hits > 0 && (words >= 3 || hits > 1) || words > 12 && bytes.IndexByte(v, '{') < 0
}

// samples are words of which the values of examples are made. Read only.
var samples = setOf(`password passwd pass passphrase secret token key api my your the user username admin foo bar foobar baz example sample test some value here
	string changeme change me xxx xxxx redacted none empty yes no true false app db client auth bearer access private public default apikey mypassword mysecret
	mytoken yourpassword yoursecret yourtoken secretkey foobared metricsmetricsmetricsmetrics guest changeit s3cr3t hunter2 letmein optional required
	username:password user:pass user:password id account name basic generated random base64 passw0rd p@ssw0rd pa$$w0rd p4ssw0rd userid username:password community abc 123 1234 12345 123456 key1 key2 here] telegraf influx`)

// IsSample says whether a value is made of nothing but the words of examples.
func IsSample(v []byte) bool {
	n := 0
	for w := range bytes.FieldsFuncSeq(bytes.ToLower(v), func(r rune) bool {
		return r == ' ' || r == '-' || r == '_' || r == '.' || r == ',' || r == '<' || r == '>' || r == '$'
	}) {
		if !samples[string(w)] {
			return false
		}
		n++
	}
	return n > 0
}

// Participles follow "password was" where no password does. Read only.
var Participles = setOf(`set changed rotated wrong required stored now kept generated read taken used empty optional hashed encrypted needed sent expected mandatory never always
	reset updated removed added moved leaked compromised created defined given provided shared expired revoked derived loaded passed supplied different long short valid invalid
	deprecated ignored disabled enabled correct incorrect missing available unknown hidden masked here there written asked blank unset unused still just already too very weak strong
	lost known found public secret prompted obtained specified configured managed handled checked tested saved visible in production staging dev`)

// Levels are levels, modes and the like, in any environment. Read only.
var Levels = setOf(`debug info warn warning error trace fatal prod production dev development staging test local stdio json text auto basic bearer
	utf-8 en us eu nginx public private read write readonly full fast slow strict lax`)

// tells are words besides the names of secrets that announce one in a comment. Read
// only.
var tells = setOf(`seed mnemonic phrase pin pw identify pass pwd login/pass user/pass user/pw pw/user passcode keyphrase combination unlock`)

// Tells says whether a word announces a secret in a comment.
func Tells(w []byte) bool { return tells[string(bytes.ToLower(w))] }

// past are words that announce what a secret was. Read only.
var past = setOf(`was before old previous previously former formerly earlier prior original originally rotated replaced replaces initially once until used changed`)

// IsVerb says whether a word says what something was.
func IsVerb(w string) bool {
	switch strings.ToLower(w) {
	case "was", "were", "changed", "replaced", "rotated":
		return true
	}
	return false
}

// IsPast says whether a word announces what something was.
func IsPast(w []byte) bool { return len(w) < 16 && past[string(bytes.ToLower(w))] }

// EndsLead says whether what stands before the name of a secret in a comment leads
// up to it: before:, the old, and the like.
func EndsLead(v []byte) bool {
	for w := range bytes.FieldsSeq(v) {
		low := bytes.ToLower(w)
		if !Leads[string(low)] && !past[string(bytes.TrimRight(low, ":"))] && string(low) != "the" && string(low) != "our" && w[len(w)-1] != ':' {
			return false
		}
	}
	return true
}

// IsClause says whether a word begins a sentence, or what is said of a secret.
func IsClause(w []byte) bool {
	return Function[string(w)] && string(w) != "under" || Participles[string(w)] || stops[string(w)] || clauses[string(w)]
}

var clauses = setOf(`please note see set make keep do don't never always change add use used enter create generate give put copy paste leave comment uncomment run rotate either both each
	every some several new here there where why because since although though while unless only just already also still but so than too very most more less least
	file files path directory database user users account accounts server client key keys token tokens password passwords secret secrets hash hashes value values string
	expires expired policy length rotation age store manager lives comes goes comes stands needs need works ends starts begins belongs must-change rules reset protected`)

// ordinary are comments of one word. Read only.
var ordinary = setOf(`todo fixme deprecated default defaults required optional main end begin start legacy unused general global settings options config configuration database databases
	mysql postgres postgresql redis smtp mail email ldap network networking security logging logs monitoring metrics cache server servers client clients users accounts admin
	production staging development testing local remote internal external public private auth authentication authorization credentials secrets passwords tokens keys storage
	backup backups proxy web http https ssl tls ssh api apis misc miscellaneous other others plugins modules features paths directories debug notes note example examples
	secret-data encrypted plaintext hashed generated managed rotated obsolete disabled enabled temporary commented nolint noqa nosec pragma rw ro read write readonly seconds minutes
	hours days bytes percent primary secondary replica master slave upstream downstream shared common base mandatory sha256 sha1 md5 bcrypt argon2 crypt`)

// IsOrdinary says whether a comment of one word is a heading or a remark as they are
// made everywhere.
func IsOrdinary(w []byte) bool {
	return len(w) < 24 && ordinary[string(bytes.ToLower(bytes.Trim(w, ".,:;!?-=*#")))]
}

// notes are keys of maps that stand for comments. Read only.
var notes = setOf(`_note _comment __comment _comments comment note notes remark remarks _remark //`)

// IsNote says whether a value of that name is a comment.
func IsNote(name string) bool {
	return notes[strings.ToLower(name)] || len(name) > 1 && name[0] == '_' && notes[strings.ToLower(name[1:])]
}

// public are words of comments about what looks random and is public. Read only.
var public = [][]byte{[]byte("fingerprint"), []byte("sha256:"), []byte("sha1"), []byte("sha512"), []byte("digest"), []byte("checksum"), []byte("commit"), []byte("public"), []byte("pubkey"), []byte("ssh-"), []byte("DKIM"), []byte("p=MI"), []byte("http"), []byte("SHA256"), []byte("serial"), []byte("key id"), []byte("keygrip")}

// IsPublic says whether a comment is about something public.
func IsPublic(v []byte) bool {
	for _, p := range public {
		if bytes.Contains(v, p) {
			return true
		}
	}
	return false
}

// IsLevel says whether a word is a level, a mode or a protocol.
func IsLevel(v []byte) bool {
	low := bytes.ToLower(v)
	return Levels[string(low)] || levels[string(low)]
}

var levels = setOf(`udp tcp tls ssl ssh http https rw ro backup down weight check inter maxconn prefer iburst default static dynamic any icmp`)

// endpoints are settings whose values are a host, its port and what is said to it.
// Read only.
var endpoints = setOf(`server proxy servers upstream link connect hub relay addserver uplink`)

// IsEndpoint says whether the name before a value is that of such a setting.
func IsEndpoint(v []byte) bool {
	return endpoints[strings.ToLower(string(bytes.TrimRight(v, " \t=\"'")))]
}

// clearLeads stand before the keyword cleartext where a secret follows. Read only.
var clearLeads = setOf(`= login pap chap ms-chap mschap arap global opap enable secret password passwd key pass auth`)

// TakesClear says whether a secret follows the keyword cleartext behind that word.
func TakesClear(w string) bool { return clearLeads[w] }

// hashes are words for what is made of a secret. Read only.
var hashes = setOf(`hash hashed digest bcrypt argon2 sha512 sha256 md5 crypt sum`)

// IsHash says whether a word is one for what is made of a secret.
func IsHash(w []byte) bool { return len(w) < 16 && hashes[string(bytes.ToLower(w))] }

// abouts are what a comment tells that is no secret. Read only.
var abouts = setOf(`identifier author authors managed vim emacs see docs doc documentation language license licence version default defaults type types format file files path name names date note notes maintainer owner host
	server port user users username account section tip hint example examples usage warning info module profile realm domain zone values value unit units status mode contact ticket url link requires required
	copyright created modified updated generated source by at on in from to mount device network interface model vendor location site rack`)

// IsAbout says whether the last word before a colon tells that no secret follows.
func IsAbout(v []byte) bool {
	if i := bytes.LastIndexByte(v, ' '); i >= 0 {
		v = v[i+1:]
	}
	return len(v) < 24 && abouts[strings.ToLower(string(v))]
}
