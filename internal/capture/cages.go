package capture

import (
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/stele-log/stele/internal/capture/aviary"
)

// cages are the directories in which canaries are, and what came of them. The
// zero value has none.
type cages struct {
	mu sync.RWMutex
	of map[string]*cage
}

// cage is one directory, on one file system.
type cage struct {
	dir  string
	asks chan song
}

// song is what came through of a canary.
type song struct {
	round int // as its text says
	at    time.Time
	obs   Observation
}

func (c *cages) add(dir string) *cage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]*cage{}
	}
	one := &cage{dir, make(chan song, 8)}
	c.of[dir] = one
	return one
}

func (c *cages) remove(dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, dir)
}

// cage reports whether dir is one.
func (c *cages) cage(dir string) bool { return c.at(dir) != nil }

func (c *cages) at(dir string) *cage {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.of[dir]
}

// holds reports whether path is a canary.
func (c *cages) holds(path string) bool {
	return filepath.Base(path) == aviary.Name && c.cage(filepath.Dir(path))
}

// came takes an observation of a canary out of the way of the others.
func (c *cages) came(o *Observation) bool {
	if filepath.Base(o.Path) != aviary.Name {
		return false
	}
	one := c.at(filepath.Dir(o.Path))
	if one == nil {
		return false
	}
	round, _ := strconv.Atoi(string(o.Content)) // what has none is no round
	select {
	case one.asks <- song{round, time.Now(), *o}:
	default: // nobody waits
	}
	return true
}
