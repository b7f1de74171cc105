// Package docs holds every sentence that a person reads on the screen, in English and in Brazilian Portuguese.
//
// Sentences live in sentences/NAME.LANG.toml, one file for each part of the program that speaks and each language;
// NAME is the part, LANG is "en" or "pt-BR". The name of a sentence, its id, is NAME, an underscore, and words in
// snake_case:
//
//	kvs_key_exists = "The key {{.key}} exists already."
//
//	[kvs_pairs]
//	one   = "{{.count}} pair"
//	other = "{{.count}} pairs"
//
// The text is a template of package text/template. [Sentences.Say] fills it in; the pair named "count" also chooses
// between the plural forms "one" and "other". (Portuguese takes "one" for 0 and for 1, English for 1 alone.)
//
// The files are part of the program: nothing is read from the disk.
package docs
