package idempotency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gcs "example.com/okta-secops/internal/bucket"
	"example.com/okta-secops/internal/idempotency"
	"example.com/okta-secops/test/fakegcp"
	"example.com/okta-secops/test/testkit"
)

// backends are the implementations of Objects. Each must pass the same tests.
var backends = map[string]func(t *testing.T, clock *testkit.Clock) idempotency.Objects{
	"memory": func(_ *testing.T, clock *testkit.Clock) idempotency.Objects {
		return &idempotency.Memory{Now: clock.Now}
	},
	"bucket": func(t *testing.T, _ *testkit.Clock) idempotency.Objects {
		storage, err := fakegcp.NewStorage("idempotency")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(storage.Close)
		connection := gcs.New("idempotency", storage.Options()...)
		bucket := idempotency.NewBucket(connection, "okta/")
		return bucket
	},
}

// testStore is a Store with its clock.
type testStore struct {
	*idempotency.Store
	clock *testkit.Clock
}

var key = idempotency.RequestKey{Caller: "secops", Action: "disable-user", Text: "case-4711"}

// each runs a test on every backend.
func each(t *testing.T, test func(t *testing.T, s testStore)) {
	t.Parallel()
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := testkit.NewClock()
			test(t, testStore{idempotency.New(open(t, clock), clock.Now, idempotency.LeaseDuration), clock})
		})
	}
}

// begin acquires the lease of the key.
func (s testStore) begin(t *testing.T, request string) *idempotency.Lease {
	t.Helper()
	c, reply, err := s.Begin(t.Context(), key, []byte(request))
	if err != nil || c == nil {
		t.Fatalf("%s %v", reply, err)
	}
	return c
}

// running checks that another execution holds the lease, and returns the remaining time.
func (s testStore) running(t *testing.T) time.Duration {
	t.Helper()
	c, reply, err := s.Begin(t.Context(), key, []byte("body"))
	var busy *idempotency.RunningError
	if c != nil || reply != nil || !errors.As(err, &busy) || busy.For <= 0 || busy.For > time.Minute {
		t.Fatalf("%v %s %v, want a RunningError", c, reply, err)
	}
	return busy.For
}

func (s testStore) replay(t *testing.T, want string) {
	t.Helper()
	c, reply, err := s.Begin(t.Context(), key, []byte("body"))
	if c != nil || err != nil || string(reply) != want {
		t.Errorf("%v %s %v, want the reply %s", c, reply, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFinish_ReplyAnswersRepeats(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		c := s.begin(t, "body")
		s.running(t)
		s.clock.Advance(30 * time.Second)
		must(t, c.Finish(t.Context(), json.RawMessage(`{"status":"success"}`)))
		for range 2 {
			s.replay(t, `{"status":"success"}`)
		}
		s.clock.Advance(24*time.Hour - time.Second) // the lease has expired before the result
		s.replay(t, `{"status":"success"}`)
		s.clock.Advance(2 * time.Second)
		s.begin(t, "another body, another day")
	})
}

func TestBegin_RejectsAnotherRequestWithTheKey(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		c := s.begin(t, "body")
		for _, when := range []string{"while it runs", "after it"} {
			if _, _, err := s.Begin(t.Context(), key, []byte("another")); !errors.Is(err, idempotency.ErrOtherRequest) {
				t.Errorf("%s: %v", when, err)
			}
			if when == "while it runs" {
				must(t, c.Finish(t.Context(), json.RawMessage(`{}`)))
			}
		}
		for _, other := range []idempotency.RequestKey{
			{Caller: "another", Action: key.Action, Text: key.Text}, {Caller: key.Caller, Action: "enable-user", Text: key.Text},
			{Caller: key.Caller, Action: key.Action, Text: "another"},
			{Caller: key.Caller + key.Action, Text: key.Text},
		} {
			if c, _, err := s.Begin(t.Context(), other, []byte("another")); c == nil || err != nil {
				t.Errorf("%+v: %v", other, err)
			}
		}
	})
}

func TestBegin_OneOfConcurrentExecutionsRuns(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		var got, busy atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				c, _, err := s.Begin(t.Context(), key, []byte("body"))
				var running *idempotency.RunningError
				switch {
				case err == nil && c != nil:
					got.Add(1)
				case errors.As(err, &running):
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 || busy.Load() != 7 {
			t.Errorf("%d executions run, %d get a RunningError", got.Load(), busy.Load())
		}
	})
}

