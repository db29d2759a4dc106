// Package finding has the one word for what a check found wrong, and the one
// table of every code: whom it accuses, how much it weighs, what it means, what
// to do. docs/findings.md is that table for people.
//
// A [Finding] is what goes to a person, to the record and to the next program.
// Package verify, which is pure and public, has a type of its own for its
// verdicts; [Of] makes one of these of it.
package finding

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/verify"
)

// Finding is something found wrong, or that it is over. The names of its fields
// in JSON are a promise.
type Finding struct {
	Code     verify.Code  `json:"code"`
	Accused  verify.Party `json:"accused,omitempty"` // empty: nobody
	Severity Severity     `json:"severity,omitempty"`
	Detail   string       `json:"detail,omitempty"`
	Host     string       `json:"host,omitempty"`   // where it was found, or of the source it is about
	Source   string       `json:"source,omitempty"` // who found it
	About    string       `json:"about,omitempty"`  // the source it is about
	Index    *uint64      `json:"index,omitempty"`  // of the entry it is about
	Where    string       `json:"where,omitempty"`  // the file or row it is about
	Time     time.Time    `json:"time,omitzero"`
	Over     bool         `json:"over,omitempty"` // found before, and over now
}

// New returns a finding of that code, accusing whom the table accuses.
func New(code verify.Code, format string, args ...any) Finding {
	k := Lookup(code)
	return Finding{Code: code, Accused: k.Accused, Severity: k.Severity, Detail: fmt.Sprintf(format, args...)}
}

// At is New for a file or a row beside the record. It accuses the store,
// whomever the code accuses within the record.
func At(code verify.Code, where, format string, args ...any) Finding {
	f := New(code, format, args...)
	f.Accused, f.Where = Store, where
	return f
}

// Of is a verdict's finding.
func Of(v verify.Finding) Finding {
	f := New(v.Code, "%s", v.Detail)
	f.Accused, f.Index = v.Accused, &v.Index
	if v.Source != (entry.Source{}) {
		f.About = v.Source.String()
	}
	return f
}

// Log puts a finding into the diagnostics, as loud as it is severe: an
// enrolment, say, is no error.
func (f Finding) Log(diag *slog.Logger) {
	level := slog.LevelError
	switch f.Severity {
	case Info:
		level = slog.LevelInfo
	case Low, Medium:
		level = slog.LevelWarn
	}
	if f.Over { // whoever was shown that it began is shown that it ended
		diag.Log(context.Background(), min(level, slog.LevelWarn), "finding is over", "code", f.Code)
		return
	}
	args := []any{"code", f.Code}
	for _, a := range []struct{ name, value string }{{"about", f.About}, {"where", f.Where}, {"detail", f.Detail}} {
		if a.value != "" {
			args = append(args, a.name, a.value)
		}
	}
	diag.Log(context.Background(), level, "finding", args...)
}
