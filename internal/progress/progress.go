// Package progress draws how far long work has come, where somebody looks on.
package progress

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// OnTerminal reports whether a stream is a terminal.
func OnTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Bar is a progress bar on a terminal, and nothing elsewhere.
type Bar struct{ p *progressbar.ProgressBar }

// Start begins a bar at w.
func Start(w io.Writer, what string) *Bar {
	if !OnTerminal(w) {
		return &Bar{}
	}
	return &Bar{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())}
}

// At moves the bar.
func (b *Bar) At(done, of uint64) {
	if b.p == nil {
		return
	}
	if b.p.GetMax64() != int64(of) {
		b.p.ChangeMax64(int64(of))
	}
	_ = b.p.Set64(int64(done)) // a bar that cannot be drawn must not stop the work
}

// Done ends the bar.
func (b *Bar) Done() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}
