package fakegcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
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

	shards []*shard // by object: the server looks for an object among all that it has
	front  *httptest.Server

	mu      sync.Mutex
	down    bool
	refused int
}

// shard is a server with some of the objects.
type shard struct {
	mu      sync.Mutex // held while a request is under way
	server  *fakestorage.Server
	written map[string]write
}

// write is the last write of an object that was carried out.
type write struct {
	at         time.Time
	generation string // "0" once it is deleted
}

// NewStorage starts one.
func NewStorage(bucket string) (*Storage, error) {
	const shards = 64
	s := &Storage{Bucket: bucket}
	for range shards {
		server, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", NoListener: true, Writer: io.Discard})
		if err != nil {
			return nil, err
		}
		server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
		s.shards = append(s.shards, &shard{server: server, written: map[string]write{}})
	}
	s.front = httptest.NewServer(s)
	return s, nil
}

// ServeHTTP implements http.Handler. It refuses what Cloud Storage refuses, and passes the rest on. A precondition that
// a failing precondition is checked before the rate, since it writes nothing.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": http.StatusText(status)}})
	}
	object, err := objectOf(r)
	if err != nil {
		refuse(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down {
		refuse(http.StatusServiceUnavailable)
		return
	}
	name := fnv.New32a()
	_, _ = io.WriteString(name, shardKey(r, object))
	shard := s.shards[name.Sum32()%uint32(len(s.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	next := shard.server.HTTPHandler()
	if strings.HasPrefix(object, listed) && (r.Method != http.MethodPost || shard.written[object].generation != "" &&
		r.URL.Query().Get("ifGenerationMatch") != "0") {
		refuse(http.StatusForbidden)
		return
	}
	if r.Method == http.MethodGet {
		next.ServeHTTP(w, r)
		return
	}
	last := shard.written[object]
	switch want := r.URL.Query().Get("ifGenerationMatch"); {
	case want != "" && want != cmp.Or(last.generation, "0"):
		refuse(http.StatusPreconditionFailed)
		return
	case time.Since(last.at) < time.Second:
		s.mu.Lock()
		s.refused++
		s.mu.Unlock()
		refuse(http.StatusTooManyRequests)
		return
	}
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context()))) // it is carried out even if the client disconnects
	if answer.Code/100 == 2 {
		var written struct{ Generation string }
		_ = json.Unmarshal(answer.Body.Bytes(), &written)
		shard.written[object] = write{time.Now(), cmp.Or(written.Generation, "0")}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// listed begins the names of objects that are listed. The account may create and list them, and nothing else.
const listed = "guardrails/"

// shardKey is what selects the shard of a request. Objects that are listed together are in one shard.
func shardKey(r *http.Request, object string) string {
	if strings.HasPrefix(object, listed) || strings.HasPrefix(r.URL.Query().Get("prefix"), listed) {
		return listed
	}
	return object
}

// objectOf is the object that a request concerns.
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

// URL is its address.
func (s *Storage) URL() string { return s.front.URL }

// Options are how the real client reaches it.
func (s *Storage) Options() []option.ClientOption { return StorageOptions(s.URL()) }

// StorageOptions are how the real client reaches one at an address.
func StorageOptions(url string) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(url + "/storage/v1/"), option.WithoutAuthentication()}
}

// Close ends it.
func (s *Storage) Close() {
	s.front.Close()
	for _, shard := range s.shards {
		shard.server.Stop()
	}
}
