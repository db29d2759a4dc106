// Package assignment finds the value of a name in a text of any syntax or of none:
// what stands between the two, the quotes around the value, where it ends, and
// whether it may be prose. A setting in a comment is one too.
//
// It promises places within the text and time linear in it, for names that come in
// their order. It does not judge a name or a value, and masks nothing but what
// stands in an expression that computes a secret: package redact does.
package assignment

import "bytes"

// Form is what is known of a whole text.
type Form struct {
	Format string // its syntax, or empty
	Prose  bool   // prose, not configuration
	Bare   bool   // one argument of a command line
	Shell  bool   // a command line in one string
	Script bool   // a script of a shell, by its name
}

// spaced says whether a key and its value may be separated by nothing but
// white space.
func (f Form) spaced() bool {
	switch f.Format {
	case "yaml", "toml", "json", "jsonc", "xml", "env", "rules", "markdown":
		return false
	}
	return !f.Prose && !f.Bare
}

// isProgram says whether a text is a program, whose statements are read as
// commands.
func (f Form) isProgram(text []byte) bool {
	return f.Format == "crontab" || f.Format == "sudoers" || f.Format == "sshd" || bytes.HasPrefix(text, []byte("#!"))
}

// Reader finds values in one text. It belongs to one call, and names come to it in
// the order of the text.
type Reader struct {
	text []byte
	form Form
	mask func(start, end int) // takes the strings of an expression that computes a secret

	Line     Line // the line of the last name
	WeakTo   int  // values of doubtful names are read up to here
	blocks   int  // bytes read as parts of block scalars
	computed int  // expressions up to here are read
}

// New returns a reader of text, which gives to mask what it finds in
// expressions.
func New(text []byte, f Form, mask func(start, end int)) *Reader {
	return &Reader{text: text, form: f, mask: mask, Line: Line{End: -1}}
}
