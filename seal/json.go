package seal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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

// UnmarshalJSON reads a disclosure; the error names the field at fault.
func (d *Disclosure) UnmarshalJSON(b []byte) error {
	var j jsonDisclosure
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	var err error
	if d.Source, err = entry.ParseSource(j.Source); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	if d.Line, err = entry.ParseLine(j.Line); err != nil {
		return fmt.Errorf("disclosure: %w", err)
	}
	salt, err := entry.ParseHash(j.Salt)
	if err != nil {
		return fmt.Errorf("disclosure: salt: %w", err)
	}
	if d.Body, err = decodeBody(j.Body); err != nil {
		return fmt.Errorf("disclosure: body: %w", err)
	}
	if j.Seq > entry.MaxNumber {
		return fmt.Errorf("disclosure: seq %d is not below 2^53", j.Seq)
	}
	d.Seq, d.Salt = j.Seq, Salt(salt)
	return nil
}

// decodeBody reads base64 in its only spelling; the decoder would pass over
// line ends.
func decodeBody(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line end in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}
