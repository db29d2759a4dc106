package render

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/history"
)

// printBeside lays out what a file has beside its text, and how that was before.
func printBeside(line func(name, value string), c history.Change) {
	was := c.Was
	if was == nil {
		was = &history.Was{}
	}
	line("  mode", formerly(c.Mode, was.Mode))
	line("  owner", formerly(c.Owner, was.Owner))
	line("  target", formerly(c.Target, was.Target))
	for _, a := range either(c.Attributes, was.Attributes) {
		line("  attr", a.name+" "+a.text)
	}
	switch {
	case was.Links > 0:
		line("  names", formerly(strconv.Itoa(max(c.Links, 1)), strconv.Itoa(was.Links)))
	case c.Links > 0:
		line("  names", strconv.Itoa(c.Links))
	}
	for _, n := range c.Names {
		line("  also", n.Path)
	}
}

// differences are, in a few words each, how what a file has beside its text changed.
func differences(c history.Change) []string {
	was := c.Was
	if was == nil {
		return nil
	}
	var all []string
	differs := func(name, before, after string) {
		switch {
		case before == "":
		case len(before)+len(after) > mostBeside:
			all = append(all, name+" changed")
		default:
			all = append(all, name+" "+before+" → "+cmp.Or(after, "none"))
		}
	}
	differs("mode", was.Mode, c.Mode)
	differs("owner", was.Owner, c.Owner)
	differs("target", was.Target, c.Target)
	for _, a := range was.Attributes {
		now := named(c.Attributes, a.Name)
		if a.Fingerprint+now.Fingerprint != "" {
			all = append(all, a.Name+" changed")
			continue
		}
		differs(a.Name, value(a), value(now))
	}
	if was.Links > 0 {
		differs("names", strconv.Itoa(was.Links), strconv.Itoa(max(c.Links, 1)))
	}
	return all
}

// mostBeside bounds, in bytes, both values of a difference that stands in a line of
// a list.
const mostBeside = 40

// named is the attribute of a name; without a value where there is none.
func named(all []body.Attribute, name string) body.Attribute {
	if i := slices.IndexFunc(all, func(a body.Attribute) bool { return a.Name == name }); i >= 0 {
		return all[i]
	}
	return body.Attribute{Name: name}
}

// formerly says how something is, and how it was if that differs.
func formerly(is, was string) string {
	if was == "" {
		return is
	}
	return cmp.Or(is, "none") + ", was " + was
}

// said is an attribute in words.
type said struct{ name, text string }

// either are the attributes that there are or were.
func either(is, was []body.Attribute) []said {
	var all []said
	for _, a := range is {
		all = append(all, said{a.Name, value(a)})
	}
	for _, a := range was {
		i := slices.IndexFunc(all, func(s said) bool { return s.name == a.Name })
		if i < 0 {
			all = append(all, said{a.Name, "none, was " + value(a)})
			continue
		}
		all[i].text += ", was " + value(a)
	}
	slices.SortStableFunc(all, func(a, b said) int { return strings.Compare(a.name, b.name) })
	return all
}

// value is how an attribute's value is shown.
func value(a body.Attribute) string {
	switch {
	case a.Fingerprint != "" && a.Size != nil:
		return fmt.Sprintf("%d bytes, fingerprint %s", *a.Size, a.Fingerprint)
	case a.Value == "" && a.Size == nil:
		return "none"
	case a.Value == "":
		return "empty"
	}
	return a.Value
}
