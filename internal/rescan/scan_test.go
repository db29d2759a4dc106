package rescan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/wire"
)

func newScanner(t *testing.T) *scanner {
	known, err := catalogue.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return &scanner{rules: redact.New(redact.Config{}), known: known, seen: map[text][]Place{}}
}

// TestCalledOff: who calls a rescan off does not wait for a text that takes long.
func TestCalledOff(t *testing.T) {
	var long bytes.Buffer
	for i := range 1 << 17 {
		fmt.Fprintf(&long, "password%d: sunflower%d\n", i, i)
	}
	what, err := body.Marshal(&body.What{Path: "/etc/a.yaml", Action: body.Modify})
	if err != nil {
		t.Fatal(err)
	}
	e := history.Everything{Entry: &entry.Entry{}, Open: []wire.Disclosure{
		{Line: entry.LineWhat(0), State: wire.Opens, Body: what}, {Line: entry.LineText(0), State: wire.Opens, Body: long.Bytes()},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := newScanner(t).within(ctx, &e); !errors.Is(err, context.Canceled) {
		t.Errorf("%d places, %v", len(found), err)
	}
}
