package catalogue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stele-log/stele/internal/finding"
)

// Rule describes a weakening: a change of one of Keys that one of When
// describes lowers protection.
type Rule struct {
	Keys     []Key
	When     []Condition
	Severity finding.Severity
	Why      string // what is lost, for people; lower case, no full stop
}

// Place is where a [Key] points to.
type Place string

// The places of a key.
const (
	InTree Place = "tree" // a value of the parsed text
	InLine Place = "line" // a line of the text, without its line feed
	InFlag Place = "flag" // a flag on a command line kept in the text
	OfFile Place = "file" // the file itself
)

// Key points to what a rule watches.
//
//	global.scrape_interval      a value; in flat formats the name of the setting
//	rule_files[]                every item of a list, or of a repeated setting
//	mcpServers.*.command        * is any one name, or any part of one
//	**.password                 ** at the start is any number of names
//	line:/^-D$/                 a line that the RE2 expression finds
//	flag:--web.config.file      a flag, with or without a value
//	file: file:mode file:owner file:target
//	                            the file, its octal mode bits, the name of its
//	                            owner, the target of a symbolic link
type Key struct {
	Place   Place
	Path    []string       // InTree: names, the last perhaps with [] at its end
	Pattern *regexp.Regexp // InLine
	Name    string         // InFlag: with dashes; OfFile: "", mode, owner or target
}

const maxExpression = 200 // bytes of a regular expression

var (
	keyElement = regexp.MustCompile(`^(\*\*|[A-Za-z0-9_$@*-]+)(\[\])?$`)
	flagName   = regexp.MustCompile(`^--?[A-Za-z0-9*][A-Za-z0-9_.*-]*$`)
)

// parseKey reads one key.
func parseKey(s string) (Key, error) {
	if rest, ok := strings.CutPrefix(s, "line:"); ok {
		re, err := parseExpression(rest)
		return Key{Place: InLine, Pattern: re}, err
	}
	if rest, ok := strings.CutPrefix(s, "flag:"); ok {
		if !flagName.MatchString(rest) {
			return Key{}, fmt.Errorf("flag %q", rest)
		}
		return Key{Place: InFlag, Name: rest}, nil
	}
	if rest, ok := strings.CutPrefix(s, "file:"); ok {
		switch rest {
		case "", "mode", "owner", "target":
			return Key{Place: OfFile, Name: rest}, nil
		}
		return Key{}, fmt.Errorf("file:%s: only file:, file:mode, file:owner and file:target exist", rest)
	}
	names, err := parseKeyPath(s)
	return Key{Place: InTree, Path: names}, err
}

func parseKeyPath(s string) ([]string, error) {
	names := strings.Split(s, ".")
	for i, n := range names {
		if !keyElement.MatchString(n) {
			return nil, fmt.Errorf("key path %q: bad element %q", s, n)
		}
		if strings.Contains(n, deep) && (n != deep || i > 0 || len(names) == 1) {
			return nil, fmt.Errorf("key path %q: ** may only be the first of several elements", s)
		}
	}
	return names, nil
}

// parseExpression reads /re/. RE2 takes time linear in its input: no rule can
// stall whoever evaluates it.
func parseExpression(s string) (*regexp.Regexp, error) {
	if len(s) < 3 || s[0] != '/' || s[len(s)-1] != '/' {
		return nil, fmt.Errorf("expression %q is not between slashes", s)
	}
	if len(s) > maxExpression {
		return nil, fmt.Errorf("expression longer than %d bytes", maxExpression)
	}
	re, err := regexp.Compile(s[1 : len(s)-1])
	if err != nil {
		return nil, fmt.Errorf("expression: %w", err)
	}
	return re, nil
}

// Op is what a [Condition] looks for.
type Op string

// The conditions. Where a key is absent, the agent's documented default stands
// for its value.
const (
	Becomes     Op = "becomes"      // the new value is one of Values, the old one is not
	Not         Op = "not"          // the new value is none of Values, the old one was
	Matches     Op = "match"        // Pattern finds something in the new value, not in the old one
	Added       Op = "added"        // present now, absent before
	Removed     Op = "removed"      // absent now, present before
	Changed     Op = "changed"      // another value, or added, or removed
	ItemAdded   Op = "item_added"   // a list has one more item, like one of Values if there are any
	ItemRemoved Op = "item_removed" // a list has one item less, like one of Values if there are any
	Increased   Op = "inc"          // a greater number, size or duration
	Decreased   Op = "dec"          // a smaller one
	CIDRWidened Op = "cidr_widened" // an address range holds more addresses
)

