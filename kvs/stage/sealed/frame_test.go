package sealed

import (
	"bytes"
	"crypto/aes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

func TestALengthIsEightCharactersPaddedWithEqualsSigns(t *testing.T) {
	for n, want := range map[int]string{1: "1=======", 16: "16======", 512: "512=====", 800: "800=====", 99_999_999: "99999999"} {
		field := lengthField(n)
		if string(field) != want {
			t.Errorf("%d: got %q, want %q", n, field, want)
		}
		if got, err := parseLength(field); got != n || err != nil {
			t.Errorf("%q: got %d, %v", field, got, err)
		}
	}
}

func TestALengthThatIsWrittenInAnotherWayIsRefused(t *testing.T) {
	for _, field := range []string{
		"========", "0=======", "00000016", "016=====", "-16=====", "+16=====", " 16=====", "16 =====", "16=====", "16=======",
		"1_6=====", "0x10====", "1e3=====", "16=16===", "=16=====", "16\x00=====", "١٦====", "GET / HT", "\x16\x03\x01\x00\xee\x01\x00\x00",
	} {
		if n, err := parseLength([]byte(field)); !errors.Is(err, ErrLength) {
			t.Errorf("%q: got %d, %v", field, n, err)
		}
	}
}

func FuzzLength(f *testing.F) {
	for _, seed := range []string{"800=====", "99999999", "0=======", "-1======", "16======", "1", "=", "18446744"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		n, err := parseLength(field)
		if err != nil {
			return
		}
		if n < 1 || n > 99_999_999 || !bytes.Equal(lengthField(n), field) {
			t.Errorf("%q was read as %d", field, n)
		}
	})
}

// FuzzMessage gives a receiver whatever may come, under both seals.
func FuzzMessage(f *testing.F) {
	secret := bytes.Repeat([]byte{7}, secretSize)
	_, fromServer := newAuthenticatedSeals(secret)
	for _, s := range []seal{newPlainSeal(secret), fromServer} {
		body := s.seal([]byte(`{"verb": "STAT", "parameters": {}}`))
		f.Add(append(lengthField(len(body)), body...))
	}
	f.Add([]byte("16======"))
	f.Add([]byte("1048576=0123456789abcdef"))
	f.Add([]byte("-1======0123456789abcdef"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		_, fromServer := newAuthenticatedSeals(secret)
		for _, s := range []seal{newPlainSeal(secret), fromServer} {
			const limit = 256
			wire := &script{Reader: bytes.NewReader(stream)}
			body, started, err := receiveFramed(wire, limit, s.fits)
			if started != (len(stream) > 0) {
				t.Errorf("%q: started is %v", stream, started)
			}
			if err != nil {
				continue
			}
			if len(body) > limit || len(body) > len(stream) {
				t.Errorf("%d bytes were received of %d, where %d are the most", len(body), len(stream), limit)
			}
			message, err := s.open(body)
			if err == nil && (len(message) >= len(body) || len(body)-len(message) > s.overhead()) {
				t.Errorf("%d bytes hold a message of %d", len(body), len(message))
			}
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"))
	f.Add([]byte("-----BEGIN RSA PUBLIC KEY-----\nMAYCAQMCAQM=\n-----END RSA PUBLIC KEY-----\n"))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParsePublicKey(text)
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if _, err := (&boxes{peer: key}).seal(make([]byte, secretSize), nil); err != nil {
			t.Logf("a key with which nothing can be encrypted: %v", err)
		}
	})
}

func TestEveryLengthOfMessageComesBackFromBothSeals(t *testing.T) {
	secret := newSecret()
	for n := range 3 * aes.BlockSize {
		message := bytes.Repeat([]byte{'x'}, n)
		sender, _ := newAuthenticatedSeals(secret)
		receiver, _ := newAuthenticatedSeals(secret)
		for _, s := range [][2]seal{{newPlainSeal(secret), newPlainSeal(secret)}, {sender, receiver}} {
			body := s[0].seal(message)
			if !s[0].fits(len(body)) || len(body)-n > s[0].overhead() {
				t.Errorf("%T makes %d bytes of %d, which do not fit", s[0], len(body), n)
			}
			if got, err := s[1].open(body); err != nil || !bytes.Equal(got, message) {
				t.Errorf("%T, %d bytes: got %q, %v", s[0], n, got, err)
			}
		}
	}
}

func TestNoLengthFitsWithoutAWholeBlock(t *testing.T) {
	_, authenticated := newAuthenticatedSeals(newSecret())
	for n := range 200 {
		if got := (plainSeal{}).fits(n); got != (n > 0 && n%16 == 0) {
			t.Errorf("%d bytes: plain says %v", n, got)
		}
		if got := authenticated.fits(n); got != (n >= 64 && n%16 == 0) {
			t.Errorf("%d bytes: authenticated says %v", n, got)
		}
	}
}

func TestPaddingOfEveryOtherFormIsRefused(t *testing.T) {
	s := newPlainSeal(newSecret())
	for _, end := range []string{"\x00", "\x11", "\x02", "\x01\x02\x03", "\xff", strings.Repeat("\x10", 15) + "\x0f"} {
		block := append(make([]byte, aes.BlockSize-len(end)), end...)
		body := encrypt(s.block, s.iv, block)[:aes.BlockSize] // without the block of padding that encrypt adds
		if message, err := s.open(body); !errors.Is(err, ErrPadding) {
			t.Errorf("% x: got %q, %v", block, message, err)
		}
	}
}

// Whoever can tell wrong padding from everything else decrypts any block without the key, with some 128 questions a byte.
func TestWhoCanTellWrongPaddingDecryptsWithoutTheKey(t *testing.T) {
	s := newPlainSeal(newSecret())
	const secret = "the password is "
	body := s.seal([]byte("an opening block" + secret))
	previous, target := body[:16], body[16:32]
	isPadded := func(forged []byte) bool { // all that the attacker is told
		_, err := s.open(append(bytes.Clone(forged), target...))
		return err == nil
	}
	decrypted := make([]byte, 16) // what the block cipher makes of target
	for i := 15; i >= 0; i-- {
		padding := byte(16 - i)
		forged := make([]byte, 16)
		for j := i + 1; j < 16; j++ {
			forged[j] = decrypted[j] ^ padding
		}
		for guess := range 256 {
			forged[i] = byte(guess)
			if !isPadded(forged) {
				continue
			}
			if i > 0 { // it may be longer padding by chance
				forged[i-1] ^= 0xff
				if !isPadded(forged) {
					forged[i-1] ^= 0xff
					continue
				}
			}
			decrypted[i] = byte(guess) ^ padding
			break
		}
	}
	for i := range decrypted {
		decrypted[i] ^= previous[i]
	}
	if string(decrypted) != secret {
		t.Errorf("got %q", decrypted)
	}
}

// A length that is announced costs nothing: memory grows with what comes.
func TestMemoryGrowsWithWhatComesAndNotWithWhatIsAnnounced(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	readExactly(&script{Reader: strings.NewReader("little")}, 99_999_984)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d bytes were allocated for 6", allocated)
	}
}

// A script is a wire on which the peer's bytes stand already.
type script struct {
	net.Conn
	io.Reader
}

func (s *script) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }

func TestEveryStepHasAName(t *testing.T) {
	for step := ReceiveKey; step <= SendMessage; step++ {
		if step.String() == "" || strings.Contains(fmt.Sprint(step), "%") {
			t.Errorf("step %d: %q", step, step)
		}
	}
}
