package verify_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
)

// entryVector is one element of entries.json.
type entryVector struct {
	Name    string  `json:"name"`
	Comment string  `json:"comment,omitempty"`
	Note    []byte  `json:"note"`
	VKey    string  `json:"vkey,omitempty"`
	Expect  string  `json:"expect"`
	Kind    string  `json:"kind,omitempty"`
	Source  string  `json:"source,omitempty"`
	Seq     *uint64 `json:"seq,omitempty"`
	ID      string  `json:"id,omitempty"`
}

const (
	expectOK           = "ok"
	expectVersion      = "version"
	expectMalformed    = "malformed"
	expectBadKey       = "bad-key"
	expectBadSignature = "bad-signature"
)

var (
	signerKey  = keyFor("signer")
	signerName = sourceOf(public(signerKey))
	otherKey   = keyFor("another signer")
	otherName  = sourceOf(public(otherKey))
	otherVKey  = vkeyOf(otherName, public(otherKey))
	logVKey    = vkeyOf(origin, public(keyFor(origin)))
)

const (
	someTime  = "2026-01-02T03:04:05.000000006Z"
	emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	someSeq   = 7
)

// text renders the text of an entry. It knows no rule: whatever lines it is
// given stand where open lines do.
func text(kind string, open ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "stele/entry/v1\n%s\n%s %d %s\n%s\nsaw 6 %s\n", kind, signerName, someSeq, digest("prev"), someTime, digest("root"))
	for _, l := range open {
		b.WriteString(l + "\n")
	}
	for _, l := range []string{"who", "why", "how"} {
		fmt.Fprintf(&b, "%s %s\n", l, digest(l))
	}
	if kind == "change" {
		b.WriteString(whatLines(2))
	}
	return b.String()
}

func whatLines(n int) string {
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, "what %s\n", digest(fmt.Sprint("what", k)))
	}
	return b.String()
}

func signed(text string) string { return signNote(text, signerName, signerKey) }

// textOf undoes signed.
func textOf(note string) string { return note[:strings.Index(note, "\n\n")+1] }

// entryVectors collects them.
type entryVectors []entryVector

// ok adds an entry that is sound in every respect a lone entry can be.
func (v *entryVectors) ok(name, note string) { v.okUnder(name, "", note, public(signerKey)) }

func (v *entryVectors) okUnder(name, comment, note string, key []byte) {
	lines := strings.Split(note, "\n")
	var seq uint64
	source, rest, _ := strings.Cut(lines[2], " ")
	fmt.Sscan(rest, &seq)
	id := sha256.Sum256([]byte(textOf(note)))
	*v = append(*v, entryVector{
		Name: name, Comment: comment, Note: []byte(note), VKey: vkeyOf(sourceOf(key), key), Expect: expectOK,
		Kind: lines[1], Source: source, Seq: &seq, ID: b64(id[:]),
	})
}

func (v *entryVectors) okText(name, text string) { v.ok(name, signed(text)) }

// malformed adds bytes that are no entry.
func (v *entryVectors) malformed(name, note string) {
	*v = append(*v, entryVector{Name: name, Note: []byte(note), Expect: expectMalformed})
}

// malformedText adds a text that is none, correctly signed.
func (v *entryVectors) malformedText(name, text string) { v.malformed(name, signed(text)) }

func (v *entryVectors) version(name, note string) {
	*v = append(*v, entryVector{Name: name, Note: []byte(note), Expect: expectVersion})
}

// bad adds an entry that parses and fails step 7 or 9.
func (v *entryVectors) bad(expect, name, comment, note string, key []byte) {
	*v = append(*v, entryVector{
		Name: name, Comment: comment, Note: []byte(note), VKey: vkeyOf(sourceOf(key), key), Expect: expect,
	})
}

// replaced is a text with one place altered; the place must be there.
func replaced(s, old, new string) string {
	if !strings.Contains(s, old) {
		panic(fmt.Sprintf("%q is not in %q", old, s))
	}
	return strings.Replace(s, old, new, 1)
}

// makeEntryVectors is entries.json.
func makeEntryVectors() []entryVector {
	var v entryVectors
	v.kinds()
	v.limits()
	v.versions()
	v.lines()
	v.fields()
	v.openLines()
	v.enrolments()
	v.signatureLines()
	v.keys()
	v.signatures()
	return v
}

func void(line string) string   { return "void " + digest("voided") + " " + line }
func about(label string) string { return "about " + digest(label) }

