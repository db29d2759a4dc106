package watcher

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/attribute"
	"github.com/stele-log/stele/internal/capture"
	"github.com/stele-log/stele/internal/capture/inode"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
)

// beside is what was recorded of a file beside its text and not kept by capture,
// which keeps digests alone: it sees values that are not to be kept.
type beside struct {
	Target     string           `json:",omitempty"` // of a link
	Attributes []body.Attribute `json:",omitempty"` // extended
}

// known is what the spool keeps of a path: what tells whether it has changed, and
// from what.
type known struct {
	inode.Known
	Beside *beside `json:",omitempty"`
}

// besides are those of all paths that have any, as they were last handed over:
// ahead of the spool, as capture is. They are of the goroutine that observes.
type besides map[string]*beside

// load takes over what the spool keeps of a path.
func (b besides) load(path string, raw json.RawMessage) (inode.Known, error) {
	var k known
	if err := json.Unmarshal(raw, &k); err != nil {
		return inode.Known{}, err
	}
	b.put(path, k.Beside)
	return k.Known, nil
}

func (b besides) put(path string, is *beside) {
	if is == nil || is.Target == "" && len(is.Attributes) == 0 {
		delete(b, path)
		return
	}
	b[path] = is
}

// setBeside says in a change what the file has beside its text, and how that was
// before. The text is set.
func (w *Watcher) setBeside(c *change, o *capture.Observation, opaque bool) {
	was := w.besides[c.origin()]
	delete(w.besides, c.origin())
	is := &beside{Attributes: w.attributes(o.Attributes, opaque)}
	switch {
	case o.Target != "":
		is.Target = string(w.cfg.Redactor.Text([]byte(o.Target), redact.Source{Path: o.Path}).Text)
	case slices.Contains(o.Marks, body.MarkLink):
		is.Target = string(c.text)
	}
	c.what.Target, c.what.Target64 = record.Encode(is.Target)
	c.what.Attributes = withFlags(is.Attributes, o.Known.Flags)
	if n := o.Known.Links; n > 1 {
		c.what.Links = int(n)
	}
	for _, name := range o.Names {
		plain, encoded := record.Encode(name)
		c.what.Names = append(c.what.Names, body.Name{Path: plain, Path64: encoded})
	}
	c.what.Was = formerly(o, was, is)
	c.beside = is
	w.besides.put(c.path, is)
}

// withFlags are attributes with the flags of chattr, if there are any.
func withFlags(list []body.Attribute, flags uint32) []body.Attribute {
	words := attribute.Flags(flags)
	if words == "" {
		return list
	}
	all := append(slices.Clone(list), body.Attribute{Name: body.AttributeFlags, Value: words})
	slices.SortFunc(all, byName)
	return all
}

func byName(a, b body.Attribute) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Name64, b.Name64))
}

// formerly is how a file was before an observation; nil where that is as it is, or
// not known.
func formerly(o *capture.Observation, was, is *beside) *body.Was {
	b := &o.Before
	if *b == (inode.Known{}) {
		return nil
	}
	var f body.Was
	if b.Mode&modeBits != o.Mode&modeBits {
		f.Mode = octal(b.Mode)
	}
	if b.UID != o.Owner.UID || b.GID != o.Owner.GID {
		f.Owner = &body.Owner{UID: b.UID, GID: b.GID}
	}
	if b.Links != 0 && o.Known.Links != 0 && b.Links != o.Known.Links {
		f.Links = int(b.Links)
	}
	switch {
	case was != nil:
		if was.Target != is.Target {
			f.Target, f.Target64 = record.Encode(was.Target)
		}
		f.Attributes = differing(withFlags(was.Attributes, b.Flags), withFlags(is.Attributes, o.Known.Flags))
	case b.Extra == [sha256.Size]byte{}: // else it had some that were not recorded
		f.Attributes = differing(withFlags(nil, b.Flags), withFlags(is.Attributes, o.Known.Flags))
	}
	return orNil(&f)
}

func orNil(f *body.Was) *body.Was {
	if f.Mode == "" && f.Owner == nil && f.Links == 0 && f.Target == "" && f.Target64 == "" && len(f.Attributes) == 0 {
		return nil
	}
	return f
}

// modeBits are those of a mode that are recorded.
const modeBits = 0o7777

