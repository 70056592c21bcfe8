package console

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// events sends the events as server-sent events (https://html.spec.whatwg.org/#server-sent-events): a message is a
// JSON list of events, "missed" the number of those that this page missed.
func (c *console) events(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	recent, p := c.Feed.open()
	defer c.Feed.close(p)
	for list := recent; ; {
		text, err := json.Marshal(list)
		if err == nil {
			_, err = fmt.Fprintf(w, "data: %s\n\n", text)
		}
		if n := c.Feed.missed(p); err == nil && n > 0 {
			_, err = fmt.Fprintf(w, "event: missed\ndata: %d\n\n", n)
		}
		if err != nil || out.Flush() != nil {
			return
		}
		select {
		case first, ok := <-p.events:
			if !ok {
				return
			}
			list = []json.RawMessage{first}
			for more := len(p.events); more > 0; more-- { // those that wait are one message
				if next, ok := <-p.events; ok {
					list = append(list, next)
				}
			}
		case <-r.Context().Done():
			return
		}
	}
}
