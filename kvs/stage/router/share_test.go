package router_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/tlslab/kvs/stage/router"
)

func TestNothingOutsideTheFolderIsEverGiven(t *testing.T) {
	folder := shared(t, map[string]string{
		"open.txt": "open", ".hidden": secret, "with space.txt": "open", "ação.txt": "open",
	})
	if err := os.Mkdir(filepath.Join(folder, "deeper"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "deeper", "inside.txt"), secret)
	for name, target := range map[string]string{
		"link.txt": "../secret.txt", "inner.txt": "open.txt", "folder": "..", "loop": "loop", "absolute.txt": filepath.Join(filepath.Dir(folder), "secret.txt"),
	} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	odd := []string{`back\slash`, "NUL", "com1.txt", "a:b", "line\nend", "\u202egpj.exe", "bad\xff", "dot.", "space ", "what?", "\u200b"}
	if runtime.GOOS != "windows" {
		for _, name := range odd {
			write(t, filepath.Join(folder, name), secret)
		}
	}
	client := dialRaw(t, serving(t, newServer(t, folder)))
	token := client.login("ana-pc")
	hashes, _ := client.ask(`{"url":"/get_hashes","token":%q}`, token)["hashes"].(map[string]any)
	if len(hashes) != 3 || hashes["open.txt"] == nil || hashes["with space.txt"] == nil || hashes["ação.txt"] == nil {
		t.Errorf("listed: %v", hashes)
	}
	names := append(odd,
		"../secret.txt", "..", ".", "", "/etc/passwd", filepath.Join(filepath.Dir(folder), "secret.txt"), "deeper/inside.txt", "deeper", "./open.txt", "open.txt/", "/open.txt",
		"shared/../open.txt", "folder/secret.txt", "link.txt", "inner.txt", "loop", "absolute.txt", "folder", ".hidden", "open.txt\x00", "open.txt\x00.jpg", "\x00",
		`..\secret.txt`, `C:\Windows\win.ini`, `\\server\share\file`, `\\?\C:\x`, "open.txt::$DATA", "open.txt.", "open.txt ", "OPEN~1.TXT", "CON", "aux.txt", "LPT1", "//open.txt",
		"~/.ssh/id_ed25519", "%2e%2e%2fsecret.txt", "..\u2215secret.txt", "file:///etc/passwd", strings.Repeat("a", 300), strings.Repeat("../", 2000)+"etc/passwd",
	)
	for _, name := range names {
		client.refused(400, "no_file", `{"url":"/get_file_data","token":%q,"name":%s}`, token, jsonText(name))
	}
	for name := range hashes {
		if answer := client.ask(`{"url":"/get_file_data","token":%q,"name":%q}`, token, name); answer["data"] != "b3Blbg==" {
			t.Errorf("%s: %v", name, answer)
		}
	}
}

func TestAFileThatIsTooLargeIsNotGivenAndIsNamed(t *testing.T) {
	server := newServer(t, shared(t, map[string]string{"just": strings.Repeat("x", 100), "larger": strings.Repeat("x", 101)}))
	server.MaxFile = 100
	client := dialRaw(t, serving(t, server))
	token := client.login("ana-pc")
	answer := client.ask(`{"url":"/get_hashes","token":%q}`, token)
	hashes, _ := answer["hashes"].(map[string]any)
	left, _ := answer["left_out"].([]any)
	if len(hashes) != 1 || hashes["just"] == nil || len(left) != 1 || left[0] != "larger" {
		t.Errorf("%v", answer)
	}
	if answer := client.ask(`{"url":"/get_file_data","token":%q,"name":"just"}`, token); answer["code"] != 200.0 {
		t.Errorf("%v", answer)
	}
	client.refused(400, "too_large", `{"url":"/get_file_data","token":%q,"name":"larger"}`, token)
}

func TestAFolderOfTooManyEntriesIsAFaultOfTheServers(t *testing.T) {
	folder := shared(t, nil)
	for i := range router.MaxEntries {
		write(t, filepath.Join(folder, "f"+strings.Repeat("x", i%100)+string(rune('a'+i/100))), "")
	}
	client := dialRaw(t, serving(t, newServer(t, folder)))
	token := client.login("ana-pc")
	if hashes, _ := client.ask(`{"url":"/get_hashes","token":%q}`, token)["hashes"].(map[string]any); len(hashes) != router.MaxEntries {
		t.Errorf("%d files", len(hashes))
	}
	write(t, filepath.Join(folder, "one more"), "")
	client.refused(500, "internal", `{"url":"/get_hashes","token":%q}`, token)
	client.refused(500, "internal", `{"url":"/get_file_data","name":"one more","token":%q}`, token)
}

func TestAFileThatIsMadeWhileTheServerRunsIsGiven(t *testing.T) {
	folder := shared(t, nil)
	client := dialRaw(t, serving(t, newServer(t, folder)))
	token := client.login("ana-pc")
	client.refused(400, "no_file", `{"url":"/get_file_data","name":"new","token":%q}`, token)
	write(t, filepath.Join(folder, "new"), "Olá!\n")
	if answer := client.ask(`{"url":"/get_file_data","name":"new","token":%q}`, token); answer["data"] != "T2zDoSEK" {
		t.Errorf("%v", answer)
	}
}

func TestPlainNames(t *testing.T) {
	for name, plain := range map[string]bool{
		"a": true, "notes.txt": true, "ação.txt": true, "a b": true, "console": true, "nullo.txt": true, "com10": true, "日本.txt": true, "a..b": true,
		"": false, "..": false, ".a": false, "a/b": false, `a\b`: false, "a\x00": false, "nul": false, "Nul.tar.gz": false, "con .txt": false, "COM¹": false, "conin$": false,
		"a.": false, "a ": false, "a:b": false, "a\u200b": false, "a\u0085": false, "\xff": false, strings.Repeat("é", 128): false, strings.Repeat("é", 127): true,
	} {
		if router.IsPlain(name) != plain {
			t.Errorf("%q: plain is %v", name, !plain)
		}
	}
}
