package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

const (
	someDigest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of abc
	addX       = `{"path":"x","op":"add","after_sha256":"` + someDigest + `"}`
)

// read reads rows from a file of that content.
func read(t *testing.T, name, content string) ([]Row, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadRows(path)
}

func pack(t *testing.T, content string) string {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(enc.EncodeAll([]byte(content), nil))
}

func TestReadRows(t *testing.T) {
	row := func(path string) string { return strings.Replace(addX, `"x"`, path, 1) }
	for _, tc := range []struct {
		name, content string
		paths         []string
	}{
		{"one", addX + "\n", []string{"x"}},
		{"no line feed at the end", addX + "\n" + addX, []string{"x", "x"}},
		{"CRLF", addX + "\r\n" + addX + "\r\n", []string{"x", "x"}},
		{"white space", " \t" + addX + " \n", []string{"x"}},
		{"a byte order mark", "\ufeff" + addX + "\n" + addX + "\n", []string{"x", "x"}},
		{"escapes", row(`"a\\ud800\/\ud83d\uDE00\u0000\n"`), []string{"a\\ud800/😀\x00\n"}},
		{"U+FFFD as such", row(`"\ufffd"`) + "\n" + row("\"\ufffd\""), []string{"\ufffd", "\ufffd"}},
		{"a path that is not UTF-8", row(`"","path64":"/w=="`), []string{"\xff"}},
		{"a path in base64 that is", row(`"","path64":"YQ=="`), []string{"a"}},
		{"what is not known", `{"new":{"x":[1,null]},` + addX[1:], []string{"x"}},
		{"a row of nearly 4 MiB", row(`"x","message":"` + strings.Repeat("m", maxRow-200) + `"`), []string{"x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows, digest, err := read(t, "rows.ndjson", tc.content)
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, r := range rows {
				paths = append(paths, r.Path)
			}
			if d := cmp.Diff(tc.paths, paths); d != "" {
				t.Errorf("paths (-want +got):\n%s", d)
			}
			if digest != sha256Hex(tc.content) {
				t.Errorf("digest %s is not that of the file", digest)
			}
			packed, same, err := read(t, "rows.ndjson.zst", pack(t, tc.content))
			if d := cmp.Diff(rows, packed); err != nil || d != "" || same != digest {
				t.Errorf("packed: %v, %s\n%s", err, same, d)
			}
		})
	}
}

// TestRowsAreRefused: each in the third row, which the error names.
func TestRowsAreRefused(t *testing.T) {
	path := func(p string) string { return strings.Replace(addX, `"x"`, p, 1) }
	for _, tc := range []struct{ name, row, want string }{
		{"half a character", path(`"a\ud800"`), `\ud800 is half a character`},
		{"the other half", path(`"\uDC00a"`), `\uDC00 is half a character`},
		{"two first halves", path(`"\ud800\ud800\udc00"`), `\ud800 is half a character`},
		{"halves apart", path(`"\ud800x\udc00"`), `\ud800 is half a character`},
		{"half behind a backslash", path(`"\\\ud800"`), `\ud800 is half a character`},
		{"half in a name", `{"\udfff":1}`, `\udfff is half a character`},
		{"half in a message", path(`"x","message":"\udbff"`), `\udbff is half a character`},
		{"a surrogate in UTF-8", path("\"\xed\xa0\x80\""), "not UTF-8"},
		{"a byte order mark", "\ufeff" + addX, "invalid character"},
		{"empty", "", "an empty line"},
		{"blank", " \r", "an empty line"},
		{"cut", addX[:20], "unexpected end of JSON"},
		{"cut in an escape", `{"path":"\ud8`, "hexadecimal character escape"},
		{"a backslash last", `{"path":"\`, "string escape code"},
		{"too long", `{"path":"` + strings.Repeat("x", maxRow) + `"}`, "longer than 4194304 bytes"},
		{"no path", `{"op":"add"}`, "no path"},
		{"two paths", path(`"x","path64":"eA=="`), "both path and path64"},
		{"base64 of another kind", path(`"","path64":"_w=="`), "path64: illegal base64"},
		{"no time", path(`"x","time":"yesterday"`), "is not RFC 3339"},
		{"no op", `{"path":"x"}`, `op ""`},
		{"add with a before", path(`"x","before_sha256":"` + someDigest + `"`), "op add does not go with"},
		{"a digest that escapes", `{"path":"x","op":"add","after_sha256":"../../etc/passwd"}`, "is not a hexadecimal SHA-256"},
		{"a digest too short", `{"path":"x","op":"add","after_sha256":"ab"}`, "is not a hexadecimal SHA-256"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rows, _, err := read(t, "rows.ndjson", addX+"\n"+addX+"\n"+tc.row+"\n")
			var at *RowError
			if !errors.As(err, &at) || at.Row != 3 || !strings.Contains(err.Error(), tc.want) || rows != nil {
				t.Errorf("%d rows, %v; want row 3, %q", len(rows), err, tc.want)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestFilesAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"empty.ndjson", "", "no rows"},
		{"mark.ndjson", "\ufeff", "row 1: an empty line"},
		{"utf16.ndjson", "\xff\xfe{\x00}\x00", "row 1: not UTF-8"},
		{"garbage.ndjson.zst", "garbage", "row 1: "},
		{"cut.ndjson.zst", pack(t, addX)[:30], "row 1: "},
	} {
		if _, _, err := read(t, tc.name, tc.content); err == nil || !strings.Contains(err.Error(), tc.name+": "+tc.want) {
			t.Errorf("%s: %v; want %q", tc.name, err, tc.want)
		}
	}
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// FuzzHalfCharacter holds the search against what encoding/json makes of a
// string: U+FFFD appears exactly where half a character was escaped.
func FuzzHalfCharacter(f *testing.F) {
	for _, s := range []string{`"a"`, `"\ud800"`, `"\\ud800"`, `"\ud83d\ude00"`, `"\udc00\ud800"`, `"\ud800\u0041"`, `"\"\ud800"`, `"\ud80`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		_, half := halfCharacter(line)
		var s string
		lower := bytes.ToLower(line)
		if !utf8.Valid(line) || json.Unmarshal(line, &s) != nil || bytes.Contains(lower, []byte(`\ufffd`)) || bytes.ContainsRune(line, utf8.RuneError) {
			return
		}
		if replaced := strings.ContainsRune(s, utf8.RuneError); replaced != half {
			t.Errorf("%q: half a character: %v, and yet it reads %q", line, half, s)
		}
	})
}
