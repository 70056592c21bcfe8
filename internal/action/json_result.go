package action

import (
	"bytes"
	"encoding/json"

	"example.com/okta-secops/internal/okta"
)

// maxJSON bounds json_result, in bytes: SecOps takes no reply above 15 MB.
const maxJSON = okta.MaxListBytes

// KeyedResults is a json_result keyed by the targets' inputs, in the order of the request.
type KeyedResults []KeyedResult

// KeyedResult is the result of one target.
type KeyedResult struct {
	Input string
	Value json.RawMessage
}

// MarshalJSON implements json.Marshaler: one object, whose members keep their order.
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
		input, err := marshal(m.Input)
		if err != nil {
			return nil, err
		}
		b.Write(input)
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escaping of <, > and &, so that Okta's objects stay
// unaltered.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// Values returns the results of the targets without their inputs, for actions that return an array.
func (r *Result) Values() []json.RawMessage {
	values := []json.RawMessage{}
	if keyed, ok := r.JSON.(KeyedResults); ok {
		for _, m := range keyed {
			values = append(values, m.Value)
		}
	}
	return values
}

// Only returns the result of an action's single target, nil if the target was not reached.
func (r *Result) Only() any {
	if values := r.Values(); len(values) > 0 {
		return values[0]
	}
	return nil
}

// ListResult returns the result of a list action: Okta's objects unaltered, and their number in the
// message.
func (x *Execution) ListResult(list okta.List, noun string) *Result {
	switch {
	case list.Cut && len(list.Items) == 0:
		x.Warn("The list is empty: its first object exceeds the size limit of a reply, %d MB.", okta.MaxListBytes>>20)
	case list.Cut:
		x.Warn("The list is incomplete: a reply is limited to %d MB. Request fewer objects at a time.", okta.MaxListBytes>>20)
	}
	return &Result{
		JSON:    append([]json.RawMessage{}, list.Items...),
		Message: "Found " + Count(len(list.Items), noun) + ".",
	}
}
