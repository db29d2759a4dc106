package verify_test

import (
	"crypto/sha256"
	"strings"
)

// sealVector is one element of seals.json.
type sealVector struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Seq    uint64 `json:"seq"`
	Line   string `json:"line"`
	Salt   string `json:"salt"`
	Body   string `json:"body"`
	Longer int    `json:"longer,omitempty"` // so many bytes "x" follow in the body
	Seal   string `json:"seal"`
	Opens  bool   `json:"opens"`
}

func sealOf(name, line string, seq uint64, content string) sealVector {
	salt := sha256.Sum256([]byte("salt of " + name))
	h := sealed(signerName, seq, line, salt, []byte(content))
	return sealVector{
		Name: name, Source: signerName, Seq: seq, Line: line,
		Salt: b64(salt[:]), Body: b64([]byte(content)), Seal: b64(h[:]), Opens: true,
	}
}

// longSeal is of a body of so many bytes.
func longSeal(line string, size int) sealVector {
	v := sealOf("the largest "+line, line, 3, strings.Repeat("x", size))
	v.Body, v.Longer = "", size
	return v
}

// not is a vector of something that would open another seal, or none.
func (v sealVector) not(name string, edit func(*sealVector)) sealVector {
	v.Name, v.Opens = name, false
	edit(&v)
	return v
}

// makeSealVectors is seals.json.
func makeSealVectors() []sealVector {
	some := sealOf("what 1", "what 1", 11, `{"action":"create","path":"/a"}`)
	list := []sealVector{
		sealOf("who", "who", 0, `{"uid":0}`),
		sealOf("why", "why", 1, `{"reason":"é\n"}`),
		sealOf("how", "how", 9007199254740991, `{}`),
		sealOf("what 0", "what 0", 5, `{"action":"delete"}`),
		some,
		sealOf("what 999", "what 999", 11, "{}"),
		sealOf("text 0", "text 0", 11, "interval = 10s\n"),
		sealOf("text 999", "text 999", 11, "\x00\xff\r\n"),
		sealOf("empty body", "why", 3, ""),
		sealOf("body of 4096 bytes", "why", 3, strings.Repeat("b", 4096)),
		sealOf("body of 4097 bytes", "why", 3, strings.Repeat("b", 4097)),
	}
	for _, c := range []struct {
		line  string
		limit int
	}{{"who", 1 << 20}, {"why", 1 << 20}, {"how", 1 << 20}, {"what 0", 1 << 20}, {"text 0", 16 << 20}} {
		list = append(list, longSeal(c.line, c.limit))
		list = append(list, longSeal(c.line, c.limit+1).not("of the largest "+c.line+" and a byte", func(*sealVector) {}))
	}
	list = append(list, otherOpenings(some)...)
	return append(list, respeltDisclosures(some)...)
}

func otherOpenings(some sealVector) []sealVector {
	salt := sha256.Sum256([]byte("another salt"))
	return []sealVector{
		some.not("of another source", func(v *sealVector) { v.Source = otherName }),
		some.not("of another seq", func(v *sealVector) { v.Seq = 12 }),
		some.not("of another line number", func(v *sealVector) { v.Line = "what 0" }),
		some.not("of the text of that line", func(v *sealVector) { v.Line = "text 1" }),
		some.not("of another line", func(v *sealVector) { v.Line = "why" }),
		some.not("seq and line number run together", func(v *sealVector) { v.Seq, v.Line = 1, "what 11" }),
		some.not("with another salt", func(v *sealVector) { v.Salt = b64(salt[:]) }),
		some.not("with another body", func(v *sealVector) { v.Body = b64([]byte(`{"action":"create","path":"/b"}`)) }),
		some.not("with a longer body", func(v *sealVector) { v.Body = b64([]byte(`{"action":"create","path":"/a"}` + "\n")) }),
		some.not("with no body", func(v *sealVector) { v.Body = "" }),
		some.not("of another seal", func(v *sealVector) { v.Seal = digest("seal") }),
	}
}

// respeltDisclosures say the right thing in a spelling that is not that of
// disclosures.
func respeltDisclosures(some sealVector) []sealVector {
	return []sealVector{
		some.not("source in upper case", func(v *sealVector) { v.Source = strings.ToUpper(v.Source) }),
		some.not("line number with a leading zero", func(v *sealVector) { v.Line = "what 01" }),
		some.not("line number out of range", func(v *sealVector) { v.Line = "what 1000" }),
		some.not("line with two spaces", func(v *sealVector) { v.Line = "what  1" }),
		some.not("seq out of range", func(v *sealVector) { v.Seq = 1 << 53 }),
		some.not("salt with spare bits", func(v *sealVector) { v.Salt = spareBits(v.Salt) }),
		some.not("salt without padding", func(v *sealVector) { v.Salt = strings.TrimRight(v.Salt, "=") }),
		some.not("salt with CR LF inside", func(v *sealVector) { v.Salt = v.Salt[:8] + "\r\n" + v.Salt[8:] }),
		some.not("body with LF inside", func(v *sealVector) { v.Body = v.Body[:8] + "\n" + v.Body[8:] }),
		some.not("body without padding", func(v *sealVector) { v.Body = strings.TrimRight(v.Body, "=") }),
		some.not("body with LF at the end", func(v *sealVector) { v.Body += "\n" }),
	}
}
