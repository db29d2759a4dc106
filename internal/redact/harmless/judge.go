package harmless

import (
	"bytes"
	"unicode"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// Why is the reason for which a value is shown or is not.
type Why uint8

// The reasons, in the order in which they are tried.
const (
	Unknown  Why = iota // nothing says that the value is harmless
	IsTyped             // by its type
	IsWords             // by its own words
	IsNamed             // by the name of its key
	IsPlaced            // by the word before it
	IsSeen              // it is the name of something that the text names elsewhere
	IsKey               // it is a keyword, or the name of a key
	IsLogin             // it stands before a secret or a number, as an account or a host does
)

func (w Why) String() string {
	return [...]string{
		"nothing tells that the value is harmless", "harmless by its type", "made of words of settings", "harmless by its name",
		"harmless by the word before it", "named elsewhere in the text", "keyword", "account before a secret",
	}[w]
}

// Text is a text to be judged.
type Text struct {
	Bytes  []byte
	Path   string // its name, whose words are harmless
	XML    bool
	Names  *lexicon.Names
	Masked func(syntax.Span) bool // whether a part of a value is masked

	all []Verdict // room for what is judged, used again by the next Judge
}

// Verdict is what is said of one value.
type Verdict struct {
	syntax.Span
	Name    []byte // of its key, or nil
	Lead    []byte // the word or value before it in its statement, or nil
	Quoted  bool
	Comment bool
	Row     bool // a field of a row whose fields stand between colons
	Why     Why
	line    int // where its line begins
}

// Judge says of each value of a text whether it is harmless.
func (t *Text) Judge(yield func(Verdict)) {
	j := judge{Text: t, seen: make(map[string]bool)}
	j.learn([]byte(t.Path))
	all := t.all[:0]
	Cells(t.Bytes, t.XML, func(c Cell) {
		j.part = j.part[:0]
		j.parts(&c)
		for i := range j.part {
			p := &j.part[i]
			all = append(all, Verdict{p.Span, p.Name, p.Lead, p.Quoted, p.Comment, p.Row, j.first(p), p.Line})
		}
	})
	t.all = all
	for i := range all {
		if v := j.Bytes[all[i].Start:all[i].End]; all[i].Why == Unknown && !isCode(v) && j.isSeen(v) {
			all[i].Why = IsSeen
		}
	}
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].line == all[from].line {
			to++
		}
		line := all[from:to]
		j.logins(line)
		j.join(line, yield)
		from = to
	}
}

// first judges a value by itself and its place, and learns the names that the text
// shows.
func (j *judge) first(c *Cell) Why {
	w, v := j.alone(c), j.Bytes[c.Start:c.End]
	switch {
	case w == Unknown && c.Left && isAccount(v):
		return IsLogin
	case w == IsNamed, w == IsPlaced, w == IsTyped && bytes.IndexByte(v, '.') > 0:
		j.learn(v)
	}
	return w
}

// logins finds the accounts of a line: each stands right before a secret.
func (j *judge) logins(line []Verdict) {
	for i := 0; i+1 < len(line); i++ {
		v, next := &line[i], &line[i+1]
		if v.Why == Unknown && isAccount(j.Bytes[v.Start:v.End]) && j.isBeside(v, next) && (next.Why == Unknown || j.Masked(next.Span)) {
			v.Why = IsLogin
			i++
		}
	}
}

// isBeside says whether two values stand side by side, both by their place or in one
// list, and are not the words of a phrase.
func (j *judge) isBeside(v, next *Verdict) bool {
	if len(v.Name) == 0 || len(next.Name) == 0 {
		gap := j.Bytes[v.End:next.Start]
		phrase := !v.Quoted && !next.Quoted && bytes.IndexByte(gap, ',') >= 0 && bytes.IndexByte(gap, ' ') >= 0
		return len(v.Name) == 0 && len(next.Name) == 0 && !phrase
	}
	return &v.Name[0] == &next.Name[0]
}

// join joins words that are not known to be harmless where nothing but blanks and
// signs stands between them: a phrase is masked as one.
func (j *judge) join(line []Verdict, yield func(Verdict)) {
	for i := 0; i < len(line); i++ {
		v := line[i]
		for v.Why == Unknown && !v.Quoted && i+1 < len(line) {
			to := i + 1
			if line[to].Why != Unknown && to+1 < len(line) && isSign(j.Bytes[line[to].Start:line[to].End]) {
				to++
			}
			if next := &line[to]; next.Why != Unknown || next.Quoted || next.Comment != v.Comment || !isGap(j.Bytes[v.End:next.Start]) {
				break
			}
			v.End, i = line[to].End, to
		}
		yield(v)
	}
}

