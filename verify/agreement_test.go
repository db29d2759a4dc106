package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/checkpoints"
	"github.com/stele-log/stele/internal/published"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// act is one way to tamper with a log, and what both verifiers must say of it:
// codes with whom they accuse and how many of them there are, then what is
// contested, then the exit status.
type act struct {
	name   string
	stolen func(g *ground) // signed with stolen keys, before the log is written
	tamper func(g *ground) // with the files
	want   string
	status int
}

// opinion is what a verifier says of a log.
type opinion struct {
	Findings  []findingVector `json:"findings"`
	Contested []contestVector `json:"contested"`
	Status    int             `json:"status"`
	Passed    []int           `json:"passed_over"`
	Counts    countsVector    `json:"counts"`
}

// TestAgreement has both verifiers judge the same tampered logs.
func TestAgreement(t *testing.T) {
	node := nodeOrSkip(t)
	table := make([]string, len(acts))
	var all sync.WaitGroup
	gate := make(chan struct{}, 2)
	for i, a := range acts {
		if testing.Short() && i%8 != 0 {
			continue
		}
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			t.Run(a.name, func(t *testing.T) { table[i] = agree(t, node, a) })
		})
	}
	all.Wait()
	if testing.Short() {
		return // the table is of all
	}
	text := agreementHead + fmt.Sprintf("%d acts.\n\n| act | findings | exit |\n|---|---|---|\n", len(acts)) + strings.Join(table, "")
	file := filepath.Join("..", "docs", "results", "agreement.md")
	if *update {
		write(t, file, []byte(text))
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("%s is not what came out (%v); run with -update and look at the difference", file, err)
	}
}

const agreementHead = `# Two verifiers, one verdict

Each log of this table was tampered with for real; ` + "`verify`" + ` (Go) and ` + "`contrib/verifier`" + ` (JavaScript) were given the same bytes: the directory of a log
and, where there are any, exported disclosures. They say the same: every finding with its code, whom it accuses and its index, what is contested,
lines that are no disclosures, counts, and the exit status. ` + "`go test ./verify -run TestAgreement -update`" + ` writes this page anew.

`

// agree asks both verifiers and returns the line of the table.
func agree(t *testing.T, node string, a act) string {
	t.Helper()
	g := makeGround(t)
	if a.stolen != nil {
		a.stolen(g)
	}
	g.write()
	g.disclose()
	if a.tamper != nil {
		a.tamper(g)
	}
	files := g.hand()
	defer keep(t, g, files)
	ours, theirs := askGo(g, files), askNode(t, node, g, files)
	if d := cmp.Diff(ours, theirs); d != "" {
		t.Errorf("Go says (-) and JavaScript (+):\n%s", d)
	}
	if got := summary(ours); got != a.want || ours.Status != a.status {
		t.Errorf("both say %q, exit %d; want %q, exit %d", got, ours.Status, a.want, a.status)
	}
	return fmt.Sprintf("| %s | %s | %d |\n", a.name, a.want, a.status)
}

// corpus is where the tampered logs are written down for `make mutants`.
var corpus = flag.String("corpus", "", "keep the tampered logs, and what is said of them, in this directory")

// kept is one of them, as the second verifier is called and what it says.
type kept struct {
	Args   []string        `json:"args"`
	Status int             `json:"status"`
	Said   json.RawMessage `json:"said"`
}

var keeping struct {
	sync.Mutex
	list []kept
}

// keep copies a log, with what lies beside it.
func keep(t *testing.T, g *ground, h *handed) {
	if *corpus == "" {
		return
	}
	keeping.Lock()
	defer keeping.Unlock()
	dir := filepath.Join(*corpus, fmt.Sprint(len(keeping.list)))
	if err := os.MkdirAll(*corpus, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", filepath.Dir(g.dir), dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	args := h.args(g.dir)
	for i := range args {
		args[i] = strings.Replace(args[i], filepath.Dir(g.dir), dir, 1)
	}
	k := kept{Args: args, Said: h.said}
	if k.Said == nil {
		k.Said = json.RawMessage("null")
	}
	k.Status = h.status
	if len(keeping.list) == 0 {
		keeping.list = usages(dir)
	}
	keeping.list = append(keeping.list, k)
	write(t, filepath.Join(*corpus, "corpus.json"), render(t, keeping.list))
}

// usages are command lines that make no sense.
func usages(dir string) (list []kept) {
	key := logKey().VKey()
	for _, args := range [][]string{
		{},
		{"--vkey", key},
		{"--vkey", key, dir, dir},
		{"--vkey", "junk", dir},
		{"--vkey", vkeyOf(origin, encodePoint(one, 0)), dir},
		{dir},
		{"--vkey", key, "--colour", dir},
		{dir, "--vkey"},
		{"--vkey", key, dir, "--checkpoint"},
	} {
		list = append(list, kept{args, 2, json.RawMessage("null")})
	}
	return append(list, kept{[]string{"--vkey=" + key, filepath.Join(dir, "nothing")}, 1, json.RawMessage("null")})
}

// args is the command line of the second verifier.
func (h *handed) args(dir string) []string {
	args := []string{"--vkey", logKey().VKey(), "--json"}
	if h.disclosures != "" {
		args = append(args, "--disclosures", h.disclosures)
	}
	if h.believed != "" {
		args = append(args, "--believed", h.believed)
	}
	for _, file := range h.atHand {
		args = append(args, "--checkpoint", file)
	}
	return append(args, dir)
}

// handed are the files a verifier is given beside the log.
type handed struct {
	disclosures, believed string
	atHand                []string

	status int             // of the second verifier
	said   json.RawMessage // by it
}

// hand writes what a verifier is given beside the log.
func (g *ground) hand() *handed {
	h := &handed{}
	dir := filepath.Dir(g.dir)
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			g.t.Fatal(err)
		}
		return path
	}
	if g.lines != nil {
		h.disclosures = file("disclosures", strings.Join(g.lines, g.end)+g.end)
	}
	if g.believed != "" {
		h.believed = file("believed", g.believed)
	}
	for i, signed := range g.atHand { // in a file of its own, and in one with all before it
		h.atHand = append(h.atHand, file(fmt.Sprint("checkpoint-", i), strings.Join(g.atHand[:i], "\n")+signed+"\n\n"))
	}
	return h
}

