package assignment

import (
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/redact/lexicon"
)

// TestValueOf: the value of the name password in one line.
func TestValueOf(t *testing.T) {
	for _, c := range []struct {
		text, want string
		doubt      bool
	}{
		{text: "password = marigold", want: "marigold"},
		{text: "password: \"fern osprey\"", want: "fern osprey"},
		{text: "password='it''s' # x", want: "it''s"},
		{text: "host=a;password=b c;port=1", want: "b c"},
		{text: "x \"host=a password=b c port=1\"", want: "b c"},
		{text: "x --password pebble --verbose", want: "pebble"},
		{text: "x --password \\\n  pebble", want: "pebble"},
		{text: "define('password', 'otter')", want: "otter"},
		{text: "<password>otter</password>", want: "otter"},
		{text: "{password,<<\"otter\">>}", want: "otter"},
		{text: "password = q{otter}", want: "otter"},
		{text: "password = r'otter'", want: "otter"},
		{text: "password == 'otter'", want: "otter"},
		{text: "bmp 192.0.2.1 password 7 otter", want: "otter"},
		{text: "# password=otter", want: "otter"},
		{text: "# the old password was Otter-31", want: "Otter-31"},
		{text: "roles password:otter", want: "otter", doubt: true},
		{text: "# enter a password and press return"},
		{text: "password =~ /x/"},
		{text: "password"},
		{text: "password::new()"},
		{text: "content:\"password=\""},
	} {
		r := New([]byte(c.text), Form{}, func(start, end int) { t.Errorf("%q: mask of %q", c.text, c.text[start:end]) })
		start := strings.Index(c.text, "password")
		v, ok := r.ValueOf(r.Enter(start), start, start+len("password"), lexicon.Strong)
		if got := c.text[v.Start:v.End]; ok != (c.want != "") || ok && (got != c.want || v.Doubt != c.doubt) {
			t.Errorf("%q: %q, %v, doubt %v", c.text, got, ok, v.Doubt)
		}
	}
}

// TestExpression: the strings of an expression are masked, and it has no value.
func TestExpression(t *testing.T) {
	const text = `password = getenv("marigold") || decode("Y2luZGVy")`
	var got []string
	r := New([]byte(text), Form{}, func(start, end int) { got = append(got, text[start:end]) })
	_, ok := r.ValueOf(r.Enter(0), 0, len("password"), lexicon.Strong)
	if ok || len(got) != 1 || got[0] != "Y2luZGVy" {
		t.Errorf("%v, %q", ok, got)
	}
}

// TestEnter: a line knows its comment sign and the quote that is open where it was
// entered.
func TestEnter(t *testing.T) {
	const text = "a 'b' g\n  # c \"d e\"\nit's f"
	r := New([]byte(text), Form{}, nil)
	for _, c := range []struct {
		at      string
		quote   byte
		comment bool
	}{{"b", '\'', false}, {"g", 0, false}, {"c", 0, true}, {"e", '"', true}, {"f", 0, false}} {
		l := r.Enter(strings.Index(text, c.at))
		if l.Quote != c.quote || l.Comment != c.comment {
			t.Errorf("%s: quote %q, comment %v", c.at, l.Quote, l.Comment)
		}
	}
}
