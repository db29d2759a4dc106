package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
	"github.com/stele-log/stele/verify"
)

// logVector is one element of logs.json. Its name begins with the code it is
// about; "benign" follows where that code must not be found.
type logVector struct {
	Name        string            `json:"name"`
	Comment     string            `json:"comment"`
	VKey        string            `json:"vkey"`
	Checkpoint  string            `json:"checkpoint"`
	Believed    string            `json:"believed,omitempty"` // a checkpoint believed before
	AtHand      []string          `json:"at_hand,omitempty"`  // further checkpoints
	Entries     [][]byte          `json:"entries"`
	Disclosures []seal.Disclosure `json:"disclosures,omitzero"`
	verdictVector
}

// verdictVector is what a verifier must say about a log.
type verdictVector struct {
	Findings  []findingVector `json:"findings"`
	Contested []contestVector `json:"contested,omitempty"`
	Status    int             `json:"status"`
	Counts    *countsVector   `json:"counts,omitempty"` // where the leaves are those of the checkpoint
}

// contestVector is a tree that is contested, and who saw it.
type contestVector struct {
	Size uint64           `json:"size"`
	Root string           `json:"root"`
	Saw  []sightingVector `json:"saw"`
}

type sightingVector struct {
	Index  uint64 `json:"index"`
	Source string `json:"source"`
}

// countsVector is what a verifier counts.
type countsVector struct {
	Changes       uint64 `json:"changes"`
	Disclosed     uint64 `json:"disclosed"`
	Erased        uint64 `json:"erased"`
	Duplicates    uint64 `json:"duplicates"`
	NotUnderstood uint64 `json:"not_understood"`
	Recorded      uint64 `json:"recorded"`
	Sources       int    `json:"sources"`
}

type findingVector struct {
	Code    verify.Code  `json:"code"`
	Accused verify.Party `json:"accused"`
	Index   uint64       `json:"index"`
}

// accused is the column of that name of format.md, section 8.
var accused = map[verify.Code]verify.Party{
	"bad-checkpoint": "log", "tree-mismatch": "log", "shrunk": "log", "fork": "log",
	"malformed": "log", "bad-genesis": "log", "bad-key": "log", "unknown-key": "log",
	"bad-signature": "log", "wrong-role": "log", "bad-enrolment": "log",
	"forked-source": "source", "bad-chain": "source", "sequence-gap": "source", "after-revoke": "source",
	"saw-future": "source", "saw-mismatch": "source", "saw-rollback": "source", "clock-skew": "source",
	"unknown-reference": "source", "missing-disclosure": "vault", "seal-mismatch": "vault", "unerased": "vault",
	"malformed-body": "source", "before-mismatch": "source", "bad-rollcall": "source",
}

// find is one finding that a vector expects.
func find(code verify.Code, index int) findingVector {
	return findingVector{code, accused[code], uint64(index)}
}

// vector is the log as it stands, with nothing disclosed. Expected findings are
// given in the order of the format.
func (m *maker) vector(name, comment string, findings ...findingVector) logVector {
	return logVector{
		Name: name, Comment: comment, VKey: logKey().VKey(), Checkpoint: checkpointOf(m.leaves),
		Entries: slices.Clone(m.leaves), verdictVector: verdictVector{Findings: append([]findingVector{}, findings...)},
	}
}

// believing is the log to somebody who believed another one before.
func (v logVector) believing(leaves [][]byte) logVector {
	v.Believed = checkpointOf(leaves)
	return v
}

// with is the log to somebody who was given checkpoints of other ones.
func (v logVector) with(logs ...[][]byte) logVector {
	for _, leaves := range logs {
		v.AtHand = append(v.AtHand, checkpointOf(leaves))
	}
	return v
}

// contested is the log with a tree contested by what leaves saw.
func (v logVector) contested(leaves ...int) logVector {
	first := must(entry.Parse(v.Entries[leaves[0]]))
	c := contestVector{Size: first.Saw.Size, Root: first.Saw.Root.String()}
	for _, i := range leaves {
		c.Saw = append(c.Saw, sightingVector{uint64(i), must(entry.Parse(v.Entries[i])).Source.String()})
	}
	v.Contested = append(v.Contested, c)
	return v
}

// settled fills in what follows from what a vector says: the exit status and, by
// the slow verifier, the counts.
func (v logVector) settled() logVector {
	later := slices.ContainsFunc(v.Entries, func(b []byte) bool {
		_, err := entry.Parse(b)
		return errors.Is(err, entry.ErrVersion)
	})
	if len(v.Contested) > 0 || later {
		v.Status = 1
	}
	if slices.ContainsFunc(v.Findings, func(f findingVector) bool { return f.Accused != "source" }) {
		v.Status = 3
	}
	if whole(v) {
		v.Counts = judgeLog(v).Counts
	}
	return v
}

