package action

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are an action's words for its outcomes, with which sentences begin.
type Words struct {
	Noun      string // for the targets; empty: "user"
	Changed   string // "Suspended"
	Unchanged string // "Already suspended"
	Planned   string // "Would suspend"
	Found     string // empty: "Found"
	// Hint returns the likely reason that no object has a name, "" if there is none; nil: the hints
	// for users.
	Hint func(name string) string
}

// messageOf returns the sentences about the targets, by outcome. Targets with the same outcome and
// reason share one sentence; a target with its own message has its own.
func messageOf(targets []*Target, w Words) string {
	m := message{targets: targets, words: w}
	m.list(Changed, "", (*Target).name)
	m.list(Accepted, "", (*Target).name)
	m.list(Unchanged, w.Unchanged, func(t *Target) string {
		if t.After["status"] != nil {
			return t.name() + " (" + describe(t.After) + ")"
		}
		return t.name()
	})
	m.list(Found, "", (*Target).name)
	m.list(Planned, "", (*Target).name)
	m.listByReason("Changed since", func(t *Target) bool {
		return t.Outcome == WrongState && t.Error.Code == CodeChangedSince
	})
	m.listByReason("Not done", func(t *Target) bool {
		return t.Outcome == WrongState && t.Error.Code != CodeChangedSince
	})
	m.listByReason("Refused", func(t *Target) bool { return t.Outcome == Refused })
	m.listByReason("Failed", func(t *Target) bool { return t.Outcome == Failed })
	m.list(NotFound, "Not found", func(t *Target) string {
		if t.hint != "" {
			return t.name() + " (" + t.hint + ")"
		}
		return t.name()
	})
	return strings.Join(m.sentences, " ")
}

// message collects the sentences of an output message.
type message struct {
	targets   []*Target
	words     Words
	sentences []string
}

// list adds a sentence that lists the targets with an outcome. An empty lead stands for the
// action's verb and the number of targets.
func (m *message) list(o Outcome, lead string, name func(t *Target) string) {
	var names []string
	for _, t := range m.targets {
		switch {
		case t.Outcome != o:
		case t.message != "":
			m.sentences = append(m.sentences, t.message)
		default:
			names = append(names, name(t))
		}
	}
	if len(names) == 0 {
		return
	}
	if lead == "" {
		lead = m.words.verb(o) + " " + Count(len(names), m.words.noun())
	}
	m.sentences = append(m.sentences, lead+": "+Enumerate(names)+".")
}

// listByReason adds a sentence for each distinct error message of the matching targets.
func (m *message) listByReason(lead string, matches func(t *Target) bool) {
	names := map[string][]string{}
	var reasons []string
	for _, t := range m.targets {
		switch {
		case !matches(t):
		case t.message != "":
			m.sentences = append(m.sentences, t.message)
		default:
			if names[t.Error.Message] == nil {
				reasons = append(reasons, t.Error.Message)
			}
			names[t.Error.Message] = append(names[t.Error.Message], t.name())
		}
	}
	for _, reason := range reasons {
		m.sentences = append(m.sentences,
			fmt.Sprintf("%s: %s: %s.", lead, Enumerate(names[reason]), strings.TrimSuffix(reason, ".")))
	}
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

// Count returns a number of objects as text: "1 user", "2 users".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Enumerate joins names with commas, up to 50, and counts the rest.
func Enumerate(names []string) string {
	const most = 50
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Shorten returns the first 80 characters of a text of the caller, for use in a message.
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

// lowerFirst returns s with its first letter in lower case, unless s begins with an abbreviation.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
