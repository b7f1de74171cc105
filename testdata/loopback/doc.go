// Package loopback lets a test listen on one address of this computer again and again, as a server does that is restarted.
// With a port that was free a moment ago, another test may have got it by then.
package loopback
