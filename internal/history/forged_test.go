package history_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/history"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/record"
	"github.com/stele-log/stele/internal/steletest"
	"github.com/stele-log/stele/internal/tlog"
	"github.com/stele-log/stele/internal/vault"
	"github.com/stele-log/stele/internal/wire"
	"github.com/stele-log/stele/verify"
)

// forge appends an entry that no intake would take, with its disclosures: what
// whoever holds the log's key can do. The index never hears of it.
func forge(t *testing.T, st steletest.Store, sub *wire.Submission) uint64 {
	t.Helper()
	e, err := entry.Parse(sub.Note)
	if err != nil {
		t.Fatal(err)
	}
	putDisclosures(t, st, e, sub)
	kf, err := keyfile.Open(st.Layout.Key("log"), "log")
	if err != nil {
		t.Fatal(err)
	}
	public, err := st.Layout.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(public.VKey(), "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + public.Origin() + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, kf.Secret.Bytes()...)))
	if err != nil {
		t.Fatal(err)
	}
	log, err := tlog.Open(t.Context(), tlog.Config{Dir: st.Layout.Log(), Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	i, err := log.Append(t.Context(), [][]byte{sub.Note})
	if err == nil {
		_, err = log.WaitPublished(t.Context(), i+1)
	}
	if err := errors.Join(err, log.Close(context.Background())); err != nil {
		t.Fatal(err)
	}
	return i
}

func putDisclosures(t *testing.T, st steletest.Store, e *entry.Entry, sub *wire.Submission) {
	t.Helper()
	v, err := vault.Open(vault.Config{Dir: st.Layout.Vault(), KeyringDir: st.Layout.Keyring()})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	o := vault.Disclosures{ID: e.ID(), Source: e.Source, Seq: e.Seq, Seed: &sub.Seed, Who: sub.Who, Why: sub.Why, How: sub.How, What: sub.What}
	for _, text := range sub.Texts {
		o.Texts = append(o.Texts, vault.Text{K: text.K, Body: text.Body})
	}
	if _, err := v.Put([]vault.Disclosures{o}); err != nil {
		t.Fatal(err)
	}
}

// signed is a change that a source signed, and nobody has seen yet.
func signed(t *testing.T, role entry.Role, n int) *wire.Submission {
	t.Helper()
	c := record.NewChain(steletest.Key(t, role, n), record.Head{Next: 1000})
	sub, _, err := c.Sign(steletest.Change("/etc/forged", "forged\n", nil))
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// TestForged: an entry that is in the log, under the log's own signature, is
// believed only if an enrolled source that may sign it has signed it.
func TestForged(t *testing.T) { both(t, testForged) }

func testForged(t *testing.T, open opener) {
	for name, c := range map[string]struct {
		sub  func() *wire.Submission
		want verify.Code // empty: verified
	}{
		"the source's word":   {func() *wire.Submission { return signed(t, entry.Watcher, 1) }, ""},
		"altered signature":   {func() *wire.Submission { return otherSignature(signed(t, entry.Watcher, 1)) }, verify.BadSignature},
		"of nobody known":     {func() *wire.Submission { return signed(t, entry.Watcher, 99) }, verify.UnknownKey},
		"more than it may do": {func() *wire.Submission { return rollCallBy(t, 1) }, verify.WrongRole},
	} {
		t.Run(name, func(t *testing.T) {
			st := fill(t)
			i := forge(t, st.Store, c.sub())
			r := reader(t, open, st.Store)
			v := entryOf(t, r, i)
			if c.want == "" {
				if b, err := r.Text(t.Context(), i, 0); v.Proof.State != history.Verified || err != nil || string(b) != "forged\n" {
					t.Errorf("state %s, %v; text %q, %v", v.Proof.State, v.Findings, b, err)
				}
				return
			}
			if v.Proof.State != history.Bad || len(v.Findings) != 1 || v.Findings[0].Code != string(c.want) {
				t.Errorf("state %s, %v; want %s", v.Proof.State, v.Findings, c.want)
			}
			if _, err := r.Text(t.Context(), i, 0); !isFinding(err, c.want) {
				t.Errorf("its text: %v", err)
			}
		})
	}
}

// otherSignature alters a signature.
func otherSignature(sub *wire.Submission) *wire.Submission {
	at := bytes.LastIndexByte(sub.Note, ' ') + 40
	if sub.Note[at] != 'A' {
		sub.Note[at] = 'A'
	} else {
		sub.Note[at] = 'B'
	}
	return sub
}

// rollCallBy is a roll call, which only a recorder may sign, signed by a watcher.
func rollCallBy(t *testing.T, n int) *wire.Submission {
	t.Helper()
	c := record.NewChain(steletest.Key(t, entry.Watcher, n), record.Head{Next: 1000})
	sub, _, err := c.Sign(record.Draft{Kind: entry.RollCall, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// TestOtherDisclosures: disclosures that are whole and are not those that were sealed.
func TestOtherDisclosures(t *testing.T) { both(t, testOtherDisclosures) }

func testOtherDisclosures(t *testing.T, open opener) {
	st := fill(t)
	r := reader(t, open, st.Store)
	e, err := entry.Parse(leaf(t, r, st.Store, st.here[1]))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{st.Layout.Vault(), st.Layout.Keyring()} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	putDisclosures(t, st.Store, e, signed(t, entry.Watcher, 1))
	v := once(t, open, st.Store, st.here[1])
	if v.Proof.State != history.Bad || v.Actor != nil || v.Changes[0].Path != "" {
		t.Errorf("what no seal bears out is shown: %+v", v)
	}
	for _, f := range v.Findings {
		if f.Code != string(verify.SealMismatch) {
			t.Errorf("finding %v", f)
		}
	}
	if len(v.Findings) != 4 {
		t.Errorf("%d findings for who, why, how and what", len(v.Findings))
	}
}
