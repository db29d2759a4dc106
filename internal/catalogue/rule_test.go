package catalogue

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var compareExpressions = cmp.Comparer(func(a, b *regexp.Regexp) bool {
	return a == b || a != nil && b != nil && a.String() == b.String()
})

func TestParseConditions(t *testing.T) {
	for in, want := range map[string][]Condition{
		"added":                        {{Op: Added}},
		"added or removed":             {{Op: Added}, {Op: Removed}},
		"becomes(a|b c|1)":             {{Op: Becomes, Values: []string{"a", "b c", "1"}}},
		`becomes("")`:                  {{Op: Becomes, Values: []string{""}}},
		"becomes(/dev/null) or added":  {{Op: Becomes, Values: []string{"/dev/null"}}, {Op: Added}},
		"not(0) or item_added(Bash*)":  {{Op: Not, Values: []string{"0"}}, {Op: ItemAdded, Values: []string{"Bash*"}}},
		"match(/a or (b|c)/) or added": {{Op: Matches, Pattern: regexp.MustCompile("a or (b|c)")}, {Op: Added}},
		"item_removed":                 {{Op: ItemRemoved}},
		"inc or dec or cidr_widened":   {{Op: Increased}, {Op: Decreased}, {Op: CIDRWidened}},
	} {
		got, err := parseConditions(in)
		if diff := cmp.Diff(want, got, compareExpressions, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", in, err, diff)
		}
	}
}

func TestParseConditionsRefuses(t *testing.T) {
	for _, in := range []string{
		"", " added", "added ", "added or", "added or ", "added and removed", "added,removed", "Added", "added()", "changed(weaker)",
		"becomes", "becomes()", "becomes(", "becomes(a||b)", "becomes( a)", `becomes(a"b)`, "becomes(a))", "becomes(a(b))", "not()",
		"match", "match()", "match(a)", "match(/)", "match(//)", "match(/a)", "match(/(/)", "match(/(?!x)/)",
		"match(/" + strings.Repeat("a", 300) + "/)", "inc(1)", "exec(rm)", "added\nor removed",
	} {
		if got, err := parseConditions(in); err == nil {
			t.Errorf("%q: %+v, want an error", in, got)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, in := range []string{
		"", ".", "a.", ".a", "a..b", "a b", "a[0]", "a[", "[]", "**", "a.**", "**.**", "x**.y", "a[]b", "line:", "line:x", "line:/", "line://",
		"line:/[/", "flag:", "flag:x", "flag:--", "flag:--a b", "file:size", "unit:x", "a\x00",
	} {
		if got, err := parseKey(in); err == nil {
			t.Errorf("%q: %+v, want an error", in, got)
		}
	}
}

func TestRuleCheck(t *testing.T) {
	for _, test := range []struct {
		key, when string
		ok        bool
	}{
		{"a.b", "becomes(x)", true},
		{"a.b", "inc", true},
		{"a.b", "item_added", false},
		{"a[]", "item_added(x*)", true},
		{"a[]", "cidr_widened", true},
		{"a[]", "becomes(x)", false},
		{"a[].b", "changed", true},
		{"line:/x/", "added or removed", true},
		{"line:/x/", "changed", false},
		{"line:/x/", "dec", false},
		{"line:/x(y)/", "dec", true},
		{"line:/x(y)(z)/", "dec", false},
		{"flag:--x", "removed or dec", true},
		{"flag:--x", "item_added", false},
		{"file:", "removed", true},
		{"file:", "becomes(x)", false},
		{"file:mode", "match(/7$/)", true},
		{"file:owner", "added", false},
	} {
		k, err := parseKey(test.key)
		if err != nil {
			t.Fatal(err)
		}
		when, err := parseConditions(test.when)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Rule{Keys: []Key{k}, When: when}).check(); (err == nil) != test.ok {
			t.Errorf("%s %s: %v", test.key, test.when, err)
		}
	}
}

// Whatever is written in the little language is read or refused.
func TestConditionsOfAnyText(t *testing.T) {
	part := rapid.SampledFrom([]string{"added", "becomes", "match", "item_added", "(", ")", "/", "|", `"`, " or ", "x", "*", "é", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
		all, err := parseConditions(text)
		if err == nil && len(all) != strings.Count(text, " or ")+1 && !strings.Contains(text, "match") {
			t.Fatalf("%q: %d conditions", text, len(all))
		}
	})
}