// whole reports whether the leaves are those of the checkpoint.
func whole(v logVector) bool {
	cp, err := verify.OpenCheckpoint(logKey(), []byte(v.Checkpoint))
	return err == nil && v.VKey == logKey().VKey() && cp.Size == uint64(len(v.Entries)) && cp.Root == treeRoot(v.Entries)
}

// opened is the log as it stands, with its disclosures.
func (m *maker) opened(name, comment string, findings ...findingVector) logVector {
	v := m.vector(name, comment, findings...)
	v.Disclosures = append([]seal.Disclosure{}, m.disclosures...)
	return v
}

// makeLogVectors is logs.json.
func makeLogVectors(t tester) []logVector {
	list := slices.Concat(
		cleanLogs(t), checkpointLogs(t), treeLogs(t), believedLogs(t),
		grammarLogs(t), genesisLogs(t), keyLogs(t), roleLogs(t), enrolmentLogs(t),
		chainLogs(t), gapLogs(t), revokeLogs(t), sawLogs(t), clockLogs(t), referenceLogs(t),
		disclosureLogs(t), eraseLogs(t), erasersLogs(t), bodyLogs(t), beforeLogs(t), renameLogs(t), hostLogs(t), rollLogs(t),
		contestLogs(t), oddLogs(t),
	)
	for i := range list {
		list[i] = list[i].settled()
	}
	return list
}

func checkLog(t *testing.T, v logVector) {
	for _, piece := range []int{len(v.Entries), 1} {
		if d := cmp.Diff(v.verdictVector, runLog(t, v, piece)); d != "" {
			t.Fatalf("%s\n%s", v.Comment, d)
		}
	}
	v.checkCallbacks(t)
	v.checkSkipped(t)
	v.checkClock(t)
	v.checkAlone(t)
	for i := range v.Disclosures {
		checkRoundTrip(t, &v.Disclosures[i])
	}
}

func checkRoundTrip(t *testing.T, d *seal.Disclosure) {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again seal.Disclosure
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if again.Seal() != d.Seal() {
		t.Fatalf("%s does not come back as it was", b)
	}
}

// runLog runs the implementation over a vector, some leaves at a time.
func runLog(t *testing.T, v logVector, piece int) verdictVector {
	t.Helper()
	key, err := entry.ParseLogKey(v.VKey)
	if err != nil {
		t.Fatal(err)
	}
	var f *verify.Finding
	cp, err := verify.OpenCheckpoint(key, []byte(v.Checkpoint))
	if errors.As(err, &f) {
		return said(verify.Verdict{Findings: []verify.Finding{*f}}, false)
	} else if err != nil {
		t.Fatal(err)
	}
	verdict, err := v.examined(v.watched(t, v.config(key, cp), cp, piece))
	if err != nil {
		t.Fatal(err)
	}
	v.checkSpoken(t, verdict.Findings)
	return said(verdict, whole(v))
}

// examined runs an examination some leaves at a time.
func (v *logVector) examined(cfg verify.Config, before func(n int), piece int) (verify.Verdict, error) {
	log := verify.NewLog(cfg)
	for part := range slices.Chunk(v.Entries, max(1, piece)) {
		before(len(part))
		if err := log.Add(part...); err != nil {
			return verify.Verdict{}, err
		}
	}
	before(0)
	return log.Finish()
}

// watched holds an examination to what it says of its callbacks: a root is asked for
// among the leaves added, and once; a signature is tried once; leaves below From
// are not opened.
func (v *logVector) watched(t *testing.T, cfg verify.Config, cp verify.Checkpoint, piece int) (verify.Config, func(int), int) {
	var added, tried atomic.Uint64
	finished := false
	asked := make(map[uint64]bool)
	rootAt, signature := cfg.RootAt, cfg.Signature
	cfg.RootAt = func(n uint64) (entry.Hash, error) {
		if n == 0 || n > cp.Size && n > added.Load() || !finished && (n > added.Load() || asked[n]) {
			t.Errorf("asked for the root at %d after %d leaves", n, added.Load())
		}
		asked[n] = true
		return rootAt(n)
	}
	if signature == nil {
		signature = ed25519.Verify
	}
	cfg.Signature = func(key ed25519.PublicKey, text, sig []byte) bool {
		if tried.Add(1) > added.Load() {
			t.Errorf("%d signatures tried of %d leaves", tried.Load(), added.Load())
		}
		return signature(key, text, sig)
	}
	return cfg, func(n int) {
		added.Add(uint64(n))
		finished = n == 0
	}, piece
}