// Condition is one test of the old and the new state of a key. There are no
// variables, no loops and no calls: every condition has an answer.
type Condition struct {
	Op      Op
	Values  []string       // Becomes, Not: values; ItemAdded, ItemRemoved: * is any text
	Pattern *regexp.Regexp // Matches; on a line key Increased and Decreased compare its one group
}

// parseConditions reads conditions joined by " or ".
func parseConditions(s string) ([]Condition, error) {
	var all []Condition
	for {
		c, rest, err := parseCondition(s)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
		if rest == "" {
			return all, nil
		}
		next, ok := strings.CutPrefix(rest, " or ")
		if !ok {
			return nil, fmt.Errorf("%q after a condition: conditions are joined by \" or \"", rest)
		}
		s = next
	}
}

// parseCondition reads the first condition of s and returns what follows it.
func parseCondition(s string) (c Condition, rest string, err error) {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	if end < 0 {
		end = len(s)
	}
	c.Op, rest = Op(s[:end]), s[end:]
	closing := ")"
	if c.Op == Matches {
		closing = "/)" // an expression has parentheses of its own
	}
	arg, rest, given, err := cutArgument(rest, closing)
	if err != nil {
		return c, "", fmt.Errorf("%s: %w", c.Op, err)
	}
	if err := c.take(arg, given); err != nil {
		return c, "", err
	}
	return c, rest, nil
}

// cutArgument splits "(…)" from the front of s, up to what closes it.
func cutArgument(s, closing string) (arg, rest string, given bool, err error) {
	if !strings.HasPrefix(s, "(") {
		return "", s, false, nil
	}
	arg, rest, ok := strings.Cut(s[1:], closing)
	if !ok {
		return "", "", false, fmt.Errorf("%q is not closed", s)
	}
	return arg + closing[:len(closing)-1], rest, true, nil
}

// take gives the condition its argument, if its op wants one.
func (c *Condition) take(arg string, given bool) (err error) {
	switch c.Op {
	case Becomes, Not:
		if !given {
			return fmt.Errorf("%s needs values in parentheses", c.Op)
		}
		c.Values, err = parseValues(arg)
	case ItemAdded, ItemRemoved:
		if given {
			c.Values, err = parseValues(arg)
		}
	case Matches:
		if !given {
			return errors.New("match needs an expression in parentheses")
		}
		c.Pattern, err = parseExpression(arg)
	case Added, Removed, Changed, Increased, Decreased, CIDRWidened:
		if given {
			return fmt.Errorf("%s takes nothing in parentheses", c.Op)
		}
	default:
		return fmt.Errorf("unknown condition %q", c.Op)
	}
	return err
}

// parseValues reads values joined by |; "" is the empty value.
func parseValues(s string) ([]string, error) {
	values := strings.Split(s, "|")
	for i, v := range values {
		switch {
		case v == `""`:
			values[i] = ""
		case v == "" || strings.TrimSpace(v) != v || strings.ContainsAny(v, `"()`):
			return nil, fmt.Errorf("bad value %q", v)
		}
	}
	return values, nil
}

// check refuses a condition that can never hold for a key.
func (r *Rule) check() error {
	for _, k := range r.Keys {
		for _, c := range r.When {
			if !k.allows(c.Op) {
				return fmt.Errorf("%s cannot be asked of a key in the %s", c.Op, k.kind())
			}
		}
	}
	return nil
}

// allows reports whether an op makes sense for a key.
func (k Key) allows(op Op) bool {
	item := op == ItemAdded || op == ItemRemoved
	switch {
	case k.Place == InLine && (op == Increased || op == Decreased):
		return k.Pattern.NumSubexp() == 1
	case k.Place == InLine:
		return op == Added || op == Removed
	case k.Place == InFlag:
		return !item
	case k.Place == OfFile && k.Name == "":
		return op == Added || op == Removed
	case k.Place == OfFile:
		return op == Becomes || op == Not || op == Matches || op == Changed
	case k.list():
		return item || op == CIDRWidened
	}
	return !item
}

// list reports whether the key names the items of a list.
func (k Key) list() bool {
	return k.Place == InTree && strings.HasSuffix(k.Path[len(k.Path)-1], "[]")
}

func (k Key) kind() string {
	if k.list() {
		return "items of a list"
	}
	return string(k.Place)
}
