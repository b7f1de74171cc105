// Package browser drives Chromium without a window, for tests that look at pages as a browser does.
//
// It speaks the Chrome DevTools Protocol over a pair of pipes (--remote-debugging-pipe): JSON, each message with a zero
// byte behind it. Where there is no chromium, the test is skipped, or fails where programs are required: see package needs.
package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/testdata/needs"
)

// patience bounds the wait for each answer.
const patience = 60 * time.Second

// A Browser is a running Chromium. It ends with the test.
type Browser struct {
	t     testing.TB
	out   io.Writer
	ended chan struct{} // the browser says nothing more

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	pages   map[string]*Page
}

// answer is a message of the browser: to a command, or of its own accord.
type answer struct {
	ID        int             `json:"id"`
	Session   string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Complaint *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Start starts Chromium with a profile of its own, which knows nothing and asks nobody.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := needs.Program(t, "chromium")
	home, err := os.MkdirTemp("", "browser") // not t.TempDir: the browser's helpers may be writing when it has ended
	if err != nil {
		t.Fatal(err)
	}
	in, toBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromBrowser, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + home, "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad", "--force-color-profile=srgb",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // root has none
	}
	cmd := exec.Command(program, append(args, "about:blank")...)
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	b := &Browser{t: t, out: toBrowser, ended: make(chan struct{}), waiting: make(map[int]chan answer), pages: make(map[string]*Page)}
	go b.listen(fromBrowser)
	t.Cleanup(func() {
		toBrowser.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // and its helpers
		_ = cmd.Wait()
		fromBrowser.Close()
		<-b.ended
		_ = os.RemoveAll(home)
	})
	return b
}

// listen hands what the browser says to those who wait for it.
func (b *Browser) listen(from io.Reader) {
	defer close(b.ended)
	for in := bufio.NewReader(from); ; {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) != nil {
			continue
		}
		b.mu.Lock()
		if waiting := b.waiting[a.ID]; waiting != nil {
			delete(b.waiting, a.ID)
			waiting <- a
		} else if page := b.pages[a.Session]; page != nil {
			page.take(a)
		}
		b.mu.Unlock()
	}
}

// do gives a command, and fills in its result.
func (b *Browser) do(session, method string, params map[string]any, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.last++
	id, waiting := b.last, make(chan answer, 1)
	b.waiting[id] = waiting
	b.mu.Unlock()
	command := map[string]any{"id": id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if session != "" {
		command["sessionId"] = session
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.out.Write(append(text, 0))
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case a := <-waiting:
		if a.Complaint != nil {
			b.t.Fatalf("%s: %s", method, a.Complaint.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-b.ended:
		b.t.Fatalf("%s: the browser has ended", method)
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer within %v", method, patience)
	}
}

// A Page is a tab of the browser.
type Page struct {
	b       *Browser
	session string

	loaded   chan struct{} // a load has ended
	requests []string
	troubles []string
}

// Open opens a page and waits until it is loaded.
func (b *Browser) Open(url string) *Page {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	b.do("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.do("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	p := &Page{b: b, session: target.SessionID, loaded: make(chan struct{}, 1)}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.Do(domain+".enable", nil, nil)
	}
	p.Go(url)
	return p
}

// Go leads to an address and waits until it is loaded.
func (p *Page) Go(url string) {
	p.b.t.Helper()
	select {
	case <-p.loaded: // of an earlier page
	default:
	}
	p.Do("Page.navigate", map[string]any{"url": url}, nil)
	select {
	case <-p.loaded:
	case <-time.After(patience):
		p.b.t.Fatalf("%s is not loaded within %v", url, patience)
	}
}

// take notes what the browser tells of the page.
func (p *Page) take(a answer) {
	var told struct {
		Request struct{ URL string }
		Entry   struct{ Level, Text string }
		Type    string
		Args    []struct{ Value any }
		Details struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	_ = json.Unmarshal(a.Params, &told)
	switch a.Method {
	case "Page.loadEventFired":
		select {
		case p.loaded <- struct{}{}:
		default:
		}
	case "Network.requestWillBeSent":
		p.requests = append(p.requests, told.Request.URL)
	case "Log.entryAdded":
		p.troubles = append(p.troubles, told.Entry.Level+": "+told.Entry.Text)
	case "Runtime.consoleAPICalled":
		p.troubles = append(p.troubles, fmt.Sprint("console.", told.Type, " ", told.Args))
	case "Runtime.exceptionThrown":
		p.troubles = append(p.troubles, strings.TrimSpace(told.Details.Text+" "+told.Details.Exception.Description))
	}
}

// Requests returns the addresses that the page has asked for, its own among them.
func (p *Page) Requests() []string {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.requests
}

// Troubles returns what stands in the page's console, exceptions and violations of its policy among them.
func (p *Page) Troubles() []string {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.troubles
}

// Do gives the page a command of the protocol, and fills in its result, which may be nil.
func (p *Page) Do(method string, params map[string]any, result any) {
	p.b.t.Helper()
	p.b.do(p.session, method, params, result)
}

// Value is what an expression of JavaScript gives in the page: nil, a bool, float64, string, []any or map[string]any.
func (p *Page) Value(expression string) any {
	p.b.t.Helper()
	var value struct {
		Result  struct{ Value any }
		Details *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	p.Do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &value)
	if value.Details != nil {
		p.b.t.Fatalf("%s: %s", expression, errors.New(value.Details.Text+" "+value.Details.Exception.Description))
	}
	return value.Result.Value
}

// Press presses a key and lets go of it: "Tab", "Enter" or "Space".
func (p *Page) Press(key string) {
	p.b.t.Helper()
	codes := map[string]struct {
		number    int
		key, text string
	}{"Tab": {9, "Tab", ""}, "Enter": {13, "Enter", "\r"}, "Space": {32, " ", " "}}
	k, known := codes[key]
	if !known {
		p.b.t.Fatalf("no key is known as %s", key)
	}
	for _, event := range []string{"keyDown", "keyUp"} {
		p.Do("Input.dispatchKeyEvent", map[string]any{"type": event, "key": k.key, "code": key, "windowsVirtualKeyCode": k.number, "text": k.text}, nil)
	}
}

// An Accessible is what a screen reader is told of an element.
type Accessible struct {
	Role, Name string
	Focusable  bool
	Expanded   any // true or false, or nil if it does not open
}

// Accessibles returns what a screen reader is told of the page, in its order.
func (p *Page) Accessibles() (all []Accessible) {
	p.b.t.Helper()
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
			Properties []struct {
				Name  string
				Value struct{ Value any }
			}
		}
	}
	p.Do("Accessibility.getFullAXTree", nil, &tree)
	for _, node := range tree.Nodes {
		if node.Ignored {
			continue
		}
		one := Accessible{}
		one.Role, _ = node.Role.Value.(string)
		one.Name, _ = node.Name.Value.(string)
		for _, property := range node.Properties {
			switch property.Name {
			case "focusable":
				one.Focusable = property.Value.Value == true
			case "expanded":
				one.Expanded = property.Value.Value
			}
		}
		all = append(all, one)
	}
	return all
}

// PDF prints the page.
func (p *Page) PDF() []byte {
	p.b.t.Helper()
	var paper struct{ Data []byte }
	p.Do("Page.printToPDF", map[string]any{"preferCSSPageSize": true, "printBackground": true}, &paper)
	return paper.Data
}
