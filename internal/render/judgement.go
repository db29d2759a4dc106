package render

import (
	"cmp"
	"fmt"
	"io"

	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/rescan"
	"github.com/stele-log/stele/internal/terminal"
)

// Judgements prints of each value of a text whether it is masked, and why.
func Judgements(w io.Writer, all []redact.Judgement) error {
	for _, j := range all {
		word, key := "shown ", j.Key
		if j.Masked {
			word = "masked"
		}
		if key != "" {
			key = terminal.Escape(key) + ": "
		}
		if _, err := fmt.Fprintf(w, "line %d: %s  %s%s\n", j.Line, word, key, j.Why); err != nil {
			return err
		}
	}
	return nil
}

// Place writes where a value stands that would be masked today.
func Place(w io.Writer, p rescan.Place) error {
	where := terminal.Escape(p.Path)
	if p.At > 0 {
		where += fmt.Sprintf(", line %d", p.At)
	}
	if p.Path == "" {
		where = p.Line
	}
	if p.Key != "" {
		where += ", " + terminal.Escape(p.Key)
	}
	if p.Why != "" {
		where += " (" + p.Why + ")"
	}
	_, err := fmt.Fprintf(w, "entry %d  %s  %s\n", p.Index, terminal.Escape(cmp.Or(p.Host, p.Source)), where)
	return err
}
