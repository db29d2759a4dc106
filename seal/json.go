package seal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stele-log/stele/entry"
)

type jsonDisclosure struct {
	Source string `json:"source"`
	Seq    uint64 `json:"seq"`
	Line   string `json:"line"`
	Salt   string `json:"salt"`
	Body   string `json:"body"`
}

// MarshalJSON renders d as disclosures are exchanged (format.md section 5).
func (d *Disclosure) MarshalJSON() ([]byte, error) {
	enc := base64.StdEncoding
	return json.Marshal(jsonDisclosure{
		d.Source.String(), d.Seq, d.Line.String(), enc.EncodeToString(d.Salt[:]), enc.EncodeToString(d.Body),
	})
}

// UnmarshalJSON reads a disclosure; the error names the field at fault. Members
// stand in any order, and others beside the five are passed over.
func (d *Disclosure) UnmarshalJSON(b []byte) error {
	var m members
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	var err error
	if d.Source, err = entry.ParseSource(m.text("source")); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	if d.Seq, err = m.number("seq"); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	if d.Line, err = entry.ParseLine(m.text("line")); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	salt, err := entry.ParseHash(m.text("salt"))
	if err != nil {
		return fmt.Errorf("disclosure: salt: %w", err)
	}
	d.Salt = Salt(salt)
	if !m.has("body") {
		return errors.New("disclosure: no body")
	}
	if d.Body, err = decodeBody(m.text("body")); err != nil {
		return fmt.Errorf("disclosure: body: %w", err)
	}
	return nil
}

// members are those of an object, by names as they are spelt: a struct would take
// other cases of letters too.
type members map[string]json.RawMessage

// has reports whether a member is a string.
func (m members) has(name string) bool { return len(m[name]) > 0 && m[name][0] == '"' }

// text is a string, empty where there is none.
func (m members) text(name string) (s string) {
	if m.has(name) {
		_ = json.Unmarshal(m[name], &s) // it was read as JSON before
	}
	return s
}

// number is a number of the format, in whatever spelling JSON has for it.
func (m members) number(name string) (uint64, error) {
	f, err := strconv.ParseFloat(string(m[name]), 64)
	if err != nil || f != math.Trunc(f) || f < 0 || f > entry.MaxNumber {
		return 0, fmt.Errorf("%s is not a number below 2^53", name)
	}
	return uint64(f), nil
}

// decodeBody reads base64 in its only spelling; the decoder would pass over
// line ends.
func decodeBody(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line end in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}