func TestLease_IsTakenOverAfterExpiry(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		first := s.begin(t, "body")
		s.clock.Advance(s.running(t))
		second := s.begin(t, "body")
		if err := first.Renew(t.Context()); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("Renew of a lost lease: %v", err)
		}
		must(t, second.Finish(t.Context(), json.RawMessage(`"second"`)))
		if err := first.Finish(t.Context(), json.RawMessage(`"first"`)); !errors.Is(err, idempotency.ErrLost) {
			t.Errorf("Finish of a lost lease: %v", err)
		}
		s.replay(t, `"second"`)
	})
}

func TestLease_RenewExtendsIt(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		c := s.begin(t, "body")
		for range 2 {
			s.clock.Advance(50 * time.Second)
			must(t, c.Renew(t.Context()))
		}
		s.running(t)
	})
}

func TestSuspend_NextExecutionGetsCompletedTargets(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		c := s.begin(t, "body")
		must(t, c.Suspend(t.Context(), map[string]json.RawMessage{"00u1": json.RawMessage(`{"outcome":"changed"}`)}))
		c = s.begin(t, "body") // at once
		if len(c.Done) != 1 || string(c.Done["00u1"]) != `{"outcome":"changed"}` {
			t.Errorf("done: %s", c.Done)
		}
		s.running(t)
		must(t, c.Finish(t.Context(), json.RawMessage(`{"status":"success"}`)))
		s.replay(t, `{"status":"success"}`)
	})
}

func TestForget_FreesKey(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		must(t, s.begin(t, "body").Forget(t.Context()))
		c := s.begin(t, "another")
		if _, _, err := s.Begin(t.Context(), key, []byte("body")); !errors.Is(err, idempotency.ErrOtherRequest) {
			t.Errorf("%v", err)
		}
		must(t, c.Suspend(t.Context(), nil))
		if _, _, err := s.Begin(t.Context(), key, []byte("body")); !errors.Is(err, idempotency.ErrOtherRequest) {
			t.Errorf("%v", err)
		}
	})
}

func TestBeginWrite_ReturnsStateOfWrite(t *testing.T) {
	each(t, func(t *testing.T, s testStore) {
		begin := func(c *idempotency.Lease, target string, want idempotency.WriteIntent) {
			t.Helper()
			if got, err := c.BeginWrite(t.Context(), target); err != nil || got != want {
				t.Errorf("%s: %d %v, want %d", target, got, err, want)
			}
		}
		c := s.begin(t, "body")
		for _, target := range []string{"committed", "in doubt", "aborted"} {
			begin(c, target, idempotency.Fresh)
		}
		must(t, c.CommitWrite(t.Context(), "committed"))
		s.clock.Advance(time.Minute)
		next := s.begin(t, "body")
		begin(next, "committed", idempotency.Committed)
		begin(next, "in doubt", idempotency.InDoubt)
		begin(next, "fresh", idempotency.Fresh)
		must(t, c.AbortWrite(t.Context(), "aborted"))
		begin(next, "aborted", idempotency.Fresh)
	})
}

func TestBucket_ReturnsErrorsOfStorage(t *testing.T) {
	t.Parallel()
	storage, err := fakegcp.NewStorage("idempotency")
	must(t, err)
	t.Cleanup(storage.Close)
	connection := gcs.New("idempotency", storage.Options()...)
	bucket := idempotency.NewBucket(connection, "")
	storage.SetDown(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s := idempotency.New(bucket, time.Now, idempotency.LeaseDuration)
	if c, reply, err := s.Begin(ctx, key, []byte("body")); err == nil || c != nil || reply != nil {
		t.Errorf("%v %s %v", c, reply, err)
	}
	storage.SetDown(false)
	if c, _, err := s.Begin(t.Context(), key, []byte("body")); err != nil || c == nil {
		t.Error(err)
	}
	missing := idempotency.NewBucket(gcs.New("no-such-bucket", storage.Options()...), "")
	s = idempotency.New(missing, time.Now, idempotency.LeaseDuration)
	if _, _, err := s.Begin(t.Context(), key, []byte("body")); err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("%v", err)
	}
}

// large is the size of a reply, in bytes.
const large = 1 << 20