// isGap says whether a blank stands between two words, and nothing but signs beside it.
func isGap(v []byte) bool {
	return len(v) > 0 && len(v) < 16 && bytes.ContainsAny(v, " \t") && len(bytes.Trim(v, " \t,;&+-")) == 0
}

// isSign says whether a word is without letters and digits.
func isSign(v []byte) bool {
	for _, c := range v {
		if ascii.IsAlnum(c) || c >= 0x80 {
			return false
		}
	}
	return true
}

// isAccount says whether a word can be the name of an account.
func isAccount(v []byte) bool {
	return len(v) <= 20 && ascii.IsLetter(v[0]) && isName(v) && !isMixed(v)
}

type judge struct {
	*Text
	seen map[string]bool // words that the text shows
	buf  [maxWord]byte   // a word in lower case
	part []Cell          // of the value that is judged
}

// maxSeen bounds how many words of a text are remembered.
const maxSeen = 1 << 14

// learn remembers the words of a value that is shown.
func (j *judge) learn(v []byte) {
	for at := 0; at < len(v) && len(j.seen) < maxSeen; {
		if !ascii.IsLetter(v[at]) {
			at++
			continue
		}
		end := at
		for end < len(v) && ascii.IsAlnum(v[end]) {
			end++
		}
		if end-at > 2 && end-at <= maxWord {
			if low := lower(&j.buf, v[at:end]); !j.seen[string(low)] {
				j.seen[string(low)] = true
			}
		}
		at = end
	}
}

// alone judges a value by itself and its place.
func (j *judge) alone(c *Cell) Why {
	v := j.Bytes[c.Start:c.End]
	switch {
	case isPin(c.Name, v), isPin(c.Lead, v):
		return Unknown
	case !isCode(v) && Words(v), c.Comment && !c.Quoted && isForeign(v), isSign(bytes.Trim(v, "→←↑↓–—…•·×✓✔✗✅❌⚠")):
		return IsWords
	case bytes.Contains(v, []byte(lexicon.Mark)), !isCode(v) && Typed(v):
		return IsTyped
	case c.Name != nil && !(c.Prose && !c.Quoted && !c.Whole):
		return j.byName(c, v)
	case c.Comment && !c.Quoted && j.isNoun(c), c.Prose && !c.Quoted && j.isSaid(c), !c.Comment && c.Lead != nil && j.places(c), !c.Comment && c.First != nil && endsIn(texts, c.First):
		return IsPlaced
	case c.Opens && !c.Comment:
		return IsKey
	}
	return Unknown
}

// byName judges a value by the name of its key.
func (j *judge) byName(c *Cell, v []byte) Why {
	option := len(c.Lead) > 1 && c.Lead[0] == '-'
	switch {
	case c.Quoted && len(c.Name) == 1 && bytes.IndexByte(mailParts, c.Name[0]) >= 0:
		return IsNamed
	case endsIn(accounts, c.Name) && isMadeUp(c.Name, v), option && j.Names.Class(c.Lead) != lexicon.None:
		return Unknown
	case c.Comment && in(accounts, c.Name) && !bytes.EqualFold(c.Name, []byte("user")):
		return Unknown // an account, or what it logs in with
	case isMachineMade(v) && !endsIn(ids, c.Name) && !j.Names.IsOpen(c.Name):
		return Unknown
	case j.isHarmless(c.Name) && (c.Parent == nil || j.Names.Path([]string{string(c.Parent), string(c.Name)}) < lexicon.Likely):
		return IsNamed
	}
	return Unknown
}

// mailParts are the letters before what is no secret in the table of accounts of
// Sendmail: U:user, I:identity, M:method, R:realm.
var mailParts = []byte("UIMR")

// isMachineMade says whether a word is long and mixes letters and digits, as keys do.
func isMachineMade(v []byte) bool {
	return len(v) >= 20 && isMixed(v) && lexicon.LooksRandom(v) && !bytes.ContainsAny(v, ".@:")
}

// isSeen says whether a value is made of words that the text shows elsewhere, or
// that are known.
func (j *judge) isSeen(v []byte) bool {
	if turns(v) > 3 || bytes.IndexFunc(v, unicode.IsLetter) < 0 {
		return false
	}
	for at := 0; at < len(v); {
		if v[at] >= 0x80 {
			return false
		}
		if !ascii.IsLetter(v[at]) {
			at++
			continue
		}
		end := at
		for end < len(v) && ascii.IsAlnum(v[end]) {
			end++
		}
		if !j.has(v[at:end]) && !Words(v[at:end]) {
			return false
		}
		at = end
	}
	return true
}

// has says whether the text shows a word, or what it is without a number at its end.
func (j *judge) has(w []byte) bool {
	if len(w) > maxWord {
		return false
	}
	low := lower(&j.buf, w)
	return j.seen[string(low)] || j.seen[string(bytes.TrimRight(low, "0123456789"))]
}
