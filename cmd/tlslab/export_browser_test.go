package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/testdata/browser"
)

// played is the recording of a stage's session, after one command.
func played(t *testing.T, s inspect.Stage, command string) *inspect.Recording {
	t.Helper()
	tap := inspect.NewTap()
	play, err := s.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	if _, err := play.Do(t.Context(), command); err != nil {
		t.Fatal(err)
	}
	play.Close()
	return tap.Recording()
}

// keptRecording is that of a session of crypto/tls which is kept under a name; that of "tampered" was changed on the wire.
func keptRecording(t *testing.T, name string) *inspect.Recording {
	t.Helper()
	text, err := os.ReadFile("../../inspect/report/testdata/" + name + ".events")
	if err != nil {
		t.Fatal(err)
	}
	recording := new(inspect.Recording)
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var event inspect.Event
		if err := decoder.Decode(&event); err != nil {
			t.Fatal(err)
		}
		recording.Append(event)
	}
	return recording
}

func TestExportedPagesWorkInABrowser(t *testing.T) {
	chromium := browser.Start(t)
	for name, of := range map[string]struct {
		recording *inspect.Recording
		lang      string
	}{
		"tls13":    {played(t, &stage.Setting{Channel: stage.ChannelTLS13}, "create nome ana"), docs.English},
		"tampered": {keptRecording(t, "tampered"), docs.English},
		"sealed":   {played(t, &stage.Sealed{Keys: sealedKeys()}, "STAT"), docs.Portuguese},
	} {
		t.Run(name, func(t *testing.T) {
			session := inspect.NewSession(of.recording)
			file := filepath.Join(t.TempDir(), "page.html")
			out, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := (report.HTML{Say: docs.For(of.lang)}).Write(out, session); err != nil {
				t.Fatal(err)
			}
			out.Close()
			page := chromium.Open("file://" + file)
			obeysTheKeyboard(t, page)
			isTold(t, page)
			boxesOpen(t, page, session)
			bytesLightUp(t, page)
			themesChange(t, page)
			isAccessible(t, page)
			fitsAPhone(t, page)
			prints(t, page)
			if requests := page.Requests(); len(requests) != 1 || requests[0] != "file://"+file {
				t.Errorf("the page asked for %q", requests)
			}
			if troubles := page.Troubles(); len(troubles) > 0 {
				t.Errorf("in the console: %q", troubles)
			}
			worksWithoutScript(t, page, "file://"+file)
		})
	}
}

// holds fails if an expression of JavaScript is not true in the page.
func holds(t *testing.T, page *browser.Page, expressions ...string) {
	t.Helper()
	for _, expression := range expressions {
		if got := page.Value(expression); got != true {
			t.Errorf("%v, not true: %s", got, expression)
		}
	}
}

// comes waits until an expression of JavaScript is true in the page, which does some things when it has time.
func comes(t *testing.T, page *browser.Page, expressions ...string) {
	t.Helper()
	for _, expression := range expressions {
		page.Value(`new Promise(done => { const look = () => ` + expression + ` ? done() : setTimeout(look, 5); look(); })`)
	}
}

func boxesOpen(t *testing.T, page *browser.Page, session *inspect.Session) {
	t.Helper()
	records, rows := 0, 0
	for _, item := range session.Items() {
		if item.HasRow() {
			rows++
			if item.Kind == inspect.RecordItem && item.Lane == item.Record.Lane {
				records++
			}
		}
	}
	holds(t, page,
		fmt.Sprintf(`document.querySelectorAll("details.box").length === %d`, records),
		fmt.Sprintf(`document.querySelectorAll(".box").length === %d`, rows),
		`document.querySelectorAll("details.box[open]").length === 0`,
		`!document.querySelector(".inside").checkVisibility()`,
		`document.querySelector("details.box > summary").click(), document.querySelector("details.box").open`,
		`document.querySelector(".inside .dump b").checkVisibility()`,
		`!document.querySelector(".buttons").hidden`,
		`document.querySelector("[data-all=open]").click(), document.querySelectorAll("details.box:not([open])").length === 0`,
		`document.querySelectorAll("[data-all]")[1].click(), document.querySelectorAll("details.box[open]").length === 0`,
		`new Promise(done => { addEventListener("hashchange", () => done(document.querySelector("#r2").closest("details").open), { once: true }); document.querySelector("svg a[href='#r2']").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })); })`,
	)
}

