package kvs

import (
	"strings"
)

// A redisCommand is a command of Redis, as COMMAND tells of it.
type redisCommand struct {
	name             string // "mset"
	arity            int    // words, the name among them; below 0, at least so many
	flags            string
	first, last, gap int // which words are keys
	group, since     string
	summary          string
	needs            Role // where there are roles
	run              func(s *redisSession, arguments [][]byte) error

	verb string // the name in capitals, under which it is counted
}

// redisCommands returns the commands that are understood in RESP.
func redisCommands() []*redisCommand {
	all := []*redisCommand{
		{name: "get", needs: Reader, arity: 2, flags: "readonly fast", first: 1, last: 1, gap: 1, group: "string", since: "1.0.0", summary: "Get the value of a key", run: (*redisSession).get},
		{name: "set", needs: Writer, arity: -3, flags: "write denyoom", first: 1, last: 1, gap: 1, group: "string", since: "1.0.0", summary: "Set the value of a key, and when it expires", run: (*redisSession).setPair},
		{name: "del", needs: Writer, arity: -2, flags: "write", first: 1, last: -1, gap: 1, group: "generic", since: "1.0.0", summary: "Delete keys", run: (*redisSession).del},
		{name: "exists", needs: Reader, arity: -2, flags: "readonly fast", first: 1, last: -1, gap: 1, group: "generic", since: "1.0.0", summary: "Count the keys that exist", run: (*redisSession).exists},
		{name: "incr", needs: Writer, arity: 2, flags: "write denyoom fast", first: 1, last: 1, gap: 1, group: "string", since: "1.0.0", summary: "Add one to the number that a key holds", run: (*redisSession).incr},
		{name: "expire", needs: Writer, arity: -3, flags: "write fast", first: 1, last: 1, gap: 1, group: "generic", since: "1.0.0", summary: "Set in how many seconds a key expires", run: (*redisSession).expire},
		{name: "ttl", needs: Reader, arity: 2, flags: "readonly fast", first: 1, last: 1, gap: 1, group: "generic", since: "1.0.0", summary: "Get in how many seconds a key expires", run: (*redisSession).ttl},
		{name: "keys", needs: Reader, arity: 2, flags: "readonly", group: "generic", since: "1.0.0", summary: "Find all keys that match a pattern", run: (*redisSession).keysLike},
		{name: "scan", needs: Reader, arity: -2, flags: "readonly", group: "generic", since: "2.8.0", summary: "Go through the keys in portions", run: (*redisSession).scan},
		{name: "dbsize", needs: Reader, arity: 1, flags: "readonly fast", group: "server", since: "1.0.0", summary: "Count the keys", run: (*redisSession).dbsize},
		{name: "mget", needs: Reader, arity: -2, flags: "readonly fast", first: 1, last: -1, gap: 1, group: "string", since: "1.0.0", summary: "Get the values of keys", run: (*redisSession).mget},
		{name: "mset", needs: Writer, arity: -3, flags: "write denyoom", first: 1, last: -1, gap: 2, group: "string", since: "1.0.1", summary: "Set keys to values, all at once", run: (*redisSession).mset},
		{name: "ping", needs: Reader, arity: -1, flags: "fast", group: "connection", since: "1.0.0", summary: "Ask whether the server is there", run: (*redisSession).ping},
		{name: "echo", needs: Reader, arity: 2, flags: "fast", group: "connection", since: "1.0.0", summary: "Get the words back", run: (*redisSession).echo},
		{name: "info", needs: Reader, arity: -1, group: "server", since: "1.0.0", summary: "Get the server's figures", run: (*redisSession).info},
		{name: "auth", needs: Anyone, arity: -2, flags: "fast no_auth", group: "connection", since: "1.0.0", summary: "Say who the client is", run: (*redisSession).auth},
		{name: "hello", needs: Anyone, arity: -1, flags: "fast no_auth", group: "connection", since: "6.0.0", summary: "Agree on the version of the protocol", run: (*redisSession).hello},
		{name: "command", needs: Reader, arity: -1, group: "server", since: "2.8.13", summary: "Get what the server knows of its commands", run: (*redisSession).command},
		{name: "client", needs: Reader, arity: -2, group: "connection", since: "2.4.0", summary: "Name the connection, and ask about it", run: (*redisSession).client},
		{name: "select", needs: Reader, arity: 2, flags: "fast", group: "connection", since: "1.0.0", summary: "Choose the database, of which there is one: 0", run: (*redisSession).selectDatabase},
		{name: "quit", needs: Anyone, arity: -1, flags: "fast no_auth", group: "connection", since: "1.0.0", summary: "Close the connection", run: (*redisSession).quit},
	}
	for _, command := range all {
		command.verb = strings.ToUpper(command.name)
	}
	return all
}

