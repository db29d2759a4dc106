package tlog

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// Tessera reports through klog, of which a process has one. It is told once to
// send its words here; from here they go to the log opened last, and nowhere
// after that is closed.
var (
	diagnostics atomic.Pointer[slog.Logger]
	klogOnce    sync.Once
)

func routeDiagnostics(log *slog.Logger) {
	diagnostics.Store(log)
	klogOnce.Do(func() { klog.SetLogger(logr.New(sink{})) })
}

func releaseDiagnostics(log *slog.Logger) { diagnostics.CompareAndSwap(log, nil) }

// sink is a logr.LogSink. klog tells errors from all else, but not warnings from
// what is normal: all else is information, and there is little of it.
type sink struct{}

func (sink) Init(logr.RuntimeInfo)                 {}
func (sink) Enabled(level int) bool                { return level == 0 }
func (s sink) WithValues(...any) logr.LogSink      { return s }
func (s sink) WithName(string) logr.LogSink        { return s }
func (sink) Info(_ int, msg string, _ ...any)      { report(slog.LevelInfo, msg, nil) }
func (sink) Error(err error, msg string, _ ...any) { report(slog.LevelError, msg, err) }

func report(level slog.Level, msg string, err error) {
	log := diagnostics.Load()
	if log == nil {
		return
	}
	attrs := []slog.Attr{slog.String("detail", strings.TrimSpace(msg))}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	log.LogAttrs(context.Background(), level, "log storage reported", attrs...)
}
