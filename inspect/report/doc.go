// Package report tells a session: as JSON lines, as text for a reader, a
// screen reader, a log or a pipe, as one HTML page for a browser or paper ([HTML]), as a table ([CSV]).
//
// All are functions of the recording alone: no clock is read, and the same
// recording gives the same bytes. A [Writer] prints a session while it grows,
// each item as soon as it, and every item before it, is decided. A [Text]
// also tells single items: a sentence, the bytes, the fields.
//
// Nothing that was captured is printed unescaped. JSON lines are ASCII alone;
// text has no control character but the line feed, and in a page it is text and no markup.
package report
