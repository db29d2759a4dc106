package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/redact"
)

// sample is one file of the corpus: a text with slots for secrets (⟦kind⟧) and
// with harmless values (⟨value⟩). Every style fills the slots anew.
type sample struct{ family, product, path, text string }

// style is how people make up secrets.
type style uint8

const (
	plainWord style = iota
	phrase
	random
	structured
	styles
)

func (s style) String() string { return [...]string{"word", "phrase", "random", "structured"}[s] }

// filled is a sample with values in its slots.
type filled struct {
	text     string
	secrets  []redact.Span
	harmless []redact.Span
}

// readCorpus reads the files of the corpus: parts, each headed by a line
// -- product path --.
func readCorpus(t *testing.T) []sample {
	t.Helper()
	return readSamples(t, "testdata/corpus/*.txt")
}

func readSamples(t *testing.T, glob string) []sample {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var all []sample
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			head := strings.Fields(line)
			if len(head) == 4 && head[0] == "--" && head[3] == "--" {
				all = append(all, sample{family: strings.TrimSuffix(filepath.Base(file), ".txt"), product: head[1], path: head[2]})
				continue
			}
			all[len(all)-1].text += line
		}
	}
	return all
}

// fill puts values of one style into the slots. They depend on the product and
// the place alone.
func (s sample) fill(st style) filled {
	h := fnv.New64a()
	fmt.Fprint(h, s.product, st)
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	var out filled
	var b strings.Builder
	for rest := s.text; rest != ""; {
		i := strings.IndexAny(rest, "⟦⟨")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		secret := strings.HasPrefix(rest[i:], "⟦")
		shut := "⟩"
		if secret {
			shut = "⟧"
		}
		content, after, ok := strings.Cut(rest[i+len("⟦"):], shut)
		if !ok {
			panic(s.product + ": a slot without an end")
		}
		span := redact.Span{Start: b.Len()}
		if secret {
			content = slot(content, st, rng)
		}
		b.WriteString(content)
		span.End = b.Len()
		if secret {
			out.secrets = append(out.secrets, span)
		} else {
			out.harmless = append(out.harmless, span)
		}
		rest = after
	}
	out.text = b.String()
	return out
}

