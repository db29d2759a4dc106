// Package importer turns a history that was kept elsewhere into drafts of
// entries: rows of newline-delimited JSON, and the contents they name.
//
// What such a file says about who, when and why is recorded as told: times are
// claims, the confidence of the actor is "imported", and the signer's own clock
// says when it was told. docs/import.md describes the format.
package importer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// Limits of a file of changes.
const (
	maxRow    = 4 << 20   // bytes of one row
	maxWindow = 128 << 20 // window of the compressed file
)

// byteOrderMark may stand before the first row, as some editors write it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Row is one change as the file tells it.
type Row struct {
	Repository   string  `json:"repo"`
	Commit       string  `json:"commit"`
	Path         string  `json:"path"`
	Path64       string  `json:"path64"` // path in base64, where it is not UTF-8; never both
	Agent        string  `json:"agent_kind"`
	Format       string  `json:"format"`
	Op           string  `json:"op"` // add, modify or delete
	Author       string  `json:"author_name"`
	Applier      string  `json:"committer_name"`
	Time         string  `json:"time"`        // when it was applied
	AuthorTime   string  `json:"author_time"` // when it was written
	Message      string  `json:"message"`
	BeforeDigest *string `json:"before_sha256"`
	AfterDigest  *string `json:"after_sha256"`
}

// RowError names the row at fault.
type RowError struct {
	Row int // from 1
	Err error
}

func (e *RowError) Error() string { return fmt.Sprintf("row %d: %v", e.Row, e.Err) }

// Unwrap returns what is wrong with the row.
func (e *RowError) Unwrap() error { return e.Err }

// ReadRows reads the whole file, plain or zstd-compressed by its name. The
// digest is that of the rows, uncompressed.
func ReadRows(name string) (rows []Row, digest string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	plain, done, err := decompress(name, f)
	if err != nil {
		return nil, "", err
	}
	defer done()
	sum := sha256.New()
	sc := bufio.NewScanner(io.TeeReader(plain, sum))
	sc.Buffer(make([]byte, 0, 1<<16), maxRow)
	for sc.Scan() {
		line := sc.Bytes()
		if len(rows) == 0 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		var r Row
		if err := parseRow(line, &r); err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, &RowError{len(rows) + 1, err})
		}
		rows = append(rows, r)
	}
	if err := sc.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("longer than %d bytes", maxRow)
		}
		return nil, "", fmt.Errorf("%s: %w", name, &RowError{len(rows) + 1, err})
	}
	if len(rows) == 0 {
		return nil, "", fmt.Errorf("%s: no rows", name)
	}
	return rows, hex.EncodeToString(sum.Sum(nil)), nil
}

func decompress(name string, f io.Reader) (io.Reader, func(), error) {
	if !strings.HasSuffix(name, ".zst") {
		return f, func() {}, nil
	}
	d, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, d.Close, nil
}

func parseRow(line []byte, r *Row) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return errors.New("an empty line")
	}
	if !utf8.Valid(line) { // encoding/json would replace it and make two names one
		return errors.New("not UTF-8")
	}
	if half, is := halfCharacter(line); is { // as above
		return fmt.Errorf("%s is half a character; give a path that is not UTF-8 as path64", half)
	}
	if err := json.Unmarshal(line, r); err != nil {
		return err
	}
	if err := r.decodePath(); err != nil {
		return err
	}
	for _, t := range []string{r.Time, r.AuthorTime} {
		if t == "" {
			continue
		}
		if _, err := time.Parse(time.RFC3339, t); err != nil {
			return fmt.Errorf("time %.40q is not RFC 3339", t)
		}
	}
	return r.checkDigests()
}

// halfCharacter finds an escaped surrogate without the other one of its pair.
// A backslash stands in strings only, in what is JSON at all.
func halfCharacter(line []byte) (escape []byte, is bool) {
	for i := bytes.IndexByte(line, '\\'); i >= 0 && i < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		first := surrogate(line[i:])
		switch {
		case first == 0:
			i++ // what is escaped
		case utf16.DecodeRune(first, surrogate(line[i+6:])) != utf8.RuneError:
			i += 11
		default:
			return line[i : i+6], true
		}
	}
	return nil, false
}

// surrogate reads an escape such as \ud800 at the start of b; 0: it is none of a
// surrogate.
func surrogate(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil || !utf16.IsSurrogate(rune(n)) {
		return 0
	}
	return rune(n)
}

// decodePath makes Path the path, however the row told it.
func (r *Row) decodePath() error {
	switch {
	case r.Path == "" && r.Path64 == "":
		return errors.New("no path")
	case r.Path64 == "":
		return nil
	case r.Path != "":
		return errors.New("both path and path64")
	}
	b, err := base64.StdEncoding.DecodeString(r.Path64)
	if err != nil {
		return fmt.Errorf("path64: %w", err)
	}
	r.Path = string(b)
	return nil
}

func (r *Row) checkDigests() error {
	want := map[string][2]bool{"add": {false, true}, "modify": {true, true}, "delete": {true, false}}
	has, ok := want[r.Op]
	if !ok {
		return fmt.Errorf("op %.40q is not add, modify or delete", r.Op)
	}
	if has != [2]bool{r.BeforeDigest != nil, r.AfterDigest != nil} {
		return fmt.Errorf("op %s does not go with the digests before and after", r.Op)
	}
	for _, d := range []*string{r.BeforeDigest, r.AfterDigest} {
		if d == nil {
			continue
		}
		b, err := hex.DecodeString(*d)
		if err != nil || len(b) != sha256.Size {
			return fmt.Errorf("digest %.80q is not a hexadecimal SHA-256", *d)
		}
		*d = hex.EncodeToString(b) // contents are found by it in lower case
	}
	return nil
}
