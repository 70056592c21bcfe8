package fakegcp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"
)

// Storage is Cloud Storage with one bucket. Like the real one it takes one write a second for each object name.
type Storage struct {
	Bucket string

	server *fakestorage.Server
	front  *httptest.Server

	mu      sync.Mutex // held while a write is under way
	written map[string]write
	down    bool
	refused int
}

// write is the last write of an object that was carried out.
type write struct {
	at         time.Time
	generation string // "0" once it is deleted
}

// NewStorage starts one.
func NewStorage(bucket string) (*Storage, error) {
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Port: 0, Writer: io.Discard})
	if err != nil {
		return nil, err
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	s := &Storage{Bucket: bucket, server: server, written: map[string]write{}}
	target, err := url.Parse(server.URL())
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	s.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, proxy)
	}))
	return s, nil
}

// serve refuses what Cloud Storage refuses, and passes the rest on. A precondition that fails is told before the rate is
// looked at, since nothing is written then.
func (s *Storage) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": http.StatusText(status)}})
	}
	if s.down {
		refuse(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodGet {
		next.ServeHTTP(w, r)
		return
	}
	object, err := objectOf(r)
	if err != nil {
		refuse(http.StatusBadRequest)
		return
	}
	last := s.written[object]
	switch want := r.URL.Query().Get("ifGenerationMatch"); {
	case want != "" && want != cmp.Or(last.generation, "0"):
		refuse(http.StatusPreconditionFailed)
		return
	case time.Since(last.at) < time.Second:
		s.refused++
		refuse(http.StatusTooManyRequests)
		return
	}
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	if answer.Code/100 == 2 {
		var written struct{ Generation string }
		_ = json.Unmarshal(answer.Body.Bytes(), &written)
		s.written[object] = write{time.Now(), cmp.Or(written.Generation, "0")}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// objectOf is the object that a write concerns.
func objectOf(r *http.Request) (string, error) {
	object := r.URL.EscapedPath()
	if strings.HasPrefix(object, "/upload/") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if object = r.URL.Query().Get("name"); object == "" {
			object = nameIn(body)
		}
	} else if _, name, ok := strings.Cut(object, "/o/"); ok {
		object, _ = url.PathUnescape(name)
	}
	return object, nil
}

// nameIn is the name of the object in the metadata of a multipart upload.
func nameIn(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"name":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// SetDown makes all requests fail, or ends that.
func (s *Storage) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Refused counts the writes that came too soon after another of the same object.
func (s *Storage) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Options are how the real client reaches it.
func (s *Storage) Options() []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(s.front.URL + "/storage/v1/"), option.WithoutAuthentication()}
}

// Close ends it.
func (s *Storage) Close() {
	s.front.Close()
	s.server.Stop()
}
