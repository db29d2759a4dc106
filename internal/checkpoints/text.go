package checkpoints

import "bytes"

// Join makes one text of signed notes.
func Join(notes [][]byte) []byte { return bytes.Join(notes, []byte("\n")) }

var (
	newline   = []byte("\n")
	signature = []byte("— ")
)

// Split takes a text of signed notes apart: a note ends behind its signatures, and
// empty lines may follow. What is no note is left as it is, for whoever opens it.
func Split(text []byte) (notes [][]byte) {
	for text = bytes.TrimLeft(text, "\n"); len(text) > 0; text = bytes.TrimLeft(text, "\n") {
		n := end(text)
		notes, text = append(notes, text[:n:n]), text[n:]
	}
	return notes
}

// end is where the note ends that a text begins with.
func end(text []byte) int {
	at := bytes.Index(text, []byte("\n\n"))
	if at < 0 {
		return len(text)
	}
	at += 2
	for bytes.HasPrefix(text[at:], signature) {
		line, _, _ := bytes.Cut(text[at:], newline)
		at = min(at+len(line)+1, len(text))
	}
	return at
}
