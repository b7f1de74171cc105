package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"
)

func TestAMessageOfWhichTheTextIsKnownIsMadeIntoAnotherWithoutTheKey(t *testing.T) {
	key, iv := make([]byte, tagSize), make([]byte, aes.BlockSize)
	rand.Read(key)
	rand.Read(iv)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	const wanted = "\ndelete nome\n"
	for _, known := range []string{"create nome ana\n", "create cidade \"são luís do maranhão\"\n"} {
		for _, authenticated := range []bool{false, true} {
			message := pad([]byte(known))
			cipher.NewCBCEncrypter(block, iv).CryptBlocks(message, message)
			before := 1 // blocks of noise
			if authenticated {
				message = append(bytes.Clone(iv), append(message, make([]byte, tagSize)...)...)
				before = 0
			}
			made := forge(message, []byte(wanted), []byte(known), authenticated)
			with := iv
			if authenticated {
				with, made = made[:aes.BlockSize], made[aes.BlockSize:len(made)-tagSize]
			}
			clear := make([]byte, len(made))
			cipher.NewCBCDecrypter(block, with).CryptBlocks(clear, made)
			if got := clear[before*aes.BlockSize:]; !bytes.Equal(got, pad([]byte(wanted))) {
				t.Errorf("%q, authenticated %v: %q", known, authenticated, got)
			}
		}
	}
	if short := []byte("one block alone."); !bytes.Equal(forge(short, []byte(wanted), []byte("x"), false), short) {
		t.Error("something was made of one block")
	}
}
