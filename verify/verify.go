// Package verify gives the verdicts: which evidence is sound, which is bad, and
// who stands accused.
//
// Bytes go in and a verdict comes out. The package reads no clock, no disk and
// no network, believes nothing but the log's key, and is the only judge: intake
// refuses exactly what it calls bad, and every command that says "verified" has
// asked it. What it found wrong is a [Finding]; any other error means that
// evidence could not be examined, which is never the same thing.
//
// The checks, their order and their codes are those of docs/format.md, section 8.
package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stele-log/stele/entry"
)

// Code names a check by what it finds.
type Code string

// The checks, in the order of format.md.
const (
	BadCheckpoint     Code = "bad-checkpoint"
	TreeMismatch      Code = "tree-mismatch"
	Shrunk            Code = "shrunk"
	Fork              Code = "fork"
	Malformed         Code = "malformed"
	BadGenesis        Code = "bad-genesis"
	BadKey            Code = "bad-key"
	UnknownKey        Code = "unknown-key"
	BadSignature      Code = "bad-signature"
	WrongRole         Code = "wrong-role"
	BadEnrolment      Code = "bad-enrolment"
	ForkedSource      Code = "forked-source"
	BadChain          Code = "bad-chain"
	SequenceGap       Code = "sequence-gap"
	AfterRevoke       Code = "after-revoke"
	SawFuture         Code = "saw-future"
	SawMismatch       Code = "saw-mismatch"
	SawRollback       Code = "saw-rollback"
	ClockSkew         Code = "clock-skew"
	UnknownReference  Code = "unknown-reference"
	MissingDisclosure Code = "missing-disclosure"
	SealMismatch      Code = "seal-mismatch"
	Unerased          Code = "unerased"
	MalformedBody     Code = "malformed-body"
	BeforeMismatch    Code = "before-mismatch"
	BadRollCall       Code = "bad-rollcall"
)

// Party is who a finding accuses.
type Party string

// The parties.
const (
	TheLog    Party = "log"
	TheVault  Party = "vault"
	TheSource Party = "source"
)

// checks places every code in the order of format.md and names the accused.
var checks = []struct {
	code    Code
	accused Party
}{
	{BadCheckpoint, TheLog},
	{TreeMismatch, TheLog},
	{Shrunk, TheLog},
	{Fork, TheLog},
	{Malformed, TheLog},
	{BadGenesis, TheLog},
	{BadKey, TheLog},
	{UnknownKey, TheLog},
	{BadSignature, TheLog},
	{WrongRole, TheLog},
	{BadEnrolment, TheLog},
	{ForkedSource, TheSource},
	{BadChain, TheSource},
	{SequenceGap, TheSource},
	{AfterRevoke, TheSource},
	{SawFuture, TheSource},
	{SawMismatch, TheSource},
	{SawRollback, TheSource},
	{ClockSkew, TheSource},
	{UnknownReference, TheSource},
	{MissingDisclosure, TheVault},
	{SealMismatch, TheVault},
	{Unerased, TheVault},
	{MalformedBody, TheSource},
	{BeforeMismatch, TheSource},
	{BadRollCall, TheSource},
}

// Codes lists every code, in the order of format.md.
func Codes() []Code {
	all := make([]Code, len(checks))
	for i := range checks {
		all[i] = checks[i].code
	}
	return all
}

// Accuses returns whom a code accuses; nobody, if it is not one of a verdict.
func Accuses(c Code) Party {
	if i := step(c); i < len(checks) {
		return checks[i].accused
	}
	return ""
}

func step(c Code) int {
	for i := range checks {
		if checks[i].code == c {
			return i
		}
	}
	return len(checks)
}

// Finding is evidence that was examined and is wrong.
type Finding struct {
	Code    Code
	Accused Party
	Index   uint64       // of the leaf; for findings about the log as a whole, its size
	Source  entry.Source // who signed the leaf, where that is known
	Host    string       // of that source, where its enrolment is disclosed
	Detail  string       // what was found, without any sealed content
}

// Error makes a Finding usable as the reason for a refusal.
func (f *Finding) Error() string { return fmt.Sprintf("%s: %s", f.Code, f.Detail) }

func found(c Code, index uint64, src entry.Source, format string, args ...any) *Finding {
	return &Finding{Code: c, Accused: checks[step(c)].accused, Index: index, Source: src, Detail: fmt.Sprintf(format, args...)}
}

// Verdict is the outcome of examining a log.
type Verdict struct {
	Size          uint64 // leaves examined
	Changes       uint64 // what lines among them
	Disclosed     uint64 // lines opened
	Erased        uint64 // lines voided by an erase in effect
	Duplicates    uint64 // entries recorded again; benign
	NotUnderstood uint64 // entries of a later version
	Recorded      uint64 // findings that recorders and monitors put on the record
	Sources       int    // enrolled
	Signatures    bool   // whether signatures were checked
	Findings      []Finding
	Contested     []Contest // trees that accuse nobody yet, in order of the first entry that saw each
}

// Bad reports whether the log or the vault stands accused.
func (v *Verdict) Bad() bool {
	return slices.ContainsFunc(v.Findings, func(f Finding) bool { return f.Accused != TheSource })
}

// Status is the exit status of a verifier: 3 where the log or the vault stands
// accused, else 1 where something is contested or not understood, else 0.
func (v *Verdict) Status() int {
	switch {
	case v.Bad():
		return 3
	case len(v.Contested) > 0 || v.NotUnderstood > 0:
		return 1
	}
	return 0
}

func (v *Verdict) sort() {
	slices.SortStableFunc(v.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), step(a.Code)-step(b.Code), strings.Compare(a.Detail, b.Detail))
	})
}