// checkCallbacks runs a vector where nothing can be looked at, or need not be.
func (v *logVector) checkCallbacks(t *testing.T) {
	key := must(entry.ParseLogKey(v.VKey))
	cp, err := verify.OpenCheckpoint(key, []byte(v.Checkpoint))
	if err != nil {
		return
	}
	errDisk := errors.New("disk on fire")
	finished := false
	mark := func(n int) { finished = n == 0 }
	fails := func(name string, spoil func(*verify.Config, *bool)) {
		cfg, asked := v.config(key, cp), false
		cfg.SkipSignatures = true
		spoil(&cfg, &asked)
		if _, err := v.examined(cfg, mark, 3); errors.Is(err, errDisk) != asked || err != nil && !asked {
			t.Errorf("%s: asked is %v, the error %v", name, asked, err)
		}
	}
	fails("root", func(c *verify.Config, asked *bool) {
		c.RootAt = func(uint64) (entry.Hash, error) { *asked = true; return entry.Hash{}, errDisk }
	})
	if v.Disclosures == nil {
		return
	}
	fails("leaf", func(c *verify.Config, asked *bool) {
		c.Leaf = func(uint64) ([]byte, error) { *asked = true; return nil, errDisk }
	})
	fails("open", func(c *verify.Config, asked *bool) {
		if v.Counts == nil {
			return // of other leaves than the checkpoint's
		}
		*asked = v.Counts.Sources > 0
		c.Open = func(uint64, *entry.Entry) ([]seal.Disclosure, error) { return nil, errDisk }
	})
	fails("open again", func(c *verify.Config, asked *bool) {
		open := c.Open
		c.Open = func(i uint64, e *entry.Entry) ([]seal.Disclosure, error) {
			if !finished {
				return open(i, e)
			}
			*asked = true
			return nil, errDisk
		}
	})
	cfg, asked := v.config(key, cp), false
	cfg.Leaf = func(uint64) ([]byte, error) { asked = true; return []byte("junk"), nil }
	if _, err := v.examined(cfg, mark, 3); (err != nil) != asked {
		t.Errorf("junk in the place of a leaf: asked is %v, the error %v", asked, err)
	}
}

// checkSkipped runs a vector as one whose signatures are not asked for, and as one
// that was examined before.
func (v *logVector) checkSkipped(t *testing.T) {
	key := must(entry.ParseLogKey(v.VKey))
	cp, err := verify.OpenCheckpoint(key, []byte(v.Checkpoint))
	if err != nil {
		return
	}
	for _, skip := range []bool{true, false} {
		cfg := v.config(key, cp)
		cfg.SkipSignatures = skip
		if !skip {
			cfg.From = uint64(len(v.Entries))
			cfg.Open = func(i uint64, _ *entry.Entry) ([]seal.Disclosure, error) {
				t.Errorf("leaf %d is opened, which was examined before", i)
				return nil, nil
			}
		}
		cfg.Signature = func(ed25519.PublicKey, []byte, []byte) bool {
			t.Error("a signature is tried that need not be")
			return false
		}
		verdict, err := v.examined(cfg, func(int) {}, 3)
		if err != nil || verdict.Signatures == skip || slices.ContainsFunc(verdict.Findings, func(f verify.Finding) bool { return f.Code == verify.BadSignature }) {
			t.Errorf("skip is %v: signatures %v, findings %v, %v", skip, verdict.Signatures, verdict.Findings, err)
		}
	}
}

// checkClock asks of each leaf what whoever takes it in asks, with the clock of the
// next leaf of the recorder.
func (v *logVector) checkClock(t *testing.T) {
	if !strings.HasPrefix(v.Name, "clock-skew/") || strings.HasSuffix(v.Name, "s") {
		return // duplicates and forks are not asked about
	}
	recorder := must(entry.Parse(v.Entries[0])).Source
	for i, raw := range v.Entries {
		e := must(entry.Parse(raw))
		for _, later := range v.Entries[i+1:] {
			if next := must(entry.Parse(later)); next.Source == recorder {
				ahead := verify.Ahead(uint64(i), e, next.At()) != nil
				if ahead != slices.Contains(v.Findings, find("clock-skew", i)) {
					t.Errorf("leaf %d is ahead: %v", i, ahead)
				}
				break
			}
		}
	}
}

