package vault

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// samples are texts with the bases they are stored against, of every kind of
// encoder; nil: none.
func samples() map[string][2][]byte {
	line := func(n int, seed uint64) []byte {
		rnd := rand.New(rand.NewPCG(seed, 0))
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefgh \n"[rnd.IntN(10)]
		}
		return b
	}
	edit := func(b []byte) []byte {
		return append(append(bytes.Clone(b[:len(b)/2]), "an edit\n"...), b[len(b)/2:]...)
	}
	return map[string][2][]byte{
		"alone":          {line(5000, 1), nil},
		"a long one":     {line(wholeWindow+1000, 2), nil},
		"a small edit":   {edit(line(5000, 3)), line(5000, 3)},
		"of a long text": {edit(line(deltaWindow, 4)), line(deltaWindow, 4)},
		"of a short one": {[]byte("interval: 10\nhost: web-10\n"), []byte("interval: 1\nhost: web-1\n")},
	}
}

// frameOf is a text as it is stored by zstd, with its magic.
func frameOf(t *testing.T, text, base []byte) (stored, frame []byte) {
	t.Helper()
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	if base == nil {
		stored, err = p.alone(text)
		frame = stored
	} else {
		stored, err = p.delta(text, base)
		frame = stored[1:]
	}
	if err != nil {
		t.Fatal(err)
	}
	return stored, append([]byte(zstdMagic), frame...)
}

// TestZstdProgramReadsFrames: what is in the vault can be read with the zstd program
// once it is decrypted, whatever becomes of this one.
func TestZstdProgramReadsFrames(t *testing.T) {
	program, err := exec.LookPath("zstd")
	if err != nil {
		if os.Getenv("STELE_CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for name, s := range samples() {
		text, base := s[0], s[1]
		dir := t.TempDir()
		_, frame := frameOf(t, text, base)
		args := []string{"-d", "-c", filepath.Join(dir, "frame.zst")}
		if base != nil {
			args = append([]string{"-D", filepath.Join(dir, "base")}, args...)
		}
		for file, content := range map[string][]byte{"frame.zst": frame, "base": base} {
			if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var errs bytes.Buffer
		cmd := exec.Command(program, args...)
		cmd.Stderr = &errs
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes of %d, %v: %s", name, len(got), len(text), err, errs.Bytes())
		}
	}
}

// TestOldFrames: frames that name dictionary 1, as earlier versions wrote them, are
// read as ever.
func TestOldFrames(t *testing.T) {
	for name, s := range samples() {
		text, base := s[0], s[1]
		stored, _ := frameOf(t, text, base)
		if got, err := unpackText(stored, base, len(text)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %v", name, err)
		}
		if base == nil {
			continue
		}
		e, err := newEncoder(len(text)+len(base), zstd.SpeedBetterCompression, zstd.WithEncoderDictRaw(oldDictID, base))
		if err != nil {
			t.Fatal(err)
		}
		old, err := packZstd([]byte{deltaZstd}, e, text)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(old, stored) {
			t.Errorf("%s: a frame of today names a dictionary", name)
		}
		if got, err := unpackText(old, base, len(text)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s, as before: %v", name, err)
		}
	}
}
