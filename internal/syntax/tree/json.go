package tree

import "strings"

// readJSON reads one value; with comments, trailing commas and the spellings of JSON5
// where lenient.
func readJSON(text string, lenient bool) *Node {
	f := flow{text: text, colon: ':', bare: jsonBare, bareLength: nameLength, quoted: jsonQuoted}
	if lenient {
		f.marks, f.trailing, f.names = marks{slashes: true}, true, true
	}
	root := &Node{Kind: Stream}
	v := &Node{Lead: f.gap(root)}
	root.add(v)
	if !f.value(v) {
		return nil
	}
	root.End = f.gap(root)
	if f.at != len(text) {
		return nil
	}
	return root
}

func jsonBare(s string) (t Type, value string, ok bool) {
	switch s {
	case "true", "false":
		return Bool, s, true
	case "null":
		return Null, "", true
	}
	return Number, s, isNumber(s)
}

// isNumber says whether s is a number as JSON has them.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		n := digits(rest)
		if n == 0 {
			return false
		}
		s = rest[n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

func digits(s string) int {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

func jsonQuoted(s string) (n int, value string, ok bool) {
	if s[0] != '"' {
		return 0, "", false
	}
	n, ok = closing(s)
	if !ok {
		return n, "", false
	}
	value, ok = unescape(s[1 : n-1])
	return n, value, ok
}

// closing is the length of the string in double quotes that s begins with.
func closing(s string) (n int, ok bool) {
	for n = 1; ; n++ {
		i := strings.IndexByte(s[n:], '"')
		if i < 0 {
			return len(s), false
		}
		n += i
		slashes := 0
		for s[n-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return n + 1, strings.IndexByte(s[:n], '\n') < 0
		}
	}
}
