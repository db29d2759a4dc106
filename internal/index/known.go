package index

import (
	"context"

	"github.com/stele-log/stele/entry"
)

// First returns the first entry of a source with that seq, in log order. It takes
// no longer for a source that has forked often.
func (x *Index) First(ctx context.Context, src entry.Source, seq uint64) (r Ref, found bool, err error) {
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM sources s CROSS JOIN seqs q CROSS JOIN entries e
		WHERE s.source = ? AND q.source = s.id AND q.seq = ? AND e.idx = q.idx ORDER BY q.idx LIMIT 1`, src[:], int64(seq)))
	if err != nil {
		return r, false, x.wrap(err, "find source %s seq %d", src, seq)
	}
	if len(refs) > 0 {
		return refs[0], true, nil
	}
	return x.firstOfTail(ctx, src, seq)
}

func (x *Index) firstOfTail(ctx context.Context, src entry.Source, seq uint64) (r Ref, found bool, err error) {
	if x.tail == nil {
		refs, err := x.BySeq(ctx, src, seq)
		if err != nil || len(refs) == 0 {
			return r, false, err
		}
		return refs[0], true, nil
	}
	x.tail.mu.RLock()
	defer x.tail.mu.RUnlock()
	if refs := x.tail.seqs[seqKey{src, seq}]; len(refs) > 0 {
		return refs[0], true, nil
	}
	return r, false, nil
}

// Among returns where the entry of that name stands first, if it is one of a
// source with that seq.
func (x *Index) Among(ctx context.Context, src entry.Source, seq uint64, id entry.ID) (index uint64, found bool, err error) {
	head, rest := splitID(id)
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM ids i CROSS JOIN entries e
		WHERE i.id = ? AND e.idx = i.idx AND e.rest = ? AND e.seq = ? AND e.source = (SELECT id FROM sources WHERE source = ?)
		ORDER BY i.idx LIMIT 1`, head, rest, int64(seq), src[:]))
	if err != nil {
		return 0, false, x.wrap(err, "find entry %s", id)
	}
	if len(refs) > 0 {
		return refs[0].Index, true, nil
	}
	return x.amongTail(ctx, src, seq, id)
}

func (x *Index) amongTail(ctx context.Context, src entry.Source, seq uint64, id entry.ID) (index uint64, found bool, err error) {
	var refs []Ref
	if x.tail == nil {
		if refs, err = x.BySeq(ctx, src, seq); err != nil {
			return 0, false, err
		}
	} else {
		x.tail.mu.RLock()
		defer x.tail.mu.RUnlock()
		refs = x.tail.seqs[seqKey{src, seq}]
	}
	for _, r := range refs {
		if r.ID == id {
			return r.Index, true, nil
		}
	}
	return 0, false, nil
}
