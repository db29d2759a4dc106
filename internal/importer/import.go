package importer

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/catalogue"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/redact"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/seal"
)

// Place names a change in the log.
type Place struct {
	ID   entry.ID
	What int
}

// Config is what an import works with.
type Config struct {
	Chain     *record.Chain // of the importer
	Redactor  *redact.Redactor
	Catalogue *catalogue.Catalogue                           // knows secrets and formats; nil: Secrets is asked
	Secrets   func(path string) (keys []string, opaque bool) // what is secret, where there is no Catalogue
	Version   string
	Now       func() time.Time

	// Submit hands in entries in order and returns once they are acknowledged.
	Submit func(ctx context.Context, subs []wire.Submission) error

	// Latest is the latest change of a path of a told host, if there is any.
	Latest func(ctx context.Context, host, path string) (Place, bool, error)

	// Progress is told how many rows are done; nil: nobody.
	Progress func(rows int)
}

// Import is one run over one file.
type Import struct {
	cfg    Config
	rows   []Row
	digest string
	blobs  *Blobs
	latest map[subject]Place
}

type subject struct{ host, path string }

// Rows between two waits for acknowledgement.
const rowsAtOnce = 256

// maxWhats bounds the changes of one entry.
const maxWhats = entry.MaxWhats

// New prepares the import of rows with that digest.
func New(cfg Config, rows []Row, digest string, blobs *Blobs) *Import {
	if cfg.Progress == nil {
		cfg.Progress = func(int) {}
	}
	return &Import{cfg, rows, digest, blobs, make(map[subject]Place)}
}

// Run imports the rows from first on. Rows of one commit that stand together
// become one entry. After an error, or a crash, what was acknowledged stays, and
// the next run goes on behind it.
func (im *Import) Run(ctx context.Context, first int) error {
	var batch []wire.Submission
	for row := first; row < len(im.rows); {
		n := im.commit(row)
		sub, err := im.entry(ctx, row, n)
		if err != nil {
			return err
		}
		batch = append(batch, *sub)
		row += n
		if len(batch) >= rowsAtOnce || row == len(im.rows) {
			if err := im.cfg.Submit(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
			im.cfg.Progress(row)
		}
	}
	return nil
}

// commit counts the rows from row on that one entry says all about: of one
// commit, with one author, one applier and one message. A merge can bring rows
// of several.
func (im *Import) commit(row int) int {
	whats := 0
	for n := 0; ; n++ {
		if row+n == len(im.rows) {
			return n
		}
		if n > 0 && !im.rows[row].sameChange(&im.rows[row+n]) {
			return n
		}
		if whats += 2; whats > maxWhats { // a baseline and the change
			return n
		}
	}
}

func (r *Row) sameChange(o *Row) bool {
	return r.Commit != "" && r.Commit == o.Commit && r.Repository == o.Repository && r.Author == o.Author && r.Applier == o.Applier &&
		r.Time == o.Time && r.AuthorTime == o.AuthorTime && r.Message == o.Message
}

// entry signs the entry of n rows from row on.
func (im *Import) entry(ctx context.Context, row, n int) (*wire.Submission, error) {
	r := &im.rows[row]
	d := record.Draft{
		Kind: entry.Change, Time: im.cfg.Now(),
		Who: body.Who{User: text(r.Applier), Author: text(r.Author), Claimed: true},
		Why: body.Why{Reason: im.cfg.Redactor.String(text(r.Message)), Learnt: "import"},
		How: body.How{
			Layer: "import", Confidence: body.Imported, Version: im.cfg.Version,
			Claimed: &body.Claimed{Time: r.Time, AuthorTime: r.AuthorTime, Repository: im.repository(r), Commit: text(r.Commit)},
			Import:  &body.Import{File: im.digest, First: row, Rows: n},
		},
	}
	here := make(map[subject]int)
	for i := range n {
		changes, err := im.changes(ctx, &im.rows[row+i], here, len(d.Changes))
		if err != nil {
			return nil, &RowError{row + i + 1, err}
		}
		d.Changes = append(d.Changes, changes...)
	}
	d.Why.Reason = im.cfg.Redactor.Known(d.Why.Reason) // what those texts keep secret, the message must not tell
	sub, e, err := im.cfg.Chain.Sign(d)
	if err != nil {
		return nil, &RowError{row + 1, err}
	}
	for s, k := range here {
		im.latest[s] = Place{e.ID(), k}
	}
	return sub, nil
}

// changes words one row: the change, and before it the baseline where the log
// has never seen what the row changed.
func (im *Import) changes(ctx context.Context, r *Row, here map[subject]int, next int) ([]record.Change, error) {
	s := subject{im.repository(r), r.Path}
	before, err := im.before(ctx, s, here)
	if err != nil {
		return nil, err
	}
	var out []record.Change
	if before == nil && r.BeforeDigest != nil {
		c, err := im.change(r, body.Baseline, r.BeforeDigest)
		if err != nil {
			return nil, err
		}
		out, before = append(out, c), &body.Ref{What: next}
	}
	action := map[string]body.Action{"add": body.Create, "modify": body.Modify, "delete": body.Delete}[r.Op]
	c, err := im.change(r, action, r.AfterDigest)
	if err != nil {
		return nil, err
	}
	c.What.Before = before
	out = append(out, c)
	here[s] = next + len(out) - 1
	return out, nil
}

func (im *Import) before(ctx context.Context, s subject, here map[subject]int) (*body.Ref, error) {
	if k, ok := here[s]; ok {
		return &body.Ref{What: k}, nil
	}
	p, ok := im.latest[s]
	if !ok {
		var err error
		if p, ok, err = im.cfg.Latest(ctx, s.host, s.path); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, nil
	}
	return &body.Ref{Entry: p.ID.String(), What: p.What}, nil
}

func (im *Import) change(r *Row, action body.Action, digest *string) (record.Change, error) {
	c := record.Change{What: body.What{Host: im.repository(r), Agent: text(r.Agent), Action: action, Format: text(r.Format)}}
	c.What.Path, c.What.Path64 = record.Encode(r.Path)
	if digest == nil {
		return c, nil
	}
	content, err := im.blobs.Get(*digest)
	if err != nil {
		return c, err
	}
	size := int64(len(content))
	c.What.Size = &size
	if len(content) > seal.MaxText/2 { // masking may lengthen a text
		c.What.Digest, c.What.Marks = *digest, []string{body.MarkTooLarge}
		return c, nil
	}
	c.SetText(im.cfg.Redactor, im.known(r.Path), "", content)
	return c, nil
}

// repository is where a change was kept. An address that git was given may hold a
// password.
func (im *Import) repository(r *Row) string { return im.cfg.Redactor.String(text(r.Repository)) }

// known is what the catalogue says of a path that somebody told.
func (im *Import) known(path string) catalogue.Match {
	if im.cfg.Catalogue == nil {
		secrets, opaque := im.cfg.Secrets(path)
		return catalogue.Match{Secrets: secrets, Opaque: opaque}
	}
	m, _ := im.cfg.Catalogue.MatchSuffix("/" + path)
	return m
}

// text makes sure of UTF-8; JSON has replaced what was not.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return fmt.Sprintf("%q", s)
}
