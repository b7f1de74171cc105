package inspect

// UpdatedSchedule is the key schedule of a connection whose client and server
// have updated their keys so often.
func UpdatedSchedule(updates ...int) []Value {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	for side, name := range []string{"CLIENT", "SERVER"} {
		s.log(name+"_HANDSHAKE_TRAFFIC_SECRET", Side(side), true)
		s.sealed(Side(side), Handshake, message(typeFinished, 1))
		s.log(name+"_TRAFFIC_SECRET_0", Side(side), true)
		for range updates[side] {
			s.sealed(Side(side), Handshake, message(typeKeyUpdate, 0))
			s.keys[side], s.seq[side] = s.keys[side].update(), 0
			s.sealed(Side(side), ApplicationData, []byte("more"))
		}
	}
	return NewSession(s.rec).Connections()[0].View(Client).Schedule()
}
