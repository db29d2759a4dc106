package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// maxItem bounds how far the end of a value is looked for.
const maxItem = 512

// statement is a line that is being read.
type statement struct {
	*reader
	start, end int
	comment    bool
	item       bool // of a list
	prose      bool
	opens      bool // nothing of the statement is read yet

	name   []byte // the key whose value comes next
	list   []byte // the key whose values are being listed
	lead   []byte
	second []byte // before lead
	first  []byte

	flow   bool   // of the list, words belong together up to a comma
	unshut []byte // quotes that are not closed any more
	inner  bool   // a bracket was opened last
	leads  bool   // the last word may be the name of what follows a comma
	braced []byte // the word before the brace that was opened last
}

// next reads what begins at at and says where reading goes on.
func (s *statement) next(at int) int {
	c := s.text[at]
	switch {
	case ascii.IsBlank(c):
		return at + 1
	case c == '"' || c == '`' || c == '\'':
		if shut := s.shut(at); shut > 0 {
			return s.quoted(at+1, shut)
		}
		return at + 1
	case c == ';' && !s.comment && at+1 < s.end && ascii.IsBlank(s.text[at+1]) && s.lineComment(at):
		return s.end
	case bytes.IndexByte([]byte(";|,{}()[]<>="), c) >= 0:
		s.sign(at)
		return at + 1
	case !s.comment && at > s.start && ascii.IsBlank(s.text[at-1]) && s.trailing(at):
		return s.end
	}
	return s.word(at)
}

// sign notes a sign between two words.
func (s *statement) sign(at int) {
	c := s.text[at]
	s.inner = false
	switch {
	case c == ';' && at+1 < s.end && !ascii.IsSpace(s.text[at+1]) && len(s.blocks) == 0, c == ',':
		s.name = s.list
		if !s.leads && (len(s.lead) == 0 || s.lead[0] != '-') {
			s.lead = nil
		}
	case c == ';', c == '|':
		s.boundary()
	case c == '{':
		name := s.name
		if name == nil {
			name = s.lead
		}
		if !s.comment && len(s.blocks) < maxDepth {
			s.blocks = append(s.blocks, name)
		}
		s.boundary()
		s.braced, s.inner = name, true
	case c == '}':
		if n := len(s.blocks); n > 0 && !s.comment {
			s.blocks = s.blocks[:n-1]
		}
		s.lead = nil
	case c == '(' && at > 0 && s.text[at-1] == '$':
		s.boundary()
	case c == '(' && at > s.start && ascii.IsAlnum(s.text[at-1]):
		s.name, s.list, s.flow, s.inner = nil, nil, false, true
	case c == '(', c == '[':
		s.flow = c == '[' && s.name != nil && !s.comment
		s.list, s.inner = s.name, c == '('
	case c == ')', c == ']':
		s.list, s.flow = nil, false
	}
}

// boundary begins another statement on the same line.
func (s *statement) boundary() {
	s.name, s.list, s.lead, s.second, s.first, s.opens, s.braced = nil, nil, nil, nil, nil, true, nil
}

// lineComment reads the comment behind a semicolon if it is one.
func (s *statement) lineComment(at int) bool {
	if at > s.start && !ascii.IsBlank(s.text[at-1]) {
		return false
	}
	s.read(at+1, s.end, 0, true)
	return true
}

// trailing reads the comment at the end of a line if one begins here.
func (s *statement) trailing(at int) bool {
	rest := s.text[at:s.end]
	n := 0
	switch {
	case rest[0] == '#' && (len(rest) < 2 || ascii.IsBlank(rest[1])):
		n = 1
	case bytes.HasPrefix(rest, []byte("// ")), bytes.HasPrefix(rest, []byte("-- ")), bytes.HasPrefix(rest, []byte("/*")):
		n = 2
	default:
		return false
	}
	s.read(at+n, s.end, 0, true)
	return true
}

// shut is where the quote at at is closed on the line, or 0. An apostrophe inside
// of a word is none.
func (s *statement) shut(at int) int {
	q := s.text[at]
	if bytes.IndexByte(s.unshut, q) >= 0 {
		return 0
	}
	if q == '\'' && at > s.start && ascii.IsAlnum(s.text[at-1]) {
		return 0
	}
	for i := at + 1; i < s.end; i++ {
		if s.text[i] == '\\' {
			i++
			continue
		}
		if s.text[i] == q && (q == '"' || i+1 == s.end || !ascii.IsAlnum(s.text[i+1])) {
			return i
		}
	}
	s.unshut = append(s.unshut, q)
	return 0
}

// quoted reads a string: a key, if a separator follows, or else a value.
func (s *statement) quoted(start, shut int) int {
	if next := s.separator(shut + 1); next > 0 && s.name == nil {
		s.key(start, shut)
		return next
	}
	if s.isCommand(start, shut) {
		inner := statement{reader: s.reader, start: start, end: shut, comment: s.comment, opens: true}
		for at := start; at < shut; {
			at = inner.next(at)
		}
		s.lead, s.name, s.opens = nil, nil, false
		return shut + 1
	}
	s.emit(Cell{Span: syntax.Span{Start: start, End: shut}, Quoted: true})
	return shut + 1
}

