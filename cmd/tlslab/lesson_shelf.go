package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect/lesson"
)

// A sheet is a lesson, and where it comes from.
type sheet struct {
	*lesson.Lesson
	number int    // in front of its name; where there is none, its place
	lang   string // it is written in
	file   string // it stands in
	note   string // its name in the notebook
	own    bool   // it is a teacher's, and not of the course
	twin   string // its file in the other language; "" if there are not two
	rival  string // the file of the folder that has the same number; "" if none has
	paired bool   // the one in the other language is checked, too, and says where they differ
}

// pageOf is the page where the student is, from 1: none that the lesson no longer has.
func (s *sheet) pageOf(standing *lesson.Standing) int {
	return min(max(standing.Page, 1), len(s.Pages))
}

// courseSheet reads a lesson of the course.
func courseSheet(name, lang string) (*sheet, error) {
	text, ok := docs.Lesson(lang, name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	s := &sheet{lang: lang, file: "docs/lessons/" + lang + "/" + name + ".md", note: name}
	return s, s.parse(name, text, slices.Index(docs.Lessons(), name))
}

func (s *sheet) parse(name, text string, place int) (err error) {
	s.number = place
	if digits, _, numbered := strings.Cut(name, "-"); numbered {
		if n, err := strconv.Atoi(digits); err == nil {
			s.number = n
		}
	}
	s.Lesson, err = lesson.ParseLesson(name, text)
	return err
}

// courseShelf reads the course, in the reader's language.
func (p *program) courseShelf() (sheets []*sheet, err error) {
	for _, name := range docs.Lessons() {
		s, err := courseSheet(name, p.sentence.Lang())
		if err != nil {
			return nil, err
		}
		sheets = append(sheets, s)
	}
	return sheets, nil
}

// lessonFile is what the files of a folder of lessons are called.
var lessonFile = regexp.MustCompile(`^[0-9]+-.*\.md$`)

// maxFolder bounds how many lessons a folder may have.
const maxFolder = 500

// folderFiles lists the lessons of a folder, in order.
func (p *program) folderFiles(folder string) (files []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if lessonFile.MatchString(entry.Name()) && len(files) < maxFolder {
			files = append(files, filepath.Join(folder, entry.Name()))
		}
	}
	if len(files) == 0 {
		return nil, failed(p.say("lesson_folder_empty", "path", safe(folder)), nil)
	}
	return files, nil
}

// folderShelf reads a teacher's own lessons from a folder: those in the reader's language, if it has a folder for each.
func (p *program) folderShelf(folder string) (sheets []*sheet, err error) {
	if inLanguage := filepath.Join(folder, p.sentence.Lang()); isFolder(inLanguage) {
		folder = inLanguage
	}
	files, err := p.folderFiles(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		s, err := p.ownSheet(file)
		if err != nil {
			return nil, err
		}
		sheets = append(sheets, s)
	}
	return sheets, nil
}

// ownSheet reads a teacher's own lesson.
func (p *program) ownSheet(file string) (*sheet, error) {
	text, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	s := &sheet{file: file, lang: p.fileLanguage(file), note: file, own: true}
	if whole, err := filepath.Abs(file); err == nil {
		s.note = whole
	}
	if err := s.parse(ownName(file), text, 0); err != nil {
		line, text, what := s.trouble(err, p.sentence.Lang())
		return nil, failed(safe(s.where(line)+": "+what+": "+text), err)
	}
	return s, nil
}

func ownName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".md") }

// fileLanguage is that of the folder in which a file stands, if it is called by a language; otherwise the reader's.
func (p *program) fileLanguage(file string) string {
	whole, err := filepath.Abs(file)
	if err != nil {
		whole = file
	}
	if folder := filepath.Base(filepath.Dir(whole)); folder == docs.English || folder == docs.Portuguese {
		return folder
	}
	return p.sentence.Lang()
}

// maxText is more than a lesson may have, in bytes.
const maxText = 1 << 20

func readBounded(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	return string(text), err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isOwn reports whether a word names a teacher's file or folder: a path, or what is there and is no lesson of the course.
func isOwn(word string) bool {
	if strings.ContainsAny(word, `/\`) || strings.HasSuffix(word, ".md") || word == "." || word == ".." {
		return true
	}
	_, err := os.Stat(word)
	return err == nil && len(namesLike(word)) != 1
}

// sheetNamed finds a lesson: one of the course by its number, its name, or a part of it that no other has; or a
// teacher's own by its file.
func (p *program) sheetNamed(word string) (*sheet, error) {
	if isOwn(word) {
		return p.ownSheet(word)
	}
	names := namesLike(word)
	switch len(names) {
	case 1:
		return courseSheet(names[0], p.sentence.Lang())
	case 0:
		return nil, usage(p.say("lesson_no_such", "name", safe(word), "names", strings.Join(docs.Lessons(), ", ")))
	}
	return nil, usage(p.say("lesson_several", "name", safe(word), "names", strings.Join(names, ", ")))
}

// namesLike are the lessons of the course that a word may mean.
func namesLike(word string) (names []string) {
	all := docs.Lessons()
	if slices.Contains(all, word) {
		return []string{word}
	}
	n, err := strconv.Atoi(word)
	for _, name := range all {
		digits, _, _ := strings.Cut(name, "-")
		number, odd := strconv.Atoi(digits)
		switch {
		case err == nil && odd == nil && n == number:
			names = append(names, name)
		case err != nil && word != "" && strings.Contains(name, strings.ToLower(word)):
			names = append(names, name)
		}
	}
	return names
}

// where is a line of a lesson's file, as programs that read it expect.
func (s *sheet) where(line int) string { return fmt.Sprintf("%s:%d", s.file, line) }
