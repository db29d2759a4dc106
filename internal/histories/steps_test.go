package histories

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stele-log/stele/internal/finding"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/verify"
)

// step is one thing that can happen; weight says how often it does.
type step struct {
	name   string
	weight int
	do     func(*world) error
}

var steps = []step{
	{"edit", 22, (*world).edit},
	{"pause", 10, (*world).pause},
	{"cut", 8, (*world).cut},
	{"heal", 8, (*world).heal},
	{"server", 8, (*world).serverComesOrGoes},
	{"crash", 5, (*world).crashHost},
	{"stop", 4, (*world).stopHost},
	{"start", 8, (*world).startHosts},
	{"clock", 4, (*world).jumpClock},
	{"fill", 3, (*world).fill},
	{"snapshot", 7, (*world).snapshot},
	{"rollback", 7, (*world).rollBack},
	{"flip", 4, (*world).flip},
	{"lose spool", 4, (*world).loseSpool},
	{"lie", 8, (*world).lie},
	{"old copy", 2, (*world).oldCopy},
	{"fork", 2, (*world).fork},
}

// live lets a history happen.
func (w *world) live() error {
	if err := w.startServer(); err != nil {
		return err
	}
	for _, h := range w.hosts {
		for _, p := range h.paths {
			h.edit(p, w.size(), false)
		}
		if err := h.start(); err != nil {
			return err
		}
	}
	for _, s := range w.plan() {
		if err := s.do(w); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	w.say("let it end")
	return w.end()
}

// plan draws the steps of this history.
func (w *world) plan() (plan []step) {
	for _, name := range w.cheat.plan {
		plan = append(plan, steps[slices.IndexFunc(steps, func(s step) bool { return s.name == name })])
	}
	if w.cheat.plan != nil {
		return plan
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	for range 20 + w.rng.IntN(20) {
		n := w.rng.IntN(total)
		i := slices.IndexFunc(steps, func(s step) bool { n -= s.weight; return n < 0 })
		plan = append(plan, steps[i])
	}
	return plan
}

func (w *world) size() int {
	if w.rng.IntN(8) == 0 {
		return 4000
	}
	return w.rng.IntN(200)
}

// some picks hosts of a kind, at least one if there is any.
func (w *world) some(most int, of func(*host) bool) (picked []*host) {
	var all []*host
	for _, h := range w.hosts {
		if of(h) {
			all = append(all, h)
		}
	}
	w.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if len(all) == 0 {
		return nil
	}
	return all[:min(len(all), 1+w.rng.IntN(most))]
}

func whoever(*host) bool { return true }

func up(h *host) bool { return h.run != nil }

func down(h *host) bool { return h.run == nil }

func (h *host) isCut() bool {
	h.wires.mu.Lock()
	defer h.wires.mu.Unlock()
	return h.wires.cut
}

func (w *world) edit() error {
	for _, h := range w.some(8, whoever) {
		for range 1 + w.rng.IntN(4) {
			h.edit(h.paths[w.rng.IntN(len(h.paths))], w.size(), w.rng.IntN(20) == 0)
		}
		w.say("edit %s", h.name)
	}
	return nil
}

// pause waits until one watcher has nothing left to do.
func (w *world) pause() error {
	if w.proc == nil {
		return nil
	}
	for _, h := range w.some(1, func(h *host) bool { return up(h) && !h.isCut() }) {
		w.say("wait for %s", h.name)
		return w.eventually(h.name+" is at rest", h.settled)
	}
	return nil
}

func (w *world) cut() error {
	for _, h := range w.some(6, func(h *host) bool { return !h.isCut() }) {
		h.wires.set(true)
		w.say("cut %s", h.name)
	}
	return nil
}

func (w *world) heal() error {
	for _, h := range w.some(6, (*host).isCut) {
		h.wires.set(false)
		w.say("heal %s", h.name)
	}
	return nil
}

func (w *world) serverComesOrGoes() error {
	switch {
	case w.proc == nil:
		w.say("server starts")
		return w.startServer()
	case w.rng.IntN(4) == 0:
		w.say("server stops")
		return w.stopServer()
	}
	w.say("server is killed")
	w.killServer()
	return nil
}

// online has the server run and reach a host whose watcher runs.
func (w *world) online(h *host) error {
	if w.proc == nil {
		if err := w.startServer(); err != nil {
			return err
		}
	}
	h.wires.set(false)
	if h.run == nil {
		return h.start()
	}
	return nil
}

func (w *world) crashHost() error {
	for _, h := range w.some(3, up) {
		h.crash()
		w.say("%s crashes", h.name)
	}
	return nil
}

func (w *world) stopHost() error {
	for _, h := range w.some(2, up) {
		w.say("%s stops", h.name)
		if err := h.stop(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) startHosts() error {
	for _, h := range w.some(6, down) {
		h.wires.set(w.rng.IntN(4) == 0)
		w.say("%s starts, cut off: %v", h.name, h.isCut())
		if err := h.start(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) jumpClock() error {
	by := []time.Duration{-time.Hour, time.Hour, 365 * 24 * time.Hour, -365 * 24 * time.Hour}[w.rng.IntN(4)]
	for _, h := range w.some(1, whoever) {
		h.mu.Lock()
		h.clock += by
		h.mu.Unlock()
		h.may["clock-skew"] = true
		w.say("clock of %s jumps by %s", h.name, by)
	}
	return nil
}

// fill cuts a host with a small spool off and gives it more than that holds.
func (w *world) fill() error {
	for _, h := range w.some(1, func(h *host) bool { return h.limit > 0 && up(h) }) {
		w.say("fill the spool of %s", h.name)
		h.wires.set(true)
		h.may[finding.SpoolFull] = true
		for range 30 {
			h.edit(h.paths[w.rng.IntN(len(h.paths))], 20<<10, false)
		}
		h.folds = true
		h.forget()
	}
	return nil
}

func (h *host) snapshots() string { return h.dir + ".snapshot" }

func (w *world) snapshot() error {
	for _, h := range w.some(4, whoever) {
		w.say("snapshot of %s", h.name)
		if _, err := os.Stat(h.dir); err != nil {
			continue
		}
		if err := putBack(h.snapshots(), h.dir); err != nil {
			return err
		}
	}
	return nil
}

// rollBack puts a host back to a snapshot. One that reaches the server before it
// signs anything does nothing that accuses it.
func (w *world) rollBack() error {
	return w.disturb("is put back to its snapshot",
		func(h *host) bool { _, err := os.Stat(h.snapshots()); return err == nil },
		func(h *host) error { return putBack(h.dir, h.snapshots()) })
}

func (w *world) loseSpool() error {
	return w.disturb("loses its spool", whoever, func(h *host) error { return os.RemoveAll(h.dir) })
}

// flip flips a bit of a spool.
func (w *world) flip() error {
	at := w.rng.Float64()
	return w.disturb("has a bit flipped in its spool",
		func(h *host) bool { _, err := os.Stat(h.spoolFile()); return err == nil },
		func(h *host) error {
			b, err := os.ReadFile(h.spoolFile())
			if err != nil {
				return err
			}
			h.flipped = true
			h.may[finding.SpoolDamaged], h.may[verify.SequenceGap] = true, true
			b[int(at*float64(len(b)))] ^= 0x80 // not into a later version
			return os.WriteFile(h.spoolFile(), b, 0o600)
		})
}

func (h *host) spoolFile() string { return filepath.Join(h.dir, "spool") }

// disturb changes what is on the disk of a host.
func (w *world) disturb(how string, of func(*host) bool, do func(*host) error) error {
	picked := w.some(1, of)
	if len(picked) == 0 {
		return nil
	}
	h := picked[0]
	if h.run != nil {
		h.crash()
	}
	if err := do(h); err != nil {
		return err
	}
	h.forget()
	return w.comeBack(h, how)
}

// comeBack starts a host whose disk is not what it was.
func (w *world) comeBack(h *host, how string) error {
	h.forgot = true
	if w.rng.IntN(2) == 0 {
		h.wires.set(true)
		for _, code := range []verify.Code{verify.ForkedSource, verify.BadChain, verify.SequenceGap, verify.SawRollback, verify.BeforeMismatch} {
			h.may[code] = true
		}
		w.say("%s %s and starts cut off", h.name, how)
		return h.start()
	}
	if w.proc != nil { // nothing that the host sent before is under way any more
		w.killServer()
	}
	w.say("%s %s and starts", h.name, how)
	was := h.road.setBad(0)
	defer h.road.setBad(was)
	if err := w.online(h); err != nil {
		return err
	}
	return w.eventually(h.name+" is at rest after its disk went back", h.settled)
}

// lie has the server lie to one host until its watcher names the lie.
func (w *world) lie() error {
	all := lies(w.forger)
	l := all[w.rng.IntN(len(all))]
	h := w.some(1, whoever)[0]
	w.say("lie to %s: %s", h.name, l.code)
	if err := w.online(h); err != nil {
		return err
	}
	if err := w.ahead(h); err != nil {
		return err
	}
	h.may[l.code] = true
	if l.begin {
		if err := h.stop(); err != nil {
			return err
		}
	}
	h.road.tell(l)
	if l.begin {
		if err := h.start(); err != nil {
			return err
		}
	}
	h.edit(h.paths[0], 10, false)
	if l.silent {
		h.may[finding.NoAnswer], h.may[finding.NoReceipt] = true, true
	}
	if w.cheat.deaf {
		defer func(was time.Duration) { w.limit = was }(w.limit)
		w.limit = neverComes
	}
	err := w.eventually(h.name+" names the lie "+string(l.code), func() bool {
		if l.silent {
			h.wait(time.Second)
		}
		return h.found(l.code)
	})
	h.road.tell(nil)
	return err
}

// ahead waits until a host believes in more than the first checkpoint that was
// ever shown to it.
func (w *world) ahead(h *host) error {
	if err := w.eventually(h.name+" is at rest before it learns more", h.settled); err != nil {
		return err
	}
	h.edit(h.paths[1], 10, false)
	return w.eventually(h.name+" is at rest before the lie", func() bool {
		if !h.settled() {
			return false
		}
		size, err := sizeOf(h.road.first())
		return err == nil && size < h.watcher().Believed().Size
	})
}

// oldCopy puts the store in the place of which it was at the beginning, as if
// from a backup, and the genuine one back once its watchers have said so.
func (w *world) oldCopy() error {
	return w.falseServer(verify.Shrunk, func(place, uint64) error { return nil })
}

// fork does the same with a copy that went on by itself.
func (w *world) fork() error {
	return w.falseServer(verify.Fork, func(p place, size uint64) error {
		srv, err := openStore(context.Background(), p)
		if err != nil {
			return err
		}
		return errors.Join(w.overgrow(srv, size), srv.Stop(context.Background()))
	})
}

// overgrow appends entries of a source of nobody's until the log is larger than that.
func (w *world) overgrow(srv *store.Store, size uint64) error {
	head, err := srv.Head(context.Background(), w.keys[hosts].Source())
	if err != nil {
		return err
	}
	c := record.NewChain(w.keys[hosts], head)
	for srv.Size() <= size {
		sub, _, err := c.Sign(steletest.Change(fmt.Sprintf("/etc/%d", srv.Size()), "x", nil))
		if err != nil {
			return err
		}
		if _, err := srv.Submit(context.Background(), submissions(sub)); err != nil {
			return err
		}
	}
	return nil
}

// falseServer lets a server with another past speak to a few watchers that know
// better, and to nobody else.
func (w *world) falseServer(code verify.Code, prepare func(place, uint64) error) error {
	victims := w.some(3, up)
	if len(victims) == 0 {
		return nil
	}
	for _, h := range victims {
		if err := w.online(h); err != nil {
			return err
		}
		if err := w.ahead(h); err != nil {
			return err
		}
	}
	cut := make(map[*host]bool)
	for _, h := range w.hosts {
		cut[h] = h.isCut()
		h.wires.set(true)
	}
	w.killServer()
	w.say("a false server (%s) speaks to %d hosts", code, len(victims))
	if err := w.exchange(prepare); err != nil {
		return err
	}
	w.exchanged()
	if err := w.startServer(); err != nil {
		return err
	}
	for _, h := range victims {
		h.may[code], h.may[finding.MissingInclusion], h.may[finding.BadReceipt] = true, true, true
		h.may[verify.Shrunk] = true // its first checkpoint may be of fewer leaves, whatever else is wrong with it
		h.edit(h.paths[2], 10, false)
		h.wires.set(false)
	}
	for _, h := range victims {
		if err := w.eventually(h.name+" names the false server: "+string(code), func() bool { return h.found(code) }); err != nil {
			return err
		}
		h.wires.set(true)
	}
	w.killServer()
	w.exchanged()
	if err := w.restore(); err != nil {
		return err
	}
	for _, h := range w.hosts {
		h.wires.set(cut[h])
	}
	w.say("the genuine server is back")
	return w.startServer()
}

func (w *world) aside() string { return filepath.Join(w.place.dir, "genuine") }

// exchange puts the store aside and the template in its place, prepared with the
// size of which a watcher can have seen the genuine log.
func (w *world) exchange(prepare func(place, uint64) error) error {
	if err := os.Mkdir(w.aside(), 0o700); err != nil {
		return err
	}
	for _, part := range []string{"store", "trust"} {
		if err := os.Rename(filepath.Join(w.place.dir, part), filepath.Join(w.aside(), part)); err != nil {
			return err
		}
	}
	if err := copied(w.place.layout().Dir, w.template.layout().Dir); err != nil {
		return err
	}
	shown, err := os.ReadFile(filepath.Join(w.aside(), "store", "log", "checkpoint"))
	if err != nil {
		return err
	}
	size, err := sizeOf(shown)
	if err != nil {
		return err
	}
	return prepare(w.place, size)
}

// restore puts the genuine store back.
func (w *world) restore() error {
	for _, part := range []string{"store", "trust"} {
		to := filepath.Join(w.place.dir, part)
		if err := errors.Join(os.RemoveAll(to), os.Rename(filepath.Join(w.aside(), part), to)); err != nil {
			return err
		}
	}
	return os.Remove(w.aside())
}

func wolf() finding.Finding { return finding.New(verify.Fork, "wolf") }
