package semdiff

import (
	"encoding/json"
	"strings"
)

// mostWords bounds how much of a value stands in a sentence, in characters.
const mostWords = 40

// String says an operation in a few words, on one line: PermitRootLogin no → yes.
func (o Operation) String() string {
	switch o.Kind {
	case Value:
		if o.Secret {
			return joined(o.Path, "secret changed")
		}
		return joined(o.Path, short(o.Old)+" → "+short(o.New))
	case Added:
		return joined("added", o.Path, short(o.New))
	case Removed:
		return joined("removed", o.Path, short(o.Old))
	case Moved, Order:
		if o.Old != nil {
			return joined("renamed", o.Path, "to", short(o.New))
		}
		return joined("moved", o.Path)
	case Comment:
		return o.comment()
	}
	if o.Old != nil {
		return joined(o.Path, short(o.Old)+" → "+short(o.New)+", which is equal")
	}
	return joined("layout of", orText(o.Path))
}

// comment says what became of a comment.
func (o Operation) comment() string {
	word := "comment changed"
	switch {
	case o.Secret:
		word = "secret in a comment changed"
	case empty(o.Old) && empty(o.New):
		word = "comment moved"
	case empty(o.Old):
		word = "comment added"
	case empty(o.New):
		word = "comment removed"
	}
	if o.Path == "" {
		return word
	}
	return word + " in " + o.Path
}

func empty(v json.RawMessage) bool { return len(v) == 0 || string(v) == `""` }

func orText(path string) string {
	if path == "" {
		return "the text"
	}
	return path
}

// joined puts words together that are not empty.
func joined(words ...string) string {
	var all []string
	for _, w := range words {
		if w != "" {
			all = append(all, w)
		}
	}
	return strings.Join(all, " ")
}

// short is a value for people: a string without its quotes, unless it would not be
// seen or taken for something else, and not all of a long one.
func short(v json.RawMessage) string {
	text := string(v)
	var s string
	if json.Unmarshal(v, &s) == nil && text != "null" && s != "" && strings.TrimSpace(s) == s && !json.Valid([]byte(s)) {
		text = s
	}
	if r := []rune(text); len(r) > mostWords {
		return string(r[:mostWords-1]) + "…"
	}
	return text
}

// weight puts what has a meaning for the agent before what is for people.
func (k Kind) weight() int {
	switch k {
	case Value, Added, Removed:
		return 0
	case Moved:
		return 1
	case Order:
		return 2
	case Comment:
		return 3
	}
	return 4
}

// Words says the weightiest operations, at most so many, and how many more there are.
func (d Difference) Words(most int) []string {
	var words []string
	for weight := range 5 {
		for _, o := range d.Operations {
			if o.Kind.weight() == weight && len(words) < most {
				words = append(words, o.String())
			}
		}
	}
	return words
}
