package vault

import (
	"container/list"
	"sync"
)

// cache keeps the texts used last, up to a number of bytes.
type cache struct {
	mu    sync.Mutex
	room  int64
	order *list.List // of cached, the latest in front
	byID  map[TextID]*list.Element
}

type cached struct {
	id   TextID
	text []byte
}

func newCache(room int64) *cache {
	return &cache{room: room, order: list.New(), byID: map[TextID]*list.Element{}}
}

func (c *cache) get(id TextID) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byID[id]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).text, true
}

func (c *cache) put(id TextID, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[id]; ok {
		return
	}
	c.byID[id] = c.order.PushFront(cached{id, text})
	c.room -= int64(len(text))
	for c.room < 0 {
		c.evict(c.order.Back())
	}
}

func (c *cache) drop(id TextID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byID[id]; ok {
		c.evict(e)
	}
}

func (c *cache) evict(e *list.Element) {
	it := c.order.Remove(e).(cached)
	delete(c.byID, it.id)
	c.room += int64(len(it.text))
}
