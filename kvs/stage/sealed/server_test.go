package sealed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/store"
)

// A service is a server that runs on loopback, and what happened on it.
type service struct {
	*sealed.Server
	t            *testing.T
	addr         string
	clientConfig *sealed.Config

	mu     sync.Mutex
	events []string
	came   chan struct{} // something was added to events
}

func newService(t *testing.T, authenticated bool, change ...func(*sealed.Server)) *service {
	t.Helper()
	clientConfig, serverConfig := configs(t, authenticated)
	s := &service{Server: sealed.NewServer(serverConfig), t: t, clientConfig: clientConfig, came: make(chan struct{}, 1)}
	s.Addr = "127.0.0.1:0"
	for _, f := range change {
		f(s.Server)
	}
	for _, kind := range s.Events() {
		if err := s.On(kind.Name, s.note); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	s.addr = s.ListenAddr().String()
	return s
}

func (s *service) end() {
	s.Stop()
	if err := s.Wait(); err != nil {
		s.t.Error(err)
	}
}

func (s *service) note(e kernel.Event) {
	s.mu.Lock()
	s.events = append(s.events, fmt.Sprintf("%d %s", e.Number, e.Name))
	s.mu.Unlock()
	select {
	case s.came <- struct{}{}:
	default:
	}
}

// until waits for an event.
func (s *service) until(want string) {
	s.t.Helper()
	deadline := time.After(soon)
	for {
		s.mu.Lock()
		found := slices.Contains(s.events, want)
		events := slices.Clone(s.events)
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-s.came:
		case <-deadline:
			s.t.Fatalf("there was no %q, only %q", want, events)
		}
	}
}

// forget forgets the events so far.
func (s *service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = nil
}

func (s *service) happened() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func (s *service) client() *sealed.Client {
	return &sealed.Client{Dial: sealed.Dialer(s.addr, s.clientConfig)}
}

// dial opens a raw connection.
func (s *service) dial() net.Conn {
	s.t.Helper()
	wire, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	wire.SetDeadline(time.Now().Add(soon))
	s.t.Cleanup(func() { wire.Close() })
	return wire
}

// tell sends a message over a channel of its own and returns what came back, nil if the server closed instead.
func (s *service) tell(message string) map[string]any {
	s.t.Helper()
	conn := sealed.ClientEnd(s.dial(), s.clientConfig)
	if err := conn.WriteMessage([]byte(message)); err != nil {
		s.t.Fatal(err)
	}
	text, err := conn.ReadMessage()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		s.t.Fatalf("%q: %v", text, err)
	}
	return answer
}

