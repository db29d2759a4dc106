package record

import (
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
)

// SetText makes content, without its secrets, the text of a change: by the
// format that the change names, else by what the catalogue knows of the path,
// else by how path and content look. A link has no format: its text is its
// target. The format, the fingerprints and the marks are set with it.
func (c *Change) SetText(r *redact.Redactor, known catalogue.Match, content []byte) {
	link := slices.Contains(c.What.Marks, body.MarkLink)
	if c.What.Format == "" && !link {
		c.What.Format = formatOf(known, body.Text(c.What.Path, c.What.Path64), content)
	}
	res := r.Text(content, redact.Source{Format: c.What.Format, Path: body.Text(c.What.Path, c.What.Path64), SecretPaths: known.Secrets, Opaque: known.Opaque})
	c.Text, c.What.Secrets = res.Text, res.Fingerprints
	if c.Text == nil {
		c.Text = []byte{} // an empty text is a text
	}
	c.mark(body.MarkRedacted, len(res.Fingerprints) > 0)
	c.mark(body.MarkUnparsed, res.Unparsed && !link)
	c.mark(body.MarkBinary, res.Binary)
}

func formatOf(known catalogue.Match, path string, content []byte) string {
	if known.Format != catalogue.FormatUnknown {
		return known.Format
	}
	return catalogue.FormatOf(path, content)
}

// mark adds a mark, if it holds; marks stand in ascending order.
func (c *Change) mark(mark string, holds bool) {
	if holds && !slices.Contains(c.What.Marks, mark) {
		c.What.Marks = slices.Sorted(slices.Values(append(slices.Clone(c.What.Marks), mark)))
	}
}

// Encode splits bytes into the two ways a body may hold them; [body.Text] joins
// them again.
func Encode(s string) (plain, encoded string) {
	if utf8.ValidString(s) {
		return s, ""
	}
	return "", base64.StdEncoding.EncodeToString([]byte(s))
}