// slot makes a secret: p where its line ends it, q where a quote does, w a word
// without blanks; h and H hexadecimal, b base64, u a UUID, A capitals; =x is x.
func slot(kind string, st style, rng *rand.Rand) string {
	if fixed, ok := strings.CutPrefix(kind, "="); ok {
		return fixed
	}
	raw := make([]byte, 64)
	for i := range raw {
		raw[i] = byte(rng.IntN(256))
	}
	switch kind {
	case "h":
		return hex.EncodeToString(raw[:16])
	case "H":
		return hex.EncodeToString(raw[:32])
	case "b":
		return base64.StdEncoding.EncodeToString(raw[:24])
	case "u":
		x := hex.EncodeToString(raw[:16])
		return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
	case "A":
		return letters(rng, 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
	return made(kind, st, rng)
}

func made(kind string, st style, rng *rand.Rand) string {
	w := func() string { return words[rng.IntN(len(words))] }
	n := rng.IntN(90) + 10
	switch st {
	case plainWord:
		return w()
	case random:
		return letters(rng, 12+rng.IntN(20), "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
	case structured:
		shapes := []string{w() + "-" + fmt.Sprint(n*37) + "." + w(), strings.ToUpper(w()) + "_" + fmt.Sprint(n), w() + "@" + fmt.Sprint(n) + "!", "v1-" + w() + "-" + letters(rng, 6, "0123456789abcdef"), fmt.Sprint(n * 9137)}
		if kind == "w" {
			shapes[2] = w() + "_" + fmt.Sprint(n) + "!"
		}
		return shapes[rng.IntN(len(shapes))]
	}
	if kind == "w" {
		return w() + "-" + w() + "!"
	}
	shapes := []string{w() + " " + w(), w() + ", " + w() + "! " + w(), fmt.Sprint(n) + " " + w() + " " + w() + "."}
	if kind == "q" {
		shapes = append(shapes, w()+"; "+w()+" & "+w(), w()+" #"+fmt.Sprint(n)+" = "+w(), "{"+w()+"} [ "+w())
	}
	return shapes[rng.IntN(len(shapes))]
}

func letters(rng *rand.Rand, n int, of string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = of[rng.IntN(len(of))]
	}
	return string(b)
}

var words = strings.Fields(`marigold quillwort heron tamarind cobbler lantern fennel osprey thimble juniper mackerel walnut pebble
	saffron bramble otter cinder velvet dormouse anchor parsnip willow magpie gherkin teapot kettle lobster pumpkin badger
	tulip harbour meadow compass nettle plover turnip barrel candle daffodil ferret goblet hazel ivory jasmine`)

// tally counts what became of the values of a corpus.
type tally struct{ secrets, whole, half, harmless, masked int }

func (a *tally) add(b tally) {
	a.secrets += b.secrets
	a.whole += b.whole
	a.half += b.half
	a.harmless += b.harmless
	a.masked += b.masked
}

// measure redacts one filled sample and says what went wrong.
func measure(r *redact.Redactor, s sample, f filled) (n tally, wrong []string) {
	res := r.Text([]byte(f.text), redact.Source{Format: catalogue.FormatOf(s.path, []byte(f.text)), Path: s.path})
	cover := make([]bool, len(f.text))
	for _, m := range res.Spans {
		for i := m.Start; i < m.End; i++ {
			cover[i] = true
		}
	}
	covered := func(m redact.Span) (n int) {
		for i := m.Start; i < m.End; i++ {
			if cover[i] {
				n++
			}
		}
		return n
	}
	for _, m := range f.secrets {
		n.secrets++
		switch c := covered(m); {
		case c == m.End-m.Start:
			n.whole++
		case c > 0:
			n.half++
			wrong = append(wrong, fmt.Sprintf("HALF %q of %s", f.text[m.Start:m.End], lineOf(f.text, m.Start)))
		default:
			wrong = append(wrong, fmt.Sprintf("LEAK %q of %s", f.text[m.Start:m.End], lineOf(f.text, m.Start)))
		}
	}
	for _, m := range f.harmless {
		n.harmless++
		if covered(m) > 0 {
			n.masked++
			wrong = append(wrong, fmt.Sprintf("OVER %q of %s", f.text[m.Start:m.End], lineOf(f.text, m.Start)))
		}
	}
	return n, wrong
}

func lineOf(text string, at int) string {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	end := strings.IndexByte(text[at:], '\n')
	if end < 0 {
		end = len(text) - at
	}
	return text[start : at+end]
}

var update = flag.Bool("update", false, "write the results anew")

const (
	results = "../../docs/results/redaction.md"
	// least and most are the levels that the rules have reached on this half.
	least = 0.993 // of the secrets whole
	most  = 0.029 // of the harmless values masked
)

// TestCorpus measures the rules on the half of the corpus that they were written
// with. Nothing of it is half masked.
func TestCorpus(t *testing.T) {
	r := redact.New(redact.Config{})
	var all tally
	byFamily, byStyle := map[string]*tally{}, map[string]*tally{}
	products, missed := map[string]bool{}, map[string]bool{}
	for _, s := range readCorpus(t) {
		products[s.product] = true
		for st := range styles {
			n, wrong := measure(r, s, s.fill(st))
			all.add(n)
			of(byFamily, s.family).add(n)
			of(byStyle, st.String()).add(n)
			for _, w := range wrong {
				t.Logf("%s %s (%s): %s", s.product, s.path, st, w)
			}
			if n.whole < n.secrets {
				missed[s.product] = true
			}
		}
	}
	t.Logf("%d products: %s", len(products), all)
	if all.half > 0 || float64(all.whole) < least*float64(all.secrets) || float64(all.masked) > most*float64(all.harmless) {
		t.Errorf("below the level reached: %s", all)
	}
	if *update {
		writeResults(t, len(products), all, byFamily, byStyle, slices.Sorted(maps.Keys(missed)))
	}
}

// TestCorpusTwice: what is masked stays as it is when it is masked again, though less
// is there by which to judge.
func TestCorpusTwice(t *testing.T) {
	r := redact.New(redact.Config{})
	for _, s := range readCorpus(t) {
		for st := range styles {
			f := s.fill(st)
			src := redact.Source{Format: catalogue.FormatOf(s.path, []byte(f.text)), Path: s.path}
			once := r.Text([]byte(f.text), src).Text
			if twice := r.Text(once, src).Text; !bytes.Equal(once, twice) {
				t.Errorf("%s (%s): %q, then %q", s.product, st, once, twice)
			}
		}
	}
}

func of(m map[string]*tally, key string) *tally {
	if m[key] == nil {
		m[key] = new(tally)
	}
	return m[key]
}

func (a tally) String() string {
	return fmt.Sprintf("%d secrets, %d whole (%.2f %%), %d half; %d harmless values, %d masked (%.2f %%)", a.secrets, a.whole,
		100*float64(a.whole)/float64(a.secrets), a.half, a.harmless, a.masked, 100*float64(a.masked)/float64(a.harmless))
}

const written = "\n## The half that the rules were written with\n"

// writeResults writes the part of the page that this test knows; what stands
// before it stays.
func writeResults(t *testing.T, products int, all tally, byFamily, byStyle map[string]*tally, missed []string) {
	t.Helper()
	page, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(page), written)
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n%d products, each in %d styles of secrets; `go test ./internal/redact -run TestCorpus -update` writes this part anew.\n\n", head, written, products, styles)
	b.WriteString("| files, style | secrets | whole | half | recall | harmless values | masked |\n|---|---|---|---|---|---|---|\n")
	row := func(name string, n *tally) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %.2f %% | %d | %d (%.2f %%) |\n", name, n.secrets, n.whole, n.half,
			100*float64(n.whole)/float64(n.secrets), n.harmless, n.masked, 100*float64(n.masked)/float64(n.harmless))
	}
	for _, m := range []map[string]*tally{byFamily, byStyle} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			row(k, m[k])
		}
	}
	row("**all**", &all)
	fmt.Fprintf(&b, "\nProducts of which a secret is missed in some style: %s.\n", strings.Join(missed, ", "))
	if err := os.WriteFile(results, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