// said is a verdict in the words of the vectors.
func said(v verify.Verdict, whole bool) verdictVector {
	got := verdictVector{Findings: codes(v), Status: v.Status()}
	for _, c := range v.Contested {
		made := contestVector{Size: c.Size, Root: c.Root.String()}
		for _, s := range c.Saw {
			made.Saw = append(made.Saw, sightingVector{s.Index, s.Source.String()})
		}
		got.Contested = append(got.Contested, made)
	}
	if whole {
		got.Counts = &countsVector{v.Changes, v.Disclosed, v.Erased, v.Duplicates, v.NotUnderstood, v.Recorded, v.Sources}
	}
	return got
}

func (v *logVector) config(key *entry.LogKey, cp verify.Checkpoint) verify.Config {
	cfg := verify.Config{Key: key, Checkpoint: cp, RootAt: v.rootAt(cp)}
	open := func(signed string) verify.Checkpoint { return must(verify.OpenCheckpoint(key, []byte(signed))) }
	if v.Believed != "" {
		believed := open(v.Believed)
		cfg.Believed = &believed
	}
	for _, signed := range v.AtHand {
		cfg.AtHand = append(cfg.AtHand, open(signed))
	}
	if v.Disclosures != nil {
		cfg.Open = opener(v.Disclosures)
		cfg.Leaf = func(i uint64) ([]byte, error) { return v.Entries[i], nil }
	}
	return cfg
}

// rootAt knows the tree as far as the leaves go, where they are those of the
// checkpoint.
func (v *logVector) rootAt(cp verify.Checkpoint) func(uint64) (entry.Hash, error) {
	broken := cp.Size != uint64(len(v.Entries)) || cp.Root != treeRoot(v.Entries)
	return func(n uint64) (entry.Hash, error) {
		if broken || n > cp.Size {
			return entry.Hash{}, &verify.Finding{Code: verify.TreeMismatch}
		}
		return treeRoot(v.Entries[:n]), nil
	}
}

// hashes stores the tree of some leaves as x/mod numbers it.
func hashes(leaves [][]byte) tlog.HashReaderFunc {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = stored[n]
		}
		return out, nil
	})
	for i, l := range leaves {
		stored = append(stored, must(tlog.StoredHashes(int64(i), l, read))...)
	}
	return read
}

// opener finds disclosures by what they name, as any vault would.
func opener(list []seal.Disclosure) func(uint64, *entry.Entry) ([]seal.Disclosure, error) {
	type place struct {
		source entry.Source
		seq    uint64
	}
	by := make(map[place][]seal.Disclosure)
	for _, d := range list {
		p := place{d.Source, d.Seq}
		by[p] = append(by[p], d)
	}
	return func(_ uint64, e *entry.Entry) ([]seal.Disclosure, error) { return by[place{e.Source, e.Seq}], nil }
}

