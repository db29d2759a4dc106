package watcher

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/patience"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// Deadlines after which patience is a finding.
const (
	receiptWithin = 60 * time.Second
	answerWithin  = 90 * time.Second
)

// raise tells of something found wrong, once until it is over.
func (w *Watcher) raise(code verify.Code, detail string) {
	w.findMu.Lock()
	defer w.findMu.Unlock()
	if old, ok := w.findings[code]; ok {
		old.Detail = detail
		w.findings[code] = old
		return
	}
	f := finding.New(code, "%s", detail)
	f.Host, f.Source, f.Time = w.cfg.Host, w.Source().String(), w.cfg.Now()
	w.findings[code] = f
	w.cfg.Alert(f)
}

// over tells that what was found wrong is so no longer.
func (w *Watcher) over(codes ...verify.Code) {
	w.findMu.Lock()
	defer w.findMu.Unlock()
	for _, code := range codes {
		f, ok := w.findings[code]
		if !ok {
			continue
		}
		delete(w.findings, code)
		f.Over, f.Time = true, w.cfg.Now()
		w.cfg.Alert(f)
	}
}

// Findings are what is wrong now, in order of code. That the server was caught
// lying stays until this process ends: it does not become untrue.
func (w *Watcher) Findings() []finding.Finding {
	w.findMu.Lock()
	defer w.findMu.Unlock()
	list := make([]finding.Finding, 0, len(w.findings))
	for _, f := range w.findings {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b finding.Finding) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return list
}

// trouble is how it goes with the server.
type trouble struct {
	since    patience.Moment // of the first failure since the last success; zero: none
	accepted patience.Moment // when the oldest entry that waits was accepted; zero: it was not
	untold   bool            // this process is too busy to say whether the server is late
}

// failed judges a failure: a lie is a finding at once, silence after a while.
func (w *Watcher) failed(err error, t *trouble) {
	var f *verify.Finding
	var answer *wire.StatusError
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		w.raise(finding.Refused, refused.Error())
	case errors.As(err, &f):
		code := f.Code
		if f.Code == verify.TreeMismatch {
			code = finding.BadReceipt
		}
		w.raise(code, "the server shows another log than before: "+f.Detail)
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound && !t.accepted.IsZero():
		w.raise(finding.MissingInclusion, "the server accepted entries and does not have them")
	case errors.As(err, &answer) && answer.Status == http.StatusForbidden:
		w.raise(finding.Refused, answer.Error())
	case errors.Is(err, errBadAnswer):
		w.raise(finding.BadAnswer, err.Error())
	case errors.Is(err, errBadReceipt):
		w.raise(finding.BadReceipt, err.Error())
	}
	w.judgeSilence(err, t)
}

// judgeSilence names a server that is late, or says that this process is too busy
// to name one. A process that is starved does not hear answers that are there.
func (w *Watcher) judgeSilence(err error, t *trouble) {
	now := w.clock.Now()
	waited := func(since patience.Moment, within time.Duration) patience.Verdict {
		if since.IsZero() {
			return patience.InTime
		}
		return now.Waited(since, within)
	}
	receipt, answer := waited(t.accepted, receiptWithin), waited(t.since, answerWithin)
	late := true
	switch {
	case receipt == patience.Late:
		w.raise(finding.NoReceipt, "entries were accepted and not proved to be in the log: "+err.Error())
	case answer == patience.Late:
		w.raise(finding.NoAnswer, "the server has accepted nothing for a while: "+err.Error())
	default:
		late = false
	}
	w.cannotTell(t, !late && (receipt == patience.Untold || answer == patience.Untold), err)
}

// cannotTell notes whether this process is too busy to say whether the server is
// late in one of the troubles with it. It is told while that is so of any.
func (w *Watcher) cannotTell(t *trouble, is bool, err error) {
	if t.untold == is {
		return
	}
	t.untold = is
	w.untoldMu.Lock()
	defer w.untoldMu.Unlock()
	if is {
		w.untold++
		w.raise(finding.CannotTell, "this machine was too busy, or stopped, to say whether the server answers in time: "+err.Error())
		return
	}
	if w.untold--; w.untold == 0 {
		w.over(finding.CannotTell)
	}
}

// noTrouble notes that the server does what it should.
func (w *Watcher) noTrouble(t *trouble) {
	w.cannotTell(t, false, nil)
	*t = trouble{}
}

// refusedError says that the server refused an entry of this watcher.
type refusedError struct {
	seq uint64
	err error
}

func (e *refusedError) Error() string { return "an entry was refused: " + e.err.Error() }

// errBadAnswer says that the server told of our own record what it cannot show.
var errBadAnswer = errors.New("the server's answer is wrong")

// errBadReceipt says that a receipt is not one, without any proof being wrong.
var errBadReceipt = errors.New("the receipt does not fit the entries")
