package action

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are an action's words for its outcomes, as they begin a sentence.
type Words struct {
	Noun      string // "user", also the default
	Changed   string // "Suspended"
	Unchanged string // "Already suspended"
	Planned   string // "Would suspend"
	Found     string // "Found", also the default
	// Hint returns the likely reason that no object has a name, "" if there is none; nil: of a
	// user.
	Hint func(name string) string
}

// messageOf says what became of the targets: names are listed together where the same is to be said.
func messageOf(targets []*Target, w Words) string {
	var out []string
	list := func(o Outcome, lead string, name func(t *Target) string) {
		var names []string
		for _, t := range targets {
			if t.Outcome == o && t.message != "" {
				out = append(out, t.message)
			} else if t.Outcome == o {
				names = append(names, name(t))
			}
		}
		if len(names) > 0 {
			if lead == "" { // the words count
				lead = fmt.Sprintf("%s %s", w.verb(o), Count(len(names), w.noun()))
			}
			out = append(out, lead+": "+Enumerate(names)+".")
		}
	}
	plain := (*Target).name
	list(Changed, "", plain)
	list(Accepted, "", plain)
	list(Unchanged, w.Unchanged, func(t *Target) string {
		if t.After["status"] != nil {
			return t.name() + " (" + describe(t.After) + ")"
		}
		return t.name()
	})
	list(Found, "", plain)
	list(Planned, "", plain)
	for _, o := range []struct {
		outcome Outcome
		lead    string
		since   bool // the code is CodeChangedSince
	}{{WrongState, "Changed since", true}, {WrongState, "Not done", false}, {Refused, "Refused", false}, {Failed, "Failed", false}} {
		names := map[string][]string{}
		var reasons []string
		for _, t := range targets {
			switch {
			case t.Outcome != o.outcome || (t.Error.Code == CodeChangedSince) != o.since:
			case t.message != "":
				out = append(out, t.message)
			default:
				if names[t.Error.Message] == nil {
					reasons = append(reasons, t.Error.Message)
				}
				names[t.Error.Message] = append(names[t.Error.Message], t.name())
			}
		}
		for _, reason := range reasons {
			out = append(out, fmt.Sprintf("%s: %s: %s.", o.lead, Enumerate(names[reason]), strings.TrimSuffix(reason, ".")))
		}
	}
	list(NotFound, "Not found", func(t *Target) string {
		if t.hint != "" {
			return t.name() + " (" + t.hint + ")"
		}
		return t.name()
	})
	return strings.Join(out, " ")
}

func (w Words) hint(name string) string {
	if w.Hint == nil {
		return userHint(name)
	}
	return w.Hint(name)
}

func (w Words) noun() string {
	if w.Noun == "" {
		return "user"
	}
	return w.Noun
}

func (w Words) verb(o Outcome) string {
	switch o {
	case Changed, Accepted:
		return w.Changed
	case Planned:
		return w.Planned
	}
	if w.Found == "" {
		return "Found"
	}
	return w.Found
}

// Count is a number of things in words: "1 user", "2 users".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Enumerate lists names, and stops where nobody reads on.
func Enumerate(names []string) string {
	const most = 50
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Shorten keeps what a caller sent from filling a message.
func Shorten(s string) string {
	const most = 80
	n := 0
	for i := range s {
		if n == most {
			return strings.ToValidUTF8(s[:i], string(utf8.RuneError)) + "…"
		}
		n++
	}
	return s
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[n:]
}
