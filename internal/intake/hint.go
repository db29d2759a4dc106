package intake

import (
	"fmt"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
)

// nearby remembers the newest text of subjects whose entries may not be in the
// index yet. It is only a hint on what a new text resembles. The keep stage
// owns it.
type nearby struct {
	texts map[index.Subject]vault.TextID
}

// maxNearby bounds the memory; what falls out is asked of the index.
const maxNearby = 1 << 16

// maxName bounds the names of subjects that are remembered, in bytes. No path that
// a system can open is longer; what a source makes up can be.
const maxName = 8 << 10

// nameOf is what the vault knows a subject by, empty where that is too long.
func nameOf(s index.Subject) string {
	if len(s.Host)+len(s.Path) > maxName {
		return ""
	}
	return s.Host + "/" + s.Path
}

// disclosures words an item for the vault.
func (in *Intake) disclosures(it *item) (vault.Disclosures, error) {
	s, e := it.sub, it.entry
	o := vault.Disclosures{
		ID: it.id, Source: e.Source, Seq: e.Seq, Seed: &s.Seed, Who: s.Who, Why: s.Why, How: s.How, What: s.What,
		Texts: make([]vault.Text, len(s.Texts)),
	}
	for i, t := range s.Texts {
		sub := in.subject(it, t.K)
		near, err := in.near(sub)
		if err != nil {
			return o, err
		}
		o.Texts[i] = vault.Text{K: t.K, Body: t.Body, Near: near, Name: nameOf(sub)}
	}
	return o, nil
}

// subject is what the k-th change of an item is about.
func (in *Intake) subject(it *item, k int) index.Subject {
	w := it.opened.What[k] // a text has a body that names it
	s := index.Subject{Host: w.Host, Told: true, Path: body.Text(w.Path, w.Path64)}
	if en := in.Enrolled(it.entry.Source); en != nil && en.Role == entry.Watcher {
		s.Host, s.Told = it.entry.Source.String(), false
	}
	return s
}

func (in *Intake) near(s index.Subject) ([]vault.TextID, error) {
	if id, ok := in.nearby.texts[s]; ok {
		return []vault.TextID{id}, nil
	}
	if !s.Told {
		return nil, nil // the vault tries texts of the same name
	}
	id, err := in.cfg.Index.LatestText(in.ctx, s)
	if err != nil {
		return nil, fmt.Errorf("latest text of a subject: %w", err)
	}
	if id == 0 {
		return nil, nil
	}
	return []vault.TextID{vault.TextID(id)}, nil
}

// remember notes the texts of a batch that was kept.
func (in *Intake) remember(b *batch) {
	if in.nearby.texts == nil || len(in.nearby.texts) > maxNearby {
		in.nearby.texts = make(map[index.Subject]vault.TextID)
	}
	for i, it := range b.items {
		for j, t := range it.sub.Texts {
			sub := in.subject(it, t.K)
			if nameOf(sub) == "" {
				continue
			}
			if _, known := in.nearby.texts[sub]; !known { // must not keep the body its name was read from
				sub.Host, sub.Path = strings.Clone(sub.Host), strings.Clone(sub.Path)
			}
			in.nearby.texts[sub] = b.placed[i].Texts[j]
		}
	}
}

// texts spreads the texts the vault has stored over the changes they belong to.
func texts(s *wire.Submission, placed []vault.TextID) []uint64 {
	if len(placed) == 0 {
		return nil
	}
	out := make([]uint64, len(s.What))
	for i, t := range s.Texts {
		out[t.K] = uint64(placed[i])
	}
	return out
}
