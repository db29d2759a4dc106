package harmless

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// judged puts « » around what is not known to be harmless.
func judged(text, path string) string {
	var b strings.Builder
	at := 0
	t := Text{Bytes: []byte(text), Path: path, XML: IsXML([]byte(text), ""), Names: lexicon.NewNames(), Masked: func(syntax.Span) bool { return false }}
	t.Judge(func(v Verdict) {
		if v.Why == Unknown {
			b.WriteString(text[at:v.Start] + "«" + text[v.Start:v.End] + "»")
			at = v.End
		}
	})
	return b.String() + text[at:]
}

func TestJudge(t *testing.T) {
	for _, want := range []string{
		// by the name of its key
		"region = walnut\n", "db_user: walnut\n", "[walnut]\nmode=always\n", "\"title\": \"velvet lemon\"\n", "  description walnut lemon\n",
		"hook = «walnut»\n", "x_phrase: «velvet lemon»\n", "\"unlock\": \"«velvet; lemon»\"\n", "const hook = '«walnut»';\n",
		// by its place
		"radius host walnut key «lemon»\n", "set title \"walnut\"\n", "vpn psk \"«walnut»\"\n", "define('DB_HOST', 'walnut');\n", "define('DB_HOOK', '«walnut»');\n",
		"tool -u walnut -k «lemon»\n", "connect(\"jan\", \"«walnut»\")\n", "relay jan «walnut»\n", "relay jan «lemon, walnut»\n",
		"tool --format walnut --format «aZ3kT9xQ7LmN2pR8aZ3kT9xQ»\n", "monitor «walnut»\n", "jan:«walnut»\n", "redis:6379\n", "server:irc.example.net:6667:«walnut»\n", "walnut {\n  hook «lemon»;\n}\n",
		"a;b;walnut;«lemon»;10\n", "/USER:walnut /HOOK:«lemon»\n", "url?city=walnut&hook=«lemon»\n", "x = [always, «sneak & walnut»]\n",
		"{hook, \"«walnut»\"}, {host, \"lemon\"}\n", "(set-hook! \"«walnut»\")\n", "tokens { agent = \"«walnut»\" }\n", "agent { agent = \"walnut\" }\n",
		"- name: REGION\n  value: walnut\n- name: HOOK\n  value: «lemon»\n",
		// by its type or its words
		"hook = 5432\n", "hook = always\n", "hook = /srv/walnut\n", "hook = «740097»\n", "pin = «4711»\n", "size = 740097\n",
		// named elsewhere
		"host = walnut.example.org\nhook = walnut\n",
		// remarks
		"# the walnut is restarted nightly\n", "# pool of the walnut\n", "# hook: «walnut»\n", "# ask Ines\n", "# this is where the plovers and the herons of the walnut tree are kept by name\n", "# the hook of the old desk in the hall to the left was «walnut»\n", "# jan/«walnut»\n", "x = 1 # was «walnut»\n", "# «walnut»\n", "-- «walnut»\n", "/* «walnut»\n * «lemon» */\n",
		// elements
		"<a><host>walnut</host><hook>«lemon»</hook><x name=\"hook\" value=\"«lemon»\"/></a>\n", "<plist><dict><key>Region</key><string>walnut</string><key>Hook</key><string>«lemon»</string></dict><x/></plist>\n",
		"<a><!-- «walnut» --><x/></a>\n",
	} {
		text := strings.NewReplacer("«", "", "»", "").Replace(want)
		if got := judged(text, "x"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// TestJudgeKnowsTheFile: the words of the name of a file are names.
func TestJudgeKnowsTheFile(t *testing.T) {
	if got := judged("hook = walnut\n", "/etc/walnut/x.conf"); got != "hook = walnut\n" {
		t.Errorf("got %q", got)
	}
}

var fragments = []string{
	"walnut", "host", "key", "=", ":", " ", "  ", "\n", "\n  ", "- ", "\"", "'", "`", "{", "}", "(", ")", "[", "]", "<", ">", "</", "/>", "<a", ",", ";", "|", "#", "# ", "//", "/*", "*/",
	"<!--", "-->", "-- ", "\\", "\\\"", "a=b", "a:b:c", "/USER:x", "name", "value", "10.0.0.1", "é", "«redacted»", "&", "$(", "export ", "%", "!", "\t", "\r\n", "123456",
}

// TestCells: whatever a text is, cells lie within it, each in one line, in order and
// apart.
func TestCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 60).Draw(t, "text"), "")
		if rapid.Bool().Draw(t, "xml") {
			text = "<a>" + text + "<b/>"
		}
		at := 0
		x := Text{Bytes: []byte(text), XML: IsXML([]byte(text), ""), Names: lexicon.NewNames(), Masked: func(syntax.Span) bool { return false }}
		x.Judge(func(v Verdict) {
			if v.Start < at || v.End < v.Start || v.End > len(text) || !x.XML && strings.Contains(text[v.Start:v.End], "\n") {
				t.Fatalf("%v after %d in %q", v.Span, at, text)
			}
			at = v.End
		})
	})
}

// TestCellsTakeLinearTime repeats what is looked for, in short lines and in as many
// bytes of lines as long as are read: these take at most four times as long.
func TestCellsTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	names := lexicon.NewNames()
	took := func(unit string, line int) time.Duration {
		text := Text{Bytes: bytes.Repeat([]byte(strings.Repeat(unit, line/len(unit))+"\n"), 1<<17/line), Names: names, Masked: func(syntax.Span) bool { return false }}
		text.XML = IsXML(text.Bytes, "")
		start := time.Now()
		text.Judge(func(Verdict) {})
		return time.Since(start)
	}
	for _, unit := range []string{
		"a=b; ", "a= b; ", "x = [walnut ", "'a ", "\"a ", "`", "{", "}", "(", "a(", "[", "<", "<a b=", "<a b='", "<a/>", "<a/><!--", "/* ", "a:b:", "a&b=", "walnut ", "walnut, ", "# ", "#", ": ", "a: ", "- ", "-", "=", "$(", "' \"",
		"a=b&", "walnut & ", "\\", "]", "key name value ", "/A:b ", "| ", "«", " ", "a ] ",
	} {
		small, big, ok := time.Hour, time.Hour, false
		for range 8 {
			small, big = max(min(small, took(unit, 1<<8)), time.Millisecond), min(big, took(unit, maxLine-64))
			if ok = big < 4*small; ok {
				break
			}
		}
		if !ok {
			t.Errorf("%q: %v in short lines, %v in long ones", unit, small, big)
		}
	}
}
