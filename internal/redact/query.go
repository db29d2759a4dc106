package redact

import (
	"bytes"
	"strings"

	"github.com/stele-log/stele/internal/ascii"
	"github.com/stele-log/stele/internal/redact/lexicon"
	"github.com/stele-log/stele/internal/redact/notions"
	"github.com/stele-log/stele/internal/syntax"
)

// urlEnd is where a URL ends that goes on at at.
func (f *finder) urlEnd(at int) int {
	stop := min(len(f.text), at+maxAuthority)
	for at < stop && !ascii.IsSpace(f.text[at]) && bytes.IndexByte([]byte("\"'<>`)}|"), f.text[at]) < 0 {
		at++
	}
	return at
}

// parts masks the elements of the path of a URL and the values of its query that are
// permissions; at is where its authority begins.
func (f *finder) parts(at int) {
	if at < f.linked {
		return
	}
	end := f.urlEnd(at)
	f.linked = end
	slash := bytes.IndexAny(f.text[at:end], "/?")
	if slash < 0 || bytes.HasSuffix(f.text[at:at+slash], []byte("example.org")) && slash+2 >= end-at {
		return
	}
	forge := notions.IsForge(f.text[at : at+slash])
	before := ""
	for i := at + slash; i < end; {
		sign := f.text[i]
		stop := i + 1
		for stop < end && bytes.IndexByte([]byte("/?&#"), f.text[stop]) < 0 {
			stop++
		}
		if v := f.text[i+1 : stop]; sign == '/' && !forge && f.isPermit(v, before) {
			f.add(i+1, i+1+len(bytes.TrimRight(v, ".,;")))
		} else if name, arg, ok := bytes.Cut(v, []byte("=")); ok && sign != '/' && f.isGrant(name, arg) {
			f.add(i+2+len(name), i+2+len(name)+len(bytes.TrimRight(arg, ".,;")))
		}
		before = string(f.text[i+1 : min(stop, i+1+16)])
		i = stop
	}
}

// isPermit says whether an element of a path lets in who knows it: it follows a word
// for a secret, or is a long number of random digits.
func (f *finder) isPermit(v []byte, before string) bool {
	switch {
	case len(v) < 12 || lexicon.IsPlain(v) || bytes.IndexByte(v, '.') >= 0 || notions.IsSample(v) || string(v) == Mark:
		return false
	case notions.IsPermitLead(before):
		return bytes.ContainsAny(v, "0123456789") || lexicon.LooksRandom(v)
	}
	return len(v) == 32 && isHex(v) && lexicon.LooksRandom(v)
}

func isHex(v []byte) bool {
	for _, c := range v {
		if !ascii.IsHex(c) {
			return false
		}
	}
	return true
}

// isGrant says whether the value of a query is secret: by its name, or because it
// looks random under a name that is not that of a version or a digest.
func (f *finder) isGrant(name, v []byte) bool {
	if len(v) < 4 || len(name) > syntax.MaxName || lexicon.IsPlain(v) || string(v) == Mark || notions.IsSample(v) {
		return false
	}
	low := strings.ToLower(string(name))
	switch c := f.names.Class(name); {
	case c == lexicon.Strong || notions.IsGrant(low):
		return !lexicon.IsTyped(v) || ascii.IsNumber(v)
	case lexicon.IsOpen(low) || notions.IsDigestName(low):
		return false
	}
	if f.Line.Comment || strings.HasPrefix(low, "utm_") {
		return false // where a page was found
	}
	return lexicon.LooksRandom(v) || len(v) >= 16 && bytes.ContainsAny(v, "0123456789") && bytes.IndexByte(v, '-') > 0 && lexicon.LooksChosen(v)
}

// mailbox masks the password of user:SECRET@host that no scheme precedes.
func (f *finder) mailbox(at int) {
	if at+1 >= len(f.text) || !ascii.IsAlnum(f.text[at+1]) && f.text[at+1] != '[' || f.plan.Prose {
		return
	}
	from := max(0, at-maxUnescaped, f.skip)
	start := at
	for start > from && !ascii.IsSpace(f.text[start-1]) && bytes.IndexByte([]byte("\"'`<>(),;=|#@{}[]"), f.text[start-1]) < 0 {
		start--
	}
	word := f.text[start:at]
	colon := bytes.IndexByte(word, ':')
	if start > 0 && f.text[start-1] == '@' || bytes.IndexByte(word, '*') >= 0 {
		return // a list of addresses
	}
	if colon <= 0 || colon+1 >= len(word) || !isAccount(word[:colon]) || notions.IsScheme(string(word[:colon])) || !isHost(f.text[at+1:]) {
		return
	}
	pass := word[colon+1:]
	if last := bytes.LastIndexByte(pass, ':'); last > 0 && bytes.HasPrefix(pass, []byte("//")) {
		return // read as a URL
	}
	if pass[len(pass)-1] == ':' || bytes.IndexByte(word[:colon], '.') > 0 && isDotted(word[:colon]) {
		return // a host before a mailbox
	}
	if pass[0] == '/' || pass[0] == '\\' || isPort(pass) || lexicon.IsTyped(pass) || f.Enter(start).Comment && (notions.IsSample(pass) || lexicon.IsPublished(pass)) {
		return
	}
	f.add(start+colon+1, at)
}

// isHost says whether v begins with the name of a host, an address or a port rather
// than a digest.
func isHost(v []byte) bool {
	n := 0
	for n < len(v) && n < 64 && (ascii.IsAlnum(v[n]) || bytes.IndexByte([]byte("-._[]:"), v[n]) >= 0) {
		n++
	}
	return n > 1 && !bytes.HasPrefix(v, []byte("sha256:")) && !bytes.HasPrefix(v, []byte("sha512:")) && !ascii.IsBlank(v[0])
}

// thin masks the password of user/SECRET@host in an address of Oracle.
func (f *finder) thin(end int) {
	stop := f.urlEnd(end)
	at := bytes.LastIndexByte(f.text[end:stop], '@')
	slash := bytes.IndexByte(f.text[end:stop], '/')
	if slash > 0 && at > slash+1 && !lexicon.IsPlain(f.text[end+slash+1:end+at]) {
		f.add(end+slash+1, end+at)
	}
}

// identify masks what is told to a service of names: IDENTIFY x, IDENTIFY account x.
func (f *finder) identify(start, end int) {
	l := f.Enter(start)
	stop := l.End
	if l.Quote != 0 {
		if i := bytes.IndexByte(f.text[end:l.End], l.Quote); i >= 0 {
			stop = end + i
		}
	}
	if back := bytes.ToLower(f.text[max(l.Start, start-32):start]); !bytes.Contains(back, []byte("serv")) && !bytes.Contains(back, []byte("auth")) {
		return
	}
	s := syntax.Trim(f.text, syntax.Span{Start: end, End: stop})
	s.End = s.Start + len(bytes.TrimRight(f.text[s.Start:s.End], ";\\ }])"))
	if v := f.text[s.Start:s.End]; bytes.IndexByte(v, ' ') > 0 && isAccount(firstWord(v)) {
		s.Start += len(firstWord(v)) + 1
	}
	if !lexicon.IsPlain(f.text[s.Start:s.End]) {
		f.add(s.Start, s.End)
	}
}