// filler returns the key of another request.
func filler(i int) idempotency.RequestKey {
	return idempotency.RequestKey{Caller: "another", Action: "x", Text: fmt.Sprint(i)}
}

// fill finishes 80 requests of another caller with large replies.
func (s testStore) fill(t *testing.T, from int) {
	t.Helper()
	reply := json.RawMessage(`"` + strings.Repeat("x", large) + `"`)
	for i := range 80 {
		c, _, err := s.Begin(t.Context(), filler(from+i), nil)
		must(t, err)
		must(t, c.Finish(t.Context(), reply))
	}
}

// Another caller must not be able to displace a record with many large replies.
func TestMemory_KeepsRecordOfRunningExecution(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock()
	s := testStore{idempotency.New(&idempotency.Memory{Now: clock.Now}, clock.Now, idempotency.LeaseDuration), clock}
	c := s.begin(t, "body")
	if got, err := c.BeginWrite(t.Context(), "alice"); got != idempotency.Fresh || err != nil {
		t.Fatalf("%d %v", got, err)
	}
	s.fill(t, 0)
	s.running(t)
	clock.Advance(time.Second)
	must(t, c.Renew(t.Context()))
	if got, err := c.BeginWrite(t.Context(), "alice"); got != idempotency.InDoubt || err != nil {
		t.Errorf("the intent is lost: %d %v", got, err)
	}
	must(t, c.CommitWrite(t.Context(), "alice"))
	must(t, c.Finish(t.Context(), json.RawMessage(`{}`)))
	s.replay(t, `{}`)

	s.fill(t, 80)
	c, reply, err := s.Begin(t.Context(), key, []byte("body"))
	var busy *idempotency.RunningError
	if c != nil || reply != nil || !errors.As(err, &busy) {
		t.Fatalf("Begin after the reply was dropped: %v %s %v, want a RunningError", c, reply, err)
	}
	clock.Advance(busy.For)
	if got, err := s.begin(t, "body").BeginWrite(t.Context(), "alice"); got != idempotency.Committed || err != nil {
		t.Errorf("the mark of the committed write was dropped with the reply: %d %v", got, err)
	}
}

func TestMemory_ReturnsErrFullAndErrTooLarge(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock()
	m := &idempotency.Memory{Now: clock.Now}
	write := func(name string, size int, kind idempotency.ObjectKind) error {
		_, err := m.Write(t.Context(), name, make([]byte, size), 0, idempotency.ObjectLabel{Kind: kind, Attempt: name,
			Expires: clock.Now().Add(time.Hour)})
		return err
	}
	for i := 0; ; i++ {
		err := write(fmt.Sprintf("live%d/lease", i), large, idempotency.LeaseObject)
		if errors.Is(err, idempotency.ErrFull) {
			if i < 60 || i > 64 {
				t.Errorf("Memory has room for %d objects of 1 MiB", i)
			}
			break
		}
		must(t, err)
	}
	for i := range 60 {
		if _, _, err := m.Read(t.Context(), fmt.Sprintf("live%d/lease", i)); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := write("one/lease", 5<<20, idempotency.LeaseObject); !errors.Is(err, idempotency.ErrTooLarge) {
		t.Errorf("an object of 5 MiB: %v", err)
	}
	clock.Advance(time.Hour)
	must(t, write("next/lease", large, idempotency.LeaseObject)) // the others have expired
	if n, size := m.Held(); n != 1 || size < large || size > 2*large {
		t.Errorf("%d records of %d bytes are stored", n, size)
	}
}

// Neither repeated writes and deletions nor expired records may leave anything in memory.
func TestMemory_FreesDeletedAndExpired(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock()
	m := &idempotency.Memory{Now: clock.Now}
	s := testStore{idempotency.New(m, clock.Now, idempotency.LeaseDuration), clock}
	c := s.begin(t, "body")
	for range 1000 {
		if got, err := c.BeginWrite(t.Context(), "alice"); got != idempotency.Fresh || err != nil {
			t.Fatalf("%d %v", got, err)
		}
		must(t, c.AbortWrite(t.Context(), "alice"))
	}
	if n, size := m.Held(); n != 1 || size > 1000 {
		t.Errorf("%d records of %d bytes are stored", n, size)
	}
	must(t, c.Finish(t.Context(), json.RawMessage(`{}`)))
	for i := range 1000 {
		s.clock.Advance(time.Hour)
		if c, _, err := s.Begin(t.Context(), filler(i), nil); err != nil ||
			c.Finish(t.Context(), json.RawMessage(`{}`)) != nil {
			t.Fatal(err)
		}
	}
	if n, size := m.Held(); n > 26 || size > 26*2000 {
		t.Errorf("%d records of %d bytes are stored", n, size)
	}
	for range 100 {
		gen, err := m.Write(t.Context(), "x/lease", nil, 0, idempotency.ObjectLabel{Expires: clock.Now().Add(time.Hour)})
		must(t, err)
		must(t, m.Delete(t.Context(), "x/lease", gen))
	}
	if n, _ := m.Held(); n > 26 {
		t.Errorf("%d records are stored", n)
	}
}

// manualTicker ticks when the test sends to ticks.
type manualTicker struct {
	every chan time.Duration
	ticks chan time.Time
}

// Every second renewal fails.
func TestLease_SurvivesFailedRenewals(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: the Cloud Storage client waits between its attempts")
	}
	t.Parallel()
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := testkit.NewClock()
			l := &lossy{Objects: open(t, clock), writes: make(chan struct{}, 100)}
			s := testStore{idempotency.New(l, clock.Now, idempotency.LeaseDuration), clock}
			k := manualTicker{make(chan time.Duration, 1), make(chan time.Time)}
			s.SetTicks(func(every time.Duration) (<-chan time.Time, func()) { k.every <- every; return k.ticks, func() {} })
			c := s.begin(t, "body")
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				c.KeepAlive(ctx, func() { t.Error("the lease is lost") })
				close(ended)
			}()
			every := <-k.every
			for lease := range 4 {
				for _, down := range []bool{true, false} {
					l.down.Store(down)
					clock.Advance(every)
					s.running(t)
					k.ticks <- clock.Now()
					<-l.writes
				}
				k.ticks <- clock.Now() // KeepAlive receives it after the renewal before has ended
				<-l.writes
				if left := s.running(t); left != idempotency.LeaseDuration {
					t.Errorf("lease %d: %s remain after a renewal", lease, left)
				}
			}
			cancel()
			<-ended
		})
	}
}

