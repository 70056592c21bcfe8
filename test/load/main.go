// Load calls one deployed function from many clients at once, each of which waits for its reply before it calls again,
// and prints the results of the calls, the time until excess calls were refused, the memory of the function, and whether
// every call has an audit record. The function runs under the functions framework in a child process, with an Okta that
// responds after 50 ms. Memory is read if the system reports it (Linux).
//
//	go run ./test/load                        as many clients as the function lets in, then twice as many; 2 minutes each
//	go run ./test/load -most 80 -time 10s
//	go run ./test/load -replies               calls of which Okta's replies are large instead
//	go run ./test/load -slow 160 -time 20s    slow bodies without a key instead
//	go run ./test/load -bombs 4               requests of 1 MB that are made to be costly instead
//	go run ./test/load -bulk 10,100,400       users in bulk instead: by so many calls, or messages, of 100 users each
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "example.com/okta-secops" // registers the functions
	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/functions"
	"example.com/okta-secops/test/testkit"
)

// portVariable makes this program the function.
const portVariable = "LOAD_PORT"

// serveIfAsked serves the function, and does not return, if this process was started as the function.
func serveIfAsked() {
	if port := os.Getenv(portVariable); port != "" {
		log.Fatal(funcframework.StartHostPort("127.0.0.1", port))
	}
}

func main() {
	serveIfAsked()
	functions.ServeIfAsked()
	bulkSizes := flag.String("bulk", "", "numbers of `calls`, with commas between them")
	most := flag.Int("most", 250, "invocations that the function lets in at once (MAX_INVOCATIONS)")
	during := flag.Duration("time", 2*time.Minute, "how long each load lasts")
	large := flag.Bool("replies", false, "calls of which Okta's replies are large")
	strangers := flag.Int("slow", 0, "`connections` without a key that send their bodies slowly, for -time")
	hostile := flag.Int("bombs", 0, "`requests` of 1 MB, made to be costly, at once")
	flag.Parse()
	if *large || *strangers > 0 || *hostile > 0 {
		var err error
		if *large {
			err = replies(os.Stdout, allLargeReplies)
		}
		if err == nil && *strangers > 0 {
			err = slow(os.Stdout, *strangers, *during)
		}
		if err == nil && *hostile > 0 {
			err = bombs(os.Stdout, *hostile)
		}
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	if *bulkSizes != "" {
		var sizes []int
		for text := range strings.SplitSeq(*bulkSizes, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				log.Fatalf("-bulk %q: %q is not a number of calls", *bulkSizes, text)
			}
			sizes = append(sizes, n)
		}
		if err := bulk(os.Stdout, sizes); err != nil {
			log.Fatal(err)
		}
		return
	}
	fmt.Println("clients  time  calls  200  429  other  429 after (median, p99, most)  peak memory (MiB)  records  gaps")
	for _, clients := range []int{*most, 2 * *most} {
		if err := measure(os.Stdout, clients, *most, *during); err != nil {
			log.Fatal(err)
		}
	}
}

// tally counts the results of the calls.
type tally struct {
	mu     sync.Mutex
	status map[int]int
	away   []time.Duration // how long those took that were sent away
}

func (t *tally) add(status int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status[status]++
	if status == http.StatusTooManyRequests {
		t.away = append(t.away, took)
	}
}

// records are the audit's records that the function has written.
type records struct {
	invocations int
	all         int
	last        int64
}

func measure(w io.Writer, clients, most int, during time.Duration) error {
	okta := emulator.New(emulator.Options{})
	okta.AddFault(emulator.Fault{Path: "*", LatencyMS: 50})
	for i := range clients {
		okta.AddUser(emulator.UserSeed{Login: fmt.Sprintf("user%d@acme.test", i)})
	}
	org := httptest.NewServer(okta)
	defer org.Close()
	f, err := start(org.URL, okta.Token(), most)
	if err != nil {
		return err
	}
	defer f.kill()

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	t := tally{status: map[int]int{}}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				path, body := "/disable-user", fmt.Sprintf(`{"parameters": {"User IDs": "user%d", "Is Deactivate": false}}`, i)
				if n%2 == 1 {
					path, body = "/enable-user", fmt.Sprintf(`{"parameters": {"User IDs": "user%d", "Is Activate": false}}`, i)
				}
				begun := time.Now()
				status := call(client, f.address+path, body)
				if t.add(status, time.Since(begun)); status == http.StatusTooManyRequests {
					time.Sleep(100 * time.Millisecond) // as impatient as a client may be
				}
			}
		})
	}
	all.Wait()
	memory := functions.PeakMemory(f.process.Process.Pid) >> 10
	r, err := f.end()
	if err != nil {
		return err
	}
	calls := 0
	for _, n := range t.status {
		calls += n
	}
	slices.Sort(t.away)
	away := "-"
	if n := len(t.away); n > 0 {
		away = fmt.Sprintf("%s, %s, %s", round(t.away[n/2]), round(t.away[n*99/100]), round(t.away[n-1]))
	}
	fmt.Fprintf(w, "%d  %s  %d  %d  %d  %d  %s  %d  %d  %d\n", clients, during, calls, t.status[200], t.status[429], calls-t.status[200]-t.status[429],
		away, memory, r.invocations, r.last-int64(r.all))
	if r.invocations != calls {
		return fmt.Errorf("%d calls, but %d records", calls, r.invocations)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// call returns the status, 0 without a response.
func call(client *http.Client, url, body string) int {
	res, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// function is the process of the function.
type function struct {
	address string
	process *exec.Cmd
	counted chan records
}

func start(root, token string, most int, settings ...string) (*function, error) {
	port, err := testkit.FreePort()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &function{address: "http://127.0.0.1:" + port, process: exec.Command(self), counted: make(chan records, 1)}
	f.process.Env = append([]string{
		portVariable + "=" + port, "FUNCTION_TARGET=OktaUsers", "CALLER_AUTH=none", "OKTA_API_ROOT=" + root, "OKTA_API_TOKEN_SECRET=env:TOKEN", "TOKEN=" + token,
		fmt.Sprintf("MAX_INVOCATIONS=%d", most), "OKTA_CONCURRENCY=35",
	}, settings...)
	log, err := f.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := f.process.Start(); err != nil {
		return nil, err
	}
	go func() { f.counted <- count(log) }()
	for range 500 {
		if call(http.DefaultClient, f.address+"/health", "") != 0 {
			return f, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return f, errors.New("the function does not start")
}

// count reads the log to its end.
func count(log io.Reader) records {
	var r records
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(`"audit":`)) {
			continue
		}
		var entry struct {
			Audit struct {
				Kind   string
				Number int64
			}
		}
		if json.Unmarshal(lines.Bytes(), &entry) != nil {
			continue
		}
		r.all++
		r.last = max(r.last, entry.Audit.Number)
		if entry.Audit.Kind == "invocation" {
			r.invocations++
		}
	}
	return r
}

// end ends the function as Cloud Run does, and counts its records.
func (f *function) end() (records, error) {
	if err := f.process.Process.Signal(syscall.SIGTERM); err != nil {
		return records{}, err
	}
	r := <-f.counted
	return r, f.process.Wait()
}

func (f *function) kill() { _ = f.process.Process.Kill() }