// askGo asks this implementation. What could not be looked at is exit status 1.
func askGo(g *ground, h *handed) opinion {
	open := func(key *entry.LogKey, note []byte) (verify.Checkpoint, error) {
		cp, err := verify.OpenCheckpoint(key, note)
		if err != nil {
			return cp, errors.New("no checkpoint of this log")
		}
		return cp, nil
	}
	cfg := published.Config{Log: g.dir, Key: logKey(), Disclosures: h.disclosures}
	if h.believed != "" {
		cfg.Believed = func(key *entry.LogKey) (*verify.Checkpoint, error) {
			notes := checkpoints.Split(must(os.ReadFile(h.believed)))
			if len(notes) != 1 {
				return nil, errors.New("one checkpoint is believed")
			}
			cp, err := open(key, notes[0])
			return &cp, err
		}
	}
	cfg.AtHand = func(key *entry.LogKey) (list []verify.Checkpoint, err error) {
		for _, file := range h.atHand {
			notes := checkpoints.Split(must(os.ReadFile(file)))
			if len(notes) == 0 {
				return nil, errors.New("no checkpoint is in it")
			}
			for _, note := range notes {
				cp, err := open(key, note)
				if err != nil {
					return nil, err
				}
				list = append(list, cp)
			}
		}
		return list, nil
	}
	rep, err := published.Examine(context.Background(), cfg)
	if err != nil {
		return opinion{Status: 1}
	}
	said := said(rep.Verdict, true)
	return opinion{said.Findings, said.Contested, said.Status, rep.PassedOver, counted(rep.Bad(), *said.Counts)}
}

// counted leaves out counts where the evidence is bad: a verifier may count what is
// there or stop.
func counted(bad bool, c countsVector) countsVector {
	if bad {
		return countsVector{}
	}
	return c
}

