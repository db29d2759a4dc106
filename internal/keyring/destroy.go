package keyring

// DestroyTexts destroys the keys of storings of texts. A crash leaves each key
// there or gone; destroy them again.
func (k *Keyring) DestroyTexts(numbers []uint64) error {
	change := make(map[uint64]slot, len(numbers))
	for _, n := range numbers {
		change[n] = slot{kind: slotDestroyed}
	}
	return k.texts.replace(change)
}

// Keep destroys all that opens lines of entries, by slot, except for the salts it
// is given. A crash leaves some of the entries as they were: keep again.
func (k *Keyring) Keep(salts map[uint64]SaltList) error {
	fresh, again, seeds := map[uint64]SaltList{}, map[uint64]SaltList{}, map[uint64]slot{}
	for n, list := range salts {
		_, listed, err := k.lists.get(n)
		if err != nil {
			return err
		}
		if listed {
			again[n] = list
		} else {
			fresh[n] = list
		}
		seeds[n] = slot{kind: slotListed}
	}
	apps, err := k.addLists(fresh)
	if err != nil {
		return err
	}
	for _, a := range apps {
		if err := a.Sync(); err != nil {
			return err
		}
	}
	if len(again) > 0 {
		if err := k.closeSalts(); err != nil {
			return err
		}
		if err := k.lists.replace(again); err != nil {
			return err
		}
	}
	// A crash here leaves a seed and a list: the seed counts. Keep again.
	return k.seeds.replace(seeds)
}
