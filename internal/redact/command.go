package redact

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/assignment"
	"github.com/stele-log/stele/internal/redact/command"
	"github.com/stele-log/stele/internal/syntax"
)

// Command masks the secrets in the arguments of a process. The result has as
// many arguments as args.
func (r *Redactor) Command(args []string) []string {
	out := make([]string, len(args))
	ws := make([]command.Word, len(args))
	for i, a := range args {
		ws[i] = command.Word{Text: []byte(a)}
	}
	masks := command.Masks(ws)
	for i, a := range args {
		p := plan{Form: assignment.Form{Bare: true}}
		if i > 0 && isScript(args[i-1]) {
			p = plan{Form: assignment.Form{Shell: true}}
		}
		out[i] = r.argument(a, masks[i], p)
	}
	return out
}

// argument masks one argument: what its command makes secret, then what its
// own text shows.
func (r *Redactor) argument(a string, mask *syntax.Span, p plan) string {
	if mask != nil {
		a = a[:mask.Start] + Mark + a[mask.End:]
	}
	spans, _ := r.settle([]byte(a), p)
	return string(r.mask([]byte(a), spans).Text)
}

// isScript says whether an option announces a command line in one string.
func isScript(option string) bool {
	return option == "--command" || len(option) >= 2 && len(option) <= 5 && option[0] == '-' && option[1] != '-' && option[len(option)-1] == 'c'
}

// maxCommand bounds how much of a line is read as one command.
const maxCommand = 4096

// tool masks the secrets of a command line that stands in a text.
func (f *finder) tool(start int) {
	if start < f.toolTo || start > 0 && (ascii.IsName(f.text[start-1]) && f.text[start-1] != '-') {
		return
	}
	l := f.Enter(start)
	end := f.commandEnd(l, start)
	if list := f.listEnd(l, end); list > end {
		start, end = l.Opened, list
	}
	ws, last := f.items(l, start)
	if ws == nil {
		ws, last = command.Split(f.text[start:end], start), end
	}
	f.toolTo = last
	for i, m := range command.Masks(ws) {
		f.add(ws[i].Start+m.Start, ws[i].Start+m.End)
	}
}

// items reads a command of which each word is an item of a block list, as in YAML:
// those at the column of the item that start stands in. It returns nil where there
// is no such list, and where the last item ends.
func (f *finder) items(l *assignment.Line, start int) (ws []command.Word, end int) {
	dash := l.Start + syntax.Indent(f.text[l.Start:l.End])
	w, is := f.item(dash, l.End)
	if !is || start < w.Start || bytes.ContainsAny(w.Text, " \t") {
		return nil, 0
	}
	ws, end = []command.Word{w}, l.End
	for at := end + 1; at < min(len(f.text), start+maxCommand); at = end + 1 {
		line, next := syntax.LineAt(f.text, at)
		if line.Start-at != dash-l.Start {
			break
		}
		if w, is = f.item(line.Start, line.End); !is {
			break
		}
		ws, end = append(ws, w), next-1
	}
	if len(ws) < 2 {
		return nil, 0
	}
	return ws, end
}

// item reads the item of a block list between at and end, without its quotes.
func (f *finder) item(at, end int) (w command.Word, is bool) {
	if at+1 >= end || f.text[at] != '-' || !ascii.IsBlank(f.text[at+1]) {
		return command.Word{}, false
	}
	s := syntax.Trim(f.text, syntax.Span{Start: at + 1, End: end})
	if s.Start < s.End && (f.text[s.Start] == '"' || f.text[s.Start] == '\'') {
		s, _ = syntax.Quoted(f.text[:s.End], s.Start)
	} else {
		s.End = s.Start + len(syntax.BeforeComment(f.text[s.Start:s.End]))
	}
	return command.Word{Text: f.text[s.Start:s.End], Start: s.Start}, s.Start < s.End
}

// continued is the end of the last line that a backslash joins to the one that
// ends at end.
func (f *finder) continued(end, limit int) int {
	for end < limit && isContinued(f.text[:end]) {
		i := bytes.IndexByte(f.text[end+1:limit], '\n')
		if i < 0 {
			return limit
		}
		end += 1 + i
	}
	return min(end, limit)
}

// isContinued says whether a line goes on in the next.
func isContinued(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	return len(line) > 0 && line[len(line)-1] == '\\'
}

// commandEnd finds where a command ends: at its line or the last that a backslash
// joins to it, its quote, or an operator of the shell.
func (f *finder) commandEnd(l *assignment.Line, at int) int {
	stop := f.continued(l.End, min(len(f.text), at+maxCommand))
	quote := byte(0)
	for i := at; i < stop; i++ {
		c := f.text[i]
		switch {
		case c == l.Quote && c != 0:
			return i
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '|' || c == ';' || c == '&' && i+1 < stop && f.text[i+1] == '&':
			return i
		}
	}
	return stop
}

// listEnd is where a command ends of which each word is an item of a list, as in
// JSON: at the end of that list. Its first word stands in the quote that closes at
// end. It is -1 where there is no such list.
func (f *finder) listEnd(l *assignment.Line, end int) int {
	if l.Quote == 0 || end >= len(f.text) || f.text[end] != l.Quote || bytes.ContainsAny(f.text[l.Opened:end], " \t") {
		return -1
	}
	next := syntax.Blanks(f.text, end+1)
	if next >= len(f.text) || f.text[next] != ',' {
		return -1
	}
	if i := bytes.IndexByte(f.text[next:min(len(f.text), next+maxCommand)], ']'); i >= 0 {
		return next + i
	}
	return -1
}