// examine feeds leaves in pieces of a size.
func examine(t tester, leaves [][]byte, cfg verify.Config, piece int) verify.Verdict {
	t.Helper()
	l := verify.NewLog(cfg)
	for part := range slices.Chunk(leaves, max(1, piece)) {
		if err := l.Add(part...); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	v, err := l.Finish()
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	return v
}

// cleanLogs have nothing to find, and much in them.
func cleanLogs(t tester) []logVector {
	empty := &maker{t: t}
	v := empty.vector("clean/no leaf", "size 0 with the root of the empty tree")
	v.Entries = [][]byte{}
	m := newMaker(t, 1)
	return []logVector{v, m.opened("clean/entry 0 alone", "what a log begins with"), everyKind(t), severalSources(t)}
}

// everyKind has each kind of entry by a source that may sign it.
func everyKind(t tester) logVector {
	m := newMaker(t, 1)
	w := m.enrol("watcher", entry.Watcher, "web-1")
	p := m.enrol("person", entry.Person, "")
	mon := m.enrol("monitor", entry.Monitor, "mon-1")
	m.see(m.recorder, w, p, mon)
	first := m.change(w, seen("/etc/a"), seen("/etc/b"))
	m.gap(w)
	c := m.change(w, modified("/etc/a", m.after(first, 0)), gone("/etc/b", m.after(first, 1)))
	m.add(p, remark("reason", m.id(c)), contents{why: `{"reason":"quieter","ticket":"OPS-1"}`})
	m.call(nil, []*source{w}, m.beat(w))
	m.see(m.recorder, w, p, mon)
	m.add(mon, entry.Entry{Kind: entry.Finding, Open: entry.Open{Code: "silent", About: []entry.ID{m.id(c)}}}, contents{})
	m.add(m.recorder, entry.Entry{Kind: entry.Access}, contents{})
	m.erase(p, entry.Void{ID: m.id(first), Line: entry.LineText(0)}, entry.Void{ID: m.id(c), Line: entry.LineWho})
	m.forgetLine(first, entry.LineText(0))
	m.forgetLine(c, entry.LineWho)
	m.add(p, revoke(mon, 0), contents{})
	m.rollcall()
	return m.opened("clean/every kind", "every kind of entry by a source that may sign it; one text and one who erased")
}

func severalSources(t tester) logVector {
	m := newMaker(t, 2)
	a := m.enrol("a", entry.Watcher, "web-1")
	b := m.enrol("b", entry.Watcher, "web-1")
	i := m.enrol("importer", entry.Importer, "")
	r := m.enrol("receiver", entry.Receiver, "recv-1")
	one := m.change(a, seen("/etc/a"))
	two := m.change(b, modified("/etc/a", m.after(one, 0)))
	m.change(a, modified("/etc/a", m.after(two, 0)))
	first := m.change(i, told("web-1", seen("/etc/a")), told("web-2", seen("/etc/a")))
	m.change(r, told("web-1", modified("/etc/a", m.after(first, 0))))
	m.rollcall()
	return m.opened("clean/several sources",
		"two sources on one host continue each other; told hosts are others than enrolled ones of the same name")
}

// small is a log with a watcher and one change, at index 2.
func small(t tester) (*maker, *source) {
	m := newMaker(t, 1)
	w := m.enrol("watcher", entry.Watcher, "web-1")
	m.change(w, seen("/etc/a"))
	return m, w
}

func checkpointLogs(t tester) []logVector {
	m, _ := small(t)
	key := keyFor(origin)
	good := checkpointOf(m.leaves)
	body := good[:strings.Index(good, "\n\n")+1]
	with := func(name, comment, checkpoint string, findings ...findingVector) logVector {
		v := m.vector("bad-checkpoint/"+name, comment, findings...)
		v.Checkpoint = checkpoint
		return v
	}
	bad := func(name, comment, checkpoint string) logVector {
		return with(name, comment, checkpoint, find("bad-checkpoint", 0))
	}
	witness := noteWith(body, "witness.example", public(keyFor("witness")), make([]byte, 72))[len(body)+1:]
	root := m.root(3)
	text := func(origin, size, root string) string { return fmt.Sprintf("%s\n%s\n%s\n", origin, size, root) }
	spare := spareBits(b64(root[:]))
	return []logVector{
		with("benign cosigned", "signature lines of unknown keys say nothing", good+witness),
		with("benign extension line", "extension lines carry no meaning", signNote(body+"extension\n", origin, key)),
		bad("another key", "signed by another key under the name of the log", signNote(body, origin, keyFor("another log"))),
		bad("key hash of the log, signature of another", "", noteWith(body, origin, public(key), ed25519.Sign(keyFor("another log"), []byte(body)))),
		bad("another origin", "signed by the log's key under the origin of another log", signNote(text("log.example/other", "3", b64(root[:])), origin, key)),
		bad("another name on the signature line", "", signNote(body, "log.example/other", key)),
		bad("cosigned only", "without the log's own signature", body+"\n"+witness),
		bad("size altered after signing", "", strings.Replace(good, "\n3\n", "\n2\n", 1)),
		bad("size with a leading zero", "", signNote(text(origin, "03", b64(root[:])), origin, key)),
		bad("size is no number", "", signNote(text(origin, "three", b64(root[:])), origin, key)),
		bad("root with spare bits", "", signNote(text(origin, "3", spare), origin, key)),
		bad("size 0 with a root", "", signNote(text(origin, "0", b64(root[:])), origin, key)),
		bad("no root", "", signNote(origin+"\n3\n", origin, key)),
		bad("an entry in its place", "", string(m.leaves[0])),
		bad("no bytes", "", ""),
	}
}

func treeLogs(t tester) []logVector {
	m, w := small(t)
	honest := checkpointOf(m.leaves)
	with := func(name, comment string, leaves [][]byte, findings ...findingVector) logVector {
		v := m.vector("tree-mismatch/"+name, comment, findings...)
		v.Checkpoint, v.Entries = honest, leaves
		return v
	}
	rewritten := m.sign(w, changeEntry, contents{whats: []what{seen("/etc/z")}}, seq(0), prev(w.before))
	return []logVector{
		with("benign", "the leaves are those of the checkpoint", m.leaves),
		with("last leaf rewritten", "its source signed the other one too", [][]byte{m.leaves[0], m.leaves[1], rewritten}, find("tree-mismatch", 3)),
		with("last leaf missing", "", m.leaves[:2], find("tree-mismatch", 2)),
		with("a leaf more", "", append(slices.Clone(m.leaves), m.leaves[2]), find("tree-mismatch", 4)),
		with("no leaf", "", [][]byte{}, find("tree-mismatch", 0)),
		with("leaves swapped", "", [][]byte{m.leaves[0], m.leaves[2], m.leaves[1]}, find("unknown-key", 1), find("tree-mismatch", 3)),
	}
}

func believedLogs(t tester) []logVector {
	m, w := small(t)
	m.change(w, seen("/etc/b"))
	with := func(name, comment string, believed [][]byte, findings ...findingVector) logVector {
		return m.vector(name, comment, findings...).believing(believed)
	}
	other := slices.Clone(m.leaves[:3])
	other[2] = m.sign(w, changeEntry, contents{whats: []what{seen("/etc/z")}}, seq(0), prev(w.before))
	return []logVector{
		with("shrunk/benign", "the log grew since", m.leaves[:3]),
		with("fork/benign same checkpoint", "", m.leaves),
		with("fork/benign believed before the first leaf", "", nil),
		with("shrunk/last leaf cut off", "", append(slices.Clone(m.leaves), m.leaves[3]), find("shrunk", 4)),
		with("fork/another leaf believed", "the log has shown another tree of 3 leaves", other, find("fork", 4)),
		with("fork/same size, another root", "", append(other, m.leaves[3]), find("fork", 4)),
	}
}

// grammarLogs have leaves that are no entries of version 1.
func grammarLogs(t tester) []logVector {
	m, w := small(t)
	m.put([]byte("stele/entry/v2\nto be defined\n"))
	m.change(w, seen("/etc/b"))
	later := m.opened("malformed/benign later version", "counted as not understood: no finding, but exit status 1")

	m, w = small(t)
	m.put([]byte("junk"))
	m.change(w, seen("/etc/b"))
	i := m.put(append(slices.Clone(m.leaves[2]), m.leaves[2][bytes.LastIndex(m.leaves[2], []byte("—")):]...))
	m.put(bytes.ReplaceAll(m.leaves[2], []byte("\n"), []byte("\r\n")))
	m.put([]byte{})
	bad := m.vector("malformed/leaves", "junk, a second signature line, CRLF, no bytes; what is around them stands",
		find("malformed", 3), find("malformed", i), find("malformed", i+1), find("malformed", i+2))

	m = &maker{t: t, now: epoch, recorder: newSource("recorder")}
	m.put([]byte("stele/entry/v2\n"))
	m.rollcall()
	first := m.vector("malformed/benign later version at index 0", "no entry 0 is understood, so no source is enrolled", find("unknown-key", 1))
	return []logVector{later, bad, first}
}

// genesisLogs have another entry 0, or a second one.
func genesisLogs(t tester) []logVector {
	var list []logVector
	start := prev(hash(origin))
	bad := func(name, comment string, e func(*maker) entry.Entry, edits ...edit) {
		m := &maker{t: t, now: epoch, recorder: newSource("recorder")}
		m.add(m.recorder, e(m), contents{}, edits...)
		m.rollcall()
		list = append(list, m.vector("bad-genesis/"+name, comment, find("bad-genesis", 0), find("unknown-key", 1)))
	}
	genesis := func(edit func(*entry.Open)) func(*maker) entry.Entry {
		return func(m *maker) entry.Entry {
			e := m.genesis(1)
			edit(&e.Open)
			return e
		}
	}
	same := genesis(func(*entry.Open) {})
	bad("no enrol", "", func(*maker) entry.Entry { return entry.Entry{Kind: entry.RollCall} }, start)
	bad("without log", "", genesis(func(o *entry.Open) { o.Log = nil }), start)
	bad("another log", "", genesis(func(o *entry.Open) { o.Log = must(entry.NewLogKey("log.example/other", logKey().Bytes())) }), start)
	bad("another log key", "", genesis(func(o *entry.Open) { o.Log = must(entry.NewLogKey(origin, public(otherKey))) }), start)
	bad("role person", "", genesis(func(o *entry.Open) { o.Role = entry.Person }), start)
	bad("enrols another", "", genesis(func(o *entry.Open) { o.Key = newSource("watcher").public() }), start)
	bad("seq 1", "", same, start, seq(1))
	bad("prev is not of the origin", "", same, prev(hash("log.example/other")))
	bad("saw a checkpoint", "", same, start, saw(1, hash("x")))
	return append(list, genesisTwins(t)...)
}

func genesisTwins(t tester) []logVector {
	m := &maker{t: t, now: epoch, recorder: newSource("recorder")}
	e := m.genesis(99)
	e.Open.Succeeds = &entry.Succession{Origin: "log.example/old", Size: 5, Root: hash("old")}
	m.add(m.recorder, e, contents{}, prev(hash(origin)))
	m.rollcall()
	benign := m.vector("bad-genesis/benign successor", "entry 0 of a log that follows another")

	m = newMaker(t, 1)
	m.put(m.leaves[0])
	again := m.vector("bad-genesis/entry 0 again", "a log line outside entry 0; not a duplicate", find("bad-genesis", 1))

	m = newMaker(t, 1)
	e = m.genesis(1)
	e.Open.Key, e.Open.Role = newSource("watcher").public(), entry.Watcher
	m.add(m.recorder, e, contents{})
	m.rollcall(seq(1), prev(m.id(0)))
	return []logVector{benign, again, m.vector("bad-genesis/log line in a later enrol", "", find("bad-genesis", 1))}
}

// keyLogs have unsound keys, unknown keys and bad signatures.
func keyLogs(t tester) []logVector {
	return []logVector{smallOrderLog(t), mixedOrderLog(t), strangerLog(t), earlyLog(t), secondRecorderLog(t), badSignatureLog(t), neutralLog(t)}
}

// enrolBytes has the recorder enrol a key that the implementation would not sign for.
func (m *maker) enrolBytes(key []byte, role string) int {
	name := m.recorder.id().String()
	t := fmt.Sprintf("stele/entry/v1\nenrol\n%s %d %s\n%s\nsaw 0 %s\nvkey %s\nrole %s\nwho %s\nwhy %s\nhow %s\n",
		name, m.recorder.seq, m.recorder.prev, someTime, emptyRoot, vkeyOf(sourceOf(key), key), role, digest("who"), digest("why"), digest("how"))
	return m.put([]byte(signNote(t, name, m.recorder.key)))
}

func smallOrderLog(t tester) logVector {
	m := newMaker(t, 1)
	key := encodePoint(one, 0)
	m.enrolBytes(key, "watcher")
	name := sourceOf(key)
	text := replaced(text("change"), fmt.Sprintf("%s %d %s", signerName, someSeq, digest("prev")), name+" 0 "+m.id(1).String())
	text = replaced(text, "saw 6 "+digest("root"), "saw 0 "+emptyRoot)
	m.put([]byte(noteWith(text, name, key, append(encodePoint(one, 0), make([]byte, 32)...))))
	m.enrolBytes(encodePoint(fieldPrime, 0), "watcher")
	return m.vector("bad-key/small order", "leaf 2 would verify under the neutral point, as would any other text",
		find("bad-key", 1), find("unknown-key", 2), find("bad-key", 3))
}

func mixedOrderLog(t tester) logVector {
	m := newMaker(t, 1)
	m.enrolBytes(plusOrderTwo(public(otherKey)), "watcher")
	return m.vector("bad-key/benign mixed order", "a key of mixed order is not of small order")
}

func strangerLog(t tester) logVector {
	m, _ := small(t)
	m.change(newSource("stranger"), seen("/etc/a"))
	return m.vector("unknown-key/stranger", "signed by a source that nobody enrolled", find("unknown-key", 3))
}

func earlyLog(t tester) logVector {
	m := newMaker(t, 1)
	w := newSource("watcher")
	raw := m.sign(w, changeEntry, contents{whats: []what{seen("/etc/a")}})
	m.put(raw)
	w = m.enrol("watcher", entry.Watcher, "web-1")
	m.change(w, seen("/etc/a"))
	return m.vector("unknown-key/before its enrolment", "the leaf before the enrolment is no fork of the one after it", find("unknown-key", 1))
}

func secondRecorderLog(t tester) logVector {
	m := newMaker(t, 1)
	second := m.enrol("second recorder", entry.Recorder, "log-2")
	w := newSource("watcher")
	w.prev = m.id(m.add(second, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: w.public(), Role: entry.Watcher}}, hostBody("web-1")))
	m.change(w, seen("/etc/a"))
	return m.vector("unknown-key/benign enrolled by another recorder", "whom the first one enrolled")
}