// askNode asks the other one.
func askNode(t *testing.T, node string, g *ground, h *handed) opinion {
	var out, errs bytes.Buffer
	cmd := exec.Command(node, append([]string{filepath.Join("..", "contrib", "verifier", "verify.mjs")}, h.args(g.dir)...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	status := cmd.ProcessState.ExitCode()
	if status < 0 || status > 3 {
		t.Fatalf("node: %v\n%s", err, errs.Bytes())
	}
	h.status = status
	if out.Len() > 0 {
		h.said = bytes.TrimSpace(out.Bytes())
	}
	if out.Len() == 0 {
		return opinion{Status: status}
	}
	var said struct {
		opinion
		countsVector
	}
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatalf("node says %s: %v", out.Bytes(), err)
	}
	if said.Status != status {
		t.Errorf("node says status %d and exits with %d", said.Status, status)
	}
	o := said.opinion
	o.Counts = counted(status == 3, said.countsVector)
	if len(o.Contested) == 0 {
		o.Contested = nil
	}
	if len(o.Passed) == 0 {
		o.Passed = nil
	}
	return o
}

// summary names each code once, with how many there are.
func summary(o opinion) string {
	counts := make(map[string]int)
	for _, f := range o.Findings {
		counts[fmt.Sprintf("%s (%s)", f.Code, f.Accused)]++
	}
	var list []string
	for _, name := range sortedKeys(counts) {
		if n := counts[name]; n > 1 {
			name = fmt.Sprintf("%d %s", n, name)
		}
		list = append(list, name)
	}
	if n := len(o.Contested); n > 0 {
		list = append(list, fmt.Sprintf("contested: %d", n))
	}
	if n := len(o.Passed); n > 0 {
		list = append(list, fmt.Sprintf("lines passed over: %d", n))
	}
	return strings.Join(list, ", ")
}

const mismatch = "tree-mismatch (log)"

// acts are all ways to tamper of the table.
var acts = slices.Concat(fileActs, checkpointActs, stolenActs, beliefActs, disclosureActs)

// file is an act with the files of the log.
func file(name, want string, status int, do func(g *ground)) act {
	return act{name: name, tamper: do, want: want, status: status}
}

var fileActs = []act{
	file("nothing", "", 0, func(*ground) {}),
	file("nothing, and no disclosures", "", 0, func(g *ground) { g.lines = nil }),
	file("earlier partial tiles are there", "", 0, func(g *ground) {
		g.store(tilePath("entries", 1, 7), bundleOf(g.leaves[256:263]))
		g.store(tilePath("entries", 0, 255), bundleOf(g.leaves[:255]))
		g.store(tilePath("0", 1, 43), g.get(partTile)[:43*32])
		g.store(tilePath("0", 0, 1), g.get(fullTile)[:32])
	}),
	file("an earlier partial bundle with a bit flipped", mismatch, 3, func(g *ground) {
		g.store(tilePath("entries", 1, 7), bundleOf(g.leaves[256:263]))
		g.flip(tilePath("entries", 1, 7), 100)
	}),
	file("an earlier partial bundle, cut", mismatch, 3, func(g *ground) {
		g.store(tilePath("entries", 0, 7), bundleOf(g.leaves[:7]))
		g.cut(tilePath("entries", 0, 7), 1)
	}),
	file("an earlier partial bundle, longer", mismatch, 3, func(g *ground) { g.store(tilePath("entries", 0, 7), bundleOf(g.leaves[:8])) }),
	file("an earlier partial bundle, empty", mismatch, 3, func(g *ground) { g.store(tilePath("entries", 1, 1), nil) }),
	file("an earlier partial tile with a bit flipped", mismatch, 3, func(g *ground) {
		g.store(tilePath("0", 0, 2), g.get(fullTile)[:64])
		g.flip(tilePath("0", 0, 2), 40)
	}),
	file("an earlier partial tile, cut", mismatch, 3, func(g *ground) { g.store(tilePath("0", 1, 2), g.get(partTile)[:63]) }),
	file("an earlier partial tile that is a directory", "", 0, func(g *ground) { g.store(tilePath("0", 1, 2)+"/x", nil) }),
	file("names in a directory of partial tiles that are no widths", "", 0, func(g *ground) {
		for _, name := range []string{"07", "x", "0", "-1", "256", "1.0", "1e1", " 1"} {
			g.store(filepath.Join("tile/0/001.p", name), []byte("junk"))
		}
	}),
	file("wider partial tiles and bundles, of junk", "", 0, func(g *ground) {
		g.store(tilePath("0", 1, 45), []byte("junk"))
		g.store(tilePath("entries", 1, 45), []byte("junk"))
	}),
	file("a bundle and tiles beyond the size, of junk", "", 0, func(g *ground) {
		g.store(tilePath("entries", 2, 256), []byte("junk"))
		g.store(tilePath("entries", 1, 256), []byte("junk"))
		g.store(tilePath("0", 1, 256), []byte("junk"))
		g.store(tilePath("2", 0, 1), []byte("junk"))
	}),
	file("files of the operator's", "", 0, func(g *ground) {
		g.store(".state/treeState", []byte("{}"))
		g.store(".x", nil)
		g.store("tile/0/.x", nil)
	}),
	file("strange files", "", 0, func(g *ground) { g.store("tile/0/junk", nil); g.store("README", nil) }),
	file("full tile and bundle in place of the partial ones", "", 0, func(g *ground) {
		g.store(tilePath("entries", 1, 256), append(g.get(partBundle), "what came after"...))
		g.store(tilePath("0", 1, 256), append(g.get(partTile), "what came after"...))
		g.remove("tile/entries/001.p")
		g.remove("tile/0/001.p")
	}),
	file("a full bundle in place of the partial one, a bit flipped", "malformed (log), "+mismatch, 3, func(g *ground) {
		g.store(tilePath("entries", 1, 256), g.get(partBundle))
		g.remove("tile/entries/001.p")
		g.flip(tilePath("entries", 1, 256), 200)
	}),
	file("a full bundle in place of the partial one, cut", mismatch, 3, func(g *ground) {
		g.store(tilePath("entries", 1, 256), g.get(partBundle)[:2000])
		g.remove("tile/entries/001.p")
	}),
	file("a full tile in place of the partial one, cut", mismatch, 3, func(g *ground) {
		g.store(tilePath("0", 1, 256), g.get(partTile)[:1000])
		g.remove("tile/0/001.p")
	}),
	file("the first bundle is lost", mismatch, 3, func(g *ground) { g.remove(fullBundle) }),
	file("the last bundle is lost", mismatch, 3, func(g *ground) { g.remove(partBundle) }),
	file("all bundles are lost", mismatch, 3, func(g *ground) { g.remove("tile/entries") }),
	file("a hash tile is lost", mismatch, 3, func(g *ground) { g.remove(fullTile) }),
	file("a partial hash tile is lost", mismatch, 3, func(g *ground) { g.remove(partTile) }),
	file("the upper hash tile is lost", mismatch, 3, func(g *ground) { g.remove(topTile) }),
	file("all hash tiles are lost", mismatch, 3, func(g *ground) { g.remove("tile/0"); g.remove("tile/1") }),
	file("everything but the checkpoint is lost", mismatch, 3, func(g *ground) { g.remove("tile") }),
	file("tile/0 is a file", mismatch, 3, func(g *ground) { g.remove("tile/0"); g.store("tile/0", nil) }),
	file("a bundle is a directory", mismatch, 3, func(g *ground) { g.remove(fullBundle); g.store(fullBundle+"/x", nil) }),
	file("a bundle is a FIFO", mismatch, 3, func(g *ground) {
		g.remove(partBundle)
		if err := syscall.Mkfifo(g.path(partBundle), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}),
	file("a bundle is a link to itself", mismatch, 3, func(g *ground) {
		g.remove(fullBundle)
		if err := os.Symlink("000", g.path(fullBundle)); err != nil {
			g.t.Fatal(err)
		}
	}),
	file("a bundle lies elsewhere, by a link", "", 0, func(g *ground) {
		g.store("elsewhere", g.get(fullBundle))
		g.remove(fullBundle)
		if err := os.Symlink("../../elsewhere", g.path(fullBundle)); err != nil {
			g.t.Fatal(err)
		}
	}),
	file("a bit of an entry's text is flipped", "bad-signature (log), "+mismatch, 3, func(g *ground) {
		was := g.entry(9).Time
		g.alter(9, was, was[:len(was)-2]+string(was[len(was)-2]^1)+"Z")
	}),
	file("an entry's first line is altered", "malformed (log), "+mismatch, 3, func(g *ground) { g.alter(9, "stele/entry/v1", "stele/entry/v0") }),
	file("an entry's version is altered", mismatch, 3, func(g *ground) { g.alter(9, "stele/entry/v1", "stele/entry/v3") }),
	file("entry 0 is altered", "malformed (log), "+mismatch+", 299 unknown-key (log)", 3, func(g *ground) { g.alter(0, "stele/entry/v1", "stele/entry/v0") }),
	file("a bit of an entry in the partial bundle is flipped", "malformed (log), "+mismatch, 3, func(g *ground) { g.flip(partBundle, 2) }),
	file("an entry's length is one less", "8 malformed (log), "+mismatch, 3, func(g *ground) { g.flip(fullBundle, 1) }),
	file("a bundle is cut", mismatch, 3, func(g *ground) { g.cut(fullBundle, 1) }),
	file("a bundle is cut within a length", mismatch, 3, func(g *ground) { g.cut(fullBundle, len(g.leaves[255])+1) }),
	file("the partial bundle is cut", mismatch, 3, func(g *ground) { g.cut(partBundle, 100) }),
	file("a bundle is empty", mismatch, 3, func(g *ground) { g.store(fullBundle, nil) }),
	file("bytes behind a bundle", mismatch, 3, func(g *ground) { g.grow(fullBundle, 0) }),
	file("an entry more in the partial bundle", mismatch, 3, func(g *ground) { g.grow(partBundle, bundleOf(g.leaves[:1])...) }),
	file("a bit of a hash tile is flipped", mismatch, 3, func(g *ground) { g.flip(fullTile, 77) }),
	file("a bit of the partial hash tile is flipped", mismatch, 3, func(g *ground) { g.flip(partTile, -1) }),
	file("a bit of the upper hash tile is flipped", mismatch, 3, func(g *ground) { g.flip(topTile, 0) }),
	file("a hash tile is cut", mismatch, 3, func(g *ground) { g.cut(fullTile, 32) }),
	file("bytes behind a hash tile", mismatch, 3, func(g *ground) { g.grow(partTile, 0) }),
	file("two entries are swapped", mismatch, 3, func(g *ground) { g.swapped(); g.store(fullBundle, bundleOf(g.leaves[:256])) }),
	file("two entries and their hashes are swapped", mismatch, 3, func(g *ground) { g.signed = string(g.get("checkpoint")); g.swapped(); g.write() }),
	file("an entry is exchanged for one its source signed too", mismatch, 3, func(g *ground) {
		g.leaves[299] = g.sign(g.db, gapEntry, contents{}, seq(g.db.seq-1), prev(g.db.before))
		g.store(partBundle, bundleOf(g.leaves[256:]))
	}),
}

// swapped swaps two entries.
func (g *ground) swapped() { g.leaves[20], g.leaves[21] = g.leaves[21], g.leaves[20] }

var checkpointActs = []act{
	file("no checkpoint", "bad-checkpoint (log)", 3, func(g *ground) { g.remove("checkpoint") }),
	file("an empty checkpoint", "bad-checkpoint (log)", 3, func(g *ground) { g.store("checkpoint", nil) }),
	file("a checkpoint that is a directory", "bad-checkpoint (log)", 3, func(g *ground) { g.remove("checkpoint"); g.store("checkpoint/x", nil) }),
	file("a checkpoint of more than 1 MiB", "bad-checkpoint (log)", 3, func(g *ground) { g.grow("checkpoint", slices.Repeat([]byte("x"), 1<<20)...) }),
	file("the size is altered", "bad-checkpoint (log)", 3, func(g *ground) { g.replace("checkpoint", []byte("300"), []byte("301")) }),
	file("a bit of the signature is flipped", "bad-checkpoint (log)", 3, func(g *ground) { g.flip("checkpoint", -30) }),
	file("a line of the log's key that does not verify", "bad-checkpoint (log)", 3, func(g *ground) {
		g.grow("checkpoint", []byte(noteWith("", origin, public(keyFor(origin)), make([]byte, 64)))[1:]...)
	}),
	file("a line of an unknown key", "", 0, func(g *ground) {
		g.grow("checkpoint", []byte(noteWith("", "witness.example", public(keyFor("witness")), make([]byte, 72)))[1:]...)
	}),
	file("a checkpoint of another log's key", "bad-checkpoint (log)", 3, func(g *ground) {
		g.store("checkpoint", []byte(signNote(textOf(g.signed), origin, keyFor("another log"))))
	}),
	file("an empty extension line, signed", "bad-checkpoint (log)", 3, func(g *ground) {
		g.store("checkpoint", []byte(signNote(textOf(g.signed)+"\n", origin, keyFor(origin))))
	}),
	file("the directory is not there", "", 1, func(g *ground) { g.remove("") }),
}

// stolen is an act by whoever has stolen keys.
func stolen(name, want string, status int, do func(g *ground)) act {
	return act{name: name, stolen: do, want: want, status: status}
}

var stolenActs = []act{
	stolen("log key: two entries are swapped", "contested: 5", 1, func(g *ground) { g.swapped() }),
	stolen("log key: the last entry is left out", "", 0, func(g *ground) { g.leaves = g.leaves[:299] }),
	stolen("log key: an entry is left out", "sequence-gap (source), contested: 5", 1, func(g *ground) { g.leaves = slices.Delete(g.leaves, 40, 41) }),
	stolen("log key: an entry is there twice", "", 0, func(g *ground) { g.maker.put(g.leaves[7]) }),
	stolen("log key: a bad signature", "bad-signature (log)", 3, func(g *ground) {
		raw := string(g.sign(g.web, gapEntry, contents{}))
		g.maker.put([]byte(noteWith(textOf(raw), g.web.id().String(), public(g.web.key), make([]byte, 64))))
	}),
	stolen("log key: junk", "malformed (log)", 3, func(g *ground) { g.maker.put([]byte("junk")) }),
	stolen("log key: a stranger's entry", "unknown-key (log)", 3, func(g *ground) { g.gap(newSource("stranger")) }),
	stolen("log key: a later version", "", 1, func(g *ground) { g.maker.put([]byte("stele/entry/v2\n")) }),
	stolen("log key: another log altogether", "4 seal-mismatch (vault), shrunk (log)", 3, func(g *ground) {
		m := newMaker(g.t, 1)
		m.change(m.enrol("web", entry.Watcher, "web-1"), seen("/etc/z"))
		g.leaves, g.believed = m.leaves, checkpointOf(g.leaves)
	}),
	stolen("log and source key: an entry is exchanged", "bad-chain (source), saw-rollback (source), unknown-reference (source), contested: 5", 1, func(g *ground) {
		g.leaves[4] = g.sign(g.web, changeEntry, contents{whats: []what{seen("/etc/z")}}, seq(0), prev(g.id(1)))
	}),
	stolen("source key: a fork", "forked-source (source)", 0, func(g *ground) { g.fork(g.web, gapEntry, contents{}) }),
	stolen("source key: an entry above what was revoked", "after-revoke (source)", 0, func(g *ground) {
		g.add(g.recorder, revoke(g.web, g.web.seq-1), contents{})
		g.gap(g.web)
	}),
	stolen("source key: entries of another kind", "2 wrong-role (log)", 3, func(g *ground) {
		g.maker.put(g.sign(g.web, entry.Entry{Kind: entry.RollCall}, contents{}))
		g.maker.put(g.sign(g.web, revoke(g.db, 0), contents{}))
	}),
	stolen("source key: numbers left out, a chain broken, a clock ahead", "bad-chain (source), clock-skew (source), sequence-gap (source)", 0, func(g *ground) {
		g.add(g.web, gapEntry, contents{}, prev(hash("x")))
		g.add(g.web, gapEntry, contents{}, seq(g.web.seq+4))
		g.add(g.db, gapEntry, contents{}, at(g.now.Add(1e12)))
		g.rollcall()
	}),
	stolen("recorder key: a key enrolled again, an unsound one", "bad-enrolment (log), bad-key (log), sequence-gap (source)", 3, func(g *ground) {
		g.enrolKey(g.db.public(), entry.Person, "")
		g.enrolBytes(encodePoint(one, 0), "watcher")
		g.rollcall()
	}),
	stolen("recorder key: a roll call against the record", "bad-rollcall (source)", 0, func(g *ground) {
		g.rollcall()
		g.see(g.web)
		g.gap(g.web)
		g.call([]*source{g.web}, nil)
	}),
	stolen("revoked recorder's key: a source enrolled and revoked", "2 after-revoke (source), unknown-key (log)", 3, func(g *ground) {
		second, friend := g.enrol("second", entry.Recorder, "log-2"), newSource("friend")
		g.add(second, entry.Entry{Kind: entry.RollCall}, contents{})
		g.add(g.recorder, revoke(second, 0), contents{})
		g.add(second, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: friend.public(), Role: entry.Watcher}}, contents{})
		g.add(second, revoke(g.web, 0), contents{})
		g.gap(friend)
		g.gap(g.web)
	}),
	stolen("source key: bodies that are none, a wrong before, an unknown id", "before-mismatch (source), malformed-body (source), unknown-reference (source)", 0, func(g *ground) {
		g.change(g.web, modified("/etc/a", g.after(4, 1)))
		g.add(g.web, gapEntry, contents{who: "junk"})
		g.add(g.web, remark("reason", hash("nothing")), contents{})
	}),
	stolen("person key: an erase that nobody obeyed", "unerased (vault)", 3, func(g *ground) {
		g.erase(g.person, entry.Void{ID: g.id(4), Line: entry.LineWho})
	}),
}

