package verify_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// checkpointVector is one element of checkpoints.json. Opens says that it passes
// step 1, and then size and root are what it says.
type checkpointVector struct {
	Name       string `json:"name"`
	Comment    string `json:"comment"`
	VKey       string `json:"vkey"`
	Checkpoint []byte `json:"checkpoint"`
	Opens      bool   `json:"opens"`
	Size       uint64 `json:"size,omitempty"`
	Root       string `json:"root,omitempty"`
}

func checkpointName(v checkpointVector) string { return v.Name }

// checkpointVectors collects them.
type checkpointVectors []checkpointVector

func (v *checkpointVectors) good(name, comment, checkpoint string, size uint64, root string) {
	*v = append(*v, checkpointVector{name, comment, logKey().VKey(), []byte(checkpoint), true, size, root})
}

func (v *checkpointVectors) bad(name, comment, checkpoint string) {
	*v = append(*v, checkpointVector{Name: name, Comment: comment, VKey: logKey().VKey(), Checkpoint: []byte(checkpoint)})
}

// makeCheckpointVectors is checkpoints.json.
func makeCheckpointVectors() []checkpointVector {
	var v checkpointVectors
	v.texts()
	v.signatures()
	v.spellings()
	v.notes()
	v.keys()
	return v
}

// signedText is a checkpoint of a text, signed by the log's key.
func signedText(text string) string { return signNote(text, origin, keyFor(origin)) }

const largest = "9007199254740991"

// texts say something else than size and root.
func (v *checkpointVectors) texts() {
	root := digest("root")
	text := func(lines ...string) string { return signedText(strings.Join(lines, "\n") + "\n") }
	v.good("three lines", "", text(origin, "3", root), 3, root)
	v.good("size 0", "", text(origin, "0", emptyRoot), 0, emptyRoot)
	v.good("the largest size", "2^53 - 1", text(origin, largest, root), 9007199254740991, root)
	v.good("extension lines", "they carry no meaning", text(origin, "3", root, "any", " ", "—"), 3, root)
	v.bad("size 0 with another root", "", text(origin, "0", root))
	for name, size := range map[string]string{
		"leading zero": "03", "two zeros": "00", "sign": "+3", "minus": "-3", "hexadecimal": "0x3", "space before": " 3", "space after": "3 ",
		"none": "", "word": "three", "2^53": "9007199254740992", "2^64": "18446744073709551616", "2^64 + 3": "18446744073709551619", "fraction": "3.0",
		"underscore": "1_0", "Arabic digit": "٣", "17 digits": "10000000000000000",
	} {
		v.bad("size: "+name, "", text(origin, size, root))
	}
	spellings := respelt(plusSlash())
	for _, how := range sortedKeys(spellings) {
		if !strings.ContainsAny(spellings[how], "\n\r\t") {
			v.bad("root "+how, "", text(origin, "3", spellings[how]))
		}
	}
	v.bad("no root", "", text(origin, "3"))
	v.bad("no size", "", text(origin))
	v.bad("empty line at the end", "an extension line is not empty", text(origin, "3", root, ""))
	v.bad("empty line before another", "", text(origin, "3", root, "", "any"))
	v.bad("empty line first", "", text("", origin, "3", root))
	v.bad("another origin", "", text("log.example/other", "3", root))
	v.bad("origin with a space", "", text(origin+" ", "3", root))
	v.bad("a line before", "", text("any", origin, "3", root))
	v.sortFrom(0)
}

// sortFrom gives what came out of a map an order.
func (v *checkpointVectors) sortFrom(n int) {
	byName := make(map[string]checkpointVector)
	for _, c := range (*v)[n:] {
		byName[c.Name] = c
	}
	for i, name := range sortedKeys(byName) {
		(*v)[n+i] = byName[name]
	}
}

