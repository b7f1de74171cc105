package kvs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"example.com/tlslab/kvs/store"
)

// The commands of Redis that are about the connection and the server.

func (s *redisSession) ping(arguments [][]byte) error {
	switch len(arguments) {
	case 0:
		s.status("PONG")
	case 1:
		s.bulk(arguments[0])
	default:
		return wrongArity("ping")
	}
	return nil
}

func (s *redisSession) echo(arguments [][]byte) error {
	s.bulk(arguments[0])
	return nil
}

func (s *redisSession) quit([][]byte) error {
	s.status("OK")
	s.done = true
	return nil
}

// selectDatabase knows one database, 0.
func (s *redisSession) selectDatabase(arguments [][]byte) error {
	n, ok := parseInteger(arguments[0])
	switch {
	case !ok:
		return errNotInteger
	case n != 0:
		return errIndex
	}
	s.status("OK")
	return nil
}

var errPassword = &redisError{text: "WRONGPASS invalid username-password pair or user is disabled."}

// auth takes a token, behind the name that it stands for if that is said. Where nobody needs one it answers as a server does
// on which no password is set: its one user, default, needs none.
func (s *redisSession) auth(arguments [][]byte) error {
	if len(arguments) > 2 {
		return errSyntax
	}
	name := ""
	if len(arguments) == 2 {
		name = string(arguments[0])
	}
	switch err := s.logIn(name, arguments[len(arguments)-1]); {
	case errors.Is(err, errNoTokens) && len(arguments) == 1:
		return &redisError{text: "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"}
	case errors.Is(err, errNoTokens) && name != defaultUser:
		return errPassword
	case err != nil && !errors.Is(err, errNoTokens):
		return err
	}
	s.status("OK")
	return nil
}

func (s *redisSession) logIn(name string, secret []byte) error {
	err := s.guest.authenticate(name, secret)
	if errors.Is(err, errWrongToken) || errors.Is(err, errTokensOff) {
		return errPassword
	}
	return err
}

func (s *redisSession) hello(arguments [][]byte) error {
	version, name := s.version, s.name
	var credentials [][]byte
	if len(arguments) > 0 {
		n, ok := parseInteger(arguments[0])
		switch {
		case !ok:
			return &redisError{text: "ERR Protocol version is not an integer or out of range"}
		case n != 2 && n != 3:
			return &redisError{text: "NOPROTO unsupported protocol version"}
		}
		version = int(n)
		for rest := arguments[1:]; len(rest) > 0; {
			switch option := strings.ToUpper(string(rest[0])); {
			case option == "AUTH" && len(rest) >= 3:
				credentials = rest[1:3]
				rest = rest[3:]
			case option == "SETNAME" && len(rest) >= 2:
				if !isName(rest[1]) {
					return errName
				}
				name = string(rest[1])
				rest = rest[2:]
			default:
				return &redisError{text: fmt.Sprintf("ERR Syntax error in HELLO option '%s'", shown(rest[0]))}
			}
		}
	}
	if err := s.mayGreet(credentials); err != nil {
		return err
	}
	s.version, s.name = version, name
	s.mapping(7)
	for _, pair := range [][2]string{{"server", "redis"}, {"version", redisLevel}} {
		s.text(pair[0])
		s.text(pair[1])
	}
	s.text("proto")
	s.integer(int64(version))
	s.text("id")
	s.integer(s.conn.ID)
	for _, pair := range [][2]string{{"mode", "standalone"}, {"role", "master"}} {
		s.text(pair[0])
		s.text(pair[1])
	}
	s.text("modules")
	s.array(0)
	return nil
}

// mayGreet has HELLO answered to those who say who they are, or have a role already.
func (s *redisSession) mayGreet(credentials [][]byte) error {
	if credentials == nil {
		return s.guest.may("hello", Reader)
	}
	name := string(credentials[0])
	switch err := s.logIn(name, credentials[1]); {
	case errors.Is(err, errNoTokens) && name == defaultUser:
		return nil
	case errors.Is(err, errNoTokens):
		return errPassword
	default:
		return err
	}
}

var errName = &redisError{text: "ERR Client names cannot contain spaces, newlines or special characters."}