// shown is an act with a log that was rewritten and what others know of it.
func shown(name, want string, status int, do func(g *ground, other func(...*source) [][]byte)) act {
	return act{name: "rewritten: " + name, want: want, status: status, stolen: func(g *ground) { do(g, g.rewritten) }}
}

var beliefActs = []act{
	shown("two hosts saw it", "contested: 1", 1, func(g *ground, saw func(...*source) [][]byte) { saw(g.web, g.db) }),
	shown("a recorder saw it", "contested: 1", 1, func(g *ground, saw func(...*source) [][]byte) { saw(g.recorder) }),
	shown("one source saw it", "saw-mismatch (source)", 0, func(g *ground, saw func(...*source) [][]byte) { saw(g.web) }),
	shown("two sources of one host saw it", "2 saw-mismatch (source)", 0, func(g *ground, saw func(...*source) [][]byte) {
		saw(g.web, g.enrol("web too", entry.Watcher, "web-1"))
	}),
	shown("two hosts saw it, no disclosures", "contested: 1", 1, func(g *ground, saw func(...*source) [][]byte) { saw(g.web, g.db) }),
	shown("two hosts saw it, its checkpoint at hand", "fork (log)", 3, func(g *ground, saw func(...*source) [][]byte) {
		g.atHand = append(g.atHand, checkpointOf(saw(g.web, g.db)))
	}),
	shown("two hosts saw it, another checkpoint at hand", "fork (log), contested: 1", 3, func(g *ground, saw func(...*source) [][]byte) {
		other := saw(g.web, g.db)
		g.atHand = append(g.atHand, checkpointOf(append(slices.Clone(other[:100]), other[0])))
	}),
	shown("two hosts saw it, this log believed", "2 saw-mismatch (source)", 0, func(g *ground, saw func(...*source) [][]byte) {
		g.believed = checkpointOf(g.leaves)
		saw(g.web, g.db)
	}),
	shown("two hosts saw it, less of this log believed", "contested: 1", 1, func(g *ground, saw func(...*source) [][]byte) {
		g.believed = checkpointOf(g.leaves[:299])
		saw(g.web, g.db)
	}),
	shown("two hosts saw it, that log believed", "fork (log)", 3, func(g *ground, saw func(...*source) [][]byte) { g.believed = checkpointOf(saw(g.web, g.db)) }),
	shown("two hosts saw it, a checkpoint of this log at hand", "contested: 1", 1, func(g *ground, saw func(...*source) [][]byte) {
		saw(g.web, g.db)
		g.atHand = append(g.atHand, checkpointOf(g.leaves), checkpointOf(g.leaves[:50]))
	}),
	shown("two hosts saw a longer one", "contested: 1", 1, func(g *ground, _ func(...*source) [][]byte) {
		g.showed(slices.Concat(g.leaves, g.leaves), g.web, g.db)
		g.gap(g.web)
		g.gap(g.db)
	}),
	shown("two hosts saw a longer one, at hand", "shrunk (log)", 3, func(g *ground, _ func(...*source) [][]byte) {
		long := slices.Concat(g.leaves, g.leaves)
		g.showed(long, g.web, g.db)
		g.gap(g.web)
		g.gap(g.db)
		g.atHand = append(g.atHand, checkpointOf(long))
	}),
	stolen("rolled back", "shrunk (log)", 3, func(g *ground) {
		g.believed = checkpointOf(append(slices.Clone(g.leaves), g.leaves[0]))
	}),
	stolen("rolled back and grown past", "fork (log)", 3, func(g *ground) {
		old := slices.Clone(g.leaves)
		g.believed = checkpointOf(append(old, g.leaves[0]))
		g.gap(g.web)
		g.gap(g.db)
	}),
	stolen("rolled back and grown past, nothing believed", "", 0, func(g *ground) { g.gap(g.web) }),
	stolen("two checkpoints at hand that contradict it", "fork (log), shrunk (log)", 3, func(g *ground) {
		g.atHand = []string{checkpointOf(g.leaves[1:200]), checkpointOf(slices.Concat(g.leaves, g.leaves)), checkpointOf(g.leaves[1:200])}
	}),
	stolen("a file without checkpoints at hand", "", 1, func(g *ground) { g.atHand = []string{""} }),
	stolen("two checkpoints believed", "", 1, func(g *ground) { g.believed = checkpointOf(g.leaves) + "\n" + checkpointOf(g.leaves[:50]) }),
	stolen("a checkpoint at hand that is none", "", 1, func(g *ground) { g.atHand = []string{signNote(textOf(checkpointOf(g.leaves)), origin, otherKey)} }),
	stolen("a belief that is none", "", 1, func(g *ground) { g.believed = "junk" }),
	broken("a bundle is lost, the log believed before", mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[:200])
		g.remove(fullBundle)
	}),
	broken("a bundle is lost, another log believed before", "fork (log), "+mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[1:200])
		g.remove(fullBundle)
	}),
	broken("a bundle and a hash tile are lost, another log believed before", mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[1:200])
		g.remove(fullBundle)
		g.remove(fullTile)
	}),
	broken("a bundle is lost, a hash tile altered, another log believed before", mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[1:200])
		g.remove(partBundle)
		g.flip(partTile, 9)
	}),
	broken("a bundle is lost, a full hash tile in place of the partial one, another log believed before", "fork (log), "+mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[1:200])
		g.remove(fullBundle)
		g.store(tilePath("0", 1, 256), append(g.get(partTile), "what came after"...))
		g.remove("tile/0/001.p")
	}),
	broken("a bundle is lost, a hash tile has bytes to spare, another log believed before", mismatch, func(g *ground) {
		g.believed = checkpointOf(g.leaves[1:200])
		g.remove(fullBundle)
		g.grow(partTile, 0)
	}),
	broken("a bundle is lost, another log of this size believed", "fork (log), "+mismatch, func(g *ground) {
		g.believed = checkpointOf(append(slices.Clone(g.leaves[:299]), g.leaves[0]))
		g.remove(fullBundle)
		g.remove(fullTile)
	}),
	broken("a bundle is lost, a longer log at hand", "shrunk (log), "+mismatch, func(g *ground) {
		g.atHand = []string{checkpointOf(slices.Concat(g.leaves, g.leaves))}
		g.remove(fullBundle)
	}),
	{
		name: "an entry is altered beside what was rewritten", want: "bad-signature (log), " + mismatch, status: 3,
		stolen: func(g *ground) { g.rewritten(g.web, g.db) },
		tamper: func(g *ground) { was := g.entry(9).Time; g.alter(9, was, was[:4]+"-11-02"+was[10:]) },
	},
}

