package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
)

// Typed says whether a value is of a type that secrets do not have: a number, a
// date, an address, a path, a pattern, a reference.
func Typed(v []byte) bool {
	v = bytes.Trim(v, " \t\r,;")
	if len(v) < 3 || lexicon.IsTyped(v) || isExpression(v) {
		return true
	}
	if bytes.ContainsAny(v, " ,") && !isDistinguished(v) {
		return eachTyped(v) || bytes.HasPrefix(v, []byte("ssh-"))
	}
	return isNumeric(v) || isLocated(v) || isDistinguished(v) || isPublic(v) || isPlace(v) || isMail(v) || isDotted(v) || isPattern(v) || isVariable(v)
}

// isExpression says whether a value compares or joins others.
func isExpression(v []byte) bool {
	if bytes.IndexByte(v, ' ') < 0 {
		return false
	}
	for _, sign := range []string{" == ", " != ", " && ", " || "} {
		if bytes.Contains(v, []byte(sign)) {
			return true
		}
	}
	return false
}

// isLocated says whether a word is a file or a path behind the word for where it is
// looked for: classpath:keystore.p12.
func isLocated(v []byte) bool {
	where, place, ok := bytes.Cut(v, []byte(":"))
	return ok && isLetters(where) && Words(where) && len(place) > 3 && (isDotted(place) || isPlace(place))
}

// isDistinguished says whether a word is a distinguished name of a directory.
func isDistinguished(v []byte) bool {
	if bytes.IndexByte(v, '=') <= 0 {
		return false
	}
	for part := range bytes.SplitSeq(v, []byte(",")) {
		name, value, ok := bytes.Cut(part, []byte("="))
		if !ok || len(value) > 64 {
			return false
		}
		switch string(bytes.ToLower(name)) {
		case "dc", "cn", "ou", "uid", "o", "c", "l", "st", "olcdatabase":
		default:
			return false
		}
	}
	return true
}

// publics begin what is public by nature. Read only.
var publics = [][]byte{
	[]byte("ssh-"), []byte("ecdsa-sha2"), []byte("AAAA"), []byte("LS0tLS1CRUdJTiBDRVJU"), []byte("LS0tLS1CRUdJTiBQVUJM"), []byte("-----BEGIN CERT"), []byte("-----BEGIN PUB"),
	[]byte("MIGfMA0G"), []byte("MIIBIjAN"), []byte("MIICIjAN"), []byte("sha256:"), []byte("sha512:"), []byte("sha1:"), []byte("SHA256:"), []byte("pk_live_"), []byte("pk_test_"), []byte("AKIA"), []byte("urn:"), []byte("-X"), []byte("-D"),
}

// isPublic says whether a word is public by nature: a public key, a digest, an
// option of a machine.
func isPublic(v []byte) bool {
	for _, p := range publics {
		if bytes.HasPrefix(v, p) {
			return true
		}
	}
	return v[0] == '#' && len(v) < 32 && isName(bytes.TrimLeft(v, "#")) && !isMixed(v)
}

// eachTyped says whether each word of a value is typed, or a known word.
func eachTyped(v []byte) bool {
	for w := range bytes.FieldsFuncSeq(v, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		if w = bytes.Trim(w, ",;"); len(w) > 2 && !Typed(w) && !Words(w) {
			return false
		}
	}
	return true
}

// isNumeric says whether a word is digits with signs and at most short words
// between them: a date, a time, a version, a range, a size, an address of a card.
func isNumeric(v []byte) bool {
	digits, letters, run := 0, 0, 0
	hex := true
	for _, c := range v {
		switch {
		case ascii.IsDigit(c):
			digits++
			run = 0
		case ascii.IsLetter(c):
			letters++
			hex = hex && ascii.IsHex(c)
			if run++; run > 3 {
				return false
			}
		case bytes.IndexByte([]byte(".:-+/_,*%~"), c) >= 0:
			run = 0
		default:
			return false
		}
	}
	colons := bytes.Count(v, []byte(":"))
	if hex && colons >= 2 && digits+letters > 0 && len(v) < 48 {
		return true
	}
	return digits > 0 && letters*2 <= digits+2 && letters <= 4 && len(v) < 40
}

// isPlace says whether a word is a path of several parts, relative or not, or a URL
// in which nothing looks made up.
func isPlace(v []byte) bool {
	slash := bytes.IndexAny(v, "/\\")
	if slash < 0 || bytes.IndexByte(v, '=') >= 0 || lexicon.LooksRandom(v) {
		return false
	}
	parts := 0
	for part := range bytes.FieldsFuncSeq(v, func(r rune) bool { return r == '/' || r == '\\' }) {
		if lexicon.LooksRandom(part) || len(part) >= 12 && isMixed(part) {
			return false
		}
		parts++
	}
	return parts > 1 || v[0] == '/' || v[len(v)-1] == '/' || v[0] == '~'
}

