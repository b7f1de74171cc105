package report_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

func rowsOf(t *testing.T, s *inspect.Session) (rows []map[string]string) {
	t.Helper()
	var out bytes.Buffer
	if err := report.CSV(&out, s); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all[0], report.Columns()) {
		t.Errorf("the columns are called %q", all[0])
	}
	for _, cells := range all[1:] {
		row := make(map[string]string)
		for i, cell := range cells {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func TestEachRecordIsARowOfTheTable(t *testing.T) {
	rows := rowsOf(t, inspect.NewSession(recordingOf(load(t, "tampered")...)))
	if len(rows) != 16 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, want := range map[int]map[string]string{
		0:  {"row": "1", "dir": "client", "lane": "sent", "type": "handshake", "version": "0x0301", "length": "271", "encrypted": "false", "holds": "client_hello", "tls_seq": "", "text": ""},
		10: {"row": "11", "text": `create nome ana\n`, "epoch": "application", "tls_seq": "0", "decrypted": "true"},
		11: {"row": "12", "lane": "received", "verdict": "altered", "decrypted": "false", "why": "the tag does not verify", "holds": "", "text": ""},
	} {
		for column, cell := range want {
			if got := rows[i][column]; got != cell {
				t.Errorf("row %d, %s: got %q, want %q", i+1, column, got, cell)
			}
		}
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"} {
		for _, row := range rowsOf(t, inspect.NewSession(recordingOf(hostileEvents(evil)...))) {
			for column, cell := range row {
				if cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0 {
					t.Errorf("%q: %s begins like a formula: %q", evil, column, cell)
				}
			}
		}
	}
	rows := rowsOf(t, inspect.NewSession(recordingOf(hostileEvents("=1+1")...)))
	if got, want := rows[0]["text"], `'=1+1\n`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