func broken(name, want string, do func(g *ground)) act {
	return act{name: name, tamper: do, want: want, status: 3}
}

// disclosed is an act with the exported disclosures.
func disclosed(name, want string, do func(g *ground)) act {
	status := 0
	if strings.Contains(want, "vault") {
		status = 3
	}
	return act{name: "disclosures: " + name, tamper: do, want: want, status: status}
}

const (
	oneMissing = "missing-disclosure (vault)"
	onePassed  = ", lines passed over: 1"
)

var disclosureActs = []act{
	disclosed("a line is deleted", oneMissing, func(g *ground) { g.lines = slices.Delete(g.lines, 5, 6) }),
	disclosed("the file is empty", "903 missing-disclosure (vault), lines passed over: 1", func(g *ground) { g.lines = []string{} }),
	disclosed("junk before the first line", "lines passed over: 1", func(g *ground) { g.lines = slices.Insert(g.lines, 0, "junk") }),
	disclosed("an empty line", "lines passed over: 1", func(g *ground) { g.lines = slices.Insert(g.lines, 3, "") }),
	disclosed("a line is junk", "missing-disclosure (vault)"+onePassed, func(g *ground) { g.lines[9] = "{" }),
	disclosed("three lines of other JSON", "lines passed over: 3", func(g *ground) { g.lines = append(g.lines, "[]", "null", `"a"`) }),
	disclosed("the last line is cut", "missing-disclosure (vault)"+onePassed, func(g *ground) { n := len(g.lines) - 1; g.lines[n] = g.lines[n][:40] }),
	disclosed("no LF at the end", "", func(g *ground) {
		n := len(g.lines) - 1
		g.lines, g.end = []string{strings.Join(g.lines[:n], "\n"), g.lines[n]}, "\n"
		g.lines, g.end = []string{strings.Join(g.lines, "\n")}, ""
	}),
	disclosed("lines that end in CR LF", "", func(g *ground) { g.end = "\r\n" }),
	disclosed("every line twice", "", func(g *ground) { g.lines = append(g.lines, g.lines...) }),
	disclosed("in another order", "", func(g *ground) { slices.Reverse(g.lines) }),
	disclosed("a salt is altered", "seal-mismatch (vault)", func(g *ground) { g.salt(20, func(b []byte) { b[3] ^= 1 }) }),
	disclosed("a body is altered", "seal-mismatch (vault)", func(g *ground) { g.edit(20, `"body":"e30="`, `"body":"e30K"`) }),
	disclosed("two salts are swapped", "2 seal-mismatch (vault)", func(g *ground) {
		a, b := g.disclosures[20].Salt, g.disclosures[23].Salt
		g.salt(20, func(s []byte) { copy(s, b[:]) })
		g.salt(23, func(s []byte) { copy(s, a[:]) })
	}),
	disclosed("two bodies and salts are swapped", "2 seal-mismatch (vault)", func(g *ground) {
		a, b := g.disclosures[20], g.disclosures[24]
		a.Salt, b.Salt, a.Body, b.Body = b.Salt, a.Salt, b.Body, a.Body
		g.lines[20], g.lines[24] = string(must(json.Marshal(&a))), string(must(json.Marshal(&b)))
	}),
	disclosed("of another entry", oneMissing, func(g *ground) { g.edit(20, `"seq":`, `"seq":9`) }),
	disclosed("seq is a string", oneMissing+onePassed, func(g *ground) { g.edit(0, `"seq":0`, `"seq":"0"`) }),
	disclosed("seq in other spellings", "", func(g *ground) {
		g.edit(0, `"seq":0`, `"seq":0.0`)
		g.edit(1, `"seq":0`, `"seq":0e5`)
		g.edit(2, `"seq":0`, `"seq":-0`)
		g.edit(3, `"seq":1`, `"seq":10e-1`)
	}),
	disclosed("seq is a fraction, negative, too large", "3 "+oneMissing+", lines passed over: 3", func(g *ground) {
		g.edit(3, `"seq":1`, `"seq":1.5`)
		g.edit(4, `"seq":1`, `"seq":-1`)
		g.edit(5, `"seq":1`, `"seq":9007199254740992`)
	}),
	disclosed("no seq", oneMissing+onePassed, func(g *ground) { g.edit(3, `"seq":1,`, ``) }),
	disclosed("a source in capitals", oneMissing+onePassed, func(g *ground) {
		src := g.disclosures[3].Source.String()
		g.edit(3, src, strings.ToUpper(src))
	}),
	disclosed("a line name that is none", oneMissing+onePassed, func(g *ground) { g.edit(3, `"line":"`, `"line":"the `) }),
	disclosed("a salt of 31 bytes, in another alphabet, without padding", "3 "+oneMissing+", lines passed over: 3", func(g *ground) {
		g.edit(3, `"salt":"`, `"salt":"A`)
		g.edit(4, `=","body"`, `","body"`)
		g.edit(5, `=","body"`, `=\n","body"`)
	}),
	disclosed("a body that is null, a number, not there", "3 "+oneMissing+", lines passed over: 3", func(g *ground) {
		g.edit(9, `"body":"e30="`, `"body":null`)
		g.edit(10, `"body":"e30="`, `"body":7`)
		g.edit(12, `"body":"e30="`, `"Body":"e30="`)
	}),
	disclosed("names in capitals beside the right ones", "", func(g *ground) { g.edit(9, `"seq"`, `"SEQ":99,"Line":"x","seq"`) }),
	disclosed("members in another order, others, white space", "", func(g *ground) {
		g.edit(9, `{"source":`, ` {"note":[1,{"body":null}], "source" : `)
		g.edit(10, `,"body":"e30="}`, `}`)
		g.edit(10, `{`, `{"body":"e30=",`)
	}),
	disclosed("a member twice", "", func(g *ground) { g.edit(9, `"body":"e30="`, `"body":"junk","body":"e30="`) }),
	disclosed("letters escaped", "", func(g *ground) { g.edit(9, `"line":"w`, `"line":"\u0077`) }),
	disclosed("bytes that are not UTF-8 beside it", "", func(g *ground) { g.edit(9, `{`, "{\"x\":\"\xff\",") }),
	disclosed("a byte order mark", oneMissing+onePassed, func(g *ground) { g.edit(0, `{`, "\ufeff{") }),
	disclosed("of a source that is not there", "", func(g *ground) {
		d := g.disclosures[3]
		d.Source[0] ^= 1
		g.lines = append(g.lines, string(must(json.Marshal(&d))))
	}),
	disclosed("what was erased is back", "unerased (vault)", func(g *ground) {
		d := seal.Disclosure{Source: g.web.id(), Seq: 0, Line: entry.LineText(1), Body: []byte("content of /etc/b\n")}
		for n := range 100 {
			d.Salt = sha256.Sum256(fmt.Appendf(nil, "stele vectors: salt %d", n))
			g.lines = append(g.lines, string(must(json.Marshal(&d))))
		}
	}),
	disclosed("a how of a source's enrolment is gone", oneMissing, func(g *ground) {
		g.lines = slices.Delete(g.lines, g.line(2, entry.LineHow), g.line(2, entry.LineHow)+1)
	}),
}

// salt alters the salt of a disclosure.
func (g *ground) salt(n int, do func([]byte)) {
	d := g.disclosures[n]
	do(d.Salt[:])
	g.lines[n] = string(must(json.Marshal(&d)))
}