// kinds has every kind with every optional line.
func (v *entryVectors) kinds() {
	v.okText("change", text("change"))
	v.okText("gap", text("gap", "since "+someTime))
	v.okText("remark reason", text("remark", about("x"), "says reason"))
	v.okText("remark approve", text("remark", about("x"), "says approve"))
	v.okText("remark waive until", text("remark", about("x"), "says waive", "until "+someTime))
	v.okText("rollcall without change", text("rollcall"))
	v.okText("rollcall", text("rollcall", "absent "+ascending(1), "absent "+ascending(3), "present "+ascending(0), "present "+ascending(2)))
	v.okText("rollcall present only", text("rollcall", "present "+ascending(0)))
	v.okText("erase", text("erase", void("who"), void("why"), void("how"), void("what 0"), void("what 999"), void("text 0"), void("text 999")))
	v.okText("erase the same twice", text("erase", void("who"), void("who")))
	v.okText("finding", text("finding", "code sequence-gap"))
	v.okText("finding about entries", text("finding", "code x", about("x"), about("y")))
	v.okText("access", text("access"))
	v.okText("revoke", text("revoke", "source "+otherName, "last 0"))
	for _, role := range []string{"watcher", "receiver", "importer", "recorder", "person", "monitor"} {
		v.okText("enrol "+role, text("enrol", "vkey "+otherVKey, "role "+role))
	}
	v.okText("enrol with erasers", text("enrol", "erasers 99", "vkey "+otherVKey, "role person"))
	v.okText("enrol with follows", text("enrol", "vkey "+otherVKey, "role watcher", "follows "+ascending(0)))
	v.okText("enrol with all of a later one", text("enrol", "erasers 2", "vkey "+otherVKey, "role watcher", "follows "+ascending(0)))
	v.okText("entry 0", genesisText("erasers 1"))
	v.okText("entry 0 with all", genesisText("erasers 2", "follows log.example/old 9007199254740991 "+digest("old")))
}

func genesisText(more ...string) string {
	open := append([]string{"log " + logVKey}, more...)
	open = append(open, "vkey "+vkeyOf(signerName, public(signerKey)), "role recorder")
	t := text("enrol", open...)
	t = replaced(t, fmt.Sprintf(" %d %s", someSeq, digest("prev")), " 0 "+digest(origin))
	return replaced(t, "saw 6 "+digest("root"), "saw 0 "+emptyRoot)
}

// ascending is the n-th of some sources in ascending order.
func ascending(n int) string { return fmt.Sprintf("%032x", n*16+9) }

// limits are values at a limit and one beyond.
func (v *entryVectors) limits() {
	v.okText("1 what", replaced(text("change"), whatLines(2), whatLines(1)))
	v.okText("1000 whats", replaced(text("change"), whatLines(2), whatLines(1000)))
	v.malformedText("1001 whats", replaced(text("change"), whatLines(2), whatLines(1001)))
	v.malformedText("change without what", replaced(text("change"), whatLines(2), ""))
	v.malformedText("gap with what", text("gap", "since "+someTime)+whatLines(1))
	v.malformedText("enrol with what", text("enrol", "vkey "+otherVKey, "role watcher")+whatLines(1))
	v.ok("65535 bytes", sizedNote(65535))
	v.malformed("65536 bytes", sizedNote(65536))

	seq := fmt.Sprintf(" %d ", someSeq)
	for _, n := range []string{"0", "10", "9007199254740991"} {
		v.okText("seq "+n, replaced(text("change"), seq, " "+n+" "))
		v.okText("saw size "+n, sawSize(n))
		v.okText("last "+n, text("revoke", "source "+otherName, "last "+n))
	}
	for _, n := range []string{"9007199254740992", "10000000000000000", "18446744073709551616", "18446744073709551623", "00", "07", "+1", "-1", "-0", "1.0", "1e1", "0x1", "1_0", "", "a", "٣", "７"} {
		v.malformedText("seq is "+n, replaced(text("change"), seq, " "+n+" "))
		v.malformedText("saw size is "+n, replaced(text("change"), "saw 6 ", "saw "+n+" "))
		v.malformedText("last is "+n, text("revoke", "source "+otherName, "last "+n))
	}
	v.malformedText("saw size 0 with another root", replaced(text("change"), "saw 6 ", "saw 0 "))
	v.okText("saw size 6 with the root of the empty tree", replaced(text("change"), digest("root"), emptyRoot))

	for _, n := range []string{"1", "2", "99"} {
		v.okText("erasers "+n, text("enrol", "erasers "+n, "vkey "+otherVKey, "role person"))
	}
	for _, n := range []string{"0", "100", "01", "+1", "18446744073709551617", "two", ""} {
		v.malformedText("erasers is "+n, text("enrol", "erasers "+n, "vkey "+otherVKey, "role person"))
	}
}

