// Package router is the JSON router: a server that gives out the files of a folder to who has logged in. It
// is a stage of the course, about addresses and tokens: what it says crosses in clear.
//
// # The protocol
//
// A client sends packages and the server answers each with one. A package is a JSON object (RFC 8259) in UTF-8. They follow one
// another with nothing between them, or space: one ends where its last bracket closes, which anyone can
// tell without understanding it. A request has a url, an answer a code:
//
//	{"url":"/login","hostname":"ana-pc"}
//	{"code":200,"token":"5f70…"}
//	{"url":"/get_hashes","token":"5f70…"}
//	{"code":200,"hashes":{"notes.txt":"e3b0…"}}
//	{"url":"/get_file_data","name":"notes.txt","token":"5f70…"}
//	{"code":200,"data":"…","name":"notes.txt"}
//	{"url":"/elsewhere"}
//	{"code":400,"message":"there is no such url…","reason":"wrong_url"}
//
// The codes are 200; 400, for an error in the package; and 500, for an error on the side of the server. With the
// latter two stand a reason, for programs, and a message, for people. The data of a file is in Base64. Files that
// are too large to be given out, or cannot be read, are named as left_out beside the hashes.
//
// A request has at most as many bytes as MaxRequest of the kernel says, and [MaxDepth] levels. A name
// must not stand twice in it. What is no object, has too many bytes, no end, or comes too slowly, is answered with
// 400 and ends the connection, since nobody can tell where the next request begins; whatever else is wrong with one leaves the
// next as it is.
//
// # One at a time
//
// The server serves one client at a time, as the original did. Others can connect, and then wait, in the order in which they came,
// until it has left: [Server.OnWaiting] tells of them. Silence and slow requests are bounded, but a client that goes on asking is served for
// as long as it likes, and the others wait: that is what a server that serves many at once mends, as version 5 of the sockets course.
//
// # The token
//
// Who logs in is given a token, which is asked for before any other url: the SHA-256, in hex, of a JSON text of the client's
// ip, its hostname and the time of the server ([Claim] says how it is written), and of 32 random bytes. It is good for
// the ip that it was given to, and for an hour. It is compared with every token that is good, each time in the
// same time. A wrong one stops the request.
//
// All of that does not help against who listens: the token crosses in clear and is a password for whoever sees it, also
// from another connection. Nor would it help to encrypt what follows with the token, as the original meant to: its key would
// have crossed in clear in the answer to /login. The ip keeps out only who cannot speak from it, which who sits on the path, or shares
// the address, can. And anyone is given a token: nothing is asked of who logs in.
//
// # Where it comes from, and what is different
//
// It is a server in Python by Konstantin-create, with packages, urls, codes, token and single thread as above. Changed are:
//
//   - The token had nothing in it that could not be guessed. The random bytes were added.
//   - A wrong token was answered with an error, and then with the data all the same. It stops the request.
//   - Nothing was said of how long a token is good, and for whom. It ends, and is good for one ip.
//   - Where a package ends was not said, nor the serialisation of what is hashed; the example of a token in its text fits none that was tried. Both are said here.
//   - reason and message are new, and left_out: a refusal says what was wrong.
//   - It meant to encrypt everything with the token, and did not. Neither does this one: see above.
//
// [Server.Flawed] brings the first two faults back, to be looked at, and has every answer say so.
//
// The client keeps its token in the file TOKEN of a folder that it is given (app/data/connection there), which only the user may read. What the
// server gives out are files of one folder: its regular files with a plain name ([IsPlain]), up to a bounded size and number, no links, and
// nothing deeper or elsewhere.
package router
