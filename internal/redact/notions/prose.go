package notions

import "bytes"

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
	return words >= 2 && hits > 0 && (words >= 3 || hits > 1) || words > 12
}

// samples are words of which the values of examples are made. Read only.
var samples = setOf(`password passwd pass passphrase secret token key api my your the user username admin foo bar foobar baz example sample test some value here
	string changeme change me xxx xxxx redacted none empty yes no true false app db client auth bearer access private public default apikey mypassword mysecret
	mytoken yourpassword yoursecret yourtoken secretkey foobared metricsmetricsmetricsmetrics guest changeit s3cr3t hunter2 letmein optional required
	username:password user:pass user:password id account name basic generated random base64 community abc 123 1234 12345 123456 key1 key2 here] telegraf influx`)

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
