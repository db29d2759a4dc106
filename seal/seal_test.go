package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// plain is the formula of format.md section 5.
func plain(src entry.Source, seq uint64, line string, salt seal.Salt, body []byte) entry.Hash {
	s := "stele/seal/v1\n" + fmt.Sprintf("%x", src[:]) + " " + fmt.Sprint(seq) + " " + line + "\n" + string(salt[:]) + string(body)
	return sha256.Sum256([]byte(s))
}

func aDisclosure(r *rapid.T) seal.Disclosure {
	k := rapid.IntRange(0, entry.MaxWhats-1).Draw(r, "k")
	return seal.Disclosure{
		Source: entry.Source(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "source")),
		Seq:    rapid.Uint64Range(0, entry.MaxNumber).Draw(r, "seq"),
		Line: rapid.SampledFrom([]entry.Line{
			entry.LineWho, entry.LineWhy, entry.LineHow, entry.LineWhat(k), entry.LineText(k),
		}).Draw(r, "line"),
		Salt: seal.Salt(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, "salt")),
		Body: rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(r, "body"),
	}
}

// TestSeal computes seals by hand, on both sides of the size at which a body is
// no longer copied, and many at once, as the buffers are shared.
func TestSeal(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 20000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			for seq := range uint64(50) {
				src := entry.Source{byte(n), 15: 255}
				salt := seal.Salt(sha256.Sum256([]byte{byte(seq)}))
				body := bytes.Repeat([]byte{byte(seq)}, n)
				got := seal.Seal(src, seq, entry.LineText(7), salt, body)
				if want := plain(src, seq, "text 7", salt, body); got != want {
					t.Fatalf("seq %d: got %s, want %s", seq, got, want)
				}
			}
		})
	}
}

func TestOpens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := aDisclosure(r)
		h := d.Seal()
		if h != plain(d.Source, d.Seq, d.Line.String(), d.Salt, d.Body) {
			r.Fatalf("seal of %s is %s", d.Line, h)
		}
		if !d.Opens(h) {
			r.Fatal("a disclosure does not open its own seal")
		}
		if other := aDisclosure(r); other.Opens(h) != cmp.Equal(other, d, cmp.AllowUnexported(entry.Line{})) {
			r.Fatalf("%+v opens a seal of %+v: %v", other, d, other.Opens(h))
		}
	})
}

// TestOpensNothingElse alters one part of a disclosure at a time.
func TestOpensNothingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := aDisclosure(r)
		h := d.Seal()
		other := d
		other.Body = bytes.Clone(d.Body)
		switch part := rapid.IntRange(0, 5).Draw(r, "part"); part {
		case 0:
			other.Source[rapid.IntRange(0, 15).Draw(r, "byte")] ^= 1
		case 1:
			other.Seq = (d.Seq + rapid.Uint64Range(1, 1000).Draw(r, "seqs on")) % (entry.MaxNumber + 1)
		case 2:
			other.Line = otherLine(d.Line)
		case 3:
			other.Salt[rapid.IntRange(0, 31).Draw(r, "byte")] ^= 1
		case 4:
			other.Body = append(other.Body, rapid.Byte().Draw(r, "more"))
		case 5:
			if len(other.Body) == 0 {
				r.Skip("nothing to cut")
			}
			other.Body = other.Body[:len(other.Body)-1]
		}
		if other.Opens(h) {
			r.Fatalf("%+v opens the seal of %+v", other, d)
		}
	})
}

// otherLine is the line that is easiest to take for another one.
func otherLine(l entry.Line) entry.Line {
	switch l.Name() {
	case "what":
		return entry.LineText(l.K())
	case "text":
		return entry.LineWhat(l.K())
	case "who":
		return entry.LineWhy
	}
	return entry.LineWho
}

// TestNoTwoWaysToRead shows that where one field ends and the next begins cannot
// be read in two ways.
func TestNoTwoWaysToRead(t *testing.T) {
	seen := make(map[entry.Hash]string)
	for _, seq := range []uint64{0, 1, 10, 11, 110} {
		for _, l := range []entry.Line{entry.LineWhat(0), entry.LineWhat(1), entry.LineWhat(11), entry.LineText(1), entry.LineWho} {
			h := seal.Seal(entry.Source{}, seq, l, seal.Salt{}, nil)
			says := fmt.Sprint(seq, l)
			if seen[h] != "" {
				t.Errorf("%s and %s have one seal", says, seen[h])
			}
			seen[h] = says
		}
	}
}