func create(t *testing.T, client *sealed.Client) sealed.Lease {
	t.Helper()
	lease, err := client.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestAClientOfOpenSSLCommandsIsServed(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		before := time.Now()
		s := newService(t, authenticated)
		ask := func(request string) (answer struct {
			Success bool
			Message string
			Data    map[string]any
		},
		) {
			peer := newOpenSSLPeer(t, s.dial(), "client", authenticated)
			peer.exchange()
			peer.speak(request)
			text := peer.hear()
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if n, err := peer.wire.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after its answer the server says more: %d, %v", n, err)
			}
			return answer
		}
		answer := ask(`{"verb": "STAT", "parameters": {}}`)
		uptime, _ := answer.Data["uptime"].(float64)
		if !answer.Success || answer.Message != "OK" || answer.Data["available"] != 8.0 || uptime != math.Trunc(uptime) || uptime > time.Since(before).Seconds() {
			t.Errorf("STAT: %+v", answer)
		}
		answer = ask(`{"verb": "CREATE", "parameters": {}}`)
		for field, form := range map[string]string{
			"container_uuid":        `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
			"client_token":          `^[0-9a-zA-Z-_]{255}$`,
			"container_iso_sha256":  `^e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$`, // of nothing
			"container_username":    `^user_[0-9]{5}$`,
			"container_password":    `^[a-zA-Z0-9]+$`,
			"container_listen_port": `^[0-9]+$`,
		} {
			if value := fmt.Sprint(answer.Data[field]); !regexp.MustCompile(form).MatchString(value) {
				t.Errorf("CREATE: %s is %q", field, value)
			}
		}
		uuid, token := answer.Data["container_uuid"], answer.Data["client_token"]
		wrong := strings.Repeat("A", 255)
		if answer := ask(fmt.Sprintf(`{"verb": "DESTROY", "parameters": {"container_uuid": %q, "client_token": %q}}`, uuid, wrong)); answer.Success ||
			answer.Message != "Bad authentication" {
			t.Errorf("DESTROY with a wrong token: %+v", answer)
		}
		if answer := ask(fmt.Sprintf(`{"verb": "DESTROY", "parameters": {"container_uuid": %q, "client_token": %q}}`, uuid, token)); !answer.Success {
			t.Errorf("DESTROY: %+v", answer)
		}
	})
}

func TestOurClientAsksForEverything(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		s := newService(t, authenticated, func(s *sealed.Server) {
			s.Handle("ECHO", func(_ context.Context, _ *kernel.Conn, r sealed.Request) (sealed.Answer, error) {
				return sealed.Answer{Success: true, Message: sealed.MessageOK, Data: r.Parameters}, nil
			})
		})
		client := s.client()
		lease := create(t, client)
		if stat, err := client.Stat(t.Context()); err != nil || stat.Available != 7 {
			t.Errorf("STAT: %+v, %v", stat, err)
		}
		answer, err := client.Do(t.Context(), sealed.Request{Verb: "ECHO", Parameters: map[string]any{"say": "olá"}})
		if err != nil || answer.Data["say"] != "olá" {
			t.Errorf("ECHO: %+v, %v", answer, err)
		}
		if err := client.Destroy(t.Context(), lease.UUID, lease.Token); err != nil {
			t.Error("DESTROY:", err)
		}
		var failed *sealed.AnswerError
		if err := client.Destroy(t.Context(), lease.UUID, lease.Token); !errors.As(err, &failed) || failed.Answer.Message != sealed.MessageBadAuth {
			t.Error("DESTROY again:", err)
		}
		if stat, err := client.Stat(t.Context()); err != nil || stat.Available != 8 {
			t.Errorf("STAT: %+v, %v", stat, err)
		}
	})
}

func TestAFullServerIsUnavailable(t *testing.T) {
	s := newService(t, false, func(s *sealed.Server) { s.Virtualization = &sealed.Containers{Max: 2} })
	create(t, s.client())
	create(t, s.client())
	if answer := s.tell(`{"verb": "CREATE", "parameters": {}}`); answer["message"] != "Unavailable" || answer["success"] != false {
		t.Errorf("got %v", answer)
	}
	if left := s.Statistics().Available; left != 0 {
		t.Errorf("%d are available", left)
	}
}

func TestAMalformedRequestIsAnsweredByField(t *testing.T) {
	s := newService(t, false)
	var heard []map[string]string
	s.OnMalformedRequest(func(_ *kernel.Conn, errs map[string]string) { heard = append(heard, errs) })
	token := strings.Repeat("x", 255)
	const uuid = "00000000-0000-4000-8000-000000000000"
	for _, test := range []struct{ request, fields string }{
		{``, ""},
		{`STAT`, ""},
		{`[]`, ""},
		{`null`, ""},
		{`{"verb": "STAT", "parameters": {}} {}`, ""},
		{`{"verb": "STAT", "parameters": {}`, ""},
		{`{}`, "parameters verb"},
		{`{"verb": "STAT"}`, "parameters"},
		{`{"parameters": {}}`, "verb"},
		{`{"verb": "stat", "parameters": {}}`, "verb"},
		{`{"verb": "STAT2", "parameters": {}}`, "verb"},
		{`{"verb": "", "parameters": {}}`, "verb"},
		{`{"verb": 7, "parameters": []}`, "parameters verb"},
		{`{"verb": "STÁT", "parameters": {}}`, "verb"},
		{`{"verb": "STAT\n", "parameters": {}}`, "verb"},
		{`{"verb": "DESTROY", "parameters": {"container_uuid": "` + uuid + `"}}`, "container_uuid"},
		{`{"verb": "DESTROY", "parameters": {"client_token": "` + token + `"}}`, "client_token"},
		{`{"verb": "DESTROY", "parameters": {"container_uuid": "x", "client_token": "` + token + `"}}`, "container_uuid"},
		{`{"verb": "DESTROY", "parameters": {"container_uuid": "` + uuid + `", "client_token": "short"}}`, "client_token"},
		{`{"verb": "DESTROY", "parameters": {"container_uuid": 1, "client_token": null}}`, "client_token container_uuid"},
	} {
		heard = nil
		answer := s.tell(test.request)
		message, _ := answer["message"].(string)
		reason, isBad := strings.CutPrefix(message, "Bad request (")
		if !isBad || !strings.HasSuffix(reason, ")") || answer["success"] != false || fmt.Sprint(answer["data"]) != "map[]" {
			t.Errorf("%s: got %v", test.request, answer)
		}
		if len(heard) != 1 {
			t.Errorf("%s: the event happened %d times", test.request, len(heard))
			continue
		}
		var fields []string
		for field := range heard[0] {
			fields = append(fields, field)
			if !strings.Contains(reason, heard[0][field]) || !strings.Contains(reason, field) {
				t.Errorf("%s: %q does not stand in %q", test.request, heard[0][field], reason)
			}
		}
		slices.Sort(fields)
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%s: the fields are %q, not %q", test.request, got, test.fields)
		}
	}
	if n := s.Statistics().MalformedRequests; n != 20 {
		t.Errorf("%d were counted", n)
	}
}

func TestWhoGivesNoCredentialsIsNotAuthenticated(t *testing.T) {
	s := newService(t, false)
	if answer := s.tell(`{"verb": "DESTROY", "parameters": {}}`); answer["message"] != "Bad authentication" {
		t.Errorf("got %v", answer)
	}
}

func TestReasonsAreInTheLanguageOfTheServer(t *testing.T) {
	s := newService(t, false, func(s *sealed.Server) { s.Lang = "pt-BR" })
	if answer := s.tell(`{"verb": "DANCE", "parameters": {}}`); answer["message"] != "Bad request (verbo desconhecido)" {
		t.Errorf("got %v", answer)
	}
	s.until("12 unknown_verb")
}

func TestTheEventsHaveTheirNumbersAndTheirOrder(t *testing.T) {
	s := newService(t, false)
	client := s.client()
	lease := create(t, client)
	s.until("2 client_closed")
	want := []string{"10 started", "3 connection", "1 client", "8 request", "4 created_container", "5 created_endpoint_shell", "2 client_closed"}
	if got := s.happened(); !slices.Equal(got, want) {
		t.Errorf("CREATE: got %q", got)
	}
	s.forget()
	if err := client.Destroy(t.Context(), lease.UUID, lease.Token); err != nil {
		t.Fatal(err)
	}
	s.until("2 client_closed")
	if got := s.happened(); !slices.Equal(got, []string{"3 connection", "1 client", "8 request", "6 destroyed_container", "2 client_closed"}) {
		t.Errorf("DESTROY: got %q", got)
	}
	s.forget()
	s.tell(`{"verb": "DANCE", "parameters": {}}`)
	s.until("2 client_closed")
	if got := s.happened(); !slices.Equal(got, []string{"3 connection", "1 client", "8 request", "12 unknown_verb", "2 client_closed"}) {
		t.Errorf("an unknown verb: got %q", got)
	}
	s.forget()
	s.tell(`{}`)
	s.until("2 client_closed")
	if got := s.happened(); !slices.Equal(got, []string{"3 connection", "1 client", "7 malformed_request", "2 client_closed"}) {
		t.Errorf("a malformed request: got %q", got)
	}
	s.forget()
	create(t, client)
	s.until("2 client_closed")
	s.forget()
	s.end()
	if got := s.happened(); !slices.Equal(got, []string{"6 destroyed_container", "11 stopped"}) {
		t.Errorf("stopping: got %q", got)
	}
}

func TestAllTwelveEventsAreThere(t *testing.T) {
	numbers := map[int]string{}
	for _, kind := range sealed.NewServer(&sealed.Config{}).Events() {
		if kind.Number > 0 {
			numbers[kind.Number] = kind.Name + "(" + strings.Join(kind.Parameters, ", ") + ")"
		}
	}
	for number, want := range map[int]string{
		1: "client(client)", 2: "client_closed(client)", 3: "connection(connection)",
		4: "created_container(client, container)", 5: "created_endpoint_shell(shell, container, client)",
		6: "destroyed_container(client, container)", 7: "malformed_request(client, errors)", 8: "request(client)",
		10: "started()", 11: "stopped()", 12: "unknown_verb(client)",
	} {
		if numbers[number] != want {
			t.Errorf("event %d is %s, not %s", number, numbers[number], want)
		}
	}
	if len(numbers) != 12 || !strings.HasPrefix(numbers[9], "runtime_error(thread, class, traceback, client") {
		t.Errorf("got %v", numbers)
	}
}

func TestAnEventCanBeAskedForByItsNumber(t *testing.T) {
	s := newService(t, false)
	s.until("10 started")
	var told []string
	for number := 1; number <= 12; number++ {
		if err := s.OnNumber(number, func(e kernel.Event) { told = append(told, e.Name) }); err != nil {
			t.Error(err)
		}
	}
	for _, number := range []int{0, -1, 13} {
		if err := s.OnNumber(number, func(kernel.Event) {}); err == nil {
			t.Errorf("there is an event %d", number)
		}
	}
	s.tell(`{"verb": "STAT", "parameters": {}}`)
	s.end()
	if want := []string{"connection", "client", "request", "client_closed", "stopped"}; !slices.Equal(told, want) {
		t.Errorf("got %q", told)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	s := newService(t, false, func(s *sealed.Server) {
		s.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	lease := create(t, s.client())
	if _, err := s.shell(lease, "a wrong password"); !errors.Is(err, sealed.ErrLogin) {
		t.Fatal(err)
	}
	shell, err := s.shell(lease, lease.Password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shell.Do(t.Context(), "create nome a-secret-value"); err != nil {
		t.Fatal(err)
	}
	shell.Close()
	s.tell(`{"verb": "dance", "parameters": {"secret": "step"}}`)
	if err := s.client().Destroy(t.Context(), lease.UUID, lease.Token); err != nil {
		t.Fatal(err)
	}
	s.end()
	for _, secret := range []string{lease.Token, lease.Password, lease.Username, "a wrong password", "a-secret-value", "step"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
	for _, event := range []string{"created container", "created endpoint shell", "destroyed container", "malformed request"} {
		if !strings.Contains(log.String(), event) {
			t.Errorf("%q is not in the log", event)
		}
	}
}

func TestTheMethodsOfItsOwnEventsHandOverWhatTheyAreAbout(t *testing.T) {
	s := newService(t, false)
	var told []string
	s.OnCreatedContainer(func(client *kernel.Conn, c *sealed.Container) {
		told = append(told, fmt.Sprintf("created %v %s", client != nil, c.UUID))
	})
	s.OnCreatedEndpointShell(func(shell *sealed.Shell, c *sealed.Container, client *kernel.Conn) {
		told = append(told, fmt.Sprintf("shell %v %s %d", client != nil, c.UUID, shell.Port()))
	})
	s.OnDestroyedContainer(func(client *kernel.Conn, c *sealed.Container) {
		told = append(told, fmt.Sprintf("destroyed %v %s", client != nil, c.UUID))
	})
	a, b := create(t, s.client()), create(t, s.client())
	if err := s.client().Destroy(t.Context(), a.UUID, a.Token); err != nil {
		t.Fatal(err)
	}
	s.end()
	want := []string{
		"created true " + a.UUID, fmt.Sprintf("shell true %s %d", a.UUID, a.Port),
		"created true " + b.UUID, fmt.Sprintf("shell true %s %d", b.UUID, b.Port),
		"destroyed true " + a.UUID, "destroyed false " + b.UUID,
	}
	if !slices.Equal(told, want) {
		t.Errorf("got\n%q, not\n%q", told, want)
	}
}

func TestACallbackThatClosesWhatItWasGivenEndsTheSessionAndUndoesIt(t *testing.T) {
	for name, register := range map[string]func(s *sealed.Server){
		"the raw socket": func(s *sealed.Server) { s.OnConnection(func(conn net.Conn) { conn.Close() }) },
		"the client":     func(s *sealed.Server) { s.OnClient(func(c *kernel.Conn) { c.Close() }) },
		"the client that asks": func(s *sealed.Server) {
			s.OnRequest(func(c *kernel.Conn) { c.Close() })
		},
		"the client of a container": func(s *sealed.Server) {
			s.OnCreatedContainer(func(c *kernel.Conn, _ *sealed.Container) { c.Close() })
		},
		"the client of a shell": func(s *sealed.Server) {
			s.OnCreatedEndpointShell(func(_ *sealed.Shell, _ *sealed.Container, c *kernel.Conn) { c.Close() })
		},
		"the shell": func(s *sealed.Server) {
			s.OnCreatedEndpointShell(func(shell *sealed.Shell, _ *sealed.Container, _ *kernel.Conn) { shell.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, false, register)
			if lease, err := s.client().Create(t.Context()); err == nil {
				t.Errorf("the request was answered: %+v", lease)
			}
			s.end()
			if left, known := s.Virtualization.All(), s.Database.Len(); len(left) != 0 || known != 0 {
				t.Errorf("%d containers and %d tokens are left", len(left), known)
			}
			if n := s.Statistics().RuntimeErrors; n != 0 {
				t.Errorf("%d runtime errors", n)
			}
		})
	}
}

func TestAPanicOfAHandlerIsAnInternalErrorAndHurtsNobody(t *testing.T) {
	s := newService(t, false, func(s *sealed.Server) {
		s.Handle("FALL", func(context.Context, *kernel.Conn, sealed.Request) (sealed.Answer, error) { panic("oops") })
		s.Handle("FAIL", func(context.Context, *kernel.Conn, sealed.Request) (sealed.Answer, error) {
			return sealed.Answer{}, errors.New("a secret of the server's")
		})
		s.Handle("ODD", func(context.Context, *kernel.Conn, sealed.Request) (sealed.Answer, error) {
			return sealed.Answer{Data: map[string]any{"no JSON": make(chan int)}}, nil
		})
		s.Handle("REFUSE", func(context.Context, *kernel.Conn, sealed.Request) (sealed.Answer, error) {
			return sealed.Answer{}, &sealed.Refusal{Message: sealed.MessageRefused, Reason: "not on Sundays"}
		})
	})
	var classes []string
	s.OnRuntimeError(func(e kernel.RuntimeError) {
		classes = append(classes, e.Class)
		if e.Client == nil || !strings.Contains(e.Traceback, "goroutine") || e.Thread == "" {
			t.Errorf("got %+v", e)
		}
	})
	for _, verb := range []string{"FALL", "FAIL", "ODD"} {
		if answer := s.tell(`{"verb": "` + verb + `", "parameters": {}}`); answer["message"] != "Internal error" || answer["success"] != false {
			t.Errorf("%s: got %v", verb, answer)
		}
	}
	if answer := s.tell(`{"verb": "REFUSE", "parameters": {}}`); answer["message"] != "Refused request (not on Sundays)" {
		t.Errorf("got %v", answer)
	}
	s.end()
	if len(classes) != 3 || classes[0] != "string" || s.Statistics().RuntimeErrors != 3 {
		t.Errorf("got %q", classes)
	}
}

func TestTheServerStopsStartsAgainAndForgetsItsContainers(t *testing.T) {
	s := newService(t, false)
	create(t, s.client())
	s.forget()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	s.until("10 started")
	if got := s.ListenAddr().String(); got != s.addr {
		t.Errorf("it listens on %s, and not on %s as before", got, s.addr)
	}
	if stat, err := s.client().Stat(t.Context()); err != nil || stat.Available != 8 {
		t.Errorf("STAT: %+v, %v", stat, err)
	}
	statistics := s.Statistics()
	if !statistics.Running || statistics.Verbs["CREATE"].Requests != 1 || statistics.Available != 8 {
		t.Errorf("got %+v", statistics)
	}
	text, err := json.Marshal(statistics)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"running":true`, `"uptime":`, `"runtime_errors":0`, `"available_containers":8`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	s.end()
	if s.Statistics().Running {
		t.Error("it says that it runs")
	}
}

func TestTheDefaultsAreThoseOfTheOriginal(t *testing.T) {
	s := sealed.NewServer(&sealed.Config{})
	if s.Addr != ":6150" || s.HandshakeTimeout != 10*time.Second || s.IdleTimeout != 10*time.Second || s.WriteTimeout != 10*time.Second {
		t.Errorf("got %q, %v, %v, %v", s.Addr, s.HandshakeTimeout, s.IdleTimeout, s.WriteTimeout)
	}
	if got := s.Verbs(); !slices.Equal(got, []string{"STAT", "CREATE", "DESTROY"}) {
		t.Errorf("got %q", got)
	}
}

func TestThePartsThatAreHandedInCanBeAskedFor(t *testing.T) {
	containers, credentials, pair := &sealed.Containers{Max: 1}, new(sealed.Credentials), key(t, "server")
	s := sealed.NewServer(&sealed.Config{Key: pair})
	s.Virtualization, s.Database = containers, credentials
	if s.Statistics().Available != 1 || s.Virtualization != sealed.Virtualization(containers) || s.Database != sealed.Database(credentials) || s.Config().Key != pair {
		t.Error("they are not those that were handed in")
	}
}

func TestNothingOfTheCredentialsIsKept(t *testing.T) {
	s := newService(t, false)
	lease := create(t, s.client())
	kept := fmt.Sprintf("%#v %#v", s.Database, s.Virtualization)
	for _, container := range s.Virtualization.All() {
		kept += fmt.Sprintf("%#v", container)
		if !container.Admits(lease.Username, lease.Password) || container.Admits(lease.Username, lease.Password+"x") || container.Admits("", "") {
			t.Error("the container admits the wrong people")
		}
	}
	for _, secret := range []string{lease.Token, lease.Password} {
		if strings.Contains(kept, secret) {
			t.Errorf("%q is kept", secret)
		}
	}
}

func image(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shell logs in to the shell of a container.
func (s *service) shell(lease sealed.Lease, password string) (*kvs.Client, error) {
	s.t.Helper()
	conn, err := sealed.Dialer(fmt.Sprintf("127.0.0.1:%d", lease.Port), s.clientConfig)(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return sealed.OpenShell(s.t.Context(), conn, lease.Username, password)
}

func TestEveryContainerIsASpaceOfItsOwnThatBeginsAsTheImageHasIt(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		loaded, err := sealed.OpenImage(image(t, "{\"key\": \"nome\", \"value\": \"ana\"}\n\n{\"key\": \"cor\", \"value\": \"azul\"}"))
		if err != nil {
			t.Fatal(err)
		}
		s := newService(t, authenticated, func(s *sealed.Server) { s.Image = loaded })
		a, b := create(t, s.client()), create(t, s.client())
		if a.ImageSHA256 != loaded.SHA256() || a.UUID == b.UUID || a.Token == b.Token || a.Password == b.Password || a.Port == b.Port {
			t.Errorf("got %+v and %+v", a, b)
		}
		one, err := s.shell(a, a.Password)
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
		other, err := s.shell(b, b.Password)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for _, step := range []struct {
			client          *kvs.Client
			request, answer string
		}{
			{one, "show", `{"cor": "azul", "nome": "ana"}`},
			{one, "update nome eva", "Ok"},
			{one, "read nome", "eva"},
			{other, "read nome", "ana"},
			{other, "exit", "Ok"},
		} {
			if answer, err := step.client.Do(t.Context(), step.request); answer != step.answer {
				t.Errorf("%s: got %q, %v", step.request, answer, err)
			}
		}
		if err := s.client().Destroy(t.Context(), a.UUID, a.Token); err != nil {
			t.Fatal(err)
		}
		if answer, err := one.Do(t.Context(), "read nome"); err == nil {
			t.Errorf("the shell of a container that was destroyed says %q", answer)
		}
	})
}

func TestAShellAsksThreeTimesAndAdmitsOnlyItsOwn(t *testing.T) {
	s := newService(t, false)
	a, b := create(t, s.client()), create(t, s.client())
	if _, err := s.shell(a, b.Password); !errors.Is(err, sealed.ErrLogin) {
		t.Errorf("the password of another container: %v", err)
	}
	wire, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", a.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	wire.SetDeadline(time.Now().Add(soon))
	conn := sealed.ClientEnd(wire, s.clientConfig)
	heard := ""
	for range 3 {
		for _, line := range []string{a.Username, "wrong"} {
			prompt, err := conn.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			heard += string(prompt)
			io.WriteString(conn, line+"\n")
		}
	}
	last, err := io.ReadAll(conn)
	want := strings.Repeat("Username: Password: Error: wrong username or password\n", 3)
	if heard += string(last); heard != want || err != nil {
		t.Errorf("got %q, %v", heard, err)
	}
}

func TestABadImageIsRefusedWithFileAndLine(t *testing.T) {
	for text, want := range map[string]struct {
		line int
		err  error
	}{
		"nothing":                               {1, sealed.ErrImageLine},
		"{}":                                    {1, sealed.ErrImageLine},
		`{"key": "nome"}`:                       {1, sealed.ErrImageLine},
		"\n\n[\"a\"]":                           {3, sealed.ErrImageLine},
		"{\"key\": \"a\xff\", \"value\": \"\"}": {1, sealed.ErrImageLine},
		`{"key": "a", "value": "b"} {}`:         {1, sealed.ErrImageLine},
		`{"key": "a", "value": "b", "c": "d"}`:  {1, sealed.ErrImageLine},
		`{"key": "a", "value": 1}`:              {1, sealed.ErrImageLine},
		"{\"key\": \"a\", \"value\": \"b\"}\n{\"key\": \"a\", \"value\": \"c\"}":                                           {2, sealed.ErrImageTwice},
		"{\"key\": \"a\", \"value\": \"b\"}\n{\"key\": \"" + strings.Repeat("k", store.MaxKey+1) + "\", \"value\": \"c\"}": {2, store.ErrTooLarge},
		strings.Repeat(" ", sealed.MaxImage+1):                                                                             {0, sealed.ErrImageSize},
	} {
		path := image(t, text)
		_, err := sealed.OpenImage(path)
		var failed *sealed.ImageError
		if !errors.As(err, &failed) || failed.Name != path || failed.Line != want.line || !errors.Is(err, want.err) {
			t.Errorf("%.80q: %v", text, err)
		}
	}
	if _, err := sealed.OpenImage(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// The key-value service runs on the channel as it is.
func TestTheKeyValueServiceRunsOnTheChannelUnchanged(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		clientConfig, serverConfig := configs(t, authenticated)
		server := &kernel.Server{
			Addr: "127.0.0.1:0", Handler: &kvs.Server{Store: new(store.Memory)},
			Wrap: func(l net.Listener) net.Listener { return sealed.NewListener(l, serverConfig) },
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			server.Stop()
			if err := server.Wait(); err != nil {
				t.Error(err)
			}
		}()
		conn, err := sealed.Dialer(server.ListenAddr().String(), clientConfig)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client := kvs.NewClient(conn)
		defer client.Close()
		long := strings.Repeat("x", 50_000)
		for batch := range 2 { // each is less than a message takes
			requests := []string{fmt.Sprintf("create longo%d %s", batch, long)}
			for i := range 15 {
				requests = append(requests, fmt.Sprintf("create k%d%02d %s", batch, i, long))
			}
			requests = append(requests, fmt.Sprintf("read longo%d", batch))
			answers, err := client.Pipeline(t.Context(), requests...)
			if err != nil || len(answers) != len(requests) || answers[len(answers)-1] != long {
				t.Fatalf("%d answers: %v", len(answers), err)
			}
		}
		// Longer than a message: it comes in several.
		values, err := client.Values(t.Context())
		if err != nil || len(values) != 32 {
			t.Errorf("%d values: %v", len(values), err)
		}
		if answer, err := client.Do(t.Context(), "exit"); answer != "Ok" {
			t.Errorf("exit: %q, %v", answer, err)
		}
	})
}
