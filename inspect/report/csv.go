package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// Columns are the names of the columns that [CSV] writes, in order. The manual says what each holds.
func Columns() []string {
	return []string{
		"row", "conn", "time", "protocol", "dir", "lane", "verdict", "type", "version", "length", "epoch", "tls_seq",
		"encrypted", "decrypted", "why", "holds", "text",
	}
}

// CSV writes the records of a session, which it ends, as comma-separated values
// (RFC 4180): the names of the columns, then a row for each record or unit that has a row of the streams. Values
// are in English, as those of the JSON lines; there are no bytes, secrets or keys among them, but clear text.
//
// A spreadsheet takes a cell that begins with =, +, - or @ for a formula, and
// would compute what a stranger sent. Such a cell begins with an apostrophe.
func CSV(out io.Writer, s *inspect.Session) error {
	s.End()
	w := csv.NewWriter(out)
	w.UseCRLF = true
	if err := w.Write(Columns()); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	row := 0
	for _, item := range s.Items() {
		if !item.HasRow() {
			continue
		}
		if row++; item.Kind != inspect.RecordItem {
			continue
		}
		if err := w.Write(cells(s, item, row)); err != nil {
			return fmt.Errorf("writing CSV: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// cells are what stands in the columns for a record.
func cells(s *inspect.Session, item inspect.Item, row int) []string {
	r, text := item.Record, Text{}
	c := s.Connections()[item.Conn]
	version, epoch, sequence, why, holds, said, verdict := "", "", "", "", "", "", ""
	switch {
	case wasDropped(item):
	case r.TLS():
		if v, _ := header(r); v != nil {
			version = fmt.Sprintf("0x%04x", r.Version)
		}
		epoch, why = r.Epoch.String(), r.Reason().String()
		if r.Encrypted && r.DecidedAt >= 0 {
			sequence = strconv.FormatUint(r.TLSSeq, 10)
		}
		if r.DecidedAt >= 0 && (r.Decrypted || !r.Encrypted) {
			holds = text.holds(r)
		}
	default:
		holds, why = r.Summary(), r.Reason().String()
	}
	if item.Lane == inspect.Received {
		verdict = r.Verdict.String()
	}
	if b := r.Plaintext(); r.Text() && !wasDropped(item) {
		const most = 1 << 10
		said = inspect.SafeBytes(b[:min(len(b), most)])
	}
	when := ""
	if isKnown(r.Time) {
		when = r.Time.UTC().Format(time.RFC3339Nano)
	}
	side := item.Side.String()
	if c.Opening.SenderUnknown {
		side = "unknown"
	}
	line := []string{
		strconv.Itoa(row), strconv.Itoa(item.Conn), when, inspect.Safe(cmp.Or(c.Opening.Protocol, inspect.ProtocolTLS)), side, item.Lane.String(),
		verdict, r.Name(), version, strconv.Itoa(recordSize(r)), epoch, sequence,
		strconv.FormatBool(r.Encrypted), strconv.FormatBool(r.Decrypted), why, holds, said,
	}
	for i := range line {
		line[i] = guarded(inspect.SafeOnce(line[i]))
	}
	return line
}

// guarded keeps a spreadsheet from computing a cell.
func guarded(cell string) string {
	if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}
