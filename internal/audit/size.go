package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"example.com/okta-secops/internal/logging"
)

// The maximum sizes of a record and of its parts, in bytes of JSON. Cloud Logging drops an entry
// above 256 KiB, and the entry of a record has up to 20 KiB besides. A context within the bounds of
// a request and names of 256 characters are not cut unless most of their characters are escaped.
// https://cloud.google.com/logging/quotas#log-limits
const (
	maxRecord  = 180 << 10
	maxContext = 80 << 10 // of the member names and values together
	maxText    = 4 << 10  // of each other text
	maxState   = 8 << 10  // of the state of a target, before or after
	maxNumbers = 1 << 10  // of the fields that are not yet set when a record is split
)

// cut cuts texts to maxText.
func cut(texts ...*string) {
	for _, text := range texts {
		*text = logging.Cut(*text, maxText)
	}
}

// bounded returns the Occasion with long texts cut.
func (o Occasion) bounded() Occasion {
	cut(&o.InvocationID, &o.Function, &o.Action, &o.CallerAuth, &o.Caller, &o.IdempotencyKey, &o.MessageID)
	o.Context, o.ContextCut = boundContext(o.Context)
	return o
}

// boundContext returns the context, and the number of members that are cut or left out. A context
// that is too large keeps the beginning of each name and value.
func boundContext(members map[string]string) (map[string]string, int) {
	const quotes = len(`"":"",`)
	size := 0
	for name, value := range members {
		size += logging.EncodedSize(name) + logging.EncodedSize(value) + quotes
	}
	if size <= maxContext {
		return members, 0
	}
	// The shortest texts may leave room for the others: each gets an equal share of the rest.
	sizes := make([]int, 0, 2*len(members))
	for name, value := range members {
		sizes = append(sizes, logging.EncodedSize(name), logging.EncodedSize(value))
	}
	slices.Sort(sizes)
	room, share := maxContext-quotes*len(members), 0
	for i, n := range sizes {
		if share = room / (len(sizes) - i); n > share {
			break
		}
		room -= n
	}
	out, changed := map[string]string{}, 0
	for _, name := range slices.Sorted(maps.Keys(members)) {
		short, value := logging.Cut(name, max(share, minShare)), logging.Cut(members[name], max(share, minShare))
		if _, taken := out[short]; taken || len(out) == maxMembers {
			changed++
			continue
		}
		if out[short] = value; short != name || value != members[name] {
			changed++
		}
	}
	return out, changed
}

// The bounds of a context with very many members: the others are left out.
const (
	minShare   = 128
	maxMembers = maxContext / (2*minShare + len(`"":"",`))
)

// bounded returns the target with long texts cut, and without states that are too large.
func (t Target) bounded() Target {
	cut(&t.Input, &t.Source, &t.UserID, &t.Login, &t.Outcome, &t.ErrorCode, &t.OktaRequestID)
	for _, state := range []*map[string]any{&t.Before, &t.After} {
		if n := encodedSize(*state); n > maxState {
			*state = map[string]any{"omitted_bytes": n}
		}
	}
	return t
}

// encodedSize returns the size of a value in a log entry, in bytes.
func encodedSize(v any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as slog does
	_ = e.Encode(v)        // slog logs the error instead of the value
	return b.Len()
}