func neutralLog(t tester) logVector {
	m, w := small(t)
	text := textOf(string(m.sign(w, gapEntry, contents{})))
	key := w.public().Bytes()
	a, _ := scalars(w.key, text)
	m.put([]byte(noteWith(text, w.id().String(), key, forge(encodePoint(one, 0), key, new(big.Int), a, text))))
	return m.vector("bad-signature/benign R is the neutral point", "odd, but the equation holds")
}

func badSignatureLog(t tester) logVector {
	m, w := small(t)
	honest := m.sign(w, changeEntry, contents{whats: []what{seen("/etc/b")}})
	text := textOf(string(honest))
	key, name := w.public().Bytes(), w.id().String()
	sig := ed25519.Sign(w.key, []byte(text))
	first := m.put([]byte(noteWith(text, name, key, flipped(sig, 3))))
	m.put([]byte(noteWith(text, name, key, ed25519.Sign(otherKey, []byte(text)))))
	m.put([]byte(text + "\n— " + name + " " + b64(append(keyHash(origin, key), sig...)) + "\n"))
	m.put([]byte(noteWith(text, name, key, ed25519.Sign(w.key, []byte(textOf(string(m.leaves[2])))))))
	m.put(honest)
	return m.vector("bad-signature/leaves", "a bit flipped, another key, another key hash, another text's signature; the last leaf is sound and no fork",
		find("bad-signature", first), find("bad-signature", first+1), find("bad-signature", first+2), find("bad-signature", first+3))
}

