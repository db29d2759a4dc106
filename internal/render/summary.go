package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/semdiff"
	"github.com/stele-log/stele/internal/terminal"
)

// How much of an entry its line names.
const (
	mostChanges    = 4 // of its changes; if there are more, someChanges
	someChanges    = 3
	mostOperations = 3 // of each change
)

// Summary shows an entry in one line: when, who, what and where, why. Of its changes it
// names those that were asked for, and not too many. Findings have lines of their own.
func Summary(w io.Writer, v *history.View, asks func(history.Change) bool) {
	fmt.Fprintf(w, "%6d  %s  %-9s %s%s%s\n", v.Index, When(v.Time), v.Proof.State, terminal.Escape(Headline(v)), changes(v, asks), Reason(v))
	for _, found := range v.Findings {
		fmt.Fprintf(w, "        ! %s: %s\n", terminal.Escape(found.Code), terminal.Escape(found.Detail))
	}
}

// changes are what changed and where.
func changes(v *history.View, asks func(history.Change) bool) string {
	shown := slices.DeleteFunc(slices.Clone(v.Changes), func(c history.Change) bool { return !asks(c) })
	if len(shown) > mostChanges {
		shown = shown[:someChanges]
	}
	var all []string
	for _, c := range shown {
		all = append(all, terminal.Escape(c.Action+" "+subject(v, c)+meaning(c))+notes(c))
	}
	if more := len(v.Changes) - len(shown); more > 0 {
		all = append(all, fmt.Sprintf("and %d more: `stele show %d`", more, v.Index))
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}

// meaning says in words what made one text into the other.
func meaning(c history.Change) string {
	d := semdiff.Difference{Operations: c.Operations}
	words := d.Words(mostOperations)
	if more := len(c.Operations) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	switch {
	case c.Lines != nil:
		words = append(words, fmt.Sprintf("+%d −%d lines", c.Lines.Added, c.Lines.Removed))
	case c.Untold != "":
		words = append(words, "text not compared, "+c.Untold)
	}
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words, ", ")
}

func subject(v *history.View, c history.Change) string {
	s := c.Path
	if c.From != "" {
		s = c.From + " → " + s
	}
	if v.Host != "" {
		s = v.Host + ":" + s
	}
	return s
}

func notes(c history.Change) string {
	var n []string
	n = append(n, c.Marks...)
	told := func(o semdiff.Operation) bool { return o.Secret }
	if c.SecretsChanged > 0 && !slices.ContainsFunc(c.Operations, told) {
		n = append(n, terminal.Count(c.SecretsChanged, "secret", "secrets")+" changed")
	}
	n = append(n, differences(c)...)
	if len(n) == 0 {
		return ""
	}
	return "  [" + terminal.Escape(strings.Join(n, ", ")) + "]"
}
