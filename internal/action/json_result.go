package action

import (
	"bytes"
	"encoding/json"

	"example.com/okta-secops/internal/okta"
)

// maxJSON is where json_result stops growing, in bytes; SecOps takes no reply above 15 MB.
const maxJSON = okta.MaxListBytes

// KeyedResults is a json_result keyed by the targets' inputs, in the order of the request.
type KeyedResults []KeyedResult

// KeyedResult is one member of a Keyed.
type KeyedResult struct {
	Input   string
	Value json.RawMessage
}

// MarshalJSON writes the members in their order.
func (k KeyedResults) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	size := 2
	for _, m := range k {
		size += len(m.Input) + len(m.Value) + len(`"":,`)
	}
	b.Grow(size)
	b.WriteByte('{')
	for i, m := range k {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := marshal(m.Input)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without its care for HTML, which would alter what Okta sent.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// Values gives the results of the targets without their keys, for actions that return an array.
func (r *Result) Values() []json.RawMessage {
	values := []json.RawMessage{}
	if keyed, ok := r.JSON.(KeyedResults); ok {
		for _, m := range keyed {
			values = append(values, m.Value)
		}
	}
	return values
}

// Only gives the result of the only target, nil where it was not reached.
func (r *Result) Only() any {
	if values := r.Values(); len(values) > 0 {
		return values[0]
	}
	return nil
}

// ListResult is the result of a list action: the objects as Okta sent them, counted in the message.
func (c *Execution) ListResult(list okta.List, noun string) *Result {
	switch {
	case list.Cut && len(list.Items) == 0:
		c.Warn("The list is empty: its first object is too large for a reply, which stops growing at %d MB.", okta.MaxListBytes>>20)
	case list.Cut:
		c.Warn("The list is cut: a reply stops growing at %d MB. Ask for less at a time.", okta.MaxListBytes>>20)
	}
	return &Result{JSON: append([]json.RawMessage{}, list.Items...), Message: "Found " + Count(len(list.Items), noun) + "."}
}