// lossy makes writes and loses some of the responses.
type lossy struct {
	idempotency.Objects
	lose   bool
	down   atomic.Bool   // every write fails
	writes chan struct{} // receives a value for each renewal; may be nil
}

// Write implements idempotency.Objects.
func (l *lossy) Write(ctx context.Context, name string, data []byte, instead int64,
	label idempotency.ObjectLabel) (int64, error) {
	if l.writes != nil && instead != 0 {
		defer func() { l.writes <- struct{}{} }()
	}
	if l.down.Load() {
		return 0, errors.New("the store is down")
	}
	gen, err := l.Objects.Write(ctx, name, data, instead, label)
	if l.lose && err == nil {
		return 0, errors.New("the response was lost")
	}
	return gen, err
}

func TestLease_LostResponseOfOwnWriteIsNotAConflict(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock()
	l := &lossy{Objects: &idempotency.Memory{Now: clock.Now}}
	s := testStore{idempotency.New(l, clock.Now, idempotency.LeaseDuration), clock}
	c := s.begin(t, "body")
	renew := func(lose, fails bool) {
		t.Helper()
		l.lose = lose
		clock.Advance(time.Second)
		if err := c.Renew(t.Context()); (err != nil) != fails || errors.Is(err, idempotency.ErrLost) {
			t.Errorf("%v", err)
		}
		l.lose = false
	}
	renew(true, true)
	renew(false, false)
	renew(false, false)

	l.lose = true
	if _, err := c.BeginWrite(t.Context(), "alice"); err == nil {
		t.Error("BeginWrite allows a write whose intent may not be stored")
	}
	l.lose = false
	if got, err := c.BeginWrite(t.Context(), "alice"); got != idempotency.Fresh || err != nil {
		t.Errorf("the next attempt: %d %v", got, err)
	}
	clock.Advance(2 * idempotency.LeaseDuration)
	next := s.begin(t, "body")
	if err := c.Renew(t.Context()); !errors.Is(err, idempotency.ErrLost) {
		t.Errorf("%v", err)
	}
	if got, err := next.BeginWrite(t.Context(), "alice"); got != idempotency.InDoubt || err != nil {
		t.Errorf("the write that the first execution began: %d %v", got, err)
	}
}
