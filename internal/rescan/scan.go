package rescan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/wire"
)

// scanner tries rules on entries.
type scanner struct {
	rules *redact.Redactor
	known *catalogue.Catalogue
	seen  map[text][]Place // what was found in a text; most are rolled out to many
	tried uint64           // texts, commands and reasons since take
}

// text is one text of a file, as far as the rules look at it.
type text struct {
	sum          [sha256.Size]byte
	path, format string
	agent        string
}

// maxSeen bounds what is remembered of texts.
const maxSeen = 1 << 16

// take returns how much was tried since it was asked last.
func (s *scanner) take() (n uint64) {
	n, s.tried = s.tried, 0
	return n
}

// within is entry, unless the context ends before: a text may be long and of a kind
// that takes long. Then the scanner is of no use any more.
func (s *scanner) within(ctx context.Context, e *history.Everything) ([]Place, error) {
	done := make(chan []Place, 1)
	go func() { done <- s.entry(e) }()
	select {
	case found := <-done:
		return found, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// entry lists what would be masked in an entry.
func (s *scanner) entry(e *history.Everything) (found []Place) {
	var what *body.What
	for _, d := range e.Open {
		if d.State != wire.Opens {
			continue
		}
		var at []Place
		switch d.Line.Name() {
		case "who":
			at = s.who(d.Body)
		case "why":
			at = s.why(d.Body)
		case "what":
			if what = new(body.What); body.Unmarshal(d.Body, what) != nil {
				what = nil
			}
		case "text":
			at = s.text(d.Body, what)
			what = nil
		}
		for _, p := range at {
			p.Index, p.Entry, p.Source, p.Line = e.Index, e.Entry.ID().String(), e.Entry.Source.String(), d.Line.String()
			found = append(found, p)
		}
	}
	return found
}

func (s *scanner) who(b []byte) (found []Place) {
	var w body.Who
	if body.Unmarshal(b, &w) != nil {
		return nil
	}
	found = s.command("command", w.Command)
	for i, a := range w.Ancestors {
		found = append(found, s.command(fmt.Sprintf("ancestors[%d].command", i), a.Command)...)
	}
	return found
}

func (s *scanner) command(field string, args []string) (found []Place) {
	if len(args) == 0 {
		return nil
	}
	s.tried++
	for i, masked := range s.rules.Command(args) {
		if masked != args[i] {
			found = append(found, Place{Key: fmt.Sprintf("%s[%d]", field, i)})
		}
	}
	return found
}

func (s *scanner) why(b []byte) (found []Place) {
	var w body.Why
	if body.Unmarshal(b, &w) != nil {
		return nil
	}
	for _, f := range []struct{ key, text string }{{"reason", w.Reason}, {"ticket", w.Ticket}} {
		if f.text == "" {
			continue
		}
		if s.tried++; s.rules.String(f.text) != f.text {
			found = append(found, Place{Key: f.key})
		}
	}
	return found
}

// text tries the rules on a text of a change; what says of which file, and is nil
// where that does not open.
func (s *scanner) text(raw []byte, what *body.What) []Place {
	s.tried++
	if what == nil {
		what = &body.What{}
	}
	key := text{sha256.Sum256(raw), what.Path, what.Format, what.Agent}
	if found, ok := s.seen[key]; ok {
		return found
	}
	if len(s.seen) == maxSeen {
		clear(s.seen)
	}
	found := s.places(raw, s.source(raw, what))
	for i := range found {
		found[i].Path = what.Path
	}
	s.seen[key] = found
	return found
}

// source is what the catalogue of now says of a file, its format as it was taken
// for then.
func (s *scanner) source(raw []byte, what *body.What) redact.Source {
	m, _ := s.known.Match(what.Path)
	src := redact.Source{Format: what.Format, Path: what.Path, SecretPaths: m.Secrets, Opaque: m.Opaque}
	if a := s.known.Agent(what.Agent); a != nil {
		src.SecretPaths = append(slices.Clone(src.SecretPaths), a.Secrets...)
	}
	if src.Format == "" || src.Format == catalogue.FormatUnknown {
		src.Format = catalogue.FormatOf(what.Path, raw)
	}
	return src
}

// places are those of the values in a text that are masked now and were not.
func (s *scanner) places(raw []byte, src redact.Source) (found []Place) {
	var fresh []redact.Span
	for _, span := range s.rules.Text(raw, src).Spans {
		if !masked(raw[span.Start:span.End]) {
			fresh = append(fresh, span)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	judged := map[int][]redact.Judgement{}
	for _, j := range s.rules.Explain(raw, src) {
		if j.Masked {
			judged[j.Line] = append(judged[j.Line], j)
		}
	}
	at, line := 0, 1 // spans are sorted
	for _, span := range fresh {
		line += bytes.Count(raw[at:span.Start], []byte("\n"))
		at = span.Start
		p := Place{At: line}
		if j := judged[p.At]; len(j) > 0 {
			p.Key, p.Why = j[0].Key, j[0].Why
			judged[p.At] = j[1:]
		}
		found = append(found, p)
	}
	return found
}

// masked reports whether nothing but marks is left of a value, and what joins them.
func masked(value []byte) bool {
	rest := bytes.ReplaceAll(value, []byte(redact.Mark), nil)
	return len(rest) < len(value) && !bytes.ContainsFunc(rest, func(r rune) bool { return r > ' ' && r != '"' && r != '\'' && r != ',' })
}
