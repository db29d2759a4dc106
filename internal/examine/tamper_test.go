package examine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var tamperTable = flag.Bool("tamper-table", false, "do every act to every file of a store, and write docs/results/tamper.md")

// outcome is what verify said of one act on one item.
type outcome struct {
	item
	act     string
	altered []string
	said    said
	codes   []string
	files   []string // named
	rule    *rule    // that allows it, if one is needed
}

// TestTamper does something to files and directories of a store, each in its turn, and
// asks the command. Whatever makes the record untrue is exit status 3, what makes the
// store unsafe 1, and the file is named, and no other one; what is called neither
// stands among the rules (P6). Nothing hangs, and nobody is accused of what nobody did.
func TestTamper(t *testing.T) {
	g := makeGround(t)
	var all []outcome
	var v variants
	rounds := 1
	if *tamperTable {
		rounds = 4
	}
	t.Run("acts", func(t *testing.T) { all = walk(t, g) })
	t.Run("untouched", func(t *testing.T) { v = untouched(t, g, rounds) })
	if *tamperTable && !t.Failed() {
		writeTable(t, all, v)
	}
}

// walk does the acts, on two copies at once.
func walk(t *testing.T, g *ground) (all []outcome) {
	places := []*place{newPlace(t, g), newPlace(t, g)}
	todo := tampering(t, places[0])
	if !*tamperTable {
		todo = sampled(todo)
	}
	var mu sync.Mutex
	jobs := make(chan job)
	var workers sync.WaitGroup
	for _, p := range places {
		workers.Go(func() {
			for j := range jobs {
				if o, ok := tried(t, p, j); ok {
					mu.Lock()
					all = append(all, o)
					mu.Unlock()
				}
			}
		})
	}
	for _, j := range todo {
		jobs <- j
	}
	close(jobs)
	workers.Wait()
	for _, p := range places {
		p.isSound(t)
	}
	t.Logf("%d acts, the slowest run %s", len(all), slowest(all))
	return all
}

// job is an act on an item.
type job struct {
	act
	item
}

// tampering is every act on every file and directory.
func tampering(t *testing.T, p *place) (list []job) {
	t.Helper()
	for _, it := range p.items(t) {
		acts := fileActs
		if it.dir {
			acts = dirActs
		}
		for _, a := range acts {
			list = append(list, job{a, it})
		}
	}
	return list
}

// sampled is some of it, the same every time, with each kind and each act.
func sampled(list []job) (some []job) {
	rng := rand.New(rand.NewPCG(7, 7))
	rng.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	met := map[string]int{}
	for _, j := range list {
		if kind, act := j.kind, fmt.Sprint(j.name, j.dir); met[kind] < 2 || met[act] == 0 {
			met[kind]++
			met[act]++
			some = append(some, j)
		}
	}
	return some
}

// tried does one act, asks verify, judges what it says, and mends. It is false where
// there was nothing to do.
func tried(t *testing.T, p *place, j job) (o outcome, ok bool) {
	t.Helper()
	o = outcome{item: j.item, act: j.name, altered: j.do(t, p, j.item)}
	if len(o.altered) == 0 {
		return o, false
	}
	o.said = verified(t, p.Store)
	o.read(p)
	var why string
	if why, o.rule = o.wrong(); why != "" {
		t.Errorf("%s: %s: %s\n%s%s", j.rel, j.name, why, o.said.text(p), o.said.errs)
	}
	p.mend(t, append(o.altered, "trust", "store/index")...) // SQLite may make its own files anew
	return o, true
}

// read reads codes and files out of what was said. Rows of the index stand for its
// file; of a log that is shorter than believed it is the checkpoint that was put back.
func (o *outcome) read(p *place) {
	for _, f := range o.said.Findings {
		o.codes = append(o.codes, f.Code)
		where, _, _ := strings.Cut(f.Where, " at byte ")
		switch rel, ok := p.rel(where); {
		case ok:
			o.files = append(o.files, rel)
		case f.Code == "index-mismatch":
			o.files = append(o.files, "store/index/index.db")
		case f.Code == "shrunk":
			o.files = append(o.files, "store/log/checkpoint")
		case f.Where != "":
			o.files = append(o.files, f.Where)
		}
	}
	slices.Sort(o.codes)
	slices.Sort(o.files)
	o.codes, o.files = slices.Compact(o.codes), slices.Compact(o.files)
}

// text is the beginning of what was said, below the place.
func (s *said) text(p *place) string {
	text := strings.ReplaceAll(s.out, p.dir+"/", "")
	_, text, _ = strings.Cut(text, `"findings":`)
	return text[:min(len(text), 1500)]
}

func slowest(all []outcome) (d time.Duration) {
	for _, o := range all {
		d = max(d, o.said.took)
	}
	return d.Round(time.Millisecond)
}

// isSound reports whether everything is as it was, and called so.
func (p *place) isSound(t *testing.T) {
	t.Helper()
	if d := p.differences(t); len(d) > 0 {
		t.Errorf("not as they were: %v", d)
	}
	if s := verified(t, p.Store); s.status != 0 || len(s.Findings) > 0 {
		t.Errorf("the mended store is not clean: %d %s%s", s.status, s.text(p), s.errs)
	}
}
