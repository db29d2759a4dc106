package steletest

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/stele-log/stele/entry"
	"github.com/stele-log/stele/internal/keyfile"
	"github.com/stele-log/stele/internal/tlog"
)

// LogSigner signs with the key of the log in a store, as whoever took it can.
func (s Store) LogSigner(t testing.TB) note.Signer {
	t.Helper()
	kf, err := keyfile.Open(s.Layout.Key("log"), "log")
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Layout.LogKey()
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(key.VKey(), "+")[1]
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, kf.Secret.Bytes()...))
	signer, err := note.NewSigner("PRIVATE+KEY+" + kf.Name + "+" + hash + "+" + secret)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// Checkpoint is one of any size and root that the log's key signs.
func (s Store) Checkpoint(t testing.TB, size uint64, root entry.Hash) []byte {
	t.Helper()
	signer := s.LogSigner(t)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Rewrite makes the log of a store that has none of those leaves, with the log's key.
func (s Store) Rewrite(t testing.TB, leaves [][]byte) {
	t.Helper()
	log, err := tlog.Open(t.Context(), tlog.Config{Dir: s.Layout.Log(), Signer: s.LogSigner(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), leaves); err != nil {
		t.Fatal(err)
	}
	if _, err := log.WaitPublished(t.Context(), uint64(len(leaves))); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
