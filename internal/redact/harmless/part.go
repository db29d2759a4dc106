package harmless

import (
	"bytes"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// parts parts a word that is several values: name=value, the parameters of a URL, the
// fields of a row, an account and its password. It appends them to j.part.
func (j *judge) parts(c *Cell) {
	v := j.Bytes[c.Start:c.End]
	switch {
	case isSetting(v):
		eq := bytes.IndexByte(v, '=')
		c.Name, c.Start = v[:eq], c.Start+eq+1
	case isQuery(v):
		j.query(c)
		return
	case c.Quoted && len(v) > 3 && v[1] == ':' && ascii.IsUpper(v[0]):
		c.Name, c.Start = v[:1], c.Start+2
	case (c.Comment || endsIn(accounts, c.Name)) && isPair(v):
		j.fields(c, '/')
		return
	case c.Quoted || c.Whole || bytes.IndexByte(v, ':') <= 0 || Typed(v) && !endsInCode(v) && !isPatternRow(v):
	default:
		j.fields(c, ':')
		return
	}
	j.part = append(j.part, *c)
}

// isSetting says whether a word is a name and its value.
func isSetting(v []byte) bool {
	eq := bytes.IndexByte(v, '=')
	return eq > 0 && eq+2 < len(v) && v[eq+1] != '=' && !bytes.ContainsAny(v, " ,;&") && isName(v[:eq]) && !isDistinguished(v) && !lexicon.LooksRandom(v[:eq])
}

// isQuery says whether a word holds parameters of a URL.
func isQuery(v []byte) bool {
	i := bytes.IndexByte(v, '&')
	return i > 0 && bytes.IndexByte(v[i:], '=') > 0 && bytes.IndexByte(v, ' ') < 0
}

// fields parts a word at a sign. The first field may be the name of the second.
func (j *judge) fields(c *Cell, sign byte) {
	v := j.Bytes[c.Start:c.End]
	row := c.Opens && bytes.Count(v, []byte(":")) > 1
	for at := 0; at <= len(v); {
		end := at + bytes.IndexByte(v[at:], sign)
		if end < at {
			end = len(v)
		}
		if end > at {
			part := *c
			part.Span = syntax.Span{Start: c.Start + at, End: c.Start + end}
			part.Left, part.Row = at == 0 && end+1 < len(v), row
			if at > 0 {
				part.Opens, part.Lead, part.Second, part.Name = false, nil, nil, nil
				if c.Opens && len(j.part) == 1 && endsIn(sure, v[:at-1]) {
					part.Lead = v[:at-1]
				}
			}
			j.part = append(j.part, part)
		}
		at = end + 1
	}
}

// query parts a word at the signs between the parameters of a URL.
func (j *judge) query(c *Cell) {
	end := c.End
	for at := c.Start; at <= end; {
		next := at + bytes.IndexByte(j.Bytes[at:end], '&')
		if next < at {
			next = end
		}
		part := *c
		part.Span = syntax.Span{Start: at, End: next}
		if eq := bytes.IndexByte(j.Bytes[at:next], '='); eq > 0 {
			part.Name, part.Start = j.Bytes[at:at+eq], at+eq+1
		}
		if part.Start < part.End {
			j.part = append(j.part, part)
		}
		at = next + 1
	}
}

// isPatternRow says whether a word is a row between colons of which a field is a
// pattern.
func isPatternRow(v []byte) bool {
	return bytes.Count(v, []byte(":")) > 1 && bytes.IndexByte(v, '*') >= 0 && !bytes.Contains(v, []byte("://"))
}

// isPair says whether a word is two joined by a slash, as an account and its
// password are in a remark.
func isPair(v []byte) bool {
	slash := bytes.IndexByte(v, '/')
	return slash > 0 && slash+3 < len(v) && bytes.IndexByte(v[slash+1:], '/') < 0 && !bytes.ContainsAny(v, ":.@~$")
}

// isCode says whether a number is one that people type rather than a setting: six
// digits or more that are neither round nor a date.
func isCode(v []byte) bool {
	if len(v) < 6 || len(v) > 12 || !ascii.IsNumber(v) || v[0] == '0' {
		return false
	}
	if v[len(v)-1] == '0' && v[len(v)-2] == '0' || len(v) == 8 && (v[0] == '2' && v[1] == '0' || v[0] == '1' && v[1] == '9') {
		return false
	}
	n := 0
	for _, c := range v {
		n = n*10 + int(c-'0')
	}
	return n > 1<<16 && n&(n-1) != 0 && (n+1)&n != 0
}

// endsInCode says whether what follows the last colon is no port.
func endsInCode(v []byte) bool { return isCode(v[bytes.LastIndexByte(v, ':')+1:]) }
