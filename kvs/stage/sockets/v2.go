package sockets

import "strings"

// v2 has the first protocol: the server says a line, and then the client.
func (c *session) v2() error {
	if err := c.v1(); err != nil {
		return err
	}
	if err := c.tell(c.say.Say("sockets_greeting")); err != nil {
		return err
	}
	line, err := c.hear()
	if err != nil {
		return err
	}
	c.print("sockets_heard", "text", shown(line))
	return nil
}

// v2 waits for what the server says, answers, and returns what it was.
func (c *Client) v2(text string) (answer string, err error) {
	if strings.ContainsRune(text, '\n') {
		return "", misuse("sockets_usage_one_line")
	}
	greeting, err := c.greeted()
	if err != nil {
		return "", err
	}
	if err := c.tell(text); err != nil {
		return "", err
	}
	_, err = c.v1()
	return greeting, err
}