func TestSeedSalts(t *testing.T) {
	seed := seal.Seed(sha256.Sum256([]byte("seed")))
	seen := make(map[seal.Salt]entry.Line)
	for _, l := range []entry.Line{entry.LineWho, entry.LineWhy, entry.LineHow, entry.LineWhat(0), entry.LineWhat(1), entry.LineText(0), entry.LineText(1)} {
		salt := seed.Salt(l)
		if want := sha256.Sum256([]byte("stele/salt/v1\n" + string(seed[:]) + l.String())); salt != want {
			t.Errorf("salt of %s is %x, want %x", l, salt[:], want)
		}
		if other, ok := seen[salt]; ok {
			t.Errorf("%s and %s have one salt", l, other)
		}
		seen[salt] = l
		if salt == (seal.Seed{1}).Salt(l) {
			t.Errorf("two seeds give one salt of %s", l)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	salt, seed := seal.Salt{0: 0xab, 1: 0xcd}, seal.Seed{0: 0xab, 1: 0xcd}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{salt, seed, &salt, &seed, seal.Disclosure{Salt: salt}, struct{ Seed seal.Seed }{seed}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "abcd") || strings.Contains(s, "171 205") || strings.Contains(s, "0xab, 0xcd") {
				t.Errorf("%s of %T prints %s", verb, v, s)
			}
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := aDisclosure(r)
		b, err := json.Marshal(&want)
		if err != nil {
			r.Fatal(err)
		}
		enc := base64.StdEncoding
		if line := fmt.Sprintf(`{"source":"%s","seq":%d,"line":"%s","salt":"%s","body":"%s"}`,
			want.Source, want.Seq, want.Line, enc.EncodeToString(want.Salt[:]), enc.EncodeToString(want.Body)); string(b) != line {
			r.Fatalf("got %s, want %s", b, line)
		}
		var got seal.Disclosure
		if err := json.Unmarshal(b, &got); err != nil {
			r.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(entry.Line{})); d != "" {
			r.Fatal(d)
		}
	})
}

const (
	someSource = "0123456789abcdef0123456789abcdef"
	someSalt   = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

func TestJSONErrorsNameTheField(t *testing.T) {
	line := func(source, seq, line, salt, body string) string {
		return fmt.Sprintf(`{"source":%s,"seq":%s,"line":%s,"salt":%s,"body":%s}`, source, seq, line, salt, body)
	}
	source, salt := `"`+someSource+`"`, `"`+someSalt+`"`
	if err := json.Unmarshal([]byte(line(source, "1", `"who"`, salt, `"e30="`)), new(seal.Disclosure)); err != nil {
		t.Fatalf("the line all others are spoilt from: %v", err)
	}
	for _, c := range []struct{ field, in string }{
		{"source", line(`"`+strings.ToUpper(someSource)+`"`, "1", `"who"`, salt, `"e30="`)},
		{"source", line(`7`, "1", `"who"`, salt, `"e30="`)},
		{"source", line(`""`, "1", `"who"`, salt, `"e30="`)},
		{"seq", line(source, "-1", `"who"`, salt, `"e30="`)},
		{"seq", line(source, "1.5", `"who"`, salt, `"e30="`)},
		{"seq", line(source, `"1"`, `"who"`, salt, `"e30="`)},
		{"seq", line(source, "9007199254740992", `"who"`, salt, `"e30="`)},
		{"line", line(source, "1", `"when"`, salt, `"e30="`)},
		{"line", line(source, "1", `"what 01"`, salt, `"e30="`)},
		{"salt", line(source, "1", `"who"`, `"e30="`, `"e30="`)},
		{"salt", line(source, "1", `"who"`, `"`+someSalt[:43]+`"`, `"e30="`)},
		{"body", line(source, "1", `"who"`, salt, `"e30"`)},
		{"body", line(source, "1", `"who"`, salt, `"e31="`)},
		{"body", line(source, "1", `"who"`, salt, `"e3\n0="`)},
		{"body", line(source, "1", `"who"`, salt, `"e30=\r\n"`)},
		{"body", line(source, "1", `"who"`, salt, `"e3 0="`)},
		{"body", line(source, "1", `"who"`, salt, `"_30="`)},
	} {
		err := json.Unmarshal([]byte(c.in), new(seal.Disclosure))
		if err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s gives %v, want an error about %s", c.in, err, c.field)
		}
	}
	for _, in := range []string{``, `null`, `[]`, `7`, `{}`, `{"source":"` + someSource + `"}`, line(source, "1", `"who"`, salt, `"e30="`) + `x`} {
		if err := json.Unmarshal([]byte(in), new(seal.Disclosure)); err == nil {
			t.Errorf("%q is read as a disclosure", in)
		}
	}
}

func FuzzUnmarshalJSON(f *testing.F) {
	f.Add([]byte(`{"source":"` + someSource + `","seq":1,"line":"what 3","salt":"` + someSalt + `","body":"e30="}`))
	f.Add([]byte(`{"source":"` + someSource + `","seq":9007199254740991,"line":"text 999","salt":"` + someSalt + `","body":""}`))
	f.Add([]byte(`{"body":"e30\u003d","Seq":1e0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, again seal.Disclosure
		if err := json.Unmarshal(b, &d); err != nil {
			return
		}
		if d.Seq > entry.MaxNumber {
			t.Fatalf("%q has a seq of %d", b, d.Seq)
		}
		line, err := json.Marshal(&d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &again); err != nil {
			t.Fatalf("%q comes back as %s, which is refused: %v", b, line, err)
		}
		if diff := cmp.Diff(d, again, cmp.AllowUnexported(entry.Line{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