// key remembers the name of what comes next.
func (s *statement) key(start, end int) {
	name := s.text[start:end]
	if s.first == nil {
		s.first = name
	}
	s.name, s.lead, s.second, s.opens = name, nil, nil, false
}

// word reads a word without quotes.
func (s *statement) word(at int) int {
	end := at
	for end < s.end && !s.ends(at, end) {
		end++
	}
	if end == at {
		return at + 1
	}
	if s.flow {
		if i := bytes.IndexAny(s.text[at:min(s.end, at+maxItem)], ",]()\"'{}[="); i > 0 && s.text[at+i] != '=' {
			end = at + len(bytes.TrimRight(s.text[at:at+i], " \t"))
		} else if i < 0 {
			s.flow = false
		}
	}
	if s.mayName() {
		if next := s.wordKey(at, end); next > 0 {
			return next
		}
	}
	s.emit(Cell{Span: syntax.Span{Start: at, End: end}})
	return end
}

// mayName says whether a word may be the name of a value.
func (s *statement) mayName() bool { return s.name == nil || s.list != nil }

// ends says whether a word from at ends before i.
func (s *statement) ends(at, i int) bool {
	switch c := s.text[i]; {
	case ascii.IsBlank(c), bytes.IndexByte([]byte(",;|{}()[]<>\"`"), c) >= 0:
		return true
	case c == '\'':
		return i+1 == s.end || !ascii.IsAlnum(s.text[i+1])
	case c == '=':
		return s.mayName() && i+1 < s.end && (i > at && s.text[i+1] != '=' || ascii.IsBlank(s.text[i+1]))
	case c == ':':
		return s.mayName() && i > at && (i+1 == s.end || bytes.IndexByte([]byte(" \t\"'=[{<"), s.text[i+1]) >= 0 || isSwitch(s.text[at:i]))
	}
	return false
}

// isSwitch says whether a word is an option as programs of Windows have them: /USER.
func isSwitch(w []byte) bool { return len(w) > 2 && w[0] == '/' && isLetters(w[1:]) }

// wordKey reads a word as a key and, if the rest of the line is its value, that too.
// It returns 0 if no separator follows.
func (s *statement) wordKey(at, end int) int {
	next := s.separator(end)
	if next == 0 {
		return 0
	}
	opens := (s.opens || s.comment && s.text[next-1] == ':' || s.lead != nil && isLead(s.lead)) && s.text[at] != '/'
	s.key(at, end)
	for next < s.end && ascii.IsBlank(s.text[next]) {
		next++
	}
	if next == s.end || !opens || s.braced != nil || !s.isPlainRest(next) {
		return next
	}
	stop := s.restEnd(next)
	s.emit(Cell{Span: syntax.Span{Start: next, End: stop}, Whole: true})
	return stop
}

// isLead says whether a word stands before a key.
func isLead(w []byte) bool {
	switch string(w) {
	case "export", "set", "setenv", "my", "our", "local", "let", "var", "const", "def", "final", "public", "private", "static", "define", "val", "env", "ENV", "ARG":
		return true
	}
	return false
}

// emit yields a cell with what is known of its place.
func (s *statement) emit(c Cell) {
	c.Name, c.Lead, c.Second, c.First, c.Comment, c.Prose, c.Line = s.name, s.lead, s.second, s.first, s.comment, s.prose, s.begin
	c.Opens = s.opens && !c.Quoted && !s.item
	switch string(c.Name) {
	case "name", "key", "Name", "Key", "id":
		s.reader.named = s.text[c.Start:c.End]
	case "value", "Value":
		if s.reader.named != nil {
			c.Name = s.reader.named
		}
	}
	if n := len(s.blocks); n > 0 && !s.comment {
		c.Parent = s.blocks[n-1]
	} else if n := len(s.parents); n > 0 && !s.comment {
		c.Parent = s.parents[n-1].name
	}
	if c.Name == nil && s.opens && (s.item || c.Quoted) && len(s.parents) > 0 && !s.comment {
		c.Name = s.parents[len(s.parents)-1].name
	}
	s.nextTo(&c)
	if s.first == nil {
		s.first = s.text[c.Start:c.End]
	}
	v := s.text[c.Start:c.End]
	s.leads = s.inner && (!c.Quoted || lexicon.IsVariableName(v)) || !c.Quoted && len(v) > 0 && v[0] == ':'
	s.lead, s.second, s.name, s.opens, s.inner = v, s.lead, nil, false, false
	s.yield(c)
}

// nextTo looks at the sign behind a word: before a brace or a parenthesis stands
// the name of a block or of a function, and a word alone in braces is no keyword.
func (s *statement) nextTo(c *Cell) {
	at := c.End
	if c.Quoted {
		at++
	}
	for at < s.end && ascii.IsBlank(s.text[at]) {
		at++
	}
	switch {
	case at == s.end || c.Name != nil || s.comment:
	case s.text[at] == '{' && s.text[c.Start] != '-', s.text[at] == '(' && at == c.End:
		c.Opens = true
	case s.text[at] == '}' && c.Opens && s.braced != nil:
		c.Opens, c.Lead = false, s.braced
	}
}