// isName reports whether all bytes can be seen, and none is a space.
func isName(name []byte) bool {
	for _, c := range name {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func (s *redisSession) client(arguments [][]byte) error {
	verb, rest := strings.ToLower(string(arguments[0])), arguments[1:]
	want := map[string]int{"id": 0, "getname": 0, "setname": 1, "setinfo": 2, "info": 0, "help": 0}
	n, known := want[verb]
	switch {
	case !known:
		return unknownSubcommand("CLIENT", arguments[0])
	case n != len(rest):
		return wrongArity("client|" + verb)
	}
	switch verb {
	case "id":
		s.integer(s.conn.ID)
	case "getname":
		if s.name == "" {
			s.null()
		} else {
			s.text(s.name)
		}
	case "setname":
		if !isName(rest[0]) {
			return errName
		}
		s.name = string(rest[0])
		s.status("OK")
	case "setinfo":
		return s.setInfo(rest[0], rest[1])
	case "info":
		s.verbatim(fmt.Sprintf("id=%d addr=%s laddr=%s name=%s db=0 user=%s resp=%d lib-name=%s lib-ver=%s\n",
			s.conn.ID, s.conn.RemoteAddr(), s.conn.LocalAddr(), s.name, s.user(), s.version, s.library, s.level))
	case "help":
		s.help("CLIENT",
			"GETNAME", "    Return the name of the current connection.",
			"ID", "    Return the ID of the current connection.",
			"INFO", "    Return information about the current connection.",
			"SETINFO <lib-name|lib-ver> <value>", "    Say which library, of which version, the current connection is from.",
			"SETNAME <name>", "    Give the current connection a name.")
	}
	return nil
}

// user is who the client is, as a word that can be seen.
func (s *redisSession) user() string {
	if s.guest.who.Name == "" {
		return defaultUser
	}
	return strings.ReplaceAll(escape([]byte(s.guest.who.Name), true), " ", `\x20`)
}

func (s *redisSession) setInfo(what, value []byte) error {
	name := strings.ToLower(string(what))
	field := map[string]*string{"lib-name": &s.library, "lib-ver": &s.level}[name]
	switch {
	case field == nil:
		return &redisError{text: fmt.Sprintf("ERR Unrecognized option '%s'", shown(what))}
	case !isName(value):
		return &redisError{text: "ERR " + name + " cannot contain spaces, newlines or special characters."}
	}
	*field = string(value)
	s.status("OK")
	return nil
}

func unknownSubcommand(command string, verb []byte) error {
	return &redisError{text: fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", shown(verb), command)}
}

func (s *redisSession) help(command string, lines ...string) {
	s.array(len(lines) + 3)
	s.status(command + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range append(lines, "HELP", "    Print this help.") {
		s.status(line)
	}
}

// info has the sections that are asked for, or all.
func (s *redisSession) info(arguments [][]byte) error {
	wanted := func(section string) bool {
		for _, word := range arguments {
			switch name := strings.ToLower(string(word)); name {
			case section, "all", "default", "everything":
				return true
			}
		}
		return len(arguments) == 0
	}
	pairs := 0
	err := s.view(func(r store.Reader) error {
		pairs = r.Len()
		return nil
	})
	if err != nil {
		return err
	}
	counts := s.conn.Server().Statistics()
	var requests int64
	for _, verb := range counts.Verbs {
		requests += verb.Requests
	}
	sections := []struct {
		name  string
		lines []string
	}{
		{"Server", []string{
			"redis_version:" + redisLevel, "server_name:tlslab", "redis_mode:standalone", "os:" + runtime.GOOS, "arch_bits:" + strconv.Itoa(strconv.IntSize),
			fmt.Sprint("process_id:", os.Getpid()), fmt.Sprint("uptime_in_seconds:", counts.Uptime), fmt.Sprint("uptime_in_days:", counts.Uptime/(24*60*60)),
		}},
		{"Clients", []string{fmt.Sprint("connected_clients:", counts.Open)}},
		{"Stats", []string{
			fmt.Sprint("total_connections_received:", counts.Total), fmt.Sprint("total_commands_processed:", requests),
			fmt.Sprint("total_net_input_bytes:", counts.BytesIn), fmt.Sprint("total_net_output_bytes:", counts.BytesOut),
			fmt.Sprint("rejected_connections:", counts.Refused),
		}},
		{"Replication", []string{"role:master", "connected_slaves:0"}},
		{"Keyspace", []string{fmt.Sprint("db0:keys=", pairs)}},
	}
	var b strings.Builder
	for _, section := range sections {
		if !wanted(strings.ToLower(section.name)) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + section.name + "\r\n" + strings.Join(section.lines, "\r\n") + "\r\n")
	}
	s.verbatim(b.String())
	return nil
}
