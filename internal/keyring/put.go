package keyring

import (
	"github.com/stele-log/stele/internal/durable"
	"github.com/stele-log/stele/seal"
)

// EntryKeys is what opens the lines of one entry.
type EntryKeys struct {
	Seed  *seal.Seed // all salts derive from it; nil: Salts has them
	Salts SaltList
}

// PutEntries writes keys of entries at consecutive slots, behind all there are.
// Slots passed over become holes. It returns the files it wrote to, also with an
// error: nothing is durable before they are synced, and the caller may roll them
// back.
func (k *Keyring) PutEntries(first uint64, keys []EntryKeys) ([]*durable.Appender, error) {
	cs, lists := make([]slot, len(keys)), map[uint64]SaltList{}
	for i, e := range keys {
		if e.Seed != nil {
			cs[i] = slot{slotKept, e.Seed[:]}
			continue
		}
		cs[i] = slot{kind: slotListed}
		lists[first+uint64(i)] = e.Salts
	}
	apps, err := k.addLists(lists)
	if err != nil {
		return apps, err
	}
	more, err := k.seeds.write(first, cs)
	return append(apps, more...), err
}

// PutTexts does for texts what [Keyring.PutEntries] does for entries.
func (k *Keyring) PutTexts(first uint64, keys []TextKey) ([]*durable.Appender, error) {
	cs := make([]slot, len(keys))
	for i, t := range keys {
		cs[i] = t.slot()
	}
	return k.texts.write(first, cs)
}

func (t TextKey) slot() slot {
	return slot{slotKept, append(t.Key[:len(t.Key):len(t.Key)], t.Digest[:]...)}
}

func (k *Keyring) addLists(lists map[uint64]SaltList) ([]*durable.Appender, error) {
	if len(lists) == 0 {
		return nil, nil
	}
	app, err := k.listTail()
	if err != nil {
		return nil, err
	}
	return []*durable.Appender{app}, addLists(app, lists)
}

// listTail is where new lists are appended: the last file of salts, or a new one
// behind it where that has a torn tail.
func (k *Keyring) listTail() (*durable.Appender, error) {
	if k.saltTail != nil {
		return k.saltTail, nil
	}
	found, err := generations(k.cfg.FS, k.cfg.Dir, saltsName)
	if err != nil {
		return nil, err
	}
	var n uint64
	for m := range found {
		n = max(n, m)
	}
	if gs := found[n]; len(gs) > 0 {
		path := k.lists.path(n, gs[len(gs)-1])
		if !k.isTorn(path) {
			k.saltTail, err = durable.OpenAppend(k.cfg.FS, path)
			return k.saltTail, err
		}
	}
	k.saltTail, err = durable.Create(k.cfg.FS, k.lists.path(n+1, 1), durable.Header(saltsMagic), 0o600)
	return k.saltTail, err
}

func (k *Keyring) closeSalts() error {
	if k.saltTail == nil {
		return nil
	}
	a := k.saltTail
	k.saltTail = nil
	return a.Close()
}
