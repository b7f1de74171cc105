package inspect

import "crypto/tls"

// recordECHKeys records the private keys of a server's ECH configurations,
// those that it has and those that it will be given, once each.
func (t *Tap) recordECHKeys(config *tls.Config) {
	t.learnECHKeys(config.EncryptedClientHelloKeys)
	if get := config.GetEncryptedClientHelloKeys; get != nil {
		config.GetEncryptedClientHelloKeys = func(hello *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
			keys, err := get(hello)
			t.learnECHKeys(keys)
			return keys, err
		}
	}
}

func (t *Tap) learnECHKeys(keys []tls.EncryptedClientHelloKey) {
	for _, key := range keys {
		if _, known := t.echKeys.LoadOrStore(string(key.Config)+string(key.PrivateKey), nil); known || len(key.Config) == 0 {
			continue
		}
		secret := &LoggedSecret{Origin: ServerLog, Label: LabelECHKey, ClientRandom: key.Config, Bytes: key.PrivateKey}
		t.Recording().append(entry{kind: Secret, conn: -1, time: t.now().UnixNano(), cause: -1, more: secret})
	}
}
