package sqlite

import (
	"context"
	"slices"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/index"
)

// First returns the first entry of a source with that seq, in log order. It takes
// no longer for a source that has forked often.
func (x *Index) First(ctx context.Context, src entry.Source, seq uint64) (r index.Ref, found bool, err error) {
	if x.tail != nil { // before the tables: see [tail]
		r, found = x.tail.first(seqKey{src, seq})
	}
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM sources s CROSS JOIN seqs q CROSS JOIN entries e
		WHERE s.source = ? AND q.source = s.id AND q.seq = ? AND e.idx = q.idx ORDER BY q.idx LIMIT 1`, src[:], int64(seq)))
	if err != nil {
		return r, false, x.wrap(err, "find source %s seq %d", src, seq)
	}
	if len(refs) == 0 && x.tail == nil {
		refs, err = x.BySeq(ctx, src, seq)
	}
	if len(refs) > 0 {
		return refs[0], true, nil
	}
	return r, found, err
}

// Among returns where the entry of that name stands first, if it is one of a
// source with that seq.
func (x *Index) Among(ctx context.Context, src entry.Source, seq uint64, id entry.ID) (at uint64, found bool, err error) {
	if x.tail != nil { // before the tables: see [tail]
		at, found = x.tail.among(seqKey{src, seq}, id)
	}
	head, rest := splitID(id)
	refs, err := scanRefs(x.db.QueryContext(ctx, `
		SELECT e.idx, e.id, e.rest FROM ids i CROSS JOIN entries e
		WHERE i.id = ? AND e.idx = i.idx AND e.rest = ? AND e.seq = ? AND e.source = (SELECT id FROM sources WHERE source = ?)
		ORDER BY i.idx LIMIT 1`, head, rest, int64(seq), src[:]))
	if err != nil {
		return 0, false, x.wrap(err, "find entry %s", id)
	}
	if len(refs) == 0 && x.tail == nil {
		refs, err = x.BySeq(ctx, src, seq)
		refs = slices.DeleteFunc(refs, func(r index.Ref) bool { return r.ID != id })
	}
	if len(refs) > 0 {
		return refs[0].Index, true, nil
	}
	return at, found, err
}
