"""A client for the key-value server: client.py HOST PORT CA

Writes random pairs of bytes, reads them back, and fails on a difference."""
import json, os, re, socket, ssl, sys

NAMED = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}

def quote(word):
    return b'"' + b"".join(b"\\x%02x" % byte for byte in word) + b'"'

def unquote(word):
    def meant(m):
        return bytes.fromhex(m[2].decode()) if m[2] else NAMED.get(m[1], m[1])
    return re.sub(rb"\\(x(..)|.)", meant, word[1:-1]) if word[:1] == b'"' else word

host, port, ca = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
raw = socket.create_connection((host, int(port)))
with tls.wrap_socket(raw, server_hostname=host, suppress_ragged_eofs=False) as conn:  # an end without close_notify is an error
    lines = conn.makefile("rwb")
    def ask(*words):
        lines.write(b" ".join(words) + b"\n")
        lines.flush()
        return lines.readline().rstrip(b"\n")
    pairs = {os.urandom(12): os.urandom(i) for i in range(100)}
    good = all([ask(b"create", quote(k), quote(v)) == b"Ok" for k, v in pairs.items()])
    good &= all([unquote(ask(b"read", quote(k))) == v for k, v in pairs.items()])
    shown = json.loads(ask(b"show")).items()  # a byte that is not UTF-8 is a lone surrogate
    raw = {k.encode("utf-8", "surrogateescape"): v.encode("utf-8", "surrogateescape") for k, v in shown}
    good &= pairs.items() <= raw.items() and ask(b"exit") == b"Ok" and lines.readline() == b""
sys.exit(0 if good else "what was read is not what was written")
