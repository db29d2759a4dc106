package tree

import "strings"

// marks say what begins a comment: # or ;, // and /*.
type marks struct {
	line    string // bytes, each of which begins a comment of one line
	slashes bool
}

// begins says whether a comment begins at the start of s, and where it ends; a
// comment of one line ends before its line feed.
func (m marks) begins(s string) (end int) {
	switch {
	case s == "":
		return 0
	case strings.IndexByte(m.line, s[0]) >= 0, m.slashes && strings.HasPrefix(s, "//"):
		return lineEnd(s)
	case m.slashes && strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return i + 4
		}
	}
	return 0
}

// lineEnd is the length of the first line of s, without what ends it.
func lineEnd(s string) int {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return len(s)
	}
	if i > 0 && s[i-1] == '\r' {
		return i - 1
	}
	return i
}

// blank is the length of the white space that s begins with.
func blank(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i
		}
	}
	return len(s)
}

// spaces is the length of the blanks that s begins with, line feeds not counted.
func spaces(s string) int {
	return len(s) - len(strings.TrimLeft(s, " \t"))
}

// comments gives n the comments of a gap between two values, and returns what is left
// of it. Lines that follow each other are one comment, unless the first of them stands
// behind a value. fresh: the gap begins with a line.
func (n *Node) comments(gap string, m marks, fresh bool) (rest string) {
	for {
		at := blank(gap)
		end := m.begins(gap[at:])
		if end == 0 {
			return gap
		}
		own := fresh || strings.IndexByte(gap[:at], '\n') >= 0
		end += at
		for own {
			next := end + spacesAndBreak(gap[end:])
			if next == end {
				break
			}
			more := m.begins(gap[next:])
			if more == 0 {
				break
			}
			end = next + more
		}
		c := n.add(&Node{Kind: Comment, Lead: gap[:at], Text: gap[at:end]})
		gap, fresh = gap[end:], false
		if own {
			brk := spacesBreak(gap)
			c.Tail, gap, fresh = gap[:brk], gap[brk:], brk > 0
		}
	}
}

// spacesAndBreak is the length of one line's end and the blanks behind it; 0: s does
// not begin with the end of a line.
func spacesAndBreak(s string) int {
	i := 0
	if strings.HasPrefix(s, "\r") {
		i = 1
	}
	if !strings.HasPrefix(s[i:], "\n") {
		return 0
	}
	return i + 1 + spaces(s[i+1:])
}

// gap is the length of the white space and comments that s begins with.
func (m marks) gap(s string) int {
	at := 0
	for {
		at += blank(s[at:])
		end := m.begins(s[at:])
		if end == 0 {
			return at
		}
		at += end
	}
}
