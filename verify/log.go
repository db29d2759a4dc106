package verify

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// maxSkew is how far a source's clock may be ahead of the recorder's.
const maxSkew = 300 * time.Second

// maxRoots bounds the roots that are remembered.
const maxRoots = 1 << 14

// Config says what a log is examined against.
type Config struct {
	Key        *entry.LogKey
	Checkpoint Checkpoint // opened with OpenCheckpoint

	// Believed is the checkpoint of this log that this verifier believed before,
	// nil if there is none. AtHand are others that the log's key signed, whoever
	// brought them. All are opened with OpenCheckpoint. The tree must be theirs too
	// (step 3), and what they show decides whom a wrong saw line accuses.
	Believed *Checkpoint
	AtHand   []Checkpoint

	// RootAt returns the root of the log's tree at a size of 1 to the number of
	// leaves added, and after the last one of the tree that Checkpoint describes. A
	// *Finding as the error says that bytes at hand do not lead to it: nothing is
	// then judged by it. Any other error stops the examination.
	RootAt func(size uint64) (entry.Hash, error)

	// Open returns what disclosures there are for an entry, those of its texts
	// included. Nil: no disclosures are at hand and none is missed. It is called
	// from several goroutines. An error stops the examination.
	Open func(index uint64, e *entry.Entry) ([]seal.Disclosure, error)

	// Leaf returns a leaf again, to see whether what was erased still opens. It is
	// needed with Open.
	Leaf func(index uint64) ([]byte, error)

	// From is the first leaf to examine in full. Those below it were examined
	// before: they count for the tree and for chains, and neither their signatures
	// nor their disclosures are looked at, so that step 25 is left out too.
	From uint64

	// SkipSignatures leaves signatures unchecked, for speed; the verdict says so.
	SkipSignatures bool

	// Signature verifies in place of ed25519.Verify, whose verdicts it must have.
	// It is called from several goroutines.
	Signature entry.SignatureFunc
}

// Log examines a log from its first leaf to its last.
type Log struct {
	cfg      Config
	sources  *Sources
	verdict  Verdict
	tree     tree
	batch    []leaf   // of the Add that runs; kept for its memory
	faults   []string // of the log's files
	chains   map[entry.Source]*chain
	pending  []signed        // leaves since the last one of a recorder
	roots    map[uint64]Root // that were asked for lately
	claims   []claim         // of trees that this log has not
	refs     []reference
	approved map[entry.ID]map[entry.Source]bool // persons who approved, by entry
	erases   []erasure
	again    map[entry.ID][]uint64 // indexes of duplicates
	missing  map[opening][]missing
	mismatch []mismatch
	subjects subjects
	roll     roll
}

// signed is a leaf whose clock awaits the next entry of a recorder.
type signed struct {
	index  uint64
	source entry.Source
	time   string
}

// reference is an entry id that a leaf names.
type reference struct {
	index  uint64
	source entry.Source
	id     entry.ID
	later  bool // it may stand after the leaf too
}

// erasure is what an erase asks for. Once in effect it stays so, however many
// persons a later erase needs.
type erasure struct {
	id       entry.ID
	signer   entry.Source
	voids    []entry.Void
	inEffect bool
}

// opening is one line of one leaf.
type opening struct {
	id   entry.ID
	line entry.Line
}

type missing struct {
	index  uint64
	source entry.Source
}

// NewLog returns a Log that expects its first leaf.
func NewLog(cfg Config) *Log {
	if cfg.Signature == nil {
		cfg.Signature = ed25519.Verify
	}
	return &Log{
		cfg:      cfg,
		sources:  NewSources(cfg.Key),
		chains:   make(map[entry.Source]*chain),
		approved: make(map[entry.ID]map[entry.Source]bool),
		roots:    make(map[uint64]Root),
		again:    make(map[entry.ID][]uint64),
		missing:  make(map[opening][]missing),
		subjects: newSubjects(),
		roll:     newRoll(),
		verdict:  Verdict{Signatures: !cfg.SkipSignatures},
	}
}

// Sources are the sources enrolled by the leaves so far.
func (l *Log) Sources() *Sources { return l.sources }

// leaf is what can be said of a leaf without knowing those before it.
type leaf struct {
	index   uint64
	hash    entry.Hash
	entry   *entry.Entry
	id      entry.ID
	problem error            // of parsing
	known   *entry.PublicKey // the key the signature was tried with
	sig     error            // and what came of it
	opened  opened           // what its disclosures say
	late    bool             // its source was revoked below its seq
	failed  error            // disclosures could not be looked at
}

