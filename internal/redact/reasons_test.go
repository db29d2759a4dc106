package redact_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"testing"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/redact/harmless"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

var (
	labelledFiles = flag.String("files", "testdata/corpus/*.txt", "labelled files of which TestReasons tells the reasons")
	fold          = flag.Int("fold", -1, "products of one fold of five alone; 5 and above: those of all others")
	examples      = flag.Int("examples", 12, "examples of each reason")
)

// foldOf is the fold of a product.
func foldOf(product string) int {
	h := fnv.New32a()
	fmt.Fprint(h, product)
	return int(h.Sum32() % 5)
}

func inFold(product string) bool {
	switch {
	case *fold < 0:
		return true
	case *fold < 5:
		return foldOf(product) == *fold
	}
	return foldOf(product) != *fold-5
}

// TestReasons tells of each secret that is missed and of each harmless value that is
// masked why, and how many there are for each reason: go test -run TestReasons -v.
// It fails where a value is masked and nothing tells why.
func TestReasons(t *testing.T) {
	tell := reasons{counts: map[string]int{}, told: map[string][]string{}, names: lexicon.NewNames()}
	r := redact.New(redact.Config{})
	var all tally
	for _, s := range readSamples(t, *labelledFiles) {
		if !inFold(s.product) {
			continue
		}
		for st := range styles {
			f := s.fill(st)
			n, _ := measure(r, s, f)
			all.add(n)
			if n.whole < n.secrets || n.masked > 0 {
				tell.file(r, s, f)
			}
		}
	}
	t.Log(all)
	for _, why := range slices.Sorted(maps.Keys(tell.counts)) {
		t.Logf("%5d %s", tell.counts[why], why)
		for i := 0; i < len(tell.told[why]); i += 1 + len(tell.told[why])/(*examples) {
			t.Logf("        %s", tell.told[why][i])
		}
	}
	if tell.counts["over: "] > 0 {
		t.Errorf("%d values are masked for no reason", tell.counts["over: "])
	}
}

// reasons gathers why values are shown or masked that should not be.
type reasons struct {
	counts map[string]int
	told   map[string][]string
	names  *lexicon.Names
}

func (w *reasons) file(r *redact.Redactor, s sample, f filled) {
	src := redact.Source{Format: catalogue.FormatOf(s.path, []byte(f.text)), Path: s.path}
	res := r.Text([]byte(f.text), src)
	var shown []harmless.Verdict
	text := harmless.Text{
		Bytes: []byte(f.text), Path: s.path, XML: harmless.IsXML([]byte(f.text), src.Format),
		Names: w.names, Masked: func(syntax.Span) bool { return false },
	}
	text.Judge(func(v harmless.Verdict) { shown = append(shown, v) })
	var masked []string
	for _, j := range r.Explain([]byte(f.text), src) {
		if j.Masked {
			masked = append(masked, j.Why)
		}
	}
	for _, m := range f.secrets {
		switch c := covered(res.Spans, m); {
		case c == 0:
			w.tell(s, f, m, "missed: "+whyShown(shown, m))
		case c < m.End-m.Start:
			w.tell(s, f, m, "half: "+whyShown(shown, m))
		}
	}
	for _, m := range f.harmless {
		if covered(res.Spans, m) > 0 {
			w.tell(s, f, m, "over: "+whyMasked(res.Spans, masked, m))
		}
	}
}

func (w *reasons) tell(s sample, f filled, m redact.Span, why string) {
	w.counts[why]++
	w.told[why] = append(w.told[why], fmt.Sprintf("%s %q of %s", s.product, f.text[m.Start:m.End], lineOf(f.text, m.Start)))
}

// covered is how many bytes of a span are masked.
func covered(spans []redact.Span, m redact.Span) (n int) {
	for _, s := range spans {
		n += max(0, min(s.End, m.End)-max(s.Start, m.Start))
	}
	return n
}

// whyShown is the first reason other than a type for which a part of a span is shown.
func whyShown(verdicts []harmless.Verdict, m redact.Span) string {
	why := "no value is seen there"
	for _, v := range verdicts {
		if v.Start < m.End && m.Start < v.End {
			why = fmt.Sprintf("%s (remark %v, quoted %v)", v.Why, v.Comment, v.Quoted)
			if v.Why != harmless.IsTyped {
				break
			}
		}
	}
	return why
}

// whyMasked is the reason for which a part of a span is masked.
func whyMasked(spans []redact.Span, reasons []string, m redact.Span) string {
	for i, s := range spans {
		if s.Start < m.End && m.Start < s.End && i < len(reasons) {
			return reasons[i]
		}
	}
	return ""
}
