package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stele-log/stele/internal/redact/lexicon"
)

func TestKeyIsNeverShown(t *testing.T) {
	raw := bytes.Repeat([]byte("K"), KeySize)
	key, err := NewKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	config := struct{ Key Key }{key}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", key, "config", config)
	asJSON, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	outer := struct{ inner Key }{key}
	for _, shown := range []string{
		fmt.Sprint(key), fmt.Sprintf("%+v %#v %x %q", key, key, key, key), log.String(), string(asJSON), fmt.Sprintf("%+v %#v", outer, outer),
	} {
		if strings.Contains(shown, "KKKK") || strings.Contains(shown, "4b4b") || strings.Contains(shown, "75 75") || strings.Contains(shown, "0x4b") {
			t.Errorf("key shown: %s", shown)
		}
	}
	for _, n := range []int{0, KeySize - 1, KeySize + 1} {
		if _, err := NewKey(make([]byte, n)); err == nil {
			t.Errorf("key of %d bytes accepted", n)
		}
	}
}

// TestMask: what is known is masked where words begin and end, under its key alone.
func TestMask(t *testing.T) {
	key, err := NewKey(bytes.Repeat([]byte("K"), KeySize))
	if err != nil {
		t.Fatal(err)
	}
	var k Known
	if got := k.Mask(key, "s/marigold/x/"); got != "s/marigold/x/" {
		t.Errorf("nothing is known and %q came", got)
	}
	k.Add(key.Of([]byte("marigold"), []byte("fern osprey")))
	for in, want := range map[string]string{
		"s/marigold/fern/": "s/" + lexicon.Mark + "/fern/",
		"'fern osprey'":    "'" + lexicon.Mark + "'",
		"marigolds":        "marigolds",
		"xmarigold":        "xmarigold",
	} {
		if got := k.Mask(key, in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	k.Add(key.Of([]byte(`a"b c\d%e`), []byte("häns/el+1")))
	const mark = lexicon.Mark
	for in, want := range map[string]string{
		"echo bWFyaWdvbGQ= | base64 -d":           "echo " + mark + " | base64 -d",
		"echo bWFyaWdvbGQK":                       "echo " + mark, // with the line's end
		"Authorization: Basic amFuZTptYXJpZ29sZA": "Authorization: Basic " + mark,
		"https://h/?q=fern%20osprey&n=1":          "https://h/?q=" + mark + "&n=1",
		"https://h/?q=fern+osprey%21":             "https://h/?q=" + mark,
		"postgres://u:h%C3%A4ns%2Fel%2B1@h/db":    "postgres://u:" + mark + "@h/db",
		`{"p":"a\"b c\\d%e","n":"x"}`:             `{"p":"` + mark + `","n":"x"}`,
		`echo fern\ osprey`:                       "echo " + mark,
		`echo {"p":"\u006darigold"}`:              `echo {"p":"` + mark + `"}`,
		"bWFyaWdvbGRz":                            "bWFyaWdvbGRz", // marigolds
		"https://h/100%/a%zz":                     "https://h/100%/a%zz",
	} {
		if got := k.Mask(key, in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := k.Mask(Key{}, "marigold"); got != "marigold" {
		t.Errorf("another key knows %q", got)
	}
}

// TestMaskIsLinear: the tries of one string are bounded, also where it decodes to
// others.
func TestMaskIsLinear(t *testing.T) {
	var k Known
	k.Add(Key{}.Of([]byte("marigold")))
	for _, trigger := range []string{"bWFyaWdvbG ", `"\`, "%41", `\a`, `"a\"`, "a:", "AAAAAAAAAA+"} {
		took := func(n int) time.Duration {
			s := strings.Repeat(trigger, n/len(trigger))
			least := time.Hour
			for range 3 {
				began := time.Now()
				k.Mask(Key{}, s)
				least = min(least, time.Since(began))
			}
			return least
		}
		if half, whole := took(64<<10), took(128<<10); whole > 4*half+50*time.Millisecond {
			t.Errorf("%q: 64 KiB took %s, 128 KiB %s", trigger, half, whole)
		}
	}
}
