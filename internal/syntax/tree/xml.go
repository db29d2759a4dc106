package tree

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// readXML takes the tokens from the XML parser, which says where each ends.
func readXML(text string) *Node {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &Node{Kind: Stream}
	r := xmlReader{text: text, open: []*Node{root}}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || !r.token(token, int(d.InputOffset())) {
			return nil
		}
	}
	if len(r.open) > 1 {
		return nil
	}
	root.End = text[r.from:]
	return root
}

type xmlReader struct {
	text  string
	at    int
	from  int // where what no node has begins
	open  []*Node
	empty bool // the element that was opened last closes itself
}

// token takes one token, which ends at a place of the text.
func (r *xmlReader) token(token xml.Token, end int) bool {
	raw, lead := r.text[r.at:end], r.text[r.from:r.at]
	r.at = end
	if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) == "" {
		return true
	}
	r.from = end
	top := r.open[len(r.open)-1]
	switch t := token.(type) {
	case xml.StartElement:
		return r.start(top, t, lead, raw)
	case xml.EndElement:
		if len(r.open) < 2 || top.Name != xmlName(t.Name) {
			return false
		}
		if !r.empty {
			top.End = lead + raw
		}
		r.empty = false
		r.open = r.open[:len(r.open)-1]
	case xml.CharData:
		at := blank(raw)
		trimmed := strings.TrimRight(raw[at:], " \t\r\n")
		top.add(&Node{Name: "#text", Value: strings.TrimSpace(string(t)), Lead: lead + raw[:at], Text: trimmed})
		r.from = end - len(raw) + at + len(trimmed)
	case xml.Comment:
		top.add(&Node{Kind: Comment, Lead: lead, Text: raw})
	default: // <?xml ?>, <!DOCTYPE>
		top.add(&Node{Name: "#directive", Value: raw, Lead: lead, Text: raw})
	}
	return true
}

func xmlName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// start opens an element. Its attributes are the nodes of a node of their own, which
// ends where the element's content begins.
func (r *xmlReader) start(top *Node, t xml.StartElement, lead, raw string) bool {
	if len(r.open) > maxDepth {
		return false
	}
	e := top.add(&Node{Kind: Map, Name: xmlName(t.Name), Lead: lead})
	r.open = append(r.open, e)
	r.empty = strings.HasSuffix(raw, "/>")
	head := 1 + len(e.Name)
	if !strings.HasPrefix(raw, "<"+e.Name) {
		return false
	}
	if len(t.Attr) == 0 {
		e.Text = raw
		return true
	}
	attributes := e.add(&Node{Kind: Map, Name: "@", Text: raw[:head]})
	rest := raw[head:]
	for _, a := range t.Attr {
		at := blank(rest)
		eq := strings.IndexByte(rest, '=')
		if eq < 0 {
			return false
		}
		value := eq + 1 + blank(rest[eq+1:])
		if value >= len(rest) || rest[value] != '"' && rest[value] != '\'' {
			return false
		}
		shut := strings.IndexByte(rest[value+1:], rest[value])
		if shut < 0 {
			return false
		}
		end := value + shut + 2
		attributes.add(&Node{Name: xmlName(a.Name), Value: a.Value, Lead: rest[:at], Label: rest[at:value], Text: rest[value:end]})
		rest = rest[end:]
	}
	attributes.End = rest
	return true
}
