package vault

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// causes leaves out what follows from other damage: what is whole, but lacks its
// counterpart, where the files that the counterpart should be in are damaged
// themselves. Where texts are gone and nothing is wrong with the files that they
// should be in, the last of these is named.
func (r *Reader) causes(found []Damage) []Damage {
	follows := func(d Damage) bool {
		return d.Alone && slices.ContainsFunc(found, func(c Damage) bool { return !c.Alone && !c.Extra && r.explains(c, d) })
	}
	textless := func(d Damage) bool { return d.Alone && !d.Torn && r.isDisclosures(d) }
	if slices.ContainsFunc(found, func(d Damage) bool { return textless(d) && !follows(d) }) {
		found = append(found, Damage{Path: r.last(r.texts.segs), Why: "texts that entries refer to are not there: the file is missing, or an older one"})
	}
	causes := slices.DeleteFunc(slices.Clone(found), follows)
	slices.SortFunc(causes, func(a, b Damage) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Offset, b.Offset)) })
	return causes
}

// explains reports whether damage in one file can be why something in another is
// alone.
func (r *Reader) explains(cause, alone Damage) bool {
	switch {
	case r.isDisclosures(alone):
		return r.isKeys(cause, "") || r.isTexts(cause)
	case r.isTexts(alone):
		return r.isKeys(cause, textsName)
	case r.isKeys(alone, textsName):
		return r.isTexts(cause)
	case r.isKeys(alone, "salts"):
		return r.isKeys(cause, "salts")
	}
	return r.isDisclosures(cause) || alone.Torn // the last disclosures may be alone themselves
}

func (r *Reader) isDisclosures(d Damage) bool { return in(d, r.cfg.Dir, disclosuresName) }
func (r *Reader) isTexts(d Damage) bool       { return in(d, r.cfg.Dir, textsName) }

func (r *Reader) isKeys(d Damage, run string) bool { return in(d, r.cfg.KeyringDir, run) }

func in(d Damage, dir, run string) bool {
	return filepath.Dir(d.Path) == filepath.Clean(dir) && strings.HasPrefix(filepath.Base(d.Path), run)
}

// Lost is the file that is missing, or an older one, where damage is a key that
// belongs to nothing and disclosures of entries are not there.
func (r *Reader) Lost(d Damage) (path string, ok bool) {
	switch {
	case d.Alone && r.isKeys(d, "seeds"):
		return r.last(r.disclosures), true
	case d.Alone && r.isKeys(d, textsName):
		return r.last(r.texts.segs), true
	}
	return "", false
}

// last is the path of the last segment of a run, or of the first that there should be.
func (r *Reader) last(s *segments) string {
	ns, err := s.list()
	if err != nil || len(ns) == 0 {
		return s.path(1)
	}
	return s.path(ns[len(ns)-1])
}
