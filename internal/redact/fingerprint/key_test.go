package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

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
	if got := k.Mask(Key{}, "marigold"); got != "marigold" {
		t.Errorf("another key knows %q", got)
	}
}