// obeysTheKeyboard holds that Tab reaches each record, in order and with a focus that is seen, and that Enter and Space
// open and close it; and so from the ladder.
func obeysTheKeyboard(t *testing.T, page *browser.Page) {
	t.Helper()
	const seen = `(e => (s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(e)))(document.activeElement)`
	page.Do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-reduced-motion", "value": "reduce"}}}, nil) // it scrolls at once
	holds(t, page, `document.querySelectorAll("details.box[open]").length === 0`)
	page.Press("Tab")
	holds(t, page, `document.activeElement.matches(".skip") && document.activeElement.getBoundingClientRect().left >= 0`, seen)
	page.Press("Enter")
	comes(t, page, `location.hash === "#records"`)
	for range int(page.Value(`document.querySelectorAll(".buttons button").length`).(float64)) {
		page.Press("Tab")
		holds(t, page, `document.activeElement.matches(".buttons button")`, seen)
	}
	boxes := int(page.Value(`document.querySelectorAll("details.box").length`).(float64))
	for i := range boxes {
		page.Press("Tab")
		at := fmt.Sprintf(`document.querySelectorAll("details.box")[%d]`, i)
		holds(t, page, `document.activeElement === `+at+`.querySelector("summary")`, seen)
		comes(t, page, `(r => r.top > -1 && r.bottom < innerHeight + 1)(document.activeElement.getBoundingClientRect())`)
		page.Press("Enter")
		holds(t, page, at+`.open`)
		page.Press("Space")
		holds(t, page, `!`+at+`.open`)
		if t.Failed() {
			t.Fatalf("at record %d of %d", i+1, boxes)
		}
	}
	page.Press("Space")
	page.Press("Tab")
	holds(t, page, `document.activeElement.closest("details.box[open] .inside") !== null`, seen, `document.querySelectorAll("details.box[open]").length === 1`,
		`[...document.querySelectorAll("details.box[open]")].every(box => { box.open = false; return true; })`)
	const rungs = `[...document.querySelectorAll("svg a")]`
	holds(t, page, rungs+`.every(rung => { rung.focus(); return document.activeElement === rung; })`,
		rungs+`.find(rung => document.querySelector(rung.getAttribute("href")).closest("details.box")).focus(), true`)
	page.Press("Tab") // the focus of a script is not shown
	holds(t, page, `document.activeElement.matches("svg a")`, seen)
	box := page.Value(`document.activeElement.getAttribute("href")`).(string)
	page.Press("Enter")
	comes(t, page, `location.hash === "`+box+`"`,
		`(box => !box || document.activeElement === box.querySelector("summary") && box.open)(document.querySelector("`+box+`").closest("details.box"))`)
	holds(t, page, `document.querySelectorAll("details.box").forEach(box => { box.open = false; }), history.replaceState(null, "", location.pathname), document.activeElement.blur(), scrollTo(0, 0), true`)
}

// isTold holds that a screen reader has a name for all that can have the focus, and knows of each record which it is and
// whether it is open.
func isTold(t *testing.T, page *browser.Page) {
	t.Helper()
	named := func(opened any) {
		boxes := page.Value(`[...document.querySelectorAll("details.box > summary")].map(s => { // what is read out: not the signs
			const said = s.cloneNode(true);
			said.querySelectorAll("[aria-hidden]").forEach(e => e.remove());
			return said.textContent.replace(/\s+/g, " ").trim();
		})`).([]any)
		names := make(map[string]int)
		for _, e := range page.Accessibles() {
			if e.Focusable && e.Name == "" {
				t.Errorf("a %s can have the focus and has no name", e.Role)
			}
			if e.Expanded == opened {
				names[e.Name]++
			}
		}
		for _, box := range boxes {
			if names[box.(string)] != 1 {
				t.Errorf("%d elements with expanded %v are called %q", names[box.(string)], opened, box)
			}
		}
	}
	named(false)
	page.Value(`var shut = [...document.querySelectorAll("details:not([open])")]; shut.forEach(d => { d.open = true; })`)
	named(true)
	page.Value(`shut.forEach(d => { d.open = false; })`)
}

func bytesLightUp(t *testing.T, page *browser.Page) {
	t.Helper()
	page.Value(`document.querySelector("[data-all=open]").click()`)
	holds(t, page,
		`document.querySelectorAll(".lit").length === 0 || (document.activeElement.blur(), true)`,
		// The first field of the last box, by the keyboard.
		`var box = [...document.querySelectorAll("details.box")].pop(), leaf = [...box.querySelectorAll(".leaf")].find(e => e.checkVisibility()); leaf.focus(), document.activeElement === leaf`,
		`leaf.parentElement.classList.contains("lit")`,
		`[...box.querySelectorAll(".dump .half b.lit")].map(b => b.textContent).join(" ") .startsWith(leaf.querySelector(".own").textContent.replace(/ …$/, ""))`,
		// A byte, by the pointer: its field.
		`var byte = [...box.querySelectorAll(".dump .half b")].pop(); byte.dispatchEvent(new MouseEvent("mouseover", { bubbles: true })), byte.classList.contains("lit")`,
		`box.querySelectorAll(".field.lit").length === 1`,
		// And by touch: the field gets the focus.
		`byte.click(), document.activeElement.closest(".field").classList.contains("lit")`,
	)
}

