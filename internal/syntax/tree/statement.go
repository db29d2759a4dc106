package tree

import "strings"

// plain reads a statement of one name and its value, on one line or on several. rest
// begins with the line, its content at indent, and ends there at end.
func (r *lineReader) plain(c *Node, rest string, indent, end int) bool {
	end = r.continued(rest, indent, end)
	content := r.beforeComment(strings.TrimRight(rest[indent:end], " \t\r"))
	value := r.split(c, content)
	if value < 0 {
		return false
	}
	length := len(content)
	if r.quotes && value < length && (content[value] == '"' || content[value] == '\'') {
		if whole := quotedLines(rest[indent+value:]); whole > length-value {
			end = indent + value + whole + lineEnd(rest[indent+value+whole:])
			content = rest[indent : indent+value+whole]
			length = len(content)
		}
	}
	if here := hereDocument(content); here != "" && r.marks == "#/" {
		i := strings.Index(rest[end:], "\n"+here)
		if i < 0 {
			return false
		}
		end += i + 1 + lineEnd(rest[end+i+1:])
		content = rest[indent:end]
		length = len(content)
	}
	if n := len(content); n > value && strings.IndexByte(";,", content[n-1]) >= 0 {
		length--
		c.End = content[length:]
	}
	brk := end + spacesBreak(rest[end:])
	c.Label, c.Text = content[:value], content[value:length]
	c.Value = strings.TrimSpace(c.Text)
	c.Type = String
	c.Tail = rest[indent+len(content) : brk]
	if r.top().node.Kind == List && !r.table {
		c.Name, c.Value, c.Label, c.Text = "", c.Label+c.Text, "", c.Label+c.Text
	}
	r.top().node.add(c)
	r.last, r.deep = c, indent
	r.taken(r.at + brk)
	return true
}

// continued is where a statement ends that goes on in further lines: behind a
// backslash, or indented.
func (r *lineReader) continued(rest string, indent, end int) int {
	for {
		next := end + spacesBreak(rest[end:])
		if next == end || next >= len(rest) {
			return end
		}
		lineStop := next + lineEnd(rest[next:])
		line := rest[next:lineStop]
		switch {
		case end > 0 && rest[end-1] == '\\':
		case r.goesOn && spaces(line) > indent && spaces(line) < len(line) && !r.isComment(line[spaces(line):]) && !assigns(line):
		default:
			return end
		}
		end = lineStop
	}
}

// assigns says whether a line is a setting of its own. What ends in = may be base64.
func assigns(line string) bool {
	i := strings.IndexByte(line, '=')
	return i > 0 && strings.Trim(line[i:], "= \t") != "" && !strings.ContainsAny(strings.TrimSpace(line[:i]), " \t\"'")
}

// split finds the name of a statement and where its value begins; -1: it is none.
func (r *lineReader) split(c *Node, content string) (value int) {
	if r.table {
		return 0
	}
	end := strings.IndexAny(content, "= \t:(")
	if eq := strings.IndexByte(content, '='); eq > 0 && (r.equals || !strings.ContainsAny(content[:eq], "\"'(") && len(strings.Fields(content[:eq])) == 1) {
		end = len(strings.TrimRight(content[:eq], " \t+:"))
		value = eq + 1
	} else if r.equals {
		colon := strings.IndexByte(content, ':')
		if colon <= 0 {
			c.Name = normal(content) // a flag, without a value
			return len(content)
		}
		end, value = len(strings.TrimRight(content[:colon], " \t")), colon+1
	} else if end < 0 {
		c.Name = strings.TrimRight(content, ";,")
		return len(c.Name)
	} else {
		value = end
		if content[value] == ':' {
			value++
		}
	}
	if end <= 0 {
		c.Name = firstWord(content)
		return len(c.Name)
	}
	c.Name = strings.Trim(strings.TrimPrefix(content[:end], "export "), "\"'")
	return value + spaces(content[value:])
}

// quotedLines is the length of the quote that s begins with, over lines; 0: nothing
// closes it.
func quotedLines(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return 0
}

// hereDocument is the word that ends the lines behind <<WORD.
func hereDocument(content string) string {
	i := strings.LastIndex(content, "<<")
	if i < 0 {
		return ""
	}
	word := strings.TrimPrefix(content[i+2:], "-")
	if word == "" || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return word
}
