package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/sentence"
	"github.com/stele-log/stele/internal/terminal"
)

func Headline(v *history.View) string {
	if v.Kind == "change" {
		return Actor(v.Actor)
	}
	text := strings.TrimSpace(v.Kind + " " + strings.Join(openLines(v, When), ", "))
	if v.Kind == "access" || v.Kind == "remark" || v.Kind == "gap" && v.Actor != nil && v.Actor.UID != nil {
		text += " by " + Actor(v.Actor)
	}
	if v.Detail != "" {
		text += ": " + shortened(v.Detail)
	}
	return text
}

// openLines are the open lines of an entry, with times as people read them, in which
// entries are named by index, where they stand in this log.
func openLines(v *history.View, when func(string) string) []string {
	lines, about := slices.Clone(v.Lines), v.About
	for k, l := range lines {
		if strings.HasPrefix(l, "about ") && len(about) > 0 {
			lines[k], about = fmt.Sprintf("about entry %d", about[0]), about[1:]
		}
		if name, t, timed := strings.Cut(l, " "); timed && (name == "since" || name == "until") {
			lines[k] = name + " " + when(t)
		}
	}
	return lines
}

// shortened fits into a line.
func shortened(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:99]) + "…"
	}
	return s
}

// Actor says who acted.
func Actor(a *history.Actor) string {
	if a == nil {
		return sentence.Actor(nil, "", nil)
	}
	return sentence.Actor(&a.Who, body.Confidence(a.Confidence), a.Package)
}

// Reason is why an entry came about, to stand behind what it says; empty: nobody said.
func Reason(v *history.View) string {
	if v.Reason == nil || v.Reason.Text+v.Reason.Ticket == "" {
		return ""
	}
	before := "; reason: "
	if len(v.Changes) == 0 {
		before = ": "
	}
	text, _, more := strings.Cut(strings.TrimSpace(v.Reason.Text), "\n")
	if more {
		text += " …"
	}
	if v.Reason.Ticket != "" {
		text = strings.TrimSpace(v.Reason.Ticket + " " + text)
	}
	if by := Giver(v.Reason.GivenBy); by != "" {
		by = " (by " + terminal.Escape(by) + ")"
		return before + terminal.Escape(shortened(text)) + by
	}
	return before + terminal.Escape(shortened(text))
}

// Giver is who gave a reason that is not the actor's own.
func Giver(g *history.Giver) string {
	if g == nil {
		return ""
	}
	name := g.User
	if name == "" && g.UID != nil {
		name = "uid " + strconv.FormatUint(uint64(*g.UID), 10)
	}
	if name == "" {
		name = "somebody unknown"
	}
	if g.Host != "" {
		name += " on " + g.Host
	}
	return name
}
