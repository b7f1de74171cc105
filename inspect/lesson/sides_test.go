package lesson

import "testing"

func TestASideBeforeAValueOfASideIsThatOne(t *testing.T) {
	for prose, wrong := range map[string]bool{
		"The server ended it with {{alert of server}}.":                                                                    false,
		"The client ended it with {{alert of server}}.":                                                                    true,
		"The **client** ended it with the alert `{{a = alert of server}}`.":                                                true,
		"The server told the client {{alert of server}}.":                                                                  true,
		"The server's error is {{error of server}}, the client's {{error of client}}.":                                     false,
		"It ended it. The alert is {{alert of server}}.":                                                                   false,
		"The client asked. It ended it with {{alert of server}}.":                                                          false,
		"Client and server said {{ending of client}}.":                                                                     false,
		"It was read by the client: {{read by server}}.":                                                                   true,
		"O cliente encerrou com {{alert of server}}.":                                                                      true,
		"O servidor encerrou com {{alert of server}}, e cliente e servidor {{answer}}.":                                    false,
		"The client has {{answer}}.":                                                                                       false,
		"The client sent {{size of sent by client plus size of sent by server}} bytes.":                                    false,
		"The client waits.\n\n```ask what\nWhat?\n= answer\n? Look.\n! The client ended it with {{alert of server}}.\n```": true,
	} {
		ids := faultsOf(t, prose)
		if got := len(ids) == 1 && ids[0] == "fault_side_named"; got != wrong || !wrong && len(ids) > 0 {
			t.Errorf("%s: %q", prose, ids)
		}
	}
}
