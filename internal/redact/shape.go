package redact

import (
	"bytes"
	"encoding/base64"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// token masks a token that begins with a known prefix.
func (f *finder) token(s *lexicon.Token, start, end int) {
	if !s.Inner && start > 0 && (ascii.IsAlnum(f.text[start-1]) || f.text[start-1] == '_') && !f.escaped(start) {
		return
	}
	if !sameCase(f.text[start:end], s.Prefix) {
		return
	}
	if n := len(s.Prefix); s.Inner && s.Prefix[n-1] == '=' {
		start = end // the prefix is the key of a connection string
	} else if s.Prefix == ":AA" {
		if start = f.digitsBefore(start); start < 0 {
			return
		}
	}
	last := end
	for last < len(f.text) && (ascii.IsAlnum(f.text[last]) || bytes.IndexByte([]byte(s.Extra), f.text[last]) >= 0) {
		last++
	}
	run := f.text[end:last]
	if s.Prefix == "eyJ" && bytes.IndexByte(run, '.') < 0 || s.Inner && lexicon.IsPublished(run) {
		return // the head of a token alone holds no secret
	}
	if len(run) < s.Min || s.Random && !lexicon.LooksRandom(f.text[start:min(last, start+512)]) {
		f.tried = last
		return
	}
	f.add(start, last)
}

// escaped says whether the letter before start belongs to an escape: \n in a
// JSON string.
func (f *finder) escaped(start int) bool { return start > 1 && f.text[start-2] == '\\' }

// digitsBefore returns where the bot number of a messenger token begins.
func (f *finder) digitsBefore(colon int) int {
	at := colon
	for at > 0 && colon-at < 12 && ascii.IsDigit(f.text[at-1]) {
		at--
	}
	if colon-at < 8 {
		return -1
	}
	return at
}

func sameCase(a []byte, b string) bool { return string(a) == b }

// pem masks a private key block, from its first line to its last, however it
// is indented or escaped. A block without an end is masked as far as lines
// look like one.
func (f *finder) pem(start, end int) {
	head := f.text[end:min(len(f.text), end+64)]
	shut := bytes.Index(head, []byte("-----"))
	if shut < 0 || !isPrivate(head[:shut]) {
		return
	}
	body := end + shut + len("-----")
	last := f.pemEnd(body)
	if last < 0 || bytes.Contains(f.text[body:last], []byte("-----BEGIN ")) {
		last = f.keyMaterial(body)
	}
	f.add(start, last)
	f.pemTo = last
}

// isPrivate says whether a block of that name is secret.
func isPrivate(name []byte) bool {
	return bytes.Contains(name, []byte("PRIVATE KEY")) || bytes.Contains(name, []byte("Static key")) || bytes.Contains(name, []byte("AGE ENCRYPTED"))
}

// pemEnd returns the end of the block whose content begins at body, or -1. The
// search goes forward only, so that many beginnings without an end cost no
// more than one.
func (f *finder) pemEnd(body int) int {
	if f.nextEnd < body {
		i := bytes.Index(f.text[body:], []byte("-----END "))
		if i < 0 {
			f.nextEnd = len(f.text)
		} else {
			f.nextEnd = body + i
		}
	}
	if f.nextEnd >= len(f.text) {
		return -1
	}
	at := f.nextEnd + len("-----END ")
	shut := bytes.Index(f.text[at:min(len(f.text), at+64)], []byte("-----"))
	if shut < 0 {
		return -1
	}
	return at + shut + len("-----")
}

// keyMaterial returns where base64, white space and escapes end.
func (f *finder) keyMaterial(at int) int {
	for at < len(f.text) {
		c := f.text[at]
		if !ascii.IsAlnum(c) && !ascii.IsSpace(c) && bytes.IndexByte([]byte(`+/=\,:-`), c) < 0 {
			break
		}
		at++
	}
	for at > 0 && ascii.IsSpace(f.text[at-1]) {
		at--
	}
	return at
}

// crypt masks a password hash.
func (f *finder) crypt(start, end int) {
	last := end
	for last < len(f.text) && (ascii.IsAlnum(f.text[last]) || bytes.IndexByte([]byte("./$=,+-_{}"), f.text[last]) >= 0) {
		last++
	}
	if start >= 1 && f.text[start-1] == '$' && end < len(f.text) {
		start-- // doubled, as compositions escape it
	}
	if start >= 1 && f.text[start-1] == '}' {
		if open := bytes.LastIndexByte(f.text[max(0, start-24):start], '{'); open >= 0 {
			start = max(0, start-24) + open // its scheme
		}
	}
	body := f.text[end:last]
	if len(body) < 16 || bytes.Contains(body, []byte("${")) {
		f.tried = last
		return
	}
	f.add(start, last)
}

// basic masks the credentials of Basic authentication.
func (f *finder) basic(end int) {
	last := end
	for last < len(f.text) && (ascii.IsAlnum(f.text[last]) || bytes.IndexByte([]byte("+/=_-"), f.text[last]) >= 0) {
		last++
	}
	b := bytes.TrimRight(f.text[end:last], "=")
	if len(b) < 6 || len(b) > 4096 {
		f.tried = last
		return
	}
	plain, err := base64.RawStdEncoding.DecodeString(string(b))
	if err == nil && bytes.IndexByte(plain, ':') > 0 {
		f.add(end, last)
	}
}

// maxAuthority bounds the user information of a URL, maxUnescaped what is read
// of it after a slash.
const (
	maxAuthority = 2048
	maxUnescaped = 128
)

// url masks the password in the user information of a URL, and the path of
// one that is itself a permission.
func (f *finder) url(start, end int) {
	if f.guardedURL(start, end) || f.open(start, end) {
		return
	}
	at := f.at(end)
	f.Enter(start)
	f.parts(max(end, at+1))
	if at < 0 {
		f.tokenInPath(start, end)
		return
	}
	info := f.text[end:at]
	colon := bytes.IndexByte(info, ':')
	if colon < 0 {
		if lexicon.LooksRandom(info) && !lexicon.IsPlain(info) {
			f.add(end, at)
		}
		return
	}
	f.password(end+colon+1, at)
}

// open masks the password of odbc://dsn:user:SECRET.
func (f *finder) open(start, end int) bool {
	if !bytes.HasSuffix(f.text[:start], []byte("odbc")) {
		return false
	}
	stop := f.urlEnd(end)
	parts := bytes.SplitN(f.text[end:stop], []byte(":"), 3)
	if len(parts) < 3 || lexicon.IsPlain(parts[2]) {
		return false
	}
	f.add(stop-len(parts[2]), stop)
	return true
}

// maxElement is how long an element of a path is that was made to be secret.
const maxElement = 40

// tokenInPath masks a URL of which an element of the path is long and random: it is
// the permission. Digests and identifiers of images are shorter, or hexadecimal.
func (f *finder) tokenInPath(start, end int) {
	last := end
	for last < len(f.text) && last < end+maxAuthority && !ascii.IsSpace(f.text[last]) && bytes.IndexByte([]byte("\"'<>`,)?#"), f.text[last]) < 0 {
		last++
	}
	at := end + max(0, bytes.IndexByte(f.text[end:last], '/'))
	for at < last {
		next := at + 1
		for next < last && f.text[next] != '/' {
			next++
		}
		if v := f.text[at+1 : next]; len(v) >= maxElement && isDense(v) {
			f.add(start-schemeBefore(f.text, start), last)
			return
		}
		at = next
	}
}

// isDense says whether a word is letters of both cases and digits throughout.
func isDense(v []byte) bool {
	var upper, lower, digit bool
	for _, c := range v {
		upper, lower, digit = upper || ascii.IsUpper(c), lower || ascii.IsLower(c), digit || ascii.IsDigit(c)
		if !ascii.IsAlnum(c) && c != '-' && c != '_' && c != '=' {
			return false
		}
	}
	return upper && lower && digit && lexicon.LooksRandom(v)
}

// password masks the password of user information. In a comment it has to look
// like one: user:pass is how manuals write it.
func (f *finder) password(start, end int) {
	content := f.text[start:end]
	if lexicon.IsPlain(content) || f.Enter(start).Comment && !lexicon.LooksChosen(content) && (notions.IsSample(content) || lexicon.IsPublished(content) || bytes.ContainsAny(content, "[]<>{}")) {
		return
	}
	f.add(start, end)
}

// at finds the @ that ends the user information of the URL whose authority
// begins at start, or returns -1. A password may hold characters that would
// have to be escaped: after a slash where no port stands it looks a little
// further.
func (f *finder) at(start int) int {
	limit, last, colon, slash := min(len(f.text), start+maxAuthority), -1, -1, false
	for i := start; i < limit; i++ {
		switch c := f.text[i]; {
		case ascii.IsSpace(c) || bytes.IndexByte([]byte("\"'<>`|"), c) >= 0, c == ',' && last >= 0:
			return last
		case c == '@':
			last = i
		case c == ':' && colon < 0:
			colon = i
		case slash && last >= 0 && c == '/':
			return last
		case (c == '/' || c == '?' || c == '#') && !slash && f.text[i-1] != '{' && f.text[i-1] != '%':
			if last >= 0 && i > last+1 && c != '#' || colon < 0 || isPort(f.text[colon+1:i]) {
				return last
			}
			slash, limit = true, min(limit, i+maxUnescaped)
		}
	}
	return last
}

// isPort says whether what follows the colon of an authority can be a port,
// written out or as a reference.
func isPort(b []byte) bool {
	rest, _ := lexicon.StripReferences(b)
	for _, c := range rest {
		if !ascii.IsDigit(c) && c != ']' && c != ':' {
			return false
		}
	}
	return true
}

// guardedURL masks a URL that is a permission by its host.
func (f *finder) guardedURL(start, end int) bool {
	rest := f.text[end:min(len(f.text), end+maxAuthority)]
	n := lexicon.GuardedHost(rest)
	if n == 0 {
		return false
	}
	last := n
	for last < len(rest) && !ascii.IsSpace(rest[last]) && bytes.IndexByte([]byte("\"'<>`,)"), rest[last]) < 0 {
		last++
	}
	if path := rest[n:last]; len(path) < 12 || lexicon.IsPlain(path) || lexicon.IsFiller(path) {
		return false
	}
	f.add(start-schemeBefore(f.text, start), end+last)
	return true
}

// schemeBefore returns the length of the scheme that ends at i.
func schemeBefore(text []byte, i int) int {
	n := 0
	for n < 12 && n < i && ascii.IsAlnum(text[i-1-n]) {
		n++
	}
	return n
}

// dial masks the password in user:password@tcp(host).
func (f *finder) dial(start int) {
	from := max(0, start-maxUnescaped, f.skip)
	at := start
	for at > from && !ascii.IsSpace(f.text[at-1]) && f.text[at-1] != '"' && f.text[at-1] != '\'' && f.text[at-1] != '=' {
		at--
	}
	colon := bytes.IndexByte(f.text[at:start], ':')
	if colon >= 0 {
		f.password(at+colon+1, start)
	}
}

// putty masks the private part of a key file of PuTTY: the lines after
// Private-Lines, for as long as they hold nothing but base64. In a string they
// are parted by escapes.
func (f *finder) putty(end int) {
	at := syntax.Blanks(f.text, end)
	count := at
	for at < len(f.text) && at < count+4 && ascii.IsDigit(f.text[at]) {
		at++
	}
	start := f.lineBreak(at)
	if at == count || start == at {
		return
	}
	last := start
	for next := start; next > last || last == start; next = f.lineBreak(last) {
		stop := next
		for stop < len(f.text) && (ascii.IsAlnum(f.text[stop]) || bytes.IndexByte([]byte("+/="), f.text[stop]) >= 0) {
			stop++
		}
		if stop == next || stop < len(f.text) && !ascii.IsSpace(f.text[stop]) && bytes.IndexByte([]byte("\\\"'"), f.text[stop]) < 0 {
			break
		}
		last = stop
	}
	f.add(start, last)
}

// lineBreak passes the white space and the escapes of line breaks at at.
func (f *finder) lineBreak(at int) int {
	for at < len(f.text) {
		switch {
		case ascii.IsSpace(f.text[at]):
			at++
		case f.text[at] == '\\' && at+1 < len(f.text) && (f.text[at+1] == 'n' || f.text[at+1] == 'r'):
			at += 2
		default:
			return at
		}
	}
	return at
}

// puttyMAC masks what a passphrase can be tried on.
func (f *finder) puttyMAC(end int) {
	start := syntax.Blanks(f.text, end)
	last := start
	for last < len(f.text) && ascii.IsHex(f.text[last]) {
		last++
	}
	if last-start >= 32 {
		f.add(start, last)
	}
}

// vaulted masks the lines of digits below the head of a text that Ansible has
// encrypted.
func (f *finder) vaulted(at int) {
	i := bytes.IndexByte(f.text[at:min(len(f.text), at+64)], '\n')
	if i < 0 {
		return
	}
	start := f.lineBreak(at + i)
	end := start
	for next := start; next < len(f.text); {
		stop := next
		for stop < len(f.text) && ascii.IsHex(f.text[stop]) {
			stop++
		}
		if stop-next < 4 || stop < len(f.text) && !ascii.IsSpace(f.text[stop]) && bytes.IndexByte([]byte("\\\"'"), f.text[stop]) < 0 {
			break
		}
		end = stop
		next = f.lineBreak(stop)
	}
	f.add(start, end)
}