func themesChange(t *testing.T, page *browser.Page) {
	t.Helper()
	const ground = `getComputedStyle(document.body).backgroundColor`
	holds(t, page,
		`document.querySelector("#theme-dark").click(), `+ground+` === "rgb(20, 23, 28)"`,
		`document.querySelector("#theme-light").click(), `+ground+` === "rgb(255, 255, 255)"`,
		`document.querySelector("#theme-system").click(), true`)
	for scheme, colour := range map[string]string{"dark": "rgb(20, 23, 28)", "light": "rgb(255, 255, 255)"} {
		page.Do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
		holds(t, page, ground+` === "`+colour+`"`)
	}
}

func isAccessible(t *testing.T, page *browser.Page) {
	t.Helper()
	holds(t, page,
		`["header", "nav", "main", "footer", "h1"].every(name => document.querySelectorAll(name).length === 1)`,
		`new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`,
		`[...document.querySelectorAll("[aria-labelledby]")].every(e => document.getElementById(e.getAttribute("aria-labelledby")))`,
		`[...document.querySelectorAll("a[href]")].every(a => document.getElementById((a.getAttribute("href")).slice(1)))`,
		`[...document.querySelectorAll("h1, h2, h3, h4")].map(h => +h.tagName[1]).every((level, i, all) => i === 0 ? level === 1 : level <= all[i - 1] + 1)`,
		`[...document.querySelectorAll("input")].every(input => input.labels.length === 1)`,
		`[...document.querySelectorAll(".mark")].every(mark => mark.lastChild.textContent.trim() !== "")`,
	)
}

// fitsAPhone holds a page whose boxes are all open to 390 pixels.
func fitsAPhone(t *testing.T, page *browser.Page) {
	t.Helper()
	page.Do("Emulation.setDeviceMetricsOverride", map[string]any{"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": false}, nil)
	holds(t, page, `document.querySelectorAll("details").forEach(d => d.open = true), document.documentElement.scrollWidth <= 390`,
		`[...document.querySelectorAll(".scroll")].every(ladder => ladder.scrollWidth <= ladder.clientWidth || ladder.previousElementSibling.matches(".sideways") && ladder.previousElementSibling.checkVisibility())`)
	page.Do("Emulation.clearDeviceMetricsOverride", nil, nil)
	holds(t, page, `[...document.querySelectorAll(".sideways")].every(hint => !hint.checkVisibility())`)
}

var pageOfPaper = regexp.MustCompile(`/Type\s*/Page\b`)

func prints(t *testing.T, page *browser.Page) {
	t.Helper()
	page.Value(`document.querySelectorAll("details").forEach(d => d.open = false)`)
	page.Do("Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
	holds(t, page, `[...document.querySelectorAll(".how, .protection, .schedule")].every(d => !d.checkVisibility())`) // nobody can open it there
	page.Do("Emulation.setEmulatedMedia", map[string]any{"media": ""}, nil)
	paper := page.PDF()
	if n := len(pageOfPaper.FindAll(paper, -1)); !bytes.HasPrefix(paper, []byte("%PDF-")) || n < 4 {
		t.Errorf("%d pages of paper, %d bytes", n, len(paper))
	}
	holds(t, page, `document.querySelectorAll("details.box[open]").length === 0`, `document.querySelector("#paper-closed").click(), true`)
	if less := len(pageOfPaper.FindAll(page.PDF(), -1)); less == 0 || less >= len(pageOfPaper.FindAll(paper, -1)) {
		t.Errorf("%d pages of paper with the records closed", less)
	}
	holds(t, page, `document.querySelector("#paper-closed").click(), true`)
}

func worksWithoutScript(t *testing.T, page *browser.Page, url string) {
	t.Helper()
	page.Do("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	page.Go(url)
	holds(t, page,
		`document.querySelector(".buttons").hidden`,
		`document.querySelector("details.box > summary").click(), document.querySelector("details.box").open`,
		`document.querySelector(".inside .dump b").checkVisibility()`,
		`document.querySelector("#theme-dark").click(), getComputedStyle(document.body).backgroundColor === "rgb(20, 23, 28)"`,
	)
	if n := len(pageOfPaper.FindAll(page.PDF(), -1)); n < 4 {
		t.Errorf("%d pages of paper", n)
	}
}