func roleLogs(t tester) []logVector {
	m := newMaker(t, 1)
	w := m.enrol("watcher", entry.Watcher, "web-1")
	p := m.enrol("person", entry.Person, "")
	mon := m.enrol("monitor", entry.Monitor, "")
	target := m.id(0)
	finding := entry.Entry{Kind: entry.Finding, Open: entry.Open{Code: "x"}}
	erase := entry.Entry{Kind: entry.Erase, Open: entry.Open{Voids: []entry.Void{{ID: target, Line: entry.LineWho}}}}
	enrol := entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: newSource("friend").public(), Role: entry.Watcher}}
	change := contents{whats: []what{seen("/etc/a")}}
	var want []findingVector
	for _, c := range []struct {
		s *source
		e entry.Entry
		c contents
	}{
		{w, erase, contents{}},
		{w, enrol, contents{}},
		{w, finding, contents{}},
		{w, revoke(p, 0), contents{}},
		{w, entry.Entry{Kind: entry.RollCall}, contents{}},
		{p, changeEntry, change},
		{p, enrol, contents{}},
		{p, entry.Entry{Kind: entry.Access}, contents{}},
		{mon, erase, contents{}},
		{mon, revoke(p, 0), contents{}},
		{m.recorder, changeEntry, change},
		{m.recorder, erase, contents{}},
	} {
		want = append(want, find("wrong-role", m.put(m.sign(c.s, c.e, c.c))))
	}
	m.add(newSource("friend"), changeEntry, change)
	want = append(want, find("unknown-key", len(m.leaves)-1))
	m.gap(w)
	return []logVector{
		m.vector("wrong-role/leaves", "what a role may not sign has no effect: the friend is not enrolled, and no seq is used up", want...),
		allowedRoles(t),
	}
}

