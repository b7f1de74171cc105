package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
)

const soundLesson = "# Sound\nminutes: 5\n\nWords.\n\n```script\nopen kv plain\ndo create nome ana\nexpect answer Ok\n```\n"

// lessonFolder makes a folder of lessons.
func lessonFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// checkOf is tlslab lesson check for somebody who reads a language; what it says comes to the function.
func checkOf(t *testing.T, lang string) (run *checkRun, said func() string) {
	t.Helper()
	p := speaker(lang)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	p.out, p.err, p.in = out, out, out
	return &checkRun{program: p, lang: newChoice("all", docs.English, docs.Portuguese)}, func() string {
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestBothLanguagesOfAFolderHaveTheSameLessons(t *testing.T) {
	folder := lessonFolder(t, map[string]string{"en/01-a.md": soundLesson, "en/02-b.md": soundLesson, "pt-BR/02-b.md": soundLesson, "pt-BR/03-c.md": soundLesson})
	for lang, missing := range map[string]string{docs.English: ": there is no ", docs.Portuguese: ": não há "} {
		run, said := checkOf(t, lang)
		if err := run.start(t.Context(), []string{folder}); err == nil {
			t.Error("nothing is wrong")
		}
		for file, twin := range map[string]string{"en/01-a.md": "pt-BR/01-a.md", "pt-BR/03-c.md": "en/03-c.md"} {
			if want := filepath.Join(folder, filepath.FromSlash(file)) + missing + filepath.Join(folder, filepath.FromSlash(twin)); !strings.Contains(said(), want) {
				t.Errorf("%s: it is not said that %s: %s", lang, want, said())
			}
		}
		if strings.Count(said(), missing) != 2 {
			t.Errorf("%s: %s", lang, said())
		}
	}
	alone := lessonFolder(t, map[string]string{"en/01-a.md": soundLesson})
	run, said := checkOf(t, docs.English)
	if err := run.start(t.Context(), []string{alone}); err != nil {
		t.Errorf("a folder with one language: %v\n%s", err, said())
	}
}

func TestOneBrokenLessonDoesNotHideTheFaultsOfOthers(t *testing.T) {
	folder := lessonFolder(t, map[string]string{
		"01-no-session.md": strings.Replace(soundLesson, "open kv plain\n", "", 1),
		"02-no-end.md":     strings.TrimSuffix(soundLesson, "```\n"),
		"03-false.md":      strings.Replace(soundLesson, "answer Ok", "answer No", 1),
		"04-literal.md":    soundLesson + "\nIt has {{seven = 7}} of them.\n",
		"05-sound.md":      soundLesson,
	})
	run, said := checkOf(t, docs.English)
	synctest.Test(t, func(t *testing.T) {
		if err := run.start(t.Context(), []string{folder}); err == nil {
			t.Error("nothing is wrong")
		}
	})
	for _, want := range []string{
		"01-no-session.md:7: do create nome ana: no session is open",
		"02-no-end.md:6: ```script: the script of line 6 has no end",
		"03-false.md:9: expect answer No: seen: ",
		"04-literal.md:12: {{seven = 7}}: nothing in it comes from the session",
		"05-sound.md: true",
	} {
		if !strings.Contains(said(), want) {
			t.Errorf("it is not said that %s:\n%s", want, said())
		}
	}
	err := run.guarded(func() error { panic("out of order") })
	if err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("where the program fails: %v", err)
	}
}

func TestWhatIsWrongIsToldInTheReadersLanguage(t *testing.T) {
	files := make(map[string]string)
	wants := map[string][2]string{
		"open teapot":                     {`"teapot" is no stage; there are upper`, `"teapot" não é uma etapa; há upper`},
		"open kv ham":                     {`"ham" is no channel; there are plain`, `"ham" não é um canal; há plain`},
		"open upper tls13":                {"only kv has channels", "só kv tem canais"},
		"open upper with flawed":          {"upper differs in no way", "upper não difere em nada"},
		"open router with shared":         {"behind with there may stand here flawed", "depois de with pode vir aqui flawed"},
		"open kv tls13 with cheese":       {"may stand here wrong-authority", "pode vir aqui wrong-authority"},
		"open kv sealed with expired":     {"may stand here someone-in-between", "pode vir aqui someone-in-between"},
		"open kv tls13\nbegin read a":     {"nothing waited on the wire", "nada esperou no caminho"},
		"open kv tls13\nlet a = version":  {"there is no connection yet", "ainda não há conexão"},
		"open kv plain\nexpect answer No": {`the answer ""`, `a resposta ""`},
		"open kv plain\nfly away":         {`"fly" is no verb here`, `"fly" não é um verbo aqui`},
	}
	for script := range wants {
		name := strings.NewReplacer(" ", "-", "\n", "-").Replace(strings.ToLower(script))
		files["01-"+name+".md"] = "# A\nminutes: 5\n\nWords.\n\n```script\n" + script + "\n```\n"
	}
	files["en/09-twin.md"], files["pt-BR/09-twin.md"] = soundLesson, strings.Replace(soundLesson, "plain", "tls13", 1)
	folder := lessonFolder(t, files)
	for i, lang := range []string{docs.English, docs.Portuguese} {
		unhurried(t, lang, func(t *testing.T) {
			run, said := checkOf(t, lang)
			sheets, err := run.folderFiles(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range append(sheets, filepath.Join(folder, "pt-BR", "09-twin.md")) {
				run.start(t.Context(), []string{file})
			}
			for script, want := range wants {
				if !strings.Contains(said(), want[i]) {
					t.Errorf("%s: it is not said that %s", script, want[i])
				}
			}
			if want := [2]string{"in its place the other language has, in line 7: open kv plain", "no lugar disto a outra língua tem, na linha 7: open kv plain"}[i]; !strings.Contains(said(), want) {
				t.Errorf("it is not said that %s", want)
			}
			if t.Failed() {
				t.Log(said())
			}
		})
	}
}

func TestAWatchedFileThatIsRemovedIsToldToBeGone(t *testing.T) {
	for lang, want := range map[string]string{docs.English: ": the file is gone", docs.Portuguese: ": o arquivo sumiu"} {
		folder := lessonFolder(t, map[string]string{"01-a.md": soundLesson, "02-b.md": soundLesson})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		run, said := checkOf(t, lang)
		run.watch = true
		done := make(chan error, 1)
		go func() { done <- run.start(ctx, []string{folder}) }()
		await := func(text string) {
			t.Helper()
			for end := time.Now().Add(30 * time.Second); !strings.Contains(said(), text); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: it is not said that %s:\n%s", lang, text, said())
				}
			}
		}
		await(docs.For(lang).Say("lesson_check_watching"))
		gone := filepath.Join(folder, "02-b.md")
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
		await(gone + want)
		cancel()
		if err := <-done; err != nil || strings.Contains(said(), "01-a.md"+want) {
			t.Errorf("%s: %v\n%s", lang, err, said())
		}
	}
}
