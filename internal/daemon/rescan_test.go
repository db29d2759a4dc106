package daemon

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/rescan"
	"github.com/stele-log/stele/internal/settings"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/verify"
)

// TestRescan: that the rules of now would mask more is told once, whoever else tried
// them before it was told: an operator, or a server that was killed.
func TestRescan(t *testing.T) {
	st := steletest.NewStore(t)
	srv := st.Open(t)
	d := steletest.Change("/etc/a.yaml", "password: sunflower\n", nil)
	steletest.Submit(t, srv, steletest.Sign(t, steletest.Enrol(t, srv, entry.Watcher, 1), d, d))
	steletest.Stop(t, srv)

	if s, err := rescan.Run(t.Context(), rescan.Config{Layout: st.Layout, Trust: st.Trust, Rules: "now"}); err != nil || s.Found() != 2 {
		t.Fatalf("%d places, %v", s.Found(), err)
	}

	set := settings.Default().Serve
	set.Listen, set.Metrics.Listen, set.Erasers = "127.0.0.1:0", "", 1
	var told []verify.Code
	p := Process{Layout: st.Layout, Trust: st.Trust, Version: "test", Say: t.Logf, Diag: slog.New(slog.DiscardHandler)}
	l, err := p.Listen(t.Context(), set, ServeOptions{Alert: func(f finding.Finding) {
		if f.Code == finding.SecretRecorded {
			told = append(told, f.Code)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for _, rules := range []string{"now", "now", "now"} {
		if err := l.rescan(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]verify.Code{finding.SecretRecorded}, told); d != "" {
		t.Errorf("told: %s", d)
	}
}
