package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/apierr"
)

// maxDelivery is over the size of a delivery: a message of 10 MB in base64, and its attributes. A
// message over maxBody is read too, because its dead letter needs its id.
const maxDelivery = 16 << 20

// published is the type of the events that hold a Pub/Sub message.
const published = "google.cloud.pubsub.topic.v1.messagePublished"

// The bounds of the parts of a delivery.
const (
	maxAttributes      = 100      // of a message. https://cloud.google.com/pubsub/quotas#resource_limits
	maxEventAttributes = 64 << 10 // of an event, in bytes
)

// receive reads a delivery: a push, or a CloudEvent in binary or structured mode. It returns an
// error without a message if the delivery has not arrived, and with a message if it contains no
// request, which no later delivery of it will.
func receive(conn *arrival, r *http.Request) (*message, error) {
	sum := sha256.New()
	body, err := conn.readBody(io.TeeReader(r.Body, sum), maxDelivery)
	if err != nil {
		return nil, err
	}
	size := int64(len(body))
	if size > maxDelivery {
		body = nil
		defer conn.cutAtEnd()()
		rest, err := io.Copy(sum, r.Body)
		if err != nil {
			return nil, conn.errUnread(err)
		}
		return &message{digest: digest{size + rest, hex.EncodeToString(sum.Sum(nil))}}, errTooLarge("message")
	}
	m := &message{digest: digest{size, hex.EncodeToString(sum.Sum(nil))}}
	if isEvent(r.Header) {
		if body, err = eventData(r.Header, body); err != nil {
			return m, apierr.New(apierr.BadRequest, "invalid_message",
				"this is not a CloudEvent that holds a Pub/Sub message ("+published+")", err)
		}
	}
	read := *m
	if err := read.read(body); err != nil {
		return m, apierr.New(apierr.BadRequest, "invalid_message",
			"this is not a Pub/Sub message as a push subscription delivers it", err)
	}
	if len(read.data) > maxBody {
		read.data = nil
		return &read, errTooLarge("message")
	}
	return &read, nil
}

// read reads the body of a push, which is also the data of Eventarc's messagePublished.
// https://cloud.google.com/pubsub/docs/push#receive_push
func (m *message) read(text []byte) error {
	c, err := newCursor(text)
	if err != nil {
		return err
	}
	errNoMessage := errors.New("it has no message")
	if c.next() != '{' {
		return errNoMessage
	}
	found := false
	err = c.object(func(name string) error {
		if name == "deliveryAttempt" {
			value, err := c.scalar()
			number, _ := value.(json.Number)
			m.attempt, _ = strconv.Atoi(string(number))
			return err
		}
		if name != "message" || c.next() != '{' {
			return c.skip()
		}
		found = true
		return c.object(func(name string) error { return m.member(c, name) })
	})
	if err == nil && !found {
		err = errNoMessage
	}
	return err
}

// member reads a member of the message.
func (m *message) member(c *cursor, name string) error {
	switch name {
	case "data":
		if c.null() {
			return nil
		}
		text, err := text(c)
		if err == nil {
			m.data, m.digest, err = decodeData(text)
		}
		return err
	case "messageId":
		id, err := text(c)
		m.id = string(id)
		return err
	case "attributes":
		if c.null() {
			return nil
		}
		if c.next() != '{' {
			return errors.New("its attributes are not an object")
		}
		m.attributes = map[string]string{}
		return c.object(func(name string) error {
			if len(m.attributes) == maxAttributes {
				return fmt.Errorf("it has more than %d attributes", maxAttributes)
			}
			value, err := text(c)
			m.attributes[name] = string(value)
			return err
		})
	}
	return c.skip()
}

// text reads a string.
func text(c *cursor) ([]byte, error) {
	if c.next() != '"' {
		return nil, errors.New("a member that must be a string is not one")
	}
	raw, err := c.raw()
	if err != nil || bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], err
	}
	return unquote(nil, raw, nil), nil
}

// decodeData decodes the data of a message. It returns at most maxBody+1 bytes of it; the digest is
// of all.
func decodeData(text []byte) ([]byte, digest, error) {
	sum := sha256.New()
	all := io.TeeReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text)), sum)
	buffer := bytes.NewBuffer(make([]byte, 0, min(base64.StdEncoding.DecodedLen(len(text)), maxBody)+bytes.MinRead))
	size, err := io.CopyN(buffer, all, maxBody+1)
	if err == io.EOF {
		err = nil
	}
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, all)
		size += rest
	}
	return buffer.Bytes(), digest{size, hex.EncodeToString(sum.Sum(nil))}, err
}

func isEvent(h http.Header) bool {
	return h.Get("Ce-Specversion") != "" || h.Get("Ce-Id") != "" || isStructured(h)
}

func isStructured(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/cloudevents")
}

// eventData returns the data of an event. Only the attributes go through the SDK, which copies its
// input several times.
func eventData(h http.Header, body []byte) (data []byte, err error) {
	attributes := []byte{}
	if data = body; isStructured(h) {
		if data, attributes, err = splitEvent(body); err != nil {
			return nil, err
		}
	}
	event, err := cehttp.NewEventFromHTTPRequest(&http.Request{Header: h, Body: io.NopCloser(bytes.NewReader(attributes))})
	if err != nil {
		return nil, err
	}
	if err := event.Validate(); err != nil {
		return nil, err
	}
	if event.Type() != published {
		return nil, errors.New("the event is of the type " + action.Shorten(event.Type()))
	}
	return data, nil
}

// splitEvent splits an event in structured mode into its data and an event without data.
func splitEvent(body []byte) (data, event []byte, err error) {
	c, err := newCursor(body)
	if err != nil {
		return nil, nil, err
	}
	if c.next() != '{' {
		return nil, nil, errors.New("the event is not an object")
	}
	attributes, size := map[string]json.RawMessage{}, 0
	err = c.object(func(name string) error {
		if name == "data_base64" {
			encoded, err := text(c)
			if err == nil {
				data = make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
				var n int
				n, err = base64.StdEncoding.Decode(data, encoded)
				data = data[:n]
			}
			return err
		}
		value, err := c.raw()
		if name == "data" {
			data = value
			return err
		}
		if size += len(name) + len(value); size > maxEventAttributes {
			return fmt.Errorf("the attributes of the event are over %d bytes", maxEventAttributes)
		}
		attributes[name] = value
		return err
	})
	if err == nil {
		event, err = json.Marshal(attributes)
	}
	return data, event, err
}