// signatures have other signature lines beside or in place of the log's.
func (v *checkpointVectors) signatures() {
	root := digest("root")
	text := fmt.Sprintf("%s\n3\n%s\n", origin, root)
	key := keyFor(origin)
	line := func(name string, signer ed25519.PrivateKey, sig []byte) string {
		return noteWith(text, name, public(signer), sig)[len(text)+1:]
	}
	ours := line(origin, key, ed25519.Sign(key, []byte(text)))
	flip := line(origin, key, flipped(ed25519.Sign(key, []byte(text)), 7))
	witness := keyFor("witness")
	cosigned := line("witness.example", witness, make([]byte, 72))
	otherKey := line(origin, witness, ed25519.Sign(witness, []byte(text)))
	otherName := line("log.example/other", key, ed25519.Sign(key, []byte(text)))
	note := func(lines ...string) string { return text + "\n" + strings.Join(lines, "") }
	v.good("the log's line twice", "", note(ours, ours), 3, root)
	v.good("a cosignature before", "", note(cosigned, ours), 3, root)
	v.good("a cosignature twice", "", note(ours, cosigned, cosigned), 3, root)
	v.good("another key under the log's name", "it says nothing", note(ours, otherKey), 3, root)
	v.good("the log's key under another name", "it says nothing", note(otherName, ours), 3, root)
	v.good("a signature of one byte by an unknown key", "", note(ours, line("witness.example", witness, []byte{1})), 3, root)
	v.good("100 lines", "", note(ours, strings.Repeat(cosigned, 99)), 3, root)
	v.bad("101 lines", "the limit is 100", note(ours, strings.Repeat(cosigned, 100)))
	v.bad("a second line of the log's that does not verify", "every line of the log's key must", note(ours, flip))
	v.bad("a first line of the log's that does not verify", "", note(flip, ours))
	v.bad("a third line of the log's that does not verify", "", note(ours, cosigned, flip))
	v.bad("a second line of the log's, cut", "", note(ours, line(origin, key, make([]byte, 63))))
	v.bad("a second line of the log's, longer", "", note(ours, line(origin, key, append(ed25519.Sign(key, []byte(text)), 0))))
	v.bad("the log's line, longer", "", note(line(origin, key, append(ed25519.Sign(key, []byte(text)), 0))))
	v.bad("another text signed", "", note(line(origin, key, ed25519.Sign(key, []byte(text+"any\n")))))
	v.bad("key hash alone", "", note(ours, line("witness.example", witness, nil)))
	v.bad("other key only", "", note(otherKey))
	v.bad("other name only", "", note(otherName))
	v.bad("no line", "", text+"\n")
	v.bad("nothing behind the text", "", text)
	v.bad("the lines alone", "", ours)
}

// spellings of signature lines that are not that of a signed note.
func (v *checkpointVectors) spellings() {
	root := digest("root")
	text := fmt.Sprintf("%s\n3\n%s\n", origin, root)
	ours := signedText(text)
	witness := keyFor("witness")
	cosigned := noteWith(text, "witness.example", public(witness), make([]byte, 71))[len(text)+1:]
	head, b64, _ := strings.Cut(strings.TrimSuffix(ours[len(text)+1:], "\n"), " ")
	name, b64, _ := strings.Cut(b64, " ")
	line := func(head, name, b64 string) string { return text + "\n" + head + " " + name + " " + b64 + "\n" }
	v.bad("signature with spare bits", "another spelling of the same bytes", line(head, name, spareBits(b64)))
	v.bad("signature without padding", "", line(head, name, strings.TrimRight(b64, "=")))
	v.bad("signature in the URL alphabet", "", line(head, name, strings.NewReplacer("+", "-", "/", "_").Replace(b64)+"-"))
	v.bad("space at the end", "", line(head, name, b64+" "))
	v.bad("two spaces", "", line(head, name+" ", b64))
	v.bad("hyphen for the dash", "", line("-", name, b64))
	v.bad("no dash", "", text+"\n"+name+" "+b64+"\n")
	v.bad("dash without a space", "", text+"\n—"+name+" "+b64+"\n")
	v.bad("no LF at the end", "", strings.TrimSuffix(ours, "\n"))
	v.bad("LF LF at the end", "", ours+"\n")
	v.bad("a letter in place of the LF at the end", "", strings.TrimSuffix(ours, "\n")+"x")
	v.bad("junk behind", "", ours+"junk\n")
	v.bad("an unknown key's signature with spare bits", "every line has one spelling", ours+spareBitsIn(cosigned))
	for _, s := range []struct{ what, name string }{
		{"none", ""},
		{"a plus sign", "a+b"},
		{"a no-break space", "a\u00a0b"},
		{"a next line", "a\u0085b"},
		{"an ideographic space", "a\u3000b"},
		{"a line separator", "a\u2028b"},
	} {
		v.bad("unknown name: "+s.what, "a name is not empty, without spaces and plus signs", ours+"— "+s.name+" "+b64+"\n")
	}
	for _, s := range []struct{ what, name string }{
		{"a zero-width no-break space", "a\ufeffb"},
		{"a zero-width space", "a\u200bb"},
		{"a Mongolian vowel separator", "a\u180eb"},
		{"letters", "é😀"},
	} {
		v.good("unknown name: "+s.what, "no space by Unicode", ours+"— "+s.name+" "+b64+"\n", 3, root)
	}
}

