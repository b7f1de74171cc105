package inspect

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
)

// The values are those that RFC 9180 prints in its appendix of test vectors
// for the base mode with AES-128-GCM and HKDF-SHA256.
func TestHPKEOpensTheVectorsOfRFC9180(t *testing.T) {
	const info = "4f6465206f6e2061204772656369616e2055726e"
	const plain = "4265617574792069732074727574682c20747275746820626561757479"
	for name, v := range map[string]struct {
		algorithms                       hpkeAlgorithms
		private, enc, shared, key, nonce string
		sealed0, sealed1, sealed255      string
	}{
		"X25519": {
			algorithms: hpkeAlgorithms{0x0020, 0x0001, 0x0001},
			private:    "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
			enc:        "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
			shared:     "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
			key:        "4531685d41d65f03dc48f6b8302c05b0",
			nonce:      "56d890e5accaaf011cff4b7d",
			sealed0:    "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
			sealed1:    "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
			sealed255:  "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0a",
		},
		"P-256": {
			algorithms: hpkeAlgorithms{0x0010, 0x0001, 0x0001},
			private:    "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
			enc: "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb93826" +
				"57222d18c4",
			shared:    "c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8",
			key:       "868c066ef58aae6dc589b6cfdd18f97e",
			nonce:     "4e0bc5018beba4bf004cca59",
			sealed0:   "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
			sealed1:   "fa6f037b47fc21826b610172ca9637e82d6e5801eb31cbd3748271affd4ecb06646e0329cbdf3c3cd655b28e82",
			sealed255: "2ad71c85bf3f45c6eca301426289854b31448bcf8a8ccb1deef3ebd87f60848aa53c538c30a4dac71d619ee2cd",
		},
	} {
		shared, err := decapsulate(v.algorithms.kem, unhex(v.private), unhex(v.enc))
		if err != nil || hex.EncodeToString(shared) != v.shared {
			t.Fatalf("%s: shared_secret %x, %v", name, shared, err)
		}
		context, err := newHPKE(v.algorithms, shared, unhex(info))
		if err != nil || hex.EncodeToString(context.key) != v.key || hex.EncodeToString(context.baseNonce) != v.nonce {
			t.Fatalf("%s: key %x, base_nonce %x, %v", name, context.key, context.baseNonce, err)
		}
		for seq, sealed := range map[uint64]string{0: v.sealed0, 1: v.sealed1, 255: v.sealed255} {
			got, err := context.open(seq, fmt.Appendf(nil, "Count-%d", seq), unhex(sealed))
			if err != nil || hex.EncodeToString(got) != plain {
				t.Errorf("%s, sequence number %d: %x, %v", name, seq, got, err)
			}
		}
	}
}

// crypto/hpke is the sender, with every algorithm that it has.
func TestHPKEOpensWhatCryptoHPKESeals(t *testing.T) {
	for _, kemID := range []uint16{0x0010, 0x0011, 0x0012, 0x0020, 0x0041, 0x0042, 0x0050, 0x0051, 0x647a} {
		kem, err := hpke.NewKEM(kemID)
		if err != nil {
			t.Fatal(err)
		}
		private, err := kem.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		scalar, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, kdfID := range []uint16{0x0001, 0x0002, 0x0003, 0x0010, 0x0011} {
			for _, aeadID := range []uint16{0x0001, 0x0002, 0x0003} {
				kdf, _ := hpke.NewKDF(kdfID)
				aead, _ := hpke.NewAEAD(aeadID)
				info := []byte("what both know")
				enc, sender, err := hpke.NewSender(private.PublicKey(), kdf, aead, info)
				if err != nil {
					t.Fatal(err)
				}
				shared, err := decapsulate(kemID, scalar, enc)
				if err != nil {
					t.Fatalf("0x%04x: %v", kemID, err)
				}
				context, err := newHPKE(hpkeAlgorithms{kemID, kdfID, aeadID}, shared, info)
				if err != nil {
					t.Fatalf("0x%04x, 0x%04x, 0x%04x: %v", kemID, kdfID, aeadID, err)
				}
				for seq := range uint64(3) {
					sealed, err := sender.Seal([]byte("additional"), []byte("plain"))
					if err != nil {
						t.Fatal(err)
					}
					if plain, err := context.open(seq, []byte("additional"), sealed); err != nil || !bytes.Equal(plain, []byte("plain")) {
						t.Errorf("0x%04x, 0x%04x, 0x%04x, message %d: %q, %v", kemID, kdfID, aeadID, seq, plain, err)
					}
					sealed[0] ^= 1
					if _, err := context.open(seq, []byte("additional"), sealed); !errors.Is(err, errTag) {
						t.Errorf("altered: %v", err)
					}
				}
			}
		}
	}
}

func TestHPKESaysWhatItDoesNotSupportOrCannotUse(t *testing.T) {
	x25519 := make([]byte, 32)
	for _, c := range []struct {
		kem          uint16
		private, enc []byte
		want         error
	}{
		{0x0021, x25519, x25519, errKEM}, // X448
		{0x0020, x25519[:31], x25519, errHPKEKey},
		{0x0020, bytes.Repeat([]byte{1}, 32), x25519[:31], errEnc},
		{0x0020, bytes.Repeat([]byte{1}, 32), x25519, errEnc}, // a point of low order
		{0x0041, make([]byte, 64), nil, errEnc},
		{0x0041, nil, nil, errHPKEKey},
		{0x647a, make([]byte, 32), make([]byte, 1088), errEnc},
		{0x0050, make([]byte, 31), nil, errHPKEKey},
	} {
		if _, err := decapsulate(c.kem, c.private, c.enc); !errors.Is(err, c.want) {
			t.Errorf("0x%04x: %v, not %v", c.kem, err, c.want)
		}
	}
	if _, err := newHPKE(hpkeAlgorithms{0x0020, 0x0004, 0x0001}, x25519, nil); err != errKDF {
		t.Error(err)
	}
	if _, err := newHPKE(hpkeAlgorithms{0x0020, 0x0001, 0xffff}, x25519, nil); err != errAEAD {
		t.Error(err)
	}
}
