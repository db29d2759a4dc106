package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/seal"
)

// This file makes logs, honest and other. What the format defines — key hashes,
// notes, seals, the tree — is computed here with plain sha256 and ed25519, so
// that the vectors are not the implementation's own opinion of itself.

const origin = "log.example/vectors"

// tester is what a test of package testing and a rapid check have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only ever about what a generator wrote itself
	}
	return v
}

// keyFor returns the key a name makes.
func keyFor(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("stele vectors: key of " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// sourceOf names the source a public key makes.
func sourceOf(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// vkeyOf renders a vkey of format.md section 1.
func vkeyOf(name string, key []byte) string {
	return name + "+" + hex.EncodeToString(keyHash(name, key)) + "+" + b64(append([]byte{1}, key...))
}

func keyHash(name string, key []byte) []byte {
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), key...))
	return sum[:4]
}

// signNote makes a signed note of a text.
func signNote(text, name string, key ed25519.PrivateKey) string {
	return noteWith(text, name, public(key), ed25519.Sign(key, []byte(text)))
}

func noteWith(text, name string, key, sig []byte) string {
	return text + "\n— " + name + " " + b64(append(keyHash(name, key), sig...)) + "\n"
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// digest is the base64 SHA-256 of a label, wherever a vector needs some digest.
func digest(label string) string {
	sum := sha256.Sum256([]byte(label))
	return b64(sum[:])
}

func hash(label string) entry.Hash { return sha256.Sum256([]byte(label)) }

// sealed is the seal of format.md section 5.
func sealed(source string, seq uint64, line string, salt [32]byte, content []byte) entry.Hash {
	b := fmt.Appendf(nil, "stele/seal/v1\n%s %d %s\n", source, seq, line)
	return sha256.Sum256(append(append(b, salt[:]...), content...))
}

// treeRoot is the tree hash of RFC 6962, section 2.1, word for word.
func treeRoot(leaves [][]byte) entry.Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		left, right := treeRoot(leaves[:k]), treeRoot(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// checkpointOf renders a checkpoint of the leaves, signed by the log's key.
func checkpointOf(leaves [][]byte) string {
	root := treeRoot(leaves)
	return signNote(fmt.Sprintf("%s\n%d\n%s\n", origin, len(leaves), b64(root[:])), origin, keyFor(origin))
}

func logKey() *entry.LogKey { return must(entry.NewLogKey(origin, public(keyFor(origin)))) }

// source is one signer of a made log.
type source struct {
	key    ed25519.PrivateKey
	secret entry.SecretKey
	seq    uint64   // of its next entry
	prev   entry.ID // its last entry, or its enrolment
	before entry.ID // the one before that, for forks
	saw    entry.Saw
}

func newSource(name string) *source {
	key := keyFor(name)
	return &source{key: key, secret: must(entry.NewSecretKey(key.Seed())), saw: entry.Saw{Root: entry.EmptyRoot}}
}

func (s *source) id() entry.Source         { return s.secret.Source() }
func (s *source) public() *entry.PublicKey { return s.secret.Public() }

// contents is what the seals of an entry commit to. An empty who, why or how is
// the empty body.
type contents struct {
	who, why, how string
	whats         []what
}

// what is a change as it is about to be sealed.
type what struct {
	body.What
	text string // empty: none
	raw  string // stands for the rendered body
}

// maker makes one log.
type maker struct {
	t           tester
	leaves      [][]byte
	disclosures []seal.Disclosure
	now         time.Time
	recorder    *source
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newMaker returns a maker whose log has only its first entry.
func newMaker(t tester, erasers int) *maker {
	m := &maker{t: t, now: epoch, recorder: newSource("recorder")}
	m.add(m.recorder, m.genesis(erasers), hostBody("log-1"), prev(hash(origin)))
	return m
}

func (m *maker) genesis(erasers int) entry.Entry {
	return entry.Entry{Kind: entry.Enrol, Open: entry.Open{
		Log: logKey(), Erasers: erasers, Key: m.recorder.public(), Role: entry.Recorder,
	}}
}

func hostBody(name string) contents { return contents{how: fmt.Sprintf(`{"host":{"name":%q}}`, name)} }

// edit alters an entry before it is sealed and signed.
type edit func(*entry.Entry)

func seq(n uint64) edit     { return func(e *entry.Entry) { e.Seq = n } }
func prev(id entry.ID) edit { return func(e *entry.Entry) { e.Prev = id } }
func saw(n uint64, r entry.Hash) edit {
	return func(e *entry.Entry) { e.Saw = entry.Saw{Size: n, Root: r} }
}
func at(t time.Time) edit { return func(e *entry.Entry) { e.Time = body.FormatTime(t) } }

// sign makes the next entry of a source, with its disclosures, and leaves it
// outside the log. A second passes.
func (m *maker) sign(s *source, e entry.Entry, c contents, edits ...edit) []byte {
	m.t.Helper()
	m.now = m.now.Add(time.Second)
	e.Seq, e.Prev, e.Time, e.Saw = s.seq, s.prev, body.FormatTime(m.now), s.saw
	for _, ed := range edits {
		ed(&e)
	}
	e.Who = m.seal(s, e.Seq, entry.LineWho, c.who)
	e.Why = m.seal(s, e.Seq, entry.LineWhy, c.why)
	e.How = m.seal(s, e.Seq, entry.LineHow, c.how)
	for k, w := range c.whats {
		e.What = append(e.What, m.sealWhat(s, e.Seq, k, w))
	}
	raw, err := e.Sign(s.secret)
	if err != nil {
		m.t.Fatalf("sign: %v", err)
	}
	return raw
}

func (m *maker) sealWhat(s *source, seq uint64, k int, w what) entry.Hash {
	m.t.Helper()
	if w.text != "" {
		w.After = m.seal(s, seq, entry.LineText(k), w.text).String()
	}
	if w.raw == "" {
		b, err := body.Marshal(&w.What)
		if err != nil {
			m.t.Fatalf("render what %d: %v", k, err)
		}
		w.raw = string(b)
	}
	return m.seal(s, seq, entry.LineWhat(k), w.raw)
}

func (m *maker) seal(s *source, seq uint64, l entry.Line, content string) entry.Hash {
	if content == "" {
		content = "{}"
	}
	salt := sha256.Sum256(fmt.Appendf(nil, "stele vectors: salt %d", len(m.disclosures)))
	m.disclosures = append(m.disclosures, seal.Disclosure{
		Source: s.id(), Seq: seq, Line: l, Salt: salt, Body: []byte(content),
	})
	return sealed(s.id().String(), seq, l.String(), salt, []byte(content))
}

// put appends a leaf and returns its index.
func (m *maker) put(raw []byte) int {
	m.leaves = append(m.leaves, raw)
	return len(m.leaves) - 1
}

// add signs the next entry of a source, appends it and moves the source on.
func (m *maker) add(s *source, e entry.Entry, c contents, edits ...edit) int {
	m.t.Helper()
	i := m.put(m.sign(s, e, c, edits...))
	s.seq, s.before, s.prev = m.entry(i).Seq+1, s.prev, m.id(i)
	return i
}

// fork signs another entry with the seq of the source's last one.
func (m *maker) fork(s *source, e entry.Entry, c contents, edits ...edit) int {
	m.t.Helper()
	return m.put(m.sign(s, e, c, append([]edit{seq(s.seq - 1), prev(s.before)}, edits...)...))
}

func (m *maker) entry(i int) *entry.Entry {
	m.t.Helper()
	e, err := entry.Parse(m.leaves[i])
	if err != nil {
		m.t.Fatalf("leaf %d: %v", i, err)
	}
	return e
}

func (m *maker) id(i int) entry.ID {
	m.t.Helper()
	return m.entry(i).ID()
}

// root is the root of the tree of the first n leaves.
func (m *maker) root(n int) entry.Hash { return treeRoot(m.leaves[:n]) }

// see lets sources have verified the log as it stands.
func (m *maker) see(list ...*source) {
	for _, s := range list {
		s.saw = entry.Saw{Size: uint64(len(m.leaves)), Root: m.root(len(m.leaves))}
	}
}

// enrol has the recorder enrol a new source. A host of "" is not told.
func (m *maker) enrol(name string, role entry.Role, host string, edits ...edit) *source {
	m.t.Helper()
	s := newSource(name)
	s.prev = m.id(m.enrolKey(s.public(), role, host, edits...))
	return s
}

func (m *maker) enrolKey(k *entry.PublicKey, role entry.Role, host string, edits ...edit) int {
	m.t.Helper()
	c := contents{}
	if host != "" {
		c = hostBody(host)
	}
	return m.add(m.recorder, entry.Entry{Kind: entry.Enrol, Open: entry.Open{Key: k, Role: role}}, c, edits...)
}

// change has a source record changes.
func (m *maker) change(s *source, whats ...what) int {
	m.t.Helper()
	return m.add(s, changeEntry, contents{whats: whats})
}

var changeEntry = entry.Entry{Kind: entry.Change}

func (m *maker) rollcall(edits ...edit) int {
	m.t.Helper()
	return m.add(m.recorder, entry.Entry{Kind: entry.RollCall}, contents{}, edits...)
}

// call has the recorder call the roll and show beats.
func (m *maker) call(absent, present []*source, beats ...string) int {
	m.t.Helper()
	how := must(body.Marshal(&body.How{Beats: beats}))
	ids := func(list []*source) (ids []entry.Source) {
		for _, s := range list {
			ids = append(ids, s.id())
		}
		slices.SortFunc(ids, func(a, b entry.Source) int { return bytes.Compare(a[:], b[:]) })
		return ids
	}
	return m.add(m.recorder, entry.Entry{Kind: entry.RollCall, Open: entry.Open{Absent: ids(absent), Present: ids(present)}}, contents{how: string(how)})
}

// beat is a sign of life of a source, of what it saw last. It is rendered here,
// from the format.
func (m *maker) beat(s *source) string { return m.beatTo(origin, s, s.key) }

func (m *maker) beatTo(origin string, s *source, key ed25519.PrivateKey) string {
	text := fmt.Sprintf("stele/beat/v1\n%s\n%s %d 0\n%s\nsaw %d %s\n", origin, s.id(), s.seq, body.FormatTime(m.now), s.saw.Size, s.saw.Root)
	return signNote(text, s.id().String(), key)
}

func (m *maker) approve(s *source, about entry.ID) int {
	m.t.Helper()
	return m.add(s, remark("approve", about), contents{})
}

func (m *maker) erase(s *source, voids ...entry.Void) int {
	m.t.Helper()
	return m.add(s, entry.Entry{Kind: entry.Erase, Open: entry.Open{Voids: voids}}, contents{})
}

func (m *maker) gap(s *source) int {
	m.t.Helper()
	return m.add(s, gapEntry, contents{})
}

var gapEntry = entry.Entry{Kind: entry.Gap, Open: entry.Open{Since: body.FormatTime(epoch)}}

func remark(says string, about entry.ID) entry.Entry {
	return entry.Entry{Kind: entry.Remark, Open: entry.Open{About: []entry.ID{about}, Says: says}}
}

func revoke(s *source, last uint64) entry.Entry {
	id := s.id()
	return entry.Entry{Kind: entry.Revoke, Open: entry.Open{Source: &id, Last: last}}
}

// forget drops the disclosures a predicate picks.
func (m *maker) forget(pick func(*seal.Disclosure) bool) {
	var kept []seal.Disclosure
	for i := range m.disclosures {
		if !pick(&m.disclosures[i]) {
			kept = append(kept, m.disclosures[i])
		}
	}
	m.disclosures = kept
}

// forgetLine drops what opens one line of one leaf.
func (m *maker) forgetLine(i int, l entry.Line) {
	m.t.Helper()
	e := m.entry(i)
	m.forget(func(d *seal.Disclosure) bool { return d.Source == e.Source && d.Seq == e.Seq && d.Line == l })
}

// disclosure returns what opens one line of one leaf, for tampering with.
func (m *maker) disclosure(i int, l entry.Line) *seal.Disclosure {
	m.t.Helper()
	e := m.entry(i)
	for j := range m.disclosures {
		if d := &m.disclosures[j]; d.Source == e.Source && d.Seq == e.Seq && d.Line == l {
			return d
		}
	}
	m.t.Fatalf("nothing opens %s of leaf %d", l, i)
	return nil
}

// seen, modified, moved and gone are changes of a path.
func seen(path string) what {
	return what{What: body.What{Action: body.Baseline, Path: path}, text: "content of " + path + "\n"}
}

func modified(path string, before *body.Ref) what {
	w := seen(path)
	w.Action, w.Before = body.Modify, before
	return w
}

func moved(from, to string, before *body.Ref) what {
	w := modified(to, before)
	w.Action, w.From = body.Rename, from
	return w
}

func gone(path string, before *body.Ref) what {
	return what{What: body.What{Action: body.Delete, Path: path, Before: before}}
}

// after names the k-th change of a leaf.
func (m *maker) after(i, k int) *body.Ref {
	m.t.Helper()
	return &body.Ref{Entry: m.id(i).String(), What: k}
}

func told(host string, w what) what {
	w.Host = host
	return w
}