func sawSize(n string) string {
	t := replaced(text("change"), "saw 6 ", "saw "+n+" ")
	if n == "0" {
		t = replaced(t, digest("root"), emptyRoot)
	}
	return t
}

// sizedNote is a finding of that many bytes.
func sizedNote(size int) string {
	open := []string{"code x"}
	missing := size - len(signed(text("finding", open...)))
	line := len(about("x")) + 1
	for range missing / line {
		open = append(open, about("x"))
	}
	open[0] += strings.Repeat("x", missing%line)
	note := signed(text("finding", open...))
	if len(note) != size {
		panic("a note has not the size it was made for")
	}
	return note
}

func (v *entryVectors) versions() {
	v.version("version 2", "stele/entry/v2\nwhatever\n")
	v.version("version 2, first line only", "stele/entry/v2\n")
	v.version("version 2, otherwise a sound entry", signed(replaced(text("change"), "/v1", "/v2")))
	v.version("version 2, not UTF-8", "stele/entry/v2\n\xff\x00\r\n\n\n")
	v.version("version 10", "stele/entry/v10\n")
	v.version("version 2^53-1", "stele/entry/v9007199254740991\n")
	for _, first := range []string{
		"stele/entry/v0", "stele/entry/v", "stele/entry/v02", "stele/entry/v+2", "stele/entry/v2 ", "stele/entry/v2\r",
		"stele/entry/v-2", "stele/entry/v2.0", "stele/entry/v9007199254740992", "stele/entry/v18446744073709551618",
		"Stele/entry/v2", "stele/entry/V2", " stele/entry/v2", "\ufeffstele/entry/v2", "stele/entry", "stele/entry/2",
		"stele/seal/v1", "stele/entry/v1 ", "\ufeffstele/entry/v1", " stele/entry/v1", "stele/entry/v1\x00", "STELE/ENTRY/V1",
		"stele/entry/v01", "stele/entry/v1.0", "",
	} {
		v.malformedText(fmt.Sprintf("first line %q", first), replaced(text("change"), "stele/entry/v1", first))
	}
	v.malformed("version 2 without LF", "stele/entry/v2")
	v.malformed("no bytes", "")
	v.malformed("one LF", "\n")
	v.malformed("two LF", "\n\n")
	v.malformed("NUL", "\x00")
}

// lines are faults of line ends and white space, each correctly signed where
// the text has it.
func (v *entryVectors) lines() {
	good := text("change")
	note := signed(good)
	v.malformedText("CRLF in the text", strings.ReplaceAll(good, "\n", "\r\n"))
	v.malformed("CRLF throughout", strings.ReplaceAll(note, "\n", "\r\n"))
	v.malformedText("CR at the end of a line", replaced(good, "change\n", "change\r\n"))
	v.malformedText("CR for LF", replaced(good, "change\n", "change\r"))
	v.malformedText("tab for space", replaced(good, "who ", "who\t"))
	v.malformedText("no-break space for space", replaced(good, "who ", "who\u00a0"))
	v.malformedText("tab after space", replaced(good, "who ", "who \t"))
	v.malformedText("double space after a word", replaced(good, "who ", "who  "))
	v.malformedText("double space in line 3", replaced(good, signerName+" ", signerName+"  "))
	v.malformedText("double space in saw", replaced(good, "saw 6 ", "saw 6  "))
	for i, l := range strings.Split(strings.TrimSuffix(good, "\n"), "\n") {
		v.malformedText(fmt.Sprintf("space at the end of line %d", i+1), replaced(good, l+"\n", l+" \n"))
		v.malformedText(fmt.Sprintf("space before line %d", i+1), replaced(good, l+"\n", " "+l+"\n"))
		v.malformedText(fmt.Sprintf("tab at the end of line %d", i+1), replaced(good, l+"\n", l+"\t\n"))
		v.malformedText(fmt.Sprintf("empty line after line %d", i+1), replaced(good, l+"\n", l+"\n\n"))
		v.malformedText(fmt.Sprintf("line %d missing", i+1), dropLine(good, i))
		v.malformedText(fmt.Sprintf("NUL at the end of line %d", i+1), replaced(good, l+"\n", l+"\x00\n"))
		v.malformedText(fmt.Sprintf("not UTF-8 at the end of line %d", i+1), replaced(good, l+"\n", l+"\xff\n"))
	}
	v.malformedText("empty line before the text", "\n"+good)
	v.malformed("byte order mark", "\ufeff"+note)
	v.malformed("NUL after the note", note+"\x00")
	v.malformed("no LF at the end", strings.TrimSuffix(note, "\n"))
	for _, end := range []string{"x", "\r", " ", "\x00", "="} {
		v.malformed(fmt.Sprintf("%q in place of the LF at the end", end), strings.TrimSuffix(note, "\n")+end)
	}
	v.malformed("empty line at the end", note+"\n")
	v.malformed("no empty line before the signature", replaced(note, "\n\n", "\n"))
	v.malformed("two empty lines before the signature", replaced(note, "\n\n", "\n\n\n"))
	v.malformed("empty line with a space", replaced(note, "\n\n", "\n \n"))
	v.malformed("no signature", good)
	v.malformed("no signature but the empty line", good+"\n")
	v.malformed("in UTF-16", utf16LE(note))
	v.malformedText("unknown line at the end", good+"note x\n")
	v.malformedText("unknown line among the open ones", text("access", "note x"))
	v.malformedText("word without value", replaced(good, "who "+digest("who"), "who"))
	v.malformedText("word with a space and no value", replaced(good, "who "+digest("who"), "who "))
	v.malformedText("word in upper case", replaced(good, "who ", "WHO "))
}

