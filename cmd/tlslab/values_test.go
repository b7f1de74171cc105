package main

import (
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/kvs/stage"
)

// said are expectations of real sessions: between them they say every word that a value can be written with. Those of
// untrue cannot be met; behind each stands what is said of it.
var said = []struct {
	name, stage, channel, script string
	untrue                       [][2]string
}{
	{"a ClientHello", "", lesson.TLS13, `
		do create nome ana
		expect first 3 of client record 1 is 0x160301
		expect first 3 of client record 1 is "16 03 01"
		expect client record 1 header is first 5 of client client_hello
		expect size of client client_hello header is five
		expect size of client client_hello fragment is number of client client_hello record.length
		expect size of client client_hello is size of client client_hello message plus 5
		expect client client_hello message is client client_hello fragment
		expect name of client record 1 is client_hello
		expect name of client record 1 is "ClientHello"
		expect client client_hello type is handshake
		expect client client_hello record.type is 22
		expect client client_hello record.type is 0x16
		expect byte 1 of client client_hello is 22
		expect byte 1 of client client_hello is 0x16
		expect client client_hello legacy_version is "TLS 1.2"
		expect name of client client_hello legacy_version is "TLS 1.2"
		expect number of client client_hello legacy_version is 771
		expect size of client client_hello random is 32
		expect offset of client client_hello client_hello.random is 6
		expect client client_hello random is bytes 7 to 38 of client client_hello message
		expect offset of last 2 of client client_hello random is 36
		expect client client_hello random is not server server_hello random
		expect count of client client_hello cipher_suites is nine
		expect count of client client_hello cipher_suites is nove
		expect client client_hello cipher_suites contains "TLS_AES_128_GCM_SHA256"
		expect client client_hello cipher_suite 7 is suite
		expect client client_hello extensions contains "key_share"
		expect client client_hello extensions contains supported_versions
		expect count of client client_hello client_hello.extensions is more than 10
		expect count of client client_hello client_shares is dois
		expect client client_hello key_share_entry 2 group is "x25519"
		expect size of client client_hello key_share_entry 2 key_exchange is 32
		expect client client_hello host_name is "localhost"
		expect text of client client_hello host_name is server_name
		expect size of server_name is 9
		expect client client_hello host_name contains "host"
		expect client client_hello versions is "TLS 1.3, TLS 1.2"
		expect client client_hello position is one
		expect client client_hello row is 1
		expect client client_hello connection is 1
		expect connections is one
		expect client client_hello verdict is "unchanged"
		expect client client_hello received is client client_hello
		expect server server_hello random is not hex of client client_hello random
		expect client sends client_hello finished
		expect messages of client is "client_hello, finished"
		expect records of client contains "change_cipher_spec"
		expect count of records of client is at least 4
		expect first 1 of sent by client is 0x16
		expect size of sent by client is at least size of client record plus size of client record 2
	`, nil},
	{"a ServerHello and the key schedule", "", lesson.TLS13, `
		do create nome ana
		expect version is "TLS 1.3"
		expect version is server server_hello selected_version
		expect suite is "TLS_AES_128_GCM_SHA256"
		expect suite is server server_hello cipher_suite
		expect name of suite is "TLS_AES_128_GCM_SHA256"
		expect hex of suite is 0x1301
		expect suite contains "AES-128-GCM"
		expect number of suite is number of 0x1301
		expect group is server server_hello key_share.group
		expect group is "X25519MLKEM768"
		expect scheme is ecdsa_secp256r1_sha256
		expect scheme is server certificate_verify algorithm
		expect resumed is no
		expect resumed is "no"
		expect round_trips is one
		expect server sends server_hello encrypted_extensions certificate certificate_verify finished new_session_ticket
		expect server certificate position is 4
		expect server finished row is more than server server_hello row
		expect server server_hello transcript is input 2 of schedule client_handshake_traffic_secret
		expect covers of schedule server_handshake_traffic_secret is "client_hello, server_hello"
		expect count of covers of schedule server_handshake_traffic_secret is two
		expect formula of schedule early_secret contains "HKDF-Extract"
		expect command of schedule early_secret contains "openssl"
		expect size of schedule client_handshake_traffic_secret is 32
		expect schedule client_handshake_traffic_secret is secret CLIENT_HANDSHAKE_TRAFFIC_SECRET
		expect schedule client_application_traffic_secret is schedule client_application_traffic_secret_0 seen by server
		expect name of schedule client_application_traffic_secret is "client_application_traffic_secret_0"
		expect schedule iv of client is client finished iv
		expect schedule key of server is server certificate key
	`, [][2]string{
		{`covers of schedule derived is "x"`, `covers no messages`},
		{`schedule handshake_secret is 0x00`, `handshake_secret is not known in this session: an input is not known`},
	}},
	{"certificates and what is proved", "", lesson.TLS13, `
		do create nome ana
		expect server certificate subject is "CN=localhost,O=tlslab"
		expect server certificate issuer is "CN=tlslab authority,O=tlslab"
		expect server certificate x509.issuer attribute_value 2 is "tlslab authority"
		expect server certificate dns_name is "localhost"
		expect server certificate subject_alt_name contains "127.0.0.1"
		expect server certificate not_before is not server certificate notAfter
		expect server certificate subject_public_key_info is "EC secp256r1"
		expect server certificate signature_algorithm is "ecdsa-with-SHA256"
		expect server certificate named_curve is secp256r1
		expect size of server certificate ec_point.x is 32
		expect proof certificate_chain of server is verified
		expect proof certificate_verify of server is verified
		expect covers of proof certificate_verify of server is "client_hello, server_hello, encrypted_extensions, certificate"
		expect proof finished of server is "verified"
		expect count of covers of proof finished of server is 5
		expect proofs verified is 4
		expect proofs refuted is 0
		expect server finished verify_data is schedule verify_data of server
		expect client finished verify_data is schedule verify_data of client
		expect schedule verify_data of server is hmac of server certificate_verify transcript with schedule finished of server
		expect server certificate_verify transcript is input 2 of schedule verify_data of server
	`, nil},
	{"records", "", lesson.TLS13, `
		do create nome ana
		do read nome
		expect client text 2 content is "read nome\n"
		expect line of client text 2 content is "read nome"
		expect client text containing "read" content is client text 2 content
		expect client text last content is client text 2 content
		expect client text two sequence is one
		expect client text 1 sequence is 0
		expect client text 1 nonce is client text 1 iv
		expect client text 2 nonce is client text 2 iv xor client text 2 sequence
		expect client text 2 nonce is not client text 1 nonce
		expect different bytes of client text 1 nonce and client text 2 nonce is 1
		expect equal bytes of client text 1 nonce and client text 2 nonce is 11
		expect client text 1 key is client text 2 key
		expect client text 1 secret is secret CLIENT_TRAFFIC_SECRET_0
		expect client text 2 additional_data is client text 2 header
		expect client text 2 tag is last 16 of client text 2
		expect size of client text 2 tag is 16
		expect size of client text 2 fragment is size of client text 2 content plus 1 plus 16
		expect size of client text 2 minus size of client text 2 content is 22
		expect client text 2 padding is 0
		expect client text 2 type is application_data
		expect client text 2 inner_type is application_data
		expect server certificate inner_type is handshake
		expect client text 2 epoch is "application"
		expect client finished epoch is handshake
		expect client text 2 application_data is "read nome\n"
		expect answer is "ana"
		expect read by client is "Ok\nana\n"
		expect wrote by client contains "nome"
		expect learned by server is "of nothing"
		expect noticed is "nobody"
		expect noticed is nobody
		expect size of sha256 of client text 1 is 32
		expect sha256 of "abc" is 0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
		expect two times 3 minus 1 is 5
		expect size of client text 1 is at most size of sent by client
		expect size of client text 2 is less than size of client text 1
		guess "read nome" "create nome ana"
		expect guessed is "read nome"
	`, nil},
	{"a bit that was flipped", "", lesson.TLS13, `
		tamper client text 2: flip byte -1 bit 0
		do create nome ana
		do read nome
		expect alert of server is bad_record_mac
		expect number of alert of server is 20
		expect error of server contains "bad record MAC"
		expect noticed is server
		expect learned by client is "after its handshake"
		expect client text 2 verdict is altered
		expect client text 1 verdict is unchanged
		expect different bytes of client text 2 received and client text 2 is 1
		expect server alert description is "bad_record_mac"
		expect last 1 of server alert content is 0x14
	`, nil},
	{"a message that was changed", "", lesson.TLS13, `
		tamper client client_hello: flip field client_hello.random
		do create nome ana
		expect schedule server_handshake_traffic_secret seen by client is not schedule server_handshake_traffic_secret seen by server
		expect client client_hello received is not client client_hello
	`, nil},
	{"a record that was dropped", "", lesson.TLS13, `
		tamper client text 2: drop
		do create nome ana
		do read nome
		expect client text 2 verdict is dropped
	`, [][2]string{
		{`answer is "never"`, `there is no answer: the client waited until its deadline`},
		{`client text 2 received is 0x00`, `it never reached its receiver`},
	}},
	{"a name that is wrong", "", lesson.TLS13, `
		with wrong-name
		do read nome
		expect proof certificate_chain of server is refuted
		expect reason of proof certificate_chain of server is "wrong_name"
		expect proof certificate_verify of server seen by server is verified
		expect proof finished of server seen by server is verified
		expect alert of client is bad_certificate
		expect proofs refuted is one
		expect ending of client is "end of file"
	`, nil},
	{"TLS 1.2", "", lesson.TLS12, `
		do create nome ana
		expect version is "TLS 1.2"
		expect round_trips is two
		expect scheme is server server_key_exchange algorithm
		expect size of schedule master_secret is 48
		expect schedule master_secret is secret CLIENT_RANDOM
		expect client text 1 key is schedule client_write_key
		expect client text 1 iv is schedule client_write_IV
		expect last 8 of client text 1 nonce is client text 1 nonce_explicit
		expect first 4 of client text 1 nonce is client text 1 iv
		expect size of client text 1 nonce_explicit is 8
		expect client text 1 sequence is 1
		expect size of schedule verify_data of client is 12
		expect schedule verify_data of client is client finished verify_data
		expect server sends server_hello certificate server_key_exchange server_hello_done new_session_ticket finished
		expect client text 1 padding is 0
	`, nil},
	{"a session that is resumed", "", lesson.TLS12, `
		do create nome ana
		connect
		do read nome
		expect connections is two
		expect resumed is yes
		expect round_trips is one
		expect client client_hello 2 connection is 2
		expect client client_hello 2 ticket is server new_session_ticket ticket
	`, nil},
	{"certificates of both", "", lesson.MTLS, `
		do create nome ana
		expect client certificate subject is "CN=ana,O=tlslab"
		expect proof certificate_verify of client is verified
		expect covers of proof certificate_verify of client contains certificate_request
		expect server certificate_request extensions contains signature_algorithms
		expect client sends client_hello certificate certificate_verify finished
		exit
		expect ending of server is close_notify
	`, nil},
	{"no TLS", "", lesson.Clear, `
		do create nome ana
		expect client unit request is "create nome ana\n"
		expect client unit request content is "create nome ana\n"
		expect client unit request kv.key is "nome"
		expect client text 1 command is "create"
		expect client text 1 key is "nome"
		expect offset of client text 1 kv.key is 7
		expect sent by client contains "ana"
		expect read by server is "create nome ana\n"
		expect name of client text 1 is "request"
		expect client sends request
		expect round_trips is 0
	`, [][2]string{
		{`client unit request key is 0x00`, `nome`},
		{`client unit request iv is 0x00`, `this is not TLS`},
		{`version is "TLS 1.3"`, `have agreed on no version`},
		{`client text 1 sequence is 0`, `this is not TLS`},
	}},
	{"home-made cryptography", "", lesson.Sealed, `
		do read nome
		do read nome
		expect client unit message 1 is client unit message 2
		expect equal blocks of client unit message 1 and client unit message 2 is one
		expect count of client unit message 1 ciphertext is one
		expect size of client unit message 1 block is 16
		expect client unit message 1 content is "read nome\n"
		expect client unit message 1 command is "read"
		expect client unit message 1 kv.key is "nome"
		expect client unit length 2 digits is 16
		expect number of client unit length 2 digits is size of client unit message 1
		expect client unit secret content is schedule secret of client
		expect secret SEALED_KEY is schedule secret
		expect schedule aes_key is first 32 of client unit secret content
		expect size of client unit secret aes_key is 32
	`, [][2]string{
		{`sent by client contains "read"`, `beside read`},
	}},
	{"its mended variant", "", lesson.SealedAuthenticated, `
		do read nome
		do read nome
		expect client text 1 is not client text 2
		expect size of client text 1 iv is 16
		expect client text 1 iv is first 16 of client text 1
		expect client text 1 iv is not client text 2 iv
		expect client text 1 tag is last 32 of client text 1
		expect client text 1 content is client text 2 content
	`, nil},
	{"a service that prepares itself", stage.NameSealed, lesson.Sealed, `
		do STAT
		expect client sends length public_key ack ack secret ack length message ack
		expect client text 1 content contains "STAT"
	`, nil},
	{"a router with tokens", stage.NameRouter, lesson.Clear, `
		do login ana-pc
		do hashes
		expect client unit request 2 token is server unit answer 1 token
		expect server unit answer 1 code is 200
		expect size of text of server unit answer 1 token is 64
		expect first 4 of text of server unit answer 1 token is first 4 of text of client unit request 2 token
		expect client unit request 1 url is "/login"
		expect client unit request 1 hostname is "ana-pc"
		expect server unit answer 2 hashes contains "notes.txt"
	`, [][2]string{
		{`server unit answer 9 code is 200`, `this session has no server unit answer 9`},
	}},
	{"sockets", "sockets-v4", lesson.Clear, `
		do adicionar 7 caneta 2.50
		expect client unit verb is "adicionar\n"
		expect line of client unit verb text is "adicionar"
		expect size of client unit verb is 10
		expect client sends verb product
		expect client unit product content contains "caneta"
	`, nil},
	{"the uppercase server", stage.NameUpper, lesson.Clear, `
		do olá
		expect server text 1 content is not client text 1 content
		expect size of client text 1 is 5
		expect byte 4 of client text 1 is 0xa1
		expect line of client text 1 content is "olá"
	`, nil},
}

func TestWhatCanBeSaidOfASession(t *testing.T) {
	for _, s := range said {
		unhurried(t, s.name, func(t *testing.T) {
			script := "on " + s.channel + "\n" + s.script
			for _, u := range s.untrue {
				script += "\nexpect " + u[0]
			}
			scene, err := lesson.Parse(s.name, script)
			if err != nil {
				t.Fatal(err)
			}
			runner := lesson.Runner{Open: func(channel string, with []string) (inspect.Stage, error) {
				if s.stage == "" {
					return &stage.Setting{Channel: channel, With: with, Lang: "en", Keys: sealedKeys()}, nil
				}
				entry, err := stage.New(s.stage, stage.Options{Lang: "en", Keys: sealedKeys()})
				return entry.Stage, err
			}}
			result, err := runner.Run(t.Context(), scene, s.channel)
			if err != nil {
				t.Fatal(err)
			}
			met := len(result.Checks) - len(s.untrue)
			for i, check := range result.Checks {
				if i < met && !check.OK || i >= met && (check.OK || !strings.Contains(check.Got, s.untrue[i-met][1])) {
					t.Errorf("%s: %v, %s", check.Text, check.OK, check.Got)
				}
			}
		})
	}
}
