package redact

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// utf16Of encodes text after a byte order mark.
func utf16Of(text string, o binary.AppendByteOrder) []byte {
	out := o.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		out = o.AppendUint16(out, u)
	}
	return out
}

func TestByteOrderMarks(t *testing.T) {
	const (
		before = "# größer 😀\r\ninterval: 15s\r\npassword: "
		secret = "Tr0ub4dor&3-ü😀x"
		after  = "\r\nuser: jane\r\n"
	)
	little, big := binary.AppendByteOrder(binary.LittleEndian), binary.AppendByteOrder(binary.BigEndian)
	bare := func(s string, o binary.AppendByteOrder) string { return string(utf16Of(s, o)[2:]) }
	for _, tc := range []struct{ name, raw, want string }{
		{"none", before + secret + after, before + Mark + after},
		{"UTF-8", "\xef\xbb\xbf" + before + secret + after, "\xef\xbb\xbf" + before + Mark + after},
		{"UTF-16 LE", "\xff\xfe" + bare(before+secret+after, little), "\xff\xfe" + bare(before, little) + Mark + bare(after, little)},
		{"UTF-16 BE", "\xfe\xff" + bare(before+secret+after, big), "\xfe\xff" + bare(before, big) + Mark + bare(after, big)},
		{"UTF-16, a byte too many", "\xff\xfe" + bare(before+secret+after, little) + "x", "\xff\xfe" + bare(before, little) + Mark + bare(after, little) + "x"},
		{"UTF-16, half a pair", "\xff\xfe\x00\xd8\n\x00" + bare(before+secret+after, little), "\xff\xfe\x00\xd8\n\x00" + bare(before, little) + Mark + bare(after, little)},
		{"only a mark", "\xef\xbb\xbf", "\xef\xbb\xbf"},
		{"only a mark of UTF-16", "\xff\xfe", "\xff\xfe"},
	} {
		res := newTest().Text([]byte(tc.raw), Source{Format: "yaml"})
		if string(res.Text) != tc.want || res.Binary {
			t.Errorf("%s: binary %v\n got %q\nwant %q", tc.name, res.Binary, res.Text, tc.want)
		}
		consistent(t, []byte(tc.raw), res)
	}
}

// TestByteOrderMarkParses: what stands before the first key does not belong to
// it.
func TestByteOrderMarkParses(t *testing.T) {
	for format, text := range map[string]string{
		"yaml": "a: 1\nb: [x, y]\n", "toml": "[a]\nb = 1\n", "json": `{"a": 1}`, "xml": "<a>1</a>", "ini": "[a]\nb = 1\n",
	} {
		for name, raw := range map[string][]byte{
			"UTF-8": append([]byte("\xef\xbb\xbf"), text...), "UTF-16 LE": utf16Of(text, binary.LittleEndian), "UTF-16 BE": utf16Of(text, binary.BigEndian),
		} {
			if res := newTest().Text(raw, Source{Format: format}); res.Unparsed || res.Binary || !bytes.Equal(res.Text, raw) {
				t.Errorf("%s in %s: unparsed %v, binary %v, %q", format, name, res.Unparsed, res.Binary, res.Text)
			}
		}
	}
	res := newTest().Text([]byte("\xef\xbb\xbfpassword: hunter2hunter2\n"), Source{Format: "yaml"})
	if want := "\xef\xbb\xbfpassword: " + Mark + "\n"; string(res.Text) != want {
		t.Errorf("a secret in the first line: %q", res.Text)
	}
}

// TestNotText: without a mark, and with that of UTF-32, a NUL is a NUL.
func TestNotText(t *testing.T) {
	for _, raw := range []string{"a\x00b", "p\x00a\x00s\x00s\x00", "\xff\xfe\x00\x00a\x00\x00\x00", "\xef\xbb\xbf\x00", "\xff\xfea\x00\x00\x00"} {
		if res := newTest().Text([]byte(raw), Source{}); !res.Binary || !res.Unparsed || string(res.Text) != Mark {
			t.Errorf("%q: binary %v, %q", raw, res.Binary, res.Text)
		}
	}
}

// TestMarkAcrossCharacters: bytes that read like a mark, but are parts of
// characters, would have no fingerprint.
func TestMarkAcrossCharacters(t *testing.T) {
	raw := append([]byte("\xff\xfea"), Mark...)
	raw = append(raw, "\x00b\x00"...)
	res := newTest().Text(raw, Source{})
	consistent(t, raw, res)
	if !res.Binary {
		t.Errorf("kept %q", res.Text)
	}
}

// consistent holds a result against what the package promises of every one.
func consistent(t interface{ Errorf(string, ...any) }, raw []byte, res Result) {
	if n := bytes.Count(res.Text, []byte(Mark)); n != len(res.Fingerprints) || n != len(res.Spans) {
		t.Errorf("%q: %d marks, %d fingerprints, %d spans", raw, n, len(res.Fingerprints), len(res.Spans))
	}
	if text, _ := substitute(raw, res.Spans); !bytes.Equal(text, res.Text) {
		t.Errorf("%q: bytes beside the spans changed: %q", raw, res.Text)
	}
	again := newTest().Text(res.Text, Source{Format: "yaml"})
	if !bytes.Equal(again.Text, res.Text) {
		t.Errorf("%q: redacted twice: %q, then %q", raw, res.Text, again.Text)
	}
}

// TestUTF16IsMaskedAsUTF8 masks the same characters in each encoding.
func TestUTF16IsMaskedAsUTF8(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"password: ", "hunter2hunter2", "\n", "\r\n", "  - ", "ü", "😀", "token=", "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB", "x", `"`, Mark, "\u1234", "a: b",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for _, p := range rapid.SliceOf(piece).Draw(t, "pieces") {
			text += p
		}
		plain := newTest().Text([]byte(text), Source{Format: "yaml"})
		for _, o := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			raw := utf16Of(text, o)
			res := newTest().Text(raw, Source{Format: "yaml"})
			consistent(t, raw, res)
			var masked []string
			for _, s := range res.Spans {
				v, _ := look(append(o.AppendUint16(nil, 0xfeff), raw[s.Start:s.End]...))
				masked = append(masked, string(v.text))
			}
			if len(masked) != len(plain.Spans) {
				t.Fatalf("%q: masked %q, and in UTF-8 %d", text, masked, len(plain.Spans))
			}
			for i, s := range plain.Spans {
				if masked[i] != text[s.Start:s.End] {
					t.Fatalf("%q: masked %q, in UTF-8 %q", text, masked[i], text[s.Start:s.End])
				}
			}
		}
	})
}
