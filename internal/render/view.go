package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/terminal"
)

// Entry lays an entry out for reading.
func Entry(w io.Writer, v *history.View) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-10s %s\n", name, terminal.Escape(value))
		}
	}
	fmt.Fprintf(w, "entry %d: %s\n", v.Index, terminal.Escape(v.Kind))
	line("id", v.ID)
	line("source", v.Source+" seq "+strconv.FormatUint(v.Seq, 10))
	line("happened", ExactTime(v.Time))
	line("recorded", ExactTime(v.Recorded))
	if v.Received != nil {
		line("received", receivedText(*v.Received))
	}
	line("host", v.Host)
	line("agent", v.Agent)
	for _, l := range openLines(v, ExactTime) {
		line("", l)
	}
	line("detail", v.Detail)
	printActor(line, v.Actor)
	if v.Reason != nil {
		line("why", v.Reason.Text)
		line("ticket", v.Reason.Ticket)
		line("learnt by", v.Reason.Learnt)
		line("given by", Giver(v.Reason.GivenBy))
	}
	for k, c := range v.Changes {
		printChange(w, line, k, c)
	}
	for _, f := range v.Findings {
		line("FINDING", f.Code+": "+f.Detail)
	}
	line("proof", Proof(v.Proof))
}

// receivedText says between which times an entry came in; the newest have no end yet.
func receivedText(r history.Interval) string {
	var words []string
	if r.After != "" {
		words = append(words, "after", ExactTime(r.After))
	}
	if r.Before != "" {
		words = append(words, "before", ExactTime(r.Before))
	}
	return strings.Join(words, " ")
}

func Proof(p history.Proof) string {
	switch p.State {
	case history.Verified:
		return fmt.Sprintf("verified: in the log of %s, signed, every seal opens", terminal.Entries(p.Size))
	case history.Erased:
		return fmt.Sprintf("verified: in the log of %s, signed; parts were erased, on the record", terminal.Entries(p.Size))
	}
	return p.State
}

func printActor(line func(name, value string), a *history.Actor) {
	if a == nil {
		return
	}
	line("who", Actor(a))
	line("author", a.Author)
	line("exe", a.Exe)
	line("command", strings.Join(a.Command, " "))
	for _, p := range a.Ancestors {
		line("  below", fmt.Sprintf("%d %s", p.PID, strings.Join(p.Command, " ")))
	}
	if s := a.Session; s != nil {
		line("session", strings.TrimSpace(s.Kind+" "+s.ID+" "+s.Address))
	}
	line("unproved", strings.Join(a.Unproved, ", "))
	line("seen by", strings.Trim(a.Layer+", "+a.Confidence, ", "))
	line("signals", strings.Join(a.Signals, ", "))
}

func printChange(w io.Writer, line func(name, value string), k int, c history.Change) {
	fmt.Fprintf(w, "change %d\n", k)
	line("  path", c.Path)
	line("  from", c.From)
	line("  action", c.Action)
	line("  since", ExactTime(c.Since))
	line("  seen", ExactTime(c.Time))
	line("  format", c.Format)
	printBeside(line, c)
	if c.Size != nil {
		line("  size", strconv.FormatInt(*c.Size, 10))
	}
	line("  digest", c.Digest)
	line("  marks", strings.Join(c.Marks, ", "))
	if c.SecretsChanged > 0 {
		line("  secrets", strconv.Itoa(c.SecretsChanged)+" changed")
	}
	for _, o := range c.Operations {
		line("  what", o.String())
	}
	if c.Lines != nil {
		line("  lines", fmt.Sprintf("+%d −%d", c.Lines.Added, c.Lines.Removed))
	}
	line("  before", c.Before)
	line("  after", c.After)
}
