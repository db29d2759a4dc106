package asking

import (
	"context"
	"errors"
	"strings"

	"github.com/stele-log/stele/body"
	"github.com/stele-log/stele/internal/history"
)

// cameOrWent finds changes by which a text came or went. Each text on record is read
// once; what is remembered of it is how often the other stands in it.
type cameOrWent struct {
	r      *history.Reader
	text   string
	counts map[string]int // by the reference to the change
}

func (c *cameOrWent) by(ctx context.Context, v *history.View) (bool, error) {
	for _, change := range v.Changes {
		before, err := c.count(ctx, change.Before)
		if err != nil {
			return false, err
		}
		after := 0
		if change.Action != string(body.Delete) {
			if after, err = c.count(ctx, change.After); err != nil {
				return false, err
			}
		}
		if after != before && (change.After != "" || change.Action == string(body.Delete)) {
			return true, nil
		}
	}
	return false, nil
}

// count is how often the text stands in that of a change; 0 where there is none.
func (c *cameOrWent) count(ctx context.Context, ref string) (int, error) {
	if ref == "" {
		return 0, nil
	}
	if n, ok := c.counts[ref]; ok {
		return n, nil
	}
	n := 0
	i, k, err := c.r.Resolve(ctx, ref)
	if err == nil {
		var text []byte
		if text, err = c.r.Text(ctx, i, k); err == nil {
			n = strings.Count(string(text), c.text)
		}
	}
	if err != nil && !errors.Is(err, history.ErrNoText) && !errors.Is(err, history.ErrErased) {
		return 0, err
	}
	c.counts[ref] = n
	return n, nil
}
