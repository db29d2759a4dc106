// Package command says which words of a command line are secret by their place in
// it: behind an option, behind a word of the program, at the end.
//
// It reads words, and splits a line into them as a shell would. It promises nothing
// about what a word shows by itself, and masks nothing: package redact does.
package command

import (
	"bytes"
	"slices"
	"strings"

	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/syntax"
)

// Word is one word of a command line, without its quotes.
type Word struct {
	Text  []byte
	Start int // where it stands
}

// Masks says for each word which part of it is secret by its place in
// the command.
func Masks(ws []Word) map[int]*syntax.Span {
	masks := make(map[int]*syntax.Span)
	var t *tool
	for i, w := range ws {
		if found := toolFor(w.Text, ws[i+1:]); found != nil && (t == nil || string(w.Text) == found.Prefix || bytes.IndexByte(w.Text, '/') >= 0) {
			t = found
			if t.Last > 0 && len(ws)-t.Last > i {
				maskWhole(masks, ws, len(ws)-t.Last)
			}
			if t.Rest {
				t.rest(masks, ws, i)
			}
			if t.Login {
				maskLogin(masks, ws, i+1)
			}
			continue
		}
		longOption(masks, ws, i)
		if t != nil {
			t.option(masks, ws, i)
			t.following(masks, ws, i)
		}
	}
	return masks
}

// rest masks words that are neither option nor drive nor share.
func (t *tool) rest(masks map[int]*syntax.Span, ws []Word, i int) {
	for i += 2; i < len(ws); i++ {
		if w := ws[i].Text; len(w) > 2 && bytes.IndexByte([]byte("/\\-*"), w[0]) < 0 && w[len(w)-1] != ':' {
			maskWhole(masks, ws, i)
		}
	}
}

// following masks what stands behind a word of the tool, or behind the name of a
// secret.
func (t *tool) following(masks map[int]*syntax.Span, ws []Word, i int) {
	w := string(ws[i].Text)
	if i+1 >= len(ws) || IsOption(ws[i+1].Text) {
		return
	}
	if slices.Contains(t.Words, w) {
		maskPhrase(masks, ws, i+1)
		return
	}
	for _, f := range t.Follows {
		if word, far := strings.CutSuffix(f, "+1"); far && word == w && i+2 < len(ws) {
			maskWhole(masks, ws, i+2)
		}
		if f == w || f == "+" && len(w) <= syntax.MaxName && w != "" && w[0] != '-' && w[0] != '/' && lexicon.Classify(w) == lexicon.Strong {
			maskWhole(masks, ws, i+1)
		}
	}
}

// maskPhrase masks what openssl takes: pass:SECRET, or where it is found.
func maskPhrase(masks map[int]*syntax.Span, ws []Word, i int) {
	text := ws[i].Text
	for _, from := range []string{"file:", "env:", "fd:", "stdin"} {
		if bytes.HasPrefix(text, []byte(from)) {
			return
		}
	}
	maskWhole(masks, ws, i)
}

// maskLogin masks the password of user/password@where.
func maskLogin(masks map[int]*syntax.Span, ws []Word, i int) {
	for ; i < len(ws); i++ {
		text := ws[i].Text
		slash := bytes.IndexByte(text, '/')
		if len(text) == 0 || text[0] == '-' || slash <= 0 {
			continue
		}
		end := len(text)
		if at := bytes.LastIndexByte(text, '@'); at > slash {
			end = at
		}
		if pass := text[slash+1 : end]; len(pass) > 0 && !lexicon.IsPlain(pass) && bytes.IndexByte(pass, '/') < 0 {
			masks[i] = &syntax.Span{Start: slash + 1, End: end}
		}
		return
	}
}

func maskWhole(masks map[int]*syntax.Span, ws []Word, i int) {
	if !lexicon.IsPlain(ws[i].Text) {
		masks[i] = &syntax.Span{Start: 0, End: len(ws[i].Text)}
	}
}

// maskUserPass masks the password of user:password or user%password.
func maskUserPass(masks map[int]*syntax.Span, i int, text []byte, from int) {
	at := bytes.IndexAny(text[from:], ":%,")
	if at <= 0 || lexicon.IsPlain(text[from:]) {
		return
	}
	at += from + 1
	if pass := text[at:]; !lexicon.IsPlain(pass) {
		masks[i] = &syntax.Span{Start: at, End: len(text)}
	}
}
