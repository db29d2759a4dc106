package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/store"
	"github.com/stele-log/stele/internal/wire"
)

// How reading goes on the record: the first read of a reader at once, what they
// read within the next minutes as one more entry. So nobody fills the log by
// reading it.
const (
	accessEvery = 5 * time.Minute
	accessNames = 20  // that one entry mentions
	accessName  = 200 // bytes of one of them
)

// access is what was read and is not on the record yet.
type access struct {
	poke chan struct{} // something was read for the first time

	mu    sync.Mutex
	m     map[string]*reads // by token; the operator's is empty
	under map[string]int    // answers that are under way, likewise
}

// reads are those of one reader since the last entry about them.
type reads struct {
	who   body.Who
	due   time.Time
	count int
	asked map[string]int
	names []string
	more  int // names that are left out
}

func newAccess() *access {
	return &access{poke: make(chan struct{}, 1), m: make(map[string]*reads), under: make(map[string]int)}
}

// answersEach is how many answers one reader may have under way, so that none of
// them keeps the others out.
const answersEach = 8

// enter counts an answer to a reader; false where they have too many under way.
func (a *access) enter(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.under[id] >= answersEach {
		return false
	}
	a.under[id]++
	return true
}

func (a *access) leave(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.under[id]--; a.under[id] == 0 {
		delete(a.under, id)
	}
}

// note notes a question. It never waits.
func (a *access) note(r *reading, q wire.Question, now time.Time) {
	if q.Ask == wire.AskGround {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	rs := a.m[r.reader.ID]
	if rs == nil {
		rs = &reads{due: now}
		a.m[r.reader.ID] = rs
		select {
		case a.poke <- struct{}{}:
		default:
		}
	}
	rs.who = whoReads(r)
	rs.add(q)
}

func whoReads(r *reading) body.Who {
	who := body.Who{User: cmp.Or(r.reader.Note, "token "+r.reader.ID), Session: &body.Session{ID: r.reader.ID}}
	if r.reader.ID == "" {
		who.User = "operator"
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		who.Session.Address = host
	}
	return who
}

func (rs *reads) add(q wire.Question) {
	if rs.asked == nil {
		rs.asked = make(map[string]int)
	}
	rs.count++
	rs.asked[q.Ask]++
	rs.addName(nameOf(q))
}

func (rs *reads) addName(name string) {
	switch {
	case name == "" || slices.Contains(rs.names, name):
	case len(rs.names) < accessNames:
		rs.names = append(rs.names, name)
	default:
		rs.more++
	}
}

// nameOf is what a question is about, in a word.
func nameOf(q wire.Question) string {
	var parts []string
	part := func(what string, b []byte) {
		if len(b) > 0 {
			parts = append(parts, what+strings.ToValidUTF8(string(b[:min(len(b), accessName)]), "\uFFFD"))
		}
	}
	part("", q.Name)
	part("host ", q.Host)
	if f := q.Filter; f != nil {
		part("host ", f.Host)
		part("path ", f.Path)
		part("actor ", f.Actor)
		part("agent ", f.Agent)
	}
	return strings.Join(parts, " ")
}

// detail is one sentence about the reads.
func (rs *reads) detail() string {
	var asked []string
	for _, ask := range slices.Sorted(maps.Keys(rs.asked)) {
		asked = append(asked, fmt.Sprintf("%s %d", ask, rs.asked[ask]))
	}
	reads := "reads"
	if rs.count == 1 {
		reads = "read"
	}
	text := fmt.Sprintf("%d %s: %s", rs.count, reads, strings.Join(asked, ", "))
	if len(rs.names) > 0 {
		text += "; of " + strings.Join(rs.names, ", ")
	}
	if rs.more > 0 {
		text += fmt.Sprintf(" and %d more", rs.more)
	}
	return text
}

// take hands over the reads that are due; all of them at the end. A reader who has
// read nothing since is forgotten.
func (a *access) take(now time.Time, all bool) map[string]*reads {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := make(map[string]*reads)
	for id, rs := range a.m {
		switch {
		case !all && now.Before(rs.due):
		case rs.count == 0:
			delete(a.m, id)
		default:
			due[id] = rs
			a.m[id] = &reads{who: rs.who, due: now.Add(accessEvery)}
		}
	}
	return due
}

// again puts back what could not be recorded.
func (a *access) again(id string, rs *reads) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.m[id]; now != nil {
		rs.count += now.count
		for ask, n := range now.asked {
			rs.asked[ask] += n
		}
		for _, name := range now.names {
			rs.addName(name)
		}
		rs.more += now.more
		rs.due = now.due
	}
	a.m[id] = rs
}

// tellAccess puts on the record what is read until the context ends.
func (s *Server) tellAccess(ctx context.Context) {
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			s.recordAccess(last, true)
			return
		case <-tick.C:
		case <-s.access.poke:
		}
		s.recordAccess(ctx, false)
	}
}

func (s *Server) recordAccess(ctx context.Context, all bool) {
	for id, rs := range s.access.take(s.cfg.Now(), all) {
		err := s.keeper.use(ctx, func(ctx context.Context, srv *store.Store) error {
			return srv.Access(ctx, rs.who, rs.detail())
		})
		if err != nil {
			s.cfg.Diag.Error("it could not be recorded who read", "token", id, "error", err)
			s.access.again(id, rs)
		}
	}
}
