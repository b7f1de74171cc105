// Package tui is the terminal screen: both streams of a session side by side, what is selected below, and a cursor that
// walks through time.
//
// The screen shows an [inspect.Recording] and nothing else, at the event where its cursor stands. With a
// [inspect.Stage] it opens sessions of its own, into which commands are typed; with a recording alone it watches.
// It knows neither of them by any other name, and nothing of what they are about.
//
// Whatever was captured is drawn through [inspect.Safe]; no byte of it reaches the terminal as it came.
package tui
