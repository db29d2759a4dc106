// Command semdiff measures package semdiff over the public data set: which share of the
// changes it can say in operations, how many those are beside the lines of a text diff,
// whether each applied to the text before gives the text after, and how fast it is
// beside wI2L/jsondiff with LCS on the JSON changes, parsing included on both sides.
//
//	cd tools/semdiff && go run . -data ../../../shared/data/public/changes.ndjson.zst
//
// It prints the tables of docs/results/semdiff.md, and exits 1 where an operation is
// wrong.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/wI2L/jsondiff"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/importer"
	"github.com/stele-log/stele/internal/semdiff"
)

func main() {
	data := flag.String("data", "../../../shared/data/public/changes.ndjson.zst", "the changes of the public data set")
	flag.Parse()
	if err := run(*data); err != nil {
		fmt.Fprintln(os.Stderr, "semdiff:", err)
		os.Exit(1)
	}
}

func run(data string) error {
	rows, _, err := importer.ReadRows(data)
	if err != nil {
		return err
	}
	blobs, err := importer.OpenBlobs(data)
	if err != nil {
		return err
	}
	var edits []edit
	whole := make(map[string]*tally) // what was added or deleted: can it be read?
	for _, r := range rows {
		e := edit{format: r.Format, path: r.Path}
		for _, side := range []struct {
			digest *string
			text   *string
		}{{r.BeforeDigest, &e.before}, {r.AfterDigest, &e.after}} {
			if side.digest == nil {
				continue
			}
			text, err := blobs.Get(*side.digest)
			if err != nil {
				return err
			}
			*side.text = string(text)
		}
		if r.BeforeDigest != nil && r.AfterDigest != nil {
			edits = append(edits, e)
			continue
		}
		of(whole, e.format).take(e.readable())
	}
	fmt.Printf("%d changes: %d edits of a text, the others added or deleted one\n\n", len(rows), len(edits))
	wrong := table(edits, whole)
	race(edits)
	if wrong > 0 {
		return fmt.Errorf("%d wrong", wrong)
	}
	return nil
}

// edit is one change of a text.
type edit struct{ format, path, before, after string }

func (e *edit) kind() string { return catalogue.FormatOf(e.path, []byte(e.before+e.after)) }

// readable reports whether the one text of an addition or a deletion is of its format.
func (e *edit) readable() bool {
	text := e.before + e.after
	return !semdiff.Diff(semdiff.Text{Text: text}, semdiff.Text{Text: text}, e.kind()).Unparsed
}

// tally counts what could be read, and of edits what came of it.
type tally struct {
	all, parsed       int
	operations, lines []int
	oneKey, one       int // edits of one line for another: how many are one operation
	wrong             int
}

func of(m map[string]*tally, format string) *tally {
	if m[format] == nil {
		m[format] = new(tally)
	}
	return m[format]
}

func (t *tally) take(ok bool) {
	t.all++
	if ok {
		t.parsed++
	}
}

func (t *tally) edit(e *edit) {
	format := catalogue.FormatOf(e.path, []byte(e.after))
	d := semdiff.Diff(semdiff.Text{Text: e.before}, semdiff.Text{Text: e.after}, format)
	t.take(!d.Unparsed)
	if d.Unparsed {
		return
	}
	if got, err := semdiff.Apply(e.before, format, d.Operations); err != nil || got != e.after {
		t.wrong++
	}
	minus, plus := lines(e.before, e.after)
	t.operations = append(t.operations, len(d.Operations))
	t.lines = append(t.lines, minus+plus)
	if minus == 1 && plus == 1 {
		t.oneKey++
		if len(d.Operations) == 1 {
			t.one++
		}
	}
}

// lines counts the lines of a text diff.
func lines(before, after string) (minus, plus int) {
	for line := range strings.Lines(udiff.Unified("", "", before, after)) {
		switch {
		case strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ "):
		case line[0] == '-':
			minus++
		case line[0] == '+':
			plus++
		}
	}
	return minus, plus
}

func table(edits []edit, whole map[string]*tally) (wrong int) {
	tallies := make(map[string]*tally)
	for i := range edits {
		of(tallies, edits[i].format).edit(&edits[i])
	}
	fmt.Println("| format | edits | in operations | median operations | median lines of a text diff | one line for another: one operation | wrong | added or deleted: read |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	formats := []string{"yaml", "toml", "json", "ini", "conf", "rules", "other", "xml", "erb", "jinja", "markdown"}
	main := new(tally)
	for _, f := range formats {
		t, w := of(tallies, f), of(whole, f)
		row(f, t, w)
		wrong += t.wrong
		if slices.Contains(formats[:4], f) {
			main.all += t.all
			main.parsed += t.parsed
			main.operations, main.lines = append(main.operations, t.operations...), append(main.lines, t.lines...)
			main.oneKey, main.one, main.wrong = main.oneKey+t.oneKey, main.one+t.one, main.wrong+t.wrong
			of(whole, "").all += w.all
			of(whole, "").parsed += w.parsed
		}
	}
	row("yaml, toml, json, ini", main, of(whole, ""))
	fmt.Println()
	return wrong
}

func row(name string, t, whole *tally) {
	fmt.Printf("| %s | %d | %s | %s | %s | %d of %d | %d | %s |\n",
		name, t.all, share(t), median(t.operations), median(t.lines), t.one, t.oneKey, t.wrong, share(whole))
}

func share(t *tally) string {
	if t.all == 0 {
		return "–"
	}
	return fmt.Sprintf("%d (%.1f %%)", t.parsed, 100*float64(t.parsed)/float64(t.all))
}

func median(all []int) string {
	if len(all) == 0 {
		return "–"
	}
	slices.Sort(all)
	return fmt.Sprint(all[len(all)/2])
}

// race compares the JSON edits over and over, and says how many a second.
func race(edits []edit) {
	edits = slices.DeleteFunc(slices.Clone(edits), func(e edit) bool {
		return e.format != "json" || !json.Valid([]byte(e.before)) || !json.Valid([]byte(e.after))
	})
	ours, peer := 0.0, 0.0
	for range 5 { // taking turns, the best of each
		ours = max(ours, rate(edits, func(e *edit) {
			semdiff.Diff(semdiff.Text{Text: e.before}, semdiff.Text{Text: e.after}, "json")
		}))
		peer = max(peer, rate(edits, func(e *edit) {
			if _, err := jsondiff.CompareJSON([]byte(e.before), []byte(e.after), jsondiff.LCS()); err != nil {
				panic(err) // both are JSON
			}
		}))
	}
	fmt.Printf("%d edits of JSON, parsing included: semdiff %.0f changes/s, wI2L/jsondiff v0.7.1 with LCS %.0f changes/s, ratio %.2f\n", len(edits), ours, peer, ours/peer)
}

// rate is how many edits a second do takes.
func rate(edits []edit, do func(*edit)) float64 {
	start, n := time.Now(), 0
	for time.Since(start) < 2*time.Second {
		for i := range edits {
			do(&edits[i])
		}
		n += len(edits)
	}
	return float64(n) / time.Since(start).Seconds()
}