func allowedRoles(t tester) logVector {
	m := newMaker(t, 1)
	for _, role := range []entry.Role{entry.Watcher, entry.Receiver, entry.Importer, entry.Recorder, entry.Person, entry.Monitor} {
		s := m.enrol("the "+string(role), role, "")
		m.gap(s)
		m.add(s, remark("reason", m.id(0)), contents{})
	}
	m.rollcall()
	return m.vector("wrong-role/benign", "every role may sign gaps and remarks")
}

func enrolmentLogs(t tester) []logVector {
	m, w := small(t)
	m.enrolKey(w.public(), entry.Person, "")
	m.enrolKey(m.recorder.public(), entry.Recorder, "")
	m.change(w, seen("/etc/b"))
	// The recorder's own numbers go on where they were: what failed used none up.
	m.recorder.seq, m.recorder.prev = 2, m.id(1)
	m.rollcall()
	twice := m.vector("bad-enrolment/twice", "the watcher as a person, the recorder again; both stay what they were",
		find("bad-enrolment", 3), find("bad-enrolment", 4))

	m, w = small(t)
	id := w.id()
	e := entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: newSource("next").public(), Role: entry.Watcher, Follows: &id}}
	m.add(m.recorder, e, hostBody("web-1"))
	replaced := m.vector("bad-enrolment/benign replaced", "another source follows the watcher on its host")

	m, _ = small(t)
	m.put(m.leaves[1])
	return []logVector{twice, replaced, m.vector("bad-enrolment/benign repeated", "the very same entry again: a duplicate")}
}
