package sockets

import "io"

// v1 says on the screen that a client has connected. Nothing crosses the wire but the
// connection's beginning and end.
func (c *session) v1() error {
	c.print("sockets_connected", "addr", c.conn.RemoteAddr())
	return nil
}

// v1 waits until the server has closed the connection.
func (c *Client) v1() (answer string, err error) {
	_, err = io.Copy(io.Discard, c.conn)
	return "", err
}
