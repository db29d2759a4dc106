package examine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rule says of an act on files of a kind that verify may say less of it than that the
// file is wrong, and why that does no harm. Both are patterns.
type rule struct {
	kinds, acts string
	status      int // that verify exits with
	why         string
}

const (
	altering  = `flip \w+|empty|halve|cut last byte|swap|older copy|of another store`
	appending = `append( zeros)?`
)

// rules are all the acts after which a store is called true and safe (0), or is not
// looked at (1).
var rules = []rule{
	{`lock of .*`, altering + `|delete|` + appending, 0, "a lock is held, not read; without one the next writer makes it"},
	{`earlier partial .*|directory of earlier partial tiles`, `delete|empty|older copy`, 0, "the wider tile holds the same; the log's writer clears them away"},
	{`index`, `flip \w+`, 0, "bytes between the rows, which SQLite does not use; every row is compared"},
	{`journal of the index`, altering + `|delete|` + appending, 0, "SQLite makes both anew for a database that was closed; every row is compared"},
	{`roll`, altering + `|delete|` + appending, 0, "derived: who is present is told again"},
	{`spool|reserve of the spool`, altering + `|delete|` + appending, 0, "no part of the record: the watcher names damage when it starts (`spool-damaged`), and records a gap"},
	{`checkpoints .*`, altering + `|delete|` + appending, 0, "further checkpoints can convict a log and never acquit one; a crash may have left their end"},
	{`directory watch`, altering + `|delete`, 0, "spool and checkpoints, as above"},
	{`key of a source|key of fingerprints`, `delete|older copy|of another store`, 0, "made anew, and enrolled on the record; with another key of fingerprints each secret seems to have changed once"},
	{`server of an importer|directory importer`, altering + `|delete`, 0, "the importer joins again; a key in it that is damaged is named"},
	{`certificate|key of the certificate`, `flip \w+|cut last byte|delete|` + appending, 0, "bytes that say nothing in PEM; a certificate without its key is made anew, and who pinned the old one says so"},
	{`tokens`, altering + `|delete`, 0, "no part of the record: a token that was altered lets nobody in"},
	{`directory keys`, `older copy`, 0, "the same keys, with the tokens of then"},
	{`belief|directory of beliefs`, `delete|older copy|empty|cut last byte`, 0, "who takes back the beliefs as well is seen by those elsewhere alone: a server, a reader, a witness"},
	{`directory of beliefs`, `link to a copy|stray .*`, 0, "its owner's, who may keep it elsewhere, beside beliefs about other logs"},
	{`directory of beliefs`, `dangling link`, 1, "nothing can be believed there, and the error says so"},
	{`directory of the store`, `link to a copy`, 0, "a store may be reached by a link"},
	{`directory of the store`, `delete|empty|dangling link`, 1, "there is no store, and the error says so"},
}

// evidence are the kinds whose content is the record, or the guard of it: other content
// is bad evidence, and never merely unsafe.
var evidence = regexp.MustCompile(`^((partial )?(bundle|hash tile)|checkpoint|openings|texts|keys of .*|index|format|belief|directory (log|vault|keyring|index|of tiles|of partial tiles))$`)

// content are the acts that leave other content, or none.
var content = regexp.MustCompile(`^(` + altering + `|delete|dangling link|link to itself|FIFO|directory|file)$`)

func matches(pattern, s string) bool { return regexp.MustCompile(`^(` + pattern + `)$`).MatchString(s) }

// wrong is what is wrong with what verify said of an act; empty: nothing. used is the
// rule that allows it, if one is needed.
func (o *outcome) wrong() (why string, used *rule) {
	for i, r := range rules {
		if o.said.status == r.status && len(o.codes) == 0 && matches(r.kinds, o.kind) && matches(r.acts, o.act) {
			return "", &rules[i]
		}
	}
	strange := slices.DeleteFunc(slices.Clone(o.files), func(f string) bool { return o.isAltered(f) })
	switch {
	case o.said.status < 0:
		return "it hangs", nil
	case o.said.status != 1 && o.said.status != 3:
		return fmt.Sprintf("exit status %d", o.said.status), nil
	case len(strange) > 0:
		return fmt.Sprintf("names %q", strange), nil
	case len(o.files) == 0:
		return "names no file", nil
	case o.said.status == 1 && !slices.Equal(o.codes, []string{"unsafe-store"}):
		return fmt.Sprintf("exit status 1 with the codes %q", o.codes), nil
	case o.said.status == 1 && (evidence.MatchString(o.kind) && content.MatchString(o.act) || strings.HasPrefix(o.kind, "earlier") && matches(altering, o.act)):
		return "the record is untrue, and is called unsafe", nil
	}
	return "", nil
}

// together are files of which nobody can tell which one is of another store.
var together = [][]string{{"store/keys/tls.crt", "store/keys/tls.key"}, {"store/vault", "store/keyring"}}

// generation is the end of the name of a file of the keyring, which goes up whenever
// the file is written anew.
var generation = regexp.MustCompile(`^(store/keyring/\w+-\d+)\.\d+$`)

// isAltered reports whether a file that is named is one that was altered, is in a
// directory that was, or was to be.
func (o *outcome) isAltered(file string) bool {
	name := func(rel string) string { return generation.ReplaceAllString(rel, "$1") }
	for _, a := range o.altered {
		if name(file) == name(a) || strings.HasPrefix(file, a+"/") {
			return true
		}
		for _, pair := range together {
			if o.act == "of another store" && slices.ContainsFunc(pair, func(p string) bool { return within(file, p) }) && slices.ContainsFunc(pair, func(p string) bool { return within(a, p) }) {
				return true
			}
		}
	}
	return false
}

func within(rel, dir string) bool { return rel == dir || strings.HasPrefix(rel, dir+"/") }