// dropLine is line "missing" below the third from last: one what line less is
// still a change, so the last line cannot be told missing by itself.
func dropLine(text string, i int) string {
	lines := strings.SplitAfter(text, "\n")
	if lines[i] == lines[len(lines)-2] { // the last what: the other one goes too
		return strings.Join(lines[:i-1], "")
	}
	if i == len(lines)-3 {
		return strings.Join(lines[:i], "")
	}
	return strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
}

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range s {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

// respelt are other spellings of the base64 of 32 bytes.
func respelt(s string) map[string]string {
	return map[string]string{
		"with spare bits":          spareBits(s),
		"without padding":          strings.TrimRight(s, "="),
		"with more padding":        s + "=",
		"with padding in front":    "=" + s[:len(s)-1],
		"with CR inside":           s[:20] + "\r" + s[20:],
		"with CR LF inside":        s[:20] + "\r\n" + s[20:],
		"with LF inside":           s[:20] + "\n" + s[20:],
		"with a space inside":      s[:20] + " " + s[20:],
		"with LF for the padding":  s[:len(s)-1] + "\n",
		"with CR for a digit":      s[:20] + "\r" + s[21:],
		"in the URL alphabet":      strings.NewReplacer("+", "-", "/", "_").Replace(s),
		"in hexadecimal":           strings.Repeat("0f", 32),
		"of 31 bytes":              b64(make([]byte, 31)),
		"of 33 bytes":              b64(make([]byte, 33)),
		"of 44 characters, no pad": strings.Repeat("A", 44),
		"of 42 digits":             s[:42] + "==",
		"that is empty":            "",
		"with a stray character":   s[:20] + "*" + s[21:],
	}
}

// plusSlash is a digest in whose base64 both characters of the URL alphabet differ.
func plusSlash() string {
	for i := 0; ; i++ {
		if d := digest(fmt.Sprint("plus and slash", i)); strings.Contains(d, "+") && strings.Contains(d, "/") {
			return d
		}
	}
}

// fields are faults inside a field.
func (v *entryVectors) fields() {
	d := plusSlash()
	places := map[string]func(string) string{
		"prev":  func(s string) string { return replaced(text("change"), digest("prev"), s) },
		"root":  func(s string) string { return replaced(text("change"), digest("root"), s) },
		"who":   func(s string) string { return replaced(text("change"), digest("who"), s) },
		"why":   func(s string) string { return replaced(text("change"), digest("why"), s) },
		"how":   func(s string) string { return replaced(text("change"), digest("how"), s) },
		"what":  func(s string) string { return replaced(text("change"), digest("what1"), s) },
		"about": func(s string) string { return text("remark", "about "+s, "says reason") },
		"void":  func(s string) string { return text("erase", "void "+s+" who") },
	}
	for _, place := range sortedKeys(places) {
		v.okText(place+" with plus and slash", places[place](d))
		spellings := respelt(d)
		for _, how := range sortedKeys(spellings) {
			v.malformedText(place+" "+how, places[place](spellings[how]))
		}
	}
	v.sources()
	v.times()
}

func (v *entryVectors) sources() {
	places := map[string]func(string) string{
		"source of a revoke": func(s string) string { return text("revoke", "source "+s, "last 1") },
		"absent":             func(s string) string { return text("rollcall", "absent "+s) },
		"present":            func(s string) string { return text("rollcall", "present "+s) },
		"follows":            func(s string) string { return text("enrol", "vkey "+otherVKey, "role watcher", "follows "+s) },
	}
	some := "0123456789abcdef0123456789abcdef"
	for _, place := range sortedKeys(places) {
		v.okText(place+" in any digits", places[place](some))
		v.malformedText(place+" in upper case", places[place](strings.ToUpper(some)))
		v.malformedText(place+" of 31 digits", places[place](some[1:]))
		v.malformedText(place+" of 33 digits", places[place](some+"0"))
		v.malformedText(place+" with a letter g", places[place]("g"+some[1:]))
		v.malformedText(place+" empty", places[place](""))
		v.malformedText(place+" with two values", places[place](some+" "+some))
	}
	upper := strings.ToUpper(signerName)
	v.malformed("source in upper case", signNote(replaced(text("change"), signerName, upper), upper, signerKey))
	v.malformed("source in upper case, not so in the signature", signed(replaced(text("change"), signerName, upper)))
	v.malformed("source of 31 digits", signNote(replaced(text("change"), signerName, signerName[1:]), signerName[1:], signerKey))
}

func (v *entryVectors) times() {
	places := map[string]func(string) string{
		"time":  func(s string) string { return replaced(text("change"), someTime, s) },
		"since": func(s string) string { return text("gap", "since "+s) },
		"until": func(s string) string { return text("remark", about("x"), "says waive", "until "+s) },
	}
	good := []string{
		"0001-01-01T00:00:00.000000000Z", "9999-12-31T23:59:59.999999999Z", "2024-02-29T00:00:00.000000000Z",
		"2000-02-29T00:00:00.000000000Z", "0004-02-29T00:00:00.000000000Z",
	}
	bad := []string{
		"0000-01-01T00:00:00.000000000Z", "10000-01-01T00:00:00.000000000Z", "2026-02-30T00:00:00.000000000Z",
		"2026-02-29T00:00:00.000000000Z", "1900-02-29T00:00:00.000000000Z", "2026-04-31T00:00:00.000000000Z",
		"2026-00-01T00:00:00.000000000Z", "2026-13-01T00:00:00.000000000Z", "2026-01-00T00:00:00.000000000Z",
		"2026-01-32T00:00:00.000000000Z", "2026-01-01T24:00:00.000000000Z", "2026-01-01T00:60:00.000000000Z",
		"2026-01-01T00:00:60.000000000Z", "2016-12-31T23:59:60.000000000Z", "2026-01-01T00:00:00.00000000Z",
		"2026-01-01T00:00:00.0000000000Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000000+00:00",
		"2026-01-01T00:00:00.000000000z", "2026-01-01t00:00:00.000000000Z", "2026-01-01 00:00:00.000000000Z",
		"2026-01-01T00:00:00,000000000Z", "2026-1-01T00:00:00.000000000Z", "+026-01-01T00:00:00.000000000Z",
		"2026-01-01T00:00:00.000000000", "2026-01-01T00:00:00.00000000 Z", "2026/01/01T00:00:00.000000000Z",
		"2026-01-01T00.00.00.000000000Z", "2026-01-01T00:00:00:000000000Z", "2026-W01-1T00:00:00.000000000Z", "",
	}
	for _, place := range sortedKeys(places) {
		for _, t := range good {
			v.okText(place+" "+t, places[place](t))
		}
		for _, t := range bad {
			v.malformedText(fmt.Sprintf("%s is %s", place, t), places[place](t))
		}
	}
}

// openLines are open lines missing, doubled, misplaced, of another kind or wrong.
func (v *entryVectors) openLines() {
	for _, kind := range []string{"", "Change", "CHANGE", "changes", "chang", "heartbeat", "open", "change change", "\u0441hange", "toString", "constructor", "__proto__"} {
		v.malformedText(fmt.Sprintf("kind %q", kind), text(kind)+whatLines(1))
		v.malformedText(fmt.Sprintf("kind %q without a what", kind), text(kind))
	}
	complete := map[string][]string{
		"gap":      {"since " + someTime},
		"remark":   {about("x"), "says waive", "until " + someTime},
		"rollcall": {"absent " + ascending(0), "present " + ascending(1)},
		"erase":    {void("who")},
		"finding":  {"code x", about("x")},
		"revoke":   {"source " + otherName, "last 3"},
		"enrol":    {"vkey " + otherVKey, "role watcher"},
	}
	optional := map[string]bool{"until": true, "absent": true, "present": true, "finding about": true}
	repeats := map[string]bool{"void": true, "finding about": true}
	for _, kind := range sortedKeys(complete) {
		open := complete[kind]
		for i, l := range open {
			word, _, _ := strings.Cut(l, " ")
			if !optional[word] && !optional[kind+" "+word] {
				v.malformedText(kind+" without "+word, text(kind, without(open, i)...))
			}
			if !repeats[word] && !repeats[kind+" "+word] {
				v.malformedText(kind+" with "+word+" twice", text(kind, with(open, i, l)...))
			}
			v.malformedText(kind+" with "+word+" after who", after(text(kind, without(open, i)...), "who", l))
			v.malformedText(kind+" with "+word+" before saw", before(text(kind, without(open, i)...), "saw", l))
		}
		if len(open) > 1 {
			v.malformedText(kind+" with its lines in another order", text(kind, reversed(open)...))
		}
		v.foreign(kind, open, complete)
	}
	v.foreign("change", nil, complete)
	v.foreign("access", nil, complete)
	v.values()
}

// foreign adds to a kind each open line it does not have.
func (v *entryVectors) foreign(kind string, open []string, all map[string][]string) {
	for _, other := range sortedKeys(all) {
		for _, l := range all[other] {
			word, _, _ := strings.Cut(l, " ")
			if !hasWord(all[kind], word) {
				v.malformedText(fmt.Sprintf("%s with %s of %s", kind, word, other), text(kind, append(append([]string{}, open...), l)...))
			}
		}
	}
}

func hasWord(lines []string, word string) bool {
	for _, l := range lines {
		if strings.HasPrefix(l, word+" ") {
			return true
		}
	}
	return false
}

func without(l []string, i int) []string {
	return append(append([]string{}, l[:i]...), l[i+1:]...)
}

func with(l []string, i int, s string) []string {
	return append(append(append([]string{}, l[:i]...), s), l[i:]...)
}

func reversed(l []string) []string {
	r := append([]string{}, l...)
	r[0], r[len(r)-1] = r[len(r)-1], r[0]
	return r
}

func after(text, word, line string) string {
	i := strings.Index(text, "\n"+word+" ") + 1
	end := i + strings.IndexByte(text[i:], '\n') + 1
	return text[:end] + line + "\n" + text[end:]
}

func before(text, word, line string) string {
	i := strings.Index(text, "\n"+word+" ") + 1
	return text[:i] + line + "\n" + text[i:]
}

// values are open lines whose value is wrong.
func (v *entryVectors) values() {
	for _, s := range []string{"Reason", "approved", "", "reason approve", "reject"} {
		v.malformedText(fmt.Sprintf("says %q", s), text("remark", about("x"), "says "+s))
	}
	for _, s := range []string{"Watcher", "watchers", "", "root", "agent", "watcher person"} {
		v.malformedText(fmt.Sprintf("role %q", s), text("enrol", "vkey "+otherVKey, "role "+s))
	}
	long := strings.Repeat("a", 64)
	for _, s := range []string{"a", "a-", "a0", "z--9", long} {
		v.okText("code "+s, text("finding", "code "+s))
	}
	for _, s := range []string{"", "A", "0a", "-a", "a_b", "a b", "a.b", "é", long + "a"} {
		v.malformedText(fmt.Sprintf("code is %q", s), text("finding", "code "+s))
	}
	for _, s := range []string{
		"", "Who", "who 0", "when", "what", "what ", "what  0", "what 1000", "what 00", "what 01", "what +1", "what -1", "what a",
		"text", "text 1000", "text 01", "what 0 1", "what 18446744073709551616", "whats 0", "what0",
	} {
		v.malformedText(fmt.Sprintf("void of %q", s), text("erase", void(s)))
	}
	v.malformedText("void without line name", text("erase", "void "+digest("voided")))
	for _, word := range []string{"absent", "present"} {
		v.malformedText(word+" not ascending", text("rollcall", word+" "+ascending(2), word+" "+ascending(1)))
		v.malformedText(word+" twice the same", text("rollcall", word+" "+ascending(2), word+" "+ascending(2)))
	}
	v.malformedText("both absent and present", text("rollcall", "absent "+ascending(1), "absent "+ascending(2), "present "+ascending(0), "present "+ascending(2)))
	v.malformedText("present before absent", text("rollcall", "present "+ascending(1), "absent "+ascending(2)))
	v.malformedText("absent around present", text("rollcall", "absent "+ascending(1), "present "+ascending(2), "absent "+ascending(3)))
}

// enrolments are faults of enrol entries and of the vkeys in them.
func (v *entryVectors) enrolments() {
	key := public(otherKey)
	role := "role watcher"
	enrol := func(vkey string) string { return text("enrol", "vkey "+vkey, role) }
	hash := strings.Split(otherVKey, "+")[1]
	keyText := otherVKey[len(otherName)+len(hash)+2:]

	v.malformedText("vkey with a wrong key hash", enrol(otherName+"+00000000+"+keyText))
	v.malformedText("vkey with the key hash in upper case", enrol(replaced(otherVKey, hash, strings.ToUpper(hash))))
	v.malformedText("vkey with the hash of another name", enrol(otherName+"+"+fmt.Sprintf("%x", keyHash(origin, key))+"+"+keyText))
	v.malformedText("vkey named for another key", enrol(vkeyOf(signerName, key)))
	v.malformedText("vkey named like a log", enrol(vkeyOf("log.example", key)))
	v.malformedText("vkey named in upper case", enrol(vkeyOf(strings.ToUpper(otherName), key)))
	v.malformedText("vkey without a name", enrol(vkeyOf("", key)))
	v.malformedText("vkey without a hash", enrol(otherName+"+"+keyText))
	v.malformedText("vkey of another algorithm", enrol(vkeyAlg(otherName, 2, key)))
	v.malformedText("vkey of another algorithm, hashed as Ed25519", enrol(otherName+"+"+hash+"+"+b64(append([]byte{2}, key...))))
	v.malformedText("vkey of a cosigner", enrol(vkeyAlg(otherName, 4, key)))
	v.malformedText("vkey of 31 bytes", enrol(vkeyOf(sourceOf(key[1:]), key[1:])))
	v.malformedText("vkey of 33 bytes", enrol(vkeyOf(sourceOf(append(key[:32:32], 0)), append(key[:32:32], 0))))
	v.malformedText("vkey with padding", enrol(otherVKey+"="))
	v.malformedText("vkey a digit longer", enrol(otherVKey+"A"))
	v.malformedText("vkey with CR inside", enrol(otherVKey[:60]+"\r"+otherVKey[60:]))
	v.malformedText("vkey a digit shorter", enrol(otherVKey[:len(otherVKey)-1]))
	v.malformedText("vkey with another part", enrol(otherVKey+"+"))
	v.malformedText("vkey with two values", enrol(otherVKey+" "+otherVKey))

	succession := "follows log.example/old 5 " + digest("old")
	v.malformedText("log without erasers", genesisText())
	v.malformedText("succession without log", text("enrol", "erasers 2", succession, "vkey "+otherVKey, role))
	v.malformedText("succession before erasers", genesisText(succession, "erasers 2"))
	v.malformedText("erasers before log", replaced(genesisText("erasers 2"), "log "+logVKey+"\nerasers 2\n", "erasers 2\nlog "+logVKey+"\n"))
	v.malformedText("log twice", replaced(genesisText("erasers 2"), "log ", "log "+logVKey+"\nlog "))
	v.malformedText("erasers twice", genesisText("erasers 2", "erasers 2"))
	v.malformedText("succession twice", genesisText("erasers 2", succession, succession))
	v.malformedText("succession after the role", after(genesisText("erasers 2"), "role", succession))
	v.malformedText("follows a source before the vkey", genesisText("erasers 2", "follows "+ascending(1)))
	v.malformedText("succession of two parts", genesisText("erasers 2", "follows log.example/old 5"))
	v.malformedText("succession with a wrong size", genesisText("erasers 2", "follows log.example/old 05 "+digest("old")))
	v.malformedText("succession with a wrong root", genesisText("erasers 2", "follows log.example/old 5 "+spareBits(digest("old"))))
	v.malformedText("succession with a plus in the origin", genesisText("erasers 2", "follows log+old 5 "+digest("old")))
	v.malformedText("role before vkey", text("enrol", role, "vkey "+otherVKey))
	v.origins(key)
}

func (v *entryVectors) origins(key []byte) {
	named := func(name string) string {
		return replaced(genesisText("erasers 1"), "log "+logVKey, "log "+vkeyOf(name, key))
	}
	v.okText("origin of 255 bytes", named(strings.Repeat("o", 255)))
	v.okText("origin of one byte", named("!"))
	v.okText("origin of odd characters", named(`~"\%-#`))
	v.malformedText("origin of 256 bytes", named(strings.Repeat("o", 256)))
	v.malformedText("origin empty", named(""))
	v.malformedText("origin with a plus", named("a+b"))
	v.malformedText("origin not ASCII", named("é"))
	v.malformedText("origin with DEL", named("a\x7f"))
	v.malformedText("origin with a space", named("a b"))
}

func vkeyAlg(name string, alg byte, key []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(rune(alg))), key...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], b64(append([]byte{alg}, key...)))
}