// redisTable is the commands in their order, and by their names in capitals.
type redisTable struct {
	all    []*redisCommand
	byVerb map[string]*redisCommand
}

func newRedisTable() redisTable {
	t := redisTable{all: redisCommands(), byVerb: map[string]*redisCommand{}}
	for _, command := range t.all {
		t.byVerb[command.verb] = command
	}
	return t
}

// find finds a command by its name in capitals or small letters.
func (t *redisTable) find(verb []byte) *redisCommand {
	var capitals [len("COMMAND")]byte
	if len(verb) > len(capitals) {
		return nil
	}
	for i, c := range verb {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		capitals[i] = c
	}
	return t.byVerb[string(capitals[:len(verb)])]
}

// command answers COMMAND and its subcommands, which redis-cli and libraries ask for.
func (s *redisSession) command(arguments [][]byte) error {
	if len(arguments) == 0 {
		s.array(len(s.server.table.all))
		for _, command := range s.server.table.all {
			s.describe(command)
		}
		return nil
	}
	verb, rest := strings.ToLower(string(arguments[0])), arguments[1:]
	if (verb == "count" || verb == "list" || verb == "help") && len(rest) > 0 {
		return wrongArity("command|" + verb)
	}
	switch verb {
	case "count":
		s.integer(int64(len(s.server.table.all)))
	case "list":
		s.array(len(s.server.table.all))
		for _, command := range s.server.table.all {
			s.text(command.name)
		}
	case "info":
		s.describeAll(rest)
	case "docs":
		s.document(rest)
	case "help":
		s.help("COMMAND",
			"(no subcommand)", "    Return details about all commands.",
			"COUNT", "    Return the number of commands.",
			"DOCS [<command-name> ...]", "    Return what the commands do.",
			"INFO [<command-name> ...]", "    Return details about the commands.",
			"LIST", "    Return the names of the commands.")
	default:
		return unknownSubcommand("COMMAND", arguments[0])
	}
	return nil
}

func (s *redisSession) describeAll(names [][]byte) {
	if len(names) == 0 {
		s.command(nil)
		return
	}
	s.array(len(names))
	for _, name := range names {
		if command := s.server.table.find(name); command != nil {
			s.describe(command)
		} else {
			s.null()
		}
	}
}

// describe appends the ten things that Redis says of a command.
func (s *redisSession) describe(command *redisCommand) {
	s.array(10)
	s.text(command.name)
	s.integer(int64(command.arity))
	flags := strings.Fields(command.flags)
	s.set(len(flags))
	for _, flag := range flags {
		s.status(flag)
	}
	s.integer(int64(command.first))
	s.integer(int64(command.last))
	s.integer(int64(command.gap))
	s.set(0)   // categories for access lists, which there are not
	s.array(0) // tips
	s.array(0) // specifications of keys
	s.array(0) // subcommands
}

func (s *redisSession) document(names [][]byte) {
	wanted := s.server.table.all
	if len(names) > 0 {
		wanted = nil
		for _, name := range names {
			if command := s.server.table.find(name); command != nil {
				wanted = append(wanted, command)
			}
		}
	}
	s.mapping(len(wanted))
	for _, command := range wanted {
		s.text(command.name)
		s.mapping(3)
		for _, pair := range [][2]string{{"summary", command.summary}, {"since", command.since}, {"group", command.group}} {
			s.text(pair[0])
			s.text(pair[1])
		}
	}
}
