package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/durable"
)

// The first byte of a frame says what it holds.
const (
	frameEntry  = 'e' // an Item
	frameForget = 'f' // everything up to a seq, and the checkpoint now believed
	frameState  = 's' // one State, in a file written anew
	frameHead   = 'h' // the head, in a file written anew
	frameAlive  = 'a' // the watcher was running then
	frameBelief = 'b' // the checkpoint now believed
)

type headFrame struct {
	Next       uint64
	Prev       entry.ID
	Source     string `json:",omitempty"` // whose chain it is
	Acked      uint64 `json:",omitempty"`
	Checkpoint []byte
	Alive      time.Time
}

type forgetFrame struct {
	Seq        uint64
	Checkpoint []byte
	Time       time.Time
}

func frame(kind byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append([]byte{kind}, b...), err
}

// itemFrame is the JSON of an item, its length before it, and the submission.
func itemFrame(it Item) ([]byte, error) {
	meta, err := json.Marshal(it)
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint([]byte{frameEntry}, uint64(len(meta)))
	return it.Submission.AppendBinary(append(b, meta...))
}

func parseItem(b []byte) (it Item, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return it, errors.New("an entry that is cut short")
	}
	if err := json.Unmarshal(b[used:used+int(n)], &it); err != nil {
		return it, err
	}
	return it, it.Submission.UnmarshalBinary(b[used+int(n):])
}

// newer reports whether a file begins as one of a later version does.
func newer(data []byte) bool {
	name := magic[:len(magic)-1]
	return len(data) > len(magic) && string(data[:len(name)]) == name && data[len(name)] > magic[len(name)] && data[len(name)] <= '9'
}

// take applies one frame, whose payload lies at an offset: the same function
// reads a spool back and keeps it up to date.
func (s *Spool) take(payload []byte, at int64) error {
	if len(payload) == 0 {
		return errors.New("a frame without content")
	}
	switch payload[0] {
	case frameEntry:
		it, err := parseItem(payload[1:])
		if err != nil {
			return err
		}
		s.pending = append(s.pending, waiting{it.ID, it.Seq, at, len(payload)})
		s.bytes += int64(len(payload))
		for _, st := range it.States {
			s.states[string(st.Path)] = st
		}
		s.setHead(it)
	case frameForget:
		var f forgetFrame
		if err := json.Unmarshal(payload[1:], &f); err != nil {
			return err
		}
		s.forget(f)
	case frameState:
		var st State
		if err := json.Unmarshal(payload[1:], &st); err != nil {
			return err
		}
		s.states[string(st.Path)] = st
	case frameHead:
		var h headFrame
		if err := json.Unmarshal(payload[1:], &h); err != nil {
			return err
		}
		s.believe(h.Checkpoint, h.Alive)
		s.head, s.acked, s.alive = &h, h.Acked, h.Alive
	case frameBelief:
		var f forgetFrame
		if err := json.Unmarshal(payload[1:], &f); err != nil {
			return err
		}
		s.believe(f.Checkpoint, f.Time)
		s.alive = f.Time
	case frameAlive:
		return json.Unmarshal(payload[1:], &s.alive)
	default:
		return fmt.Errorf("a frame of unknown kind %q", payload[0])
	}
	return nil
}

func (s *Spool) setHead(it Item) {
	src := ""
	if s.head != nil {
		if src = s.head.Source; it.Seq+1 < s.head.Next {
			return // in a file written anew the head comes first
		}
	}
	s.head = &headFrame{Next: it.Seq + 1, Prev: it.ID, Source: src}
	s.alive = it.Time
}

func (s *Spool) forget(f forgetFrame) {
	n := 0
	for n < len(s.pending) && s.pending[n].seq <= f.Seq {
		s.bytes -= int64(s.pending[n].size)
		n++
	}
	s.pending = slices.Delete(s.pending, 0, n)
	s.believe(f.Checkpoint, f.Time)
	s.acked, s.alive = f.Seq+1, f.Time
}

// waiting is an entry in the file.
type waiting struct {
	id   entry.ID
	seq  uint64
	at   int64 // of the frame's payload
	size int
}

// payload reads an entry's frame back. One that has changed since it was written
// is an error: opening the spool again finds out what is left.
func (s *Spool) payload(w waiting) ([]byte, error) {
	at := w.at - durable.FrameOverhead
	b := make([]byte, durable.FrameOverhead+w.size)
	if _, err := s.file.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read entry %d: %w", w.seq, err)
	}
	f, err := durable.ParseFrame(s.path, at, b)
	if err != nil {
		return nil, fmt.Errorf("entry %d in the spool: %w", w.seq, err)
	}
	return f.Payload, nil
}

func (s *Spool) item(w waiting) (Item, error) {
	b, err := s.payload(w)
	if err != nil {
		return Item{Seq: w.seq}, err
	}
	it, err := parseItem(b[1:])
	if err != nil {
		return Item{Seq: w.seq}, fmt.Errorf("entry %d in the spool: %w", w.seq, err)
	}
	return it, nil
}
