package vault

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// run is which of the files of a vault one is.
type run int

const (
	other run = iota
	disclosureRun
	textRun
	seedRun
	saltRun
	textKeyRun
)

// explains says damage in which files can be why something is alone in one of a run.
var explains = map[run][]run{
	disclosureRun: {seedRun, saltRun, textKeyRun, textRun},
	textRun:       {textKeyRun},
	textKeyRun:    {textRun},
	saltRun:       {saltRun},
	seedRun:       {disclosureRun},
}

// causes leaves out what follows from other damage: what is whole, but lacks its
// counterpart, where the files that the counterpart should be in are damaged
// themselves. Where texts are gone and nothing is wrong with the files that they
// should be in, the last of these is named.
func (r *Reader) causes(found []Damage) []Damage {
	damaged := map[run]bool{} // by themselves
	for _, d := range found {
		if !d.Alone && !d.Extra {
			damaged[r.run(d)] = true
		}
	}
	follows := func(d Damage) bool {
		is := r.run(d)
		if is == seedRun && d.Torn && len(damaged) > 0 { // the disclosures they belong to may be alone themselves
			return d.Alone
		}
		return d.Alone && slices.ContainsFunc(explains[is], func(cause run) bool { return damaged[cause] })
	}
	textless := func(d Damage) bool { return d.Alone && !d.Torn && r.run(d) == disclosureRun && !follows(d) }
	if slices.ContainsFunc(found, textless) {
		found = append(found, Damage{Path: r.last(r.texts.segs), Why: "texts that entries refer to are not there: the file is missing, or an older one"})
		damaged[textRun] = true
	}
	causes := slices.DeleteFunc(slices.Clone(found), follows)
	slices.SortFunc(causes, func(a, b Damage) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Offset, b.Offset)) })
	return causes
}

// run is that of the file which damage is in.
func (r *Reader) run(d Damage) run {
	dir := filepath.Dir(d.Path)
	name, _, _ := strings.Cut(filepath.Base(d.Path), "-")
	inVault, inKeyring := dir == filepath.Clean(r.cfg.Dir), dir == filepath.Clean(r.cfg.KeyringDir)
	switch {
	case inVault && name == disclosuresName:
		return disclosureRun
	case inVault && name == textsName:
		return textRun
	case inKeyring && name == "seeds":
		return seedRun
	case inKeyring && name == "salts":
		return saltRun
	case inKeyring && name == "texts":
		return textKeyRun
	}
	return other
}

// Lost is the file that is missing, or an older one, where damage is a key that
// belongs to nothing and disclosures of entries are not there.
func (r *Reader) Lost(d Damage) (path string, ok bool) {
	switch is := r.run(d); {
	case d.Alone && is == seedRun:
		return r.last(r.disclosures), true
	case d.Alone && is == textKeyRun:
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
