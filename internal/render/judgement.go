package render

import (
	"fmt"
	"io"

	"github.com/stele-log/stele/internal/redact"
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
