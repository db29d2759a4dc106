package asking

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/render"
	"github.com/stele-log/stele/internal/semdiff"
	"github.com/stele-log/stele/internal/terminal"
)

// Blame is the question who wrote the lines, or a key, of a configuration.
type Blame struct {
	Name, Host string
	At         time.Time
	Before     uint64 // the entry before which a key is looked for; 0: the newest of all
	JSON       bool

	Out io.Writer
}

// line is one line of a text and the entry it came with. Text has U+FFFD for what is
// not UTF-8; Text64 is then the line itself, in base64.
type line struct {
	Line   int             `json:"line"`
	Text   string          `json:"text"`
	Text64 string          `json:"text64,omitempty"`
	Index  uint64          `json:"index"`
	ID     string          `json:"id"`
	Time   string          `json:"time"`
	Actor  *history.Actor  `json:"actor,omitempty"`
	Reason *history.Reason `json:"reason,omitempty"`
}

// Lines prints each line with who wrote it.
func (b *Blame) Lines(ctx context.Context, r *history.Reader) error {
	lines, views, err := r.Blamed(ctx, b.Name, b.Host, b.At)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(b.Out)
	for n, l := range lines {
		v := views[l.Index]
		if b.JSON {
			if err := json.NewEncoder(out).Encode(line{n + 1, l.Text, encode64(l.Text), v.Index, v.ID, v.Time, v.Actor, v.Reason}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(out, "%6d  %s  %-20s %s\n", v.Index, render.When(v.Time), cut(terminal.Escape(render.Actor(v.Actor)), 20), terminal.EscapeText(l.Text))
	}
	return out.Flush()
}

// encode64 is s in base64 where JSON could not hold it, else nothing.
func encode64(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// ErrNoKey says that no change on record is of a key.
var ErrNoKey = errors.New("no change of that key is on record")

// keyed is the entry that a key came with, and what it did.
type keyed struct {
	Key        string              `json:"key"`
	Operations []semdiff.Operation `json:"operations,omitempty"` // none: it was there when the file was seen first
	Entry      *history.View       `json:"entry"`
}

// Key prints the newest change of a key.
func (b *Blame) Key(ctx context.Context, r *history.Reader, key string) error {
	last, err := r.Version(ctx, b.Name, b.Host, b.At)
	if err != nil {
		return err
	}
	all, err := r.OfPath(ctx, b.Name, b.Host)
	if err != nil {
		return err
	}
	for _, v := range slices.Backward(all) {
		if v.Index > last.Index || v.Index == last.Index && v.K > last.K || b.Before > 0 && v.Index >= b.Before {
			continue
		}
		ops, found, err := changed(ctx, r, v, key)
		if err != nil {
			return err
		}
		if found {
			return b.key(ctx, r, v, key, ops)
		}
	}
	return ErrNoKey
}

func (b *Blame) key(ctx context.Context, r *history.Reader, v history.Version, key string, ops []semdiff.Operation) error {
	view, err := r.Entry(ctx, v.Index)
	if err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(b.Out).Encode(keyed{key, ops, view})
	}
	what := key + " was there"
	if len(ops) > 0 {
		what = ops[0].String()
	}
	if more := len(ops) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	_, err = fmt.Fprintf(b.Out, "%6d  %s  %s: %s%s\n", view.Index, render.When(view.Time), terminal.Escape(render.Actor(view.Actor)), terminal.Escape(what), render.Reason(view))
	return err
}

// changed are the operations of a version on a key; found too where the subject was
// first seen with the key in it.
func changed(ctx context.Context, r *history.Reader, v history.Version, key string) (ops []semdiff.Operation, found bool, err error) {
	pairs, err := r.Pairs(ctx, fmt.Sprintf("%d/%d", v.Index, v.K), "", time.Time{}, time.Time{})
	if err != nil || len(pairs) == 0 {
		return nil, false, err
	}
	if pairs[0].Before == nil {
		has, err := r.Has(ctx, v, func(p string) bool { return onKey(p, key) })
		return nil, has, err
	}
	d, err := r.Difference(ctx, pairs[0])
	if errors.Is(err, history.ErrNoText) || errors.Is(err, history.ErrErased) {
		return nil, false, nil
	}
	for _, o := range d.Operations {
		if onKey(o.Path, key) {
			ops = append(ops, o)
		}
	}
	return ops, len(ops) > 0, err
}
