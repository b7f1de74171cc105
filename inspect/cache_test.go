package inspect_test

import (
	"crypto/tls"
	"testing"

	"example.com/tlslab/inspect"
)

// resumed returns the recording of a session that resumes one which was not recorded.
func resumed(t *testing.T, version uint16, change func(*tls.Config)) *inspect.Recording {
	t.Helper()
	client, server := configs(t)
	client.ClientSessionCache, client.MaxVersion = tls.NewLRUClientSessionCache(1), version
	change(client)
	server.SetSessionTicketKeys([][32]byte{{1}}) // both taps' clones must open the same tickets
	var tap *inspect.Tap
	for range 2 {
		tap = inspect.NewTap()
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
		tap.Close()
	}
	return tap.Recording()
}

func TestTheBinderOfASessionWhoseBeginningWasNotRecordedIsVerified(t *testing.T) {
	view := inspect.NewSession(resumed(t, tls.VersionTLS13, func(*tls.Config) {})).Connections()[0].View(inspect.Client)
	if !view.State(1 << 30).Resumed {
		t.Fatal("the session was not resumed")
	}
	binders := 0
	for _, c := range view.Verifications() {
		if c.Kind == "psk_binder" {
			if binders++; c.Outcome != inspect.Verified {
				t.Errorf("the binder is %s: %s", c.Outcome, c.Reason)
			}
		}
	}
	if binders != 1 {
		t.Errorf("%d binders", binders)
	}
	psk := valueOf(t, view.Schedule(), "schedule.psk")
	if psk.Bytes == nil || psk.Origin != inspect.FromCache {
		t.Errorf("the pre-shared key is %x, from %s", psk.Bytes, psk.Origin)
	}
	if early := valueOf(t, view.Schedule(), "schedule.early_secret"); early.Bytes == nil {
		t.Error("the early secret is not known")
	}
}

func TestASessionOfTLS12IsReadByTheMasterSecretOfItsTicket(t *testing.T) {
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384} {
		session := inspect.NewSession(resumed(t, tls.VersionTLS12, func(c *tls.Config) { c.CipherSuites = []uint16{suite} }))
		if !session.Connections()[0].View(inspect.Client).State(1 << 30).Resumed {
			t.Fatal("the session was not resumed")
		}
		allDecrypted(t, session)
		master := valueOf(t, session.Connections()[0].View(inspect.Client).Schedule(), "schedule.master_secret_12")
		if master.Bytes == nil || master.Origin != inspect.FromCache {
			t.Errorf("the master secret is %x, from %s", master.Bytes, master.Origin)
		}
	}
}

// In a glass box the pre-shared key can also be computed: whatever Go's encoding
// of a session may become, what is noted of it must be this.
func TestWhatTheCacheHoldsIsWhatTheKeyScheduleGives(t *testing.T) {
	client, server := configs(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := &inspect.Tap{GlassBox: true}
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	for range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
	}
	tap.Close()
	noted := make(map[string]bool)
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret && e.Logged.Label == inspect.LabelPSK {
			noted[string(e.Logged.Bytes)] = true
		}
	}
	if len(noted) != 2 {
		t.Errorf("%d keys were noted of two tickets", len(noted))
	}
	psk := valueOf(t, inspect.NewSession(tap.Recording()).Connections()[1].View(inspect.Client).Schedule(), "schedule.psk")
	if psk.Origin != inspect.Derived || !noted[string(psk.Bytes)] {
		t.Errorf("%x is %s, and not what the cache held", psk.Bytes, psk.Origin)
	}
}

// A countingCache is a cache of the program's own.
type countingCache struct {
	tls.ClientSessionCache
	put, got []*tls.ClientSessionState
	keys     []string
}

func (c *countingCache) Put(key string, state *tls.ClientSessionState) {
	c.put, c.keys = append(c.put, state), append(c.keys, key)
	c.ClientSessionCache.Put(key, state)
}

func (c *countingCache) Get(key string) (*tls.ClientSessionState, bool) {
	state, ok := c.ClientSessionCache.Get(key)
	c.got, c.keys = append(c.got, state), append(c.keys, key)
	return state, ok
}

func TestTheProgramsOwnCacheSeesWhatItSeesWithoutATap(t *testing.T) {
	client, server := configs(t)
	tapped := &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	client.ClientSessionCache = tapped
	tap := inspect.NewTap()
	for range 3 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
	}
	tap.Close()
	if len(tapped.put) != 3 || len(tapped.got) != 3 || tapped.got[0] != nil || tapped.got[1] != tapped.put[0] || tapped.got[2] != tapped.put[1] {
		t.Errorf("put %v, got %v", tapped.put, tapped.got)
	}
	for _, key := range tapped.keys {
		if key != "lab.example" {
			t.Errorf("the key is %q", key)
		}
	}
	noted := 0
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret && e.Logged.Origin == inspect.FromCache {
			noted++
		}
	}
	if noted != 3 {
		t.Errorf("%d keys of three tickets were noted", noted)
	}
}