func octal(mode uint32) string { return fmt.Sprintf("%04o", mode&modeBits) }

// differing are the attributes that were otherwise: as they were, and by name alone
// those that were not there.
func differing(was, is []body.Attribute) (list []body.Attribute) {
	for _, a := range was {
		if i, ok := slices.BinarySearchFunc(is, a, byName); !ok || !equal(a, is[i]) {
			list = append(list, a)
		}
	}
	for _, a := range is {
		if _, ok := slices.BinarySearchFunc(was, a, byName); !ok {
			list = append(list, body.Attribute{Name: a.Name, Name64: a.Name64})
		}
	}
	slices.SortFunc(list, byName)
	return list
}

func equal(a, b body.Attribute) bool {
	return a.Value == b.Value && a.Fingerprint == b.Fingerprint && (a.Size == nil) == (b.Size == nil) && (a.Size == nil || *a.Size == *b.Size)
}

// longestValue is how long a value may be that is shown; words may be longer.
const (
	longestValue = 256
	longestWords = 4 << 10
)

// attributes words extended attributes. From here on none holds a secret.
func (w *Watcher) attributes(list []inode.Attribute, opaque bool) (all []body.Attribute) {
	for _, a := range list {
		size := int64(a.Size)
		said := body.Attribute{Size: &size}
		said.Name, said.Name64 = record.Encode(a.Name)
		if value, ok := w.value(a, opaque); ok {
			said.Value = value
		} else {
			said.Fingerprint = fingerprint(a)
		}
		all = append(all, said)
	}
	slices.SortFunc(all, byName)
	return all
}

// fingerprint stands for a value that is not shown.
func fingerprint(a inode.Attribute) string {
	return base64.RawURLEncoding.EncodeToString(a.Sum[:9])
}

// value is how an attribute's value is shown; false: not at all. Beside a text that
// is secret as a whole nothing is shown that anybody could have put there.
func (w *Watcher) value(a inode.Attribute, opaque bool) (string, bool) {
	if a.Value == nil {
		return "", false
	}
	if words, ok := attribute.Words(a.Name, a.Value); ok {
		return words, len(words) <= longestWords
	}
	text := strings.TrimSuffix(string(a.Value), "\x00") // as security labels end
	if opaque || len(text) > longestValue || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", false
	}
	assigned := a.Name + "=" + text
	res := w.cfg.Redactor.Text([]byte(assigned), redact.Source{})
	return text, string(res.Text) == assigned && w.cfg.Redactor.Known(text) == text
}

// earlier is how a file was before two changes that are told as one.
func earlier(first, then *body.Was, is *body.What) *body.Was {
	if first == nil || then == nil {
		f := cmp.Or(first, then)
		if f == nil {
			return nil
		}
		alone := *f
		return orNil(unless(&alone, is))
	}
	f := *first
	f.Mode = cmp.Or(f.Mode, then.Mode)
	f.Owner = cmp.Or(f.Owner, then.Owner)
	f.Links = cmp.Or(f.Links, then.Links)
	if f.Target == "" && f.Target64 == "" {
		f.Target, f.Target64 = then.Target, then.Target64
	}
	f.Attributes = slices.Clone(f.Attributes)
	for _, a := range then.Attributes {
		if _, ok := slices.BinarySearchFunc(first.Attributes, a, byName); !ok {
			f.Attributes = append(f.Attributes, a)
		}
	}
	slices.SortFunc(f.Attributes, byName)
	return orNil(unless(&f, is))
}

// unless leaves out how a file was where it is so again.
func unless(f *body.Was, is *body.What) *body.Was {
	if f.Mode == is.Mode {
		f.Mode = ""
	}
	if f.Owner != nil && is.Owner != nil && *f.Owner == *is.Owner {
		f.Owner = nil
	}
	if f.Links == max(is.Links, 1) {
		f.Links = 0
	}
	if f.Target == is.Target && f.Target64 == is.Target64 {
		f.Target, f.Target64 = "", ""
	}
	f.Attributes = slices.DeleteFunc(slices.Clone(f.Attributes), func(a body.Attribute) bool {
		i, there := slices.BinarySearchFunc(is.Attributes, a, byName)
		return there && equal(a, is.Attributes[i]) || !there && equal(a, body.Attribute{})
	})
	return f
}