// spareBits respells base64 that ends in one padding character.
func spareBits(s string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(digits, s[len(s)-2])
	return s[:len(s)-2] + digits[i+1:i+2] + "="
}

// signatureLines are faults of the signature line, under a sound signature.
func (v *entryVectors) signatureLines() {
	t := text("change")
	note := signed(t)
	line := note[len(t)+1:]
	sig := strings.TrimSuffix(line[strings.LastIndexByte(line, ' ')+1:], "\n")
	other := signNote(t, otherName, otherKey)[len(t)+1:]
	raw := ed25519.Sign(signerKey, []byte(t))

	v.malformed("signature line twice", note+line)
	v.malformed("second signature of another key", note+other)
	v.malformed("signature of another before", t+"\n"+other+line)
	v.malformed("junk after the signature", note+"junk\n")
	v.malformed("junk before the signature", t+"\njunk\n"+line)
	v.malformed("signature line of another name", t+"\n"+other)
	v.malformed("signature line named for the log", signNote(t, origin, signerKey))
	v.malformed("signature line named in upper case", noteWith(t, strings.ToUpper(signerName), public(signerKey), raw))
	v.malformed("signature line without a name", replaced(note, "— "+signerName+" ", "— "))
	v.malformed("signature line with a hyphen", replaced(note, "— ", "- "))
	v.malformed("signature line with an en dash", replaced(note, "— ", "– "))
	v.malformed("signature line without its space", replaced(note, "— ", "—"))
	v.malformed("signature line with two spaces", replaced(note, "— ", "—  "))
	v.malformed("signature line with two spaces after the name", replaced(note, line[:len(line)-len(sig)-1], line[:len(line)-len(sig)-1]+" "))
	v.malformed("signature line with a space at the end", replaced(note, sig, sig+" "))
	v.malformed("signature line with CR", replaced(note, sig, sig+"\r"))
	v.malformed("signature line with a space before", replaced(note, "— ", " — "))
	v.malformed("signature without padding", replaced(note, sig, strings.TrimRight(sig, "=")))
	v.malformed("signature with spare bits", replaced(note, sig, spareBits(sig)))
	v.malformed("signature with CR inside", replaced(note, sig, sig[:40]+"\r"+sig[40:]))
	v.malformed("signature with LF inside", replaced(note, sig, sig[:40]+"\n"+sig[40:]))
	v.malformed("signature with a space inside", replaced(note, sig, sig[:40]+" "+sig[40:]))
	v.malformed("signature in the URL alphabet", urlSignature(t))
	v.malformed("signature of 63 bytes", noteWith(t, signerName, public(signerKey), raw[:63]))
	v.malformed("signature of 65 bytes", noteWith(t, signerName, public(signerKey), append(raw[:64:64], 0)))
	v.malformed("signature empty", replaced(note, sig, ""))
	v.malformed("cosignature with a time", noteWith(t, signerName, public(signerKey), append(make([]byte, 8), raw...)))
}

// urlSignature respells a signature that has a character to respell.
func urlSignature(t string) string {
	for i := range math.MaxInt {
		note := signed(replaced(t, fmt.Sprintf(" %d ", someSeq), fmt.Sprintf(" %d ", i)))
		cut := strings.LastIndexByte(note, ' ')
		if url := strings.NewReplacer("+", "-", "/", "_").Replace(note[cut:]); url != note[cut:] {
			return note[:cut] + url
		}
	}
	return ""
}
