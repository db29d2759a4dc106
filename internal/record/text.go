package record

import (
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/redact/notions"
)

// SetText makes content, without its secrets, the text of a change: by the
// format that the change names, else by what the catalogue knows of the path,
// else by how path and content look. A link has no format: its text is its
// target. Where content was found behind a link, behind is the name of that file, and
// what either name says of secrets holds; known is of both. The format, the
// fingerprints and the marks are set with it.
func (c *Change) SetText(r *redact.Redactor, known catalogue.Match, behind string, content []byte) {
	link := slices.Contains(c.What.Marks, body.MarkLink)
	if c.What.Format == "" && !link {
		c.What.Format = formatOf(known, body.Text(c.What.Path, c.What.Path64), content)
	}
	src := redact.Source{Format: c.What.Format, Path: body.Text(c.What.Path, c.What.Path64), SecretPaths: known.Secrets, Opaque: known.Opaque}
	res := r.Text(content, Behind(src, behind, content))
	c.Text, c.What.Secrets = res.Text, res.Fingerprints
	if c.Text == nil {
		c.Text = []byte{} // an empty text is a text
	}
	c.mark(body.MarkRedacted, len(res.Fingerprints) > 0)
	c.mark(body.MarkUnparsed, res.Unparsed && !link)
	c.mark(body.MarkBinary, res.Binary)
}

// Behind adds to what is known of a text by one name of its file what another says:
// that of the file behind a link. Empty: there is none.
func Behind(src redact.Source, other string, text []byte) redact.Source {
	if other == "" {
		return src
	}
	telling := func(name string) bool { return notions.TableOf(name) != nil || notions.IsVaultFile(name, text) }
	if !telling(src.Path) && telling(other) {
		src.Path, other = other, src.Path
	}
	src.SecretPaths = slices.Concat(src.SecretPaths, notions.SecretPaths(other))
	return src
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