// spareBitsIn respells the base64 of a signature line.
func spareBitsIn(line string) string {
	at := strings.LastIndex(line, " ") + 1
	return line[:at] + spareBits(strings.TrimSuffix(line[at:], "\n")) + "\n"
}

// notes hold bytes that no signed note does.
func (v *checkpointVectors) notes() {
	root := digest("root")
	for name, ext := range map[string]string{
		"tab": "\t", "CR": "a\r", "NUL": "\x00", "unit separator": "\x1f", "not UTF-8": "\xff", "overlong": "\xc0\xaf", "surrogate": "\xed\xa0\x80",
	} {
		v.bad("extension line: "+name, "", signedText(fmt.Sprintf("%s\n3\n%s\n%s\n", origin, root, ext)))
	}
	for name, ext := range map[string]string{"DEL": "\x7f", "next line": "\u0085", "replacement character": "\ufffd", "byte order mark": "\ufeff"} {
		v.good("extension line: "+name, "", signedText(fmt.Sprintf("%s\n3\n%s\n%s\n", origin, root, ext)), 3, root)
	}
	v.sortFrom(len(*v) - 11)
	v.bad("CR LF", "", strings.ReplaceAll(signedText(fmt.Sprintf("%s\n3\n%s\n", origin, root)), "\n", "\r\n"))
	v.bad("byte order mark first", "", "\ufeff"+signedText(fmt.Sprintf("%s\n3\n%s\n", origin, root)))
	v.bad("no bytes", "", "")
	v.bad("empty lines", "", "\n\n")
}

// keys of logs that are none.
func (v *checkpointVectors) keys() {
	text := fmt.Sprintf("%s\n3\n%s\n", origin, digest("root"))
	key := encodePoint(one, 0)
	*v = append(*v, checkpointVector{
		Name: "a key of small order", Comment: "under which this signature verifies", VKey: vkeyOf(origin, key),
		Checkpoint: []byte(noteWith(text, origin, key, append(encodePoint(one, 0), make([]byte, 32)...))),
	})
}

func checkCheckpoint(t *testing.T, v checkpointVector) {
	key, err := entry.ParseLogKey(v.VKey)
	if err != nil && !v.Opens {
		return // nothing opens under such a key
	}
	if err != nil {
		t.Fatal(err)
	}
	cp, err := verify.OpenCheckpoint(key, v.Checkpoint)
	var f *verify.Finding
	switch {
	case err != nil && (!errors.As(err, &f) || f.Code != verify.BadCheckpoint || f.Accused != verify.TheLog || f.Index != 0):
		t.Fatalf("error is %v", err)
	case (err == nil) != v.Opens:
		t.Fatalf("opens is %v (%v), want %v", err == nil, err, v.Opens)
	case v.Opens && (cp.Origin != origin || cp.Size != v.Size || cp.Root.String() != v.Root || string(cp.Note) != string(v.Checkpoint)):
		t.Fatalf("reads %+v", cp)
	}
	if read, err := verify.ReadCheckpoint(v.Checkpoint); v.Opens && (err != nil || read.Size != cp.Size || read.Root != cp.Root) {
		t.Fatalf("without a key it reads %+v, %v", read, err)
	}
}