// Add examines the next leaves, in order. Any number may be given at once; a
// few hundred keep all processors busy. The log keeps none of the bytes.
func (l *Log) Add(leaves ...[]byte) error {
	l.batch = slices.Grow(l.batch[:0], len(leaves))[:len(leaves)]
	defer clear(l.batch) // the log keeps none of the bytes
	l.parallel(len(leaves), func(i int) {
		l.batch[i].examine(l, l.verdict.Size+uint64(i), leaves[i])
	})
	var growing sync.WaitGroup
	defer growing.Wait()
	growing.Go(func() {
		for i := range l.batch {
			l.tree.add(l.batch[i].hash)
		}
	})
	for i := range l.batch {
		if err := l.take(&l.batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// parallel calls do for 0 … n−1 from several goroutines, which take a block at
// a time: some leaves cost a thousand times what others do.
func (l *Log) parallel(n int, do func(i int)) {
	const block = 16
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+block-1)/block) {
		wg.Go(func() {
			for end := taken.Add(block); end < int64(n+block); end = taken.Add(block) {
				for i := end - block; i < min(end, int64(n)); i++ {
					do(int(i))
				}
			}
		})
	}
	wg.Wait()
}

// examine does whatever needs nothing but the leaf, and the signature if the
// key is known by now; take does the rest in order.
func (lf *leaf) examine(l *Log, index uint64, raw []byte) {
	lf.index, lf.hash = index, leafHash(raw)
	if lf.entry, lf.problem = entry.Parse(raw); lf.problem != nil {
		return
	}
	lf.id = lf.entry.ID()
	if en := l.sources.Lookup(lf.entry.Source); en != nil {
		lf.known, lf.sig = en.Key, l.signature(index, lf.entry, en.Key)
	}
	if l.cfg.Open != nil && index >= l.cfg.From {
		ds, err := l.cfg.Open(index, lf.entry)
		lf.failed = err
		lf.opened = openAll(lf.entry, ds)
	}
}

func (l *Log) signature(index uint64, e *entry.Entry, k *entry.PublicKey) error {
	if l.cfg.SkipSignatures || index < l.cfg.From {
		return nil
	}
	return e.VerifyBy(l.cfg.Signature, k)
}

// take examines a leaf in the light of those before it.
func (l *Log) take(lf *leaf) error {
	l.verdict.Size++
	if errors.Is(lf.problem, entry.ErrVersion) {
		l.verdict.NotUnderstood++
		return nil
	}
	if lf.problem != nil {
		l.report(found(Malformed, lf.index, entry.Source{}, "%v", lf.problem))
		return nil
	}
	e := lf.entry
	lf.late = l.sources.Late(e) // asked before the entry itself, a revoke maybe, is taken in
	err := l.sources.Admit(lf.index, e, func(k *entry.PublicKey) error {
		if lf.known != nil {
			return lf.sig
		}
		return l.signature(lf.index, e, k)
	})
	if f := (*Finding)(nil); errors.As(err, &f) {
		l.report(f)
		return nil
	}
	if lf.failed != nil {
		return fmt.Errorf("open entry %d: %w", lf.index, lf.failed)
	}
	l.verdict.Changes += uint64(len(e.What))
	if e.Kind == entry.Finding && lf.index >= l.cfg.From {
		l.verdict.Recorded++
	}
	standing, err := l.chain(lf)
	if err != nil {
		return err
	}
	l.clock(lf, standing)
	if l.cfg.Open != nil && lf.index >= l.cfg.From {
		l.disclosed(lf, standing)
	}
	l.rollcall(lf, standing)
	return nil
}

func (l *Log) report(f *Finding) { l.verdict.Findings = append(l.verdict.Findings, *f) }

// chain is steps 12 to 18 and gathers what step 20 and erasures need.
func (l *Log) chain(lf *leaf) (Standing, error) {
	e := lf.entry
	c := l.chains[e.Source]
	if c == nil {
		c = &chain{}
		l.chains[e.Source] = c
	}
	root, err := l.root(e, lf.index, StandingOf(c, e.Seq, lf.id))
	if err != nil {
		return Fresh, err
	}
	standing, fs := Chain(lf.index, e, lf.id, l.sources.Lookup(e.Source), lf.late, c, root)
	c.add(e.Seq, Link{lf.id, lf.index, e.Saw.Size}, standing)
	l.gather(lf)
	for _, f := range fs {
		if f.Code == SawFuture || f.Code == SawMismatch {
			l.claims = append(l.claims, claim{view{e.Saw.Size, e.Saw.Root}, f, !lf.late})
			continue
		}
		l.report(f)
	}
	switch standing {
	case Duplicate:
		l.verdict.Duplicates++
		l.again[lf.id] = append(l.again[lf.id], lf.index)
	case Fresh:
		l.references(lf)
	}
	return standing, nil
}

// root is the root of the tree an entry saw, where it is judged.
func (l *Log) root(e *entry.Entry, index uint64, standing Standing) (Root, error) {
	if standing != Fresh || e.Saw.Size > index {
		return Root{}, nil
	}
	return l.rootAt(e.Saw.Size)
}

// rootAt remembers what treeAt says: many leaves saw one tree.
func (l *Log) rootAt(size uint64) (Root, error) {
	if root, ok := l.roots[size]; ok {
		return root, nil
	}
	root, err := l.treeAt(size)
	if err != nil {
		return Root{}, err
	}
	if len(l.roots) >= maxRoots {
		clear(l.roots)
	}
	l.roots[size] = root
	return root, nil
}

// clock is step 19: it judges leaves once a recorder has signed after them. A
// duplicate or fork is not judged, but a recorder's judges others.
func (l *Log) clock(lf *leaf, standing Standing) {
	e := lf.entry
	if l.sources.Lookup(e.Source).Role == entry.Recorder {
		limit := e.At().Add(maxSkew)
		latest := body.FormatTime(limit)
		for _, p := range l.pending {
			if p.time > latest && limit.Year() <= 9999 { // no entry is later than that
				l.report(found(ClockSkew, p.index, p.source, "signed at %s, recorded before %s", p.time, e.Time))
			}
		}
		l.pending = l.pending[:0]
	}
	if standing == Fresh {
		l.pending = append(l.pending, signed{lf.index, e.Source, e.Time})
	}
}

// gather keeps what erasures need.
func (l *Log) gather(lf *leaf) {
	e := lf.entry
	switch {
	case lf.late: // no longer its source's word
	case e.Kind == entry.Erase:
		l.erases = append(l.erases, erasure{id: lf.id, signer: e.Source, voids: e.Open.Voids})
		l.putInEffect(lf.id)
	case e.Kind == entry.Remark && e.Open.Says == "approve" && l.sources.Lookup(e.Source).Role == entry.Person:
		about := e.Open.About[0]
		if l.approved[about] == nil {
			l.approved[about] = make(map[entry.Source]bool)
		}
		l.approved[about][e.Source] = true
		l.putInEffect(about)
	}
}

// putInEffect puts an erase in effect if enough persons stand behind it by now.
func (l *Log) putInEffect(id entry.ID) {
	for i := range l.erases {
		if er := &l.erases[i]; er.id == id {
			er.inEffect = er.inEffect || l.persons(er) >= l.sources.Erasers()
		}
	}
}

// persons is how many stand behind an erase, its signer included.
func (l *Log) persons(er *erasure) int {
	n := len(l.approved[er.id])
	if !l.approved[er.id][er.signer] {
		n++
	}
	return n
}

// references keeps the ids a leaf names until all are known; a source in a
// revoke can be judged at once.
func (l *Log) references(lf *leaf) {
	e := lf.entry
	for _, id := range e.Open.About {
		l.refs = append(l.refs, reference{lf.index, e.Source, id, e.Open.Says == "approve"})
	}
	for _, v := range e.Open.Voids {
		l.refs = append(l.refs, reference{lf.index, e.Source, v.ID, false})
	}
	if s := e.Open.Source; s != nil && l.sources.Lookup(*s) == nil {
		l.report(found(UnknownReference, lf.index, e.Source, "source %s is not enrolled", s))
	}
}

// Finish judges what can only be judged at the end and returns the verdict.
func (l *Log) Finish() (Verdict, error) {
	l.verdict.Sources = l.sources.Len()
	whole := l.whole()
	convicting, err := l.convict()
	if err != nil {
		return Verdict{}, err
	}
	if whole {
		err = l.conclude(convicting)
	} else { // whoever altered the leaves must not get others accused
		l.verdict.Findings = slices.DeleteFunc(l.verdict.Findings, func(f Finding) bool { return f.Accused != TheLog })
	}
	for i := range l.verdict.Findings {
		f := &l.verdict.Findings[i]
		f.Host = l.subjects.hosts[f.Source].name
	}
	l.verdict.sort()
	return l.verdict, err
}

// conclude judges sources and vault by all leaves, which are those of the tree.
func (l *Log) conclude(convicting map[view]bool) error {
	l.judgeClaims(convicting)
	for _, src := range slices.SortedFunc(maps.Keys(l.chains), compareSources) {
		for _, h := range l.chains[src].holes() {
			l.report(Missing(h.index, src, h.first, h.last))
		}
	}
	index := l.resolve()
	l.unknownReferences(index)
	l.mismatches()
	return l.erased(index)
}

func compareSources(a, b entry.Source) int { return slices.Compare(a[:], b[:]) }

// resolve finds the lowest index of every entry that another one names.
func (l *Log) resolve() map[entry.ID]uint64 {
	wanted := make(map[entry.ID]bool)
	for _, r := range l.refs {
		wanted[r.id] = true
	}
	for _, er := range l.erases { // those of forks have no reference
		for _, v := range er.voids {
			wanted[v.ID] = true
		}
	}
	index := make(map[entry.ID]uint64)
	for _, c := range l.chains {
		c.all(func(k Link) {
			if wanted[k.ID] { // which stands in one chain once: duplicates are in none
				index[k.ID] = k.Index
			}
		})
	}
	return index
}

func (l *Log) unknownReferences(index map[entry.ID]uint64) {
	reported := make(map[reference]bool)
	for _, r := range l.refs {
		if at, ok := index[r.id]; (!ok || at >= r.index && !r.later) && !reported[r] {
			reported[r] = true
			l.report(found(UnknownReference, r.index, r.source, "entry %s does not stand before", r.id))
		}
	}
}