// isMixed says whether a word mixes small letters, capitals and digits.
func isMixed(v []byte) bool {
	lower, upper, digit := false, false, false
	for _, c := range v {
		lower, upper, digit = lower || ascii.IsLower(c), upper || ascii.IsUpper(c), digit || ascii.IsDigit(c)
	}
	return lower && upper && digit
}

// isMail says whether a word is the address of a mailbox, or an account at a host.
func isMail(v []byte) bool {
	v = bytes.Trim(v, "<>")
	at := bytes.IndexByte(v, '@')
	if at < 0 || bytes.LastIndexByte(v, '@') != at {
		return false
	}
	host := v[at+1:]
	if at == 0 || len(host) == 0 {
		return isName(bytes.Trim(v, "@")) && (bytes.IndexByte(v, '.') > 0 || at > 0 && isLetters(v[:at]))
	}
	return isName(v[:at]) && isName(host) && (bytes.IndexByte(host, '.') > 0 || string(host) == "localhost")
}

// isName says whether a word is letters, digits and the signs of names.
func isName(v []byte) bool {
	for _, c := range v {
		if !ascii.IsName(c) && c != '+' && c != '*' {
			return false
		}
	}
	return len(v) > 0
}

// isDotted says whether a word is names joined by dots: a host, a class, a module,
// a file with its extension.
func isDotted(v []byte) bool {
	if v[0] == '.' && isLetters(v[1:]) && in(domains, v[1:]) {
		return true // how names of files end
	}
	v = bytes.Trim(v, "*.")
	if port := bytes.LastIndexByte(v, ':'); port > 0 && ascii.IsNumber(v[port+1:]) {
		v = v[:port]
	}
	dot := bytes.LastIndexByte(v, '.')
	if dot <= 0 || !isName(v) || isMixed(v) || lexicon.LooksRandom(v) {
		return false
	}
	last := v[dot+1:]
	return len(last) >= 2 && len(last) <= 6 && in(domains, last) || bytes.Count(v, []byte(".")) >= 2 && isLetters(last)
}

func isLetters(v []byte) bool {
	for _, c := range v {
		if !ascii.IsLetter(c) {
			return false
		}
	}
	return len(v) > 0
}

// domains end names of hosts and of files. Read only.
var domains = setOf(`com net org io de uk eu fr nl se no dk fi pl cz at ch it es us ca au jp cn info biz dev app cloud edu gov mil int lan local localdomain internal
	home corp test example invalid intra localhost onion arpa co tv me ai sh
	log conf cfg ini cnf json yaml yml toml xml txt md html htm css js ts php py rb pl lua tcl scm el erl ex exs go rs java jar war so dll exe bin bat cmd ps sql db
	sqlite mdb csv tsv gz tgz tar zip xz bz zst iso img key pem crt cer csr der pfx jks gpg asc pub sig sock socket pid lock service timer target mount rules zone
	rdp plist properties tmpl tpl mo po wav mp mkv avi png jpg jpeg gif svg ico ogg flac pdf doc local old bak orig sample dist class 7z mp3 mp4 m3u p12 ics vcf eml msg srt`)

// isPattern says whether a word is a pattern, a format or a call without a string:
// it has the signs of one.
func isPattern(v []byte) bool {
	switch {
	case len(v) > 3 && v[len(v)-1] == ':' && isLetters(v[:len(v)-1]): // a prompt
		return true
	case v[0] == '^' && len(v) > 1 && bytes.IndexAny(v, "$*.[(") > 0, v[len(v)-1] == '$' && bytes.ContainsAny(v, "*.[("):
		return true
	case bytes.Contains(v, []byte(".*")), bytes.Contains(v, []byte(`\d`)), bytes.Contains(v, []byte(`\.`)), bytes.Contains(v, []byte("[0-9")), bytes.Contains(v, []byte("[a-z")):
		return true
	case v[0] == '*' && isName(v[1:]), v[len(v)-1] == '*' && isName(v):
		return true
	}
	return v[0] == '%' && len(v) < 32 && !isMixed(v) && bytes.IndexByte(v[1:], '%') >= 0
}

// isVariable says whether a word is a variable, a symbol or an option.
func isVariable(v []byte) bool {
	switch v[0] {
	case '$', '&':
		return isName(bytes.Trim(v[1:], "{}[]()$")) && !isMixed(v)
	case '-':
		return v[1] == '-' && isName(v[2:]) || len(v) < 3 || bytes.IndexByte([]byte("hDdlo"), v[1]) >= 0 && Words(v[2:]) || (v[1] == 'u' || v[1] == 'U') && isAccount(v[2:])
	}
	return false
}
