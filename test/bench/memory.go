package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/local/emulator"
	"example.com/okta-secops/test/functions"
)

// memory compares the memory of one call with that of a program that makes the same calls to Okta.
func (p plan) memory(ctx context.Context, w io.Writer) error {
	var product, direct []int
	for range p.reps {
		most, err := p.memoryOfCall(ctx)
		if err != nil {
			return err
		}
		least, err := p.memoryOfCalls(ctx)
		if err != nil {
			return err
		}
		product, direct = append(product, most), append(direct, least)
	}
	perTarget := func(kib []int) float64 { return float64(median(kib)) / float64(p.large) }
	fmt.Fprintf(w, `One call of %d targets, Disable User (suspend): growth of the most that was resident, median of %d

  product   the functions' process, from before the call to after its reply
  directly  a program that sends the same GET and POST for each of the users, %d at once, and keeps no result

product %.1f MiB, directly %.1f MiB: %.2f KiB a target more

`, p.large, p.reps, functions.Concurrency, mib(median(product)), mib(median(direct)), perTarget(product)-perTarget(direct))
	return nil
}

// memoryOfCall returns by how much one call makes the functions' process grow, in KiB.
func (p plan) memoryOfCall(ctx context.Context) (int, error) {
	f, err := functions.Start(functions.Options{MaxTargets: p.large, Settings: []string{"REQUEST_DEADLINE=535s"}})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	names := addUsers(f.Okta, p.large)
	if err := disable(ctx, f.Address, []string{addUser(f.Okta, "first")}); err != nil {
		return 0, err
	}
	before := f.PeakMemory()
	if err := disable(ctx, f.Address, names); err != nil {
		return 0, err
	}
	return f.PeakMemory() - before, nil
}

// addUsers adds the users user0 and so on, and returns their logins.
func addUsers(okta *emulator.Emulator, n int) (names []string) {
	for i := range n {
		names = append(names, addUser(okta, fmt.Sprintf("user%d", i)))
	}
	return names
}

func addUser(okta *emulator.Emulator, name string) (login string) {
	login = name + "@acme.test"
	okta.AddUser(emulator.UserSeed{Login: login})
	return login
}

// disableRequest is a request to suspend users.
func disableRequest(names []string) ([]byte, error) {
	return json.Marshal(map[string]any{"parameters": map[string]any{"User IDs": names, "Is Deactivate": false}})
}

// disable suspends users in one call.
func disable(ctx context.Context, address string, names []string) error {
	body, err := disableRequest(names)
	if err != nil {
		return err
	}
	text, err := send(ctx, http.DefaultClient, http.MethodPost, address+"/users/disable-user", nil, body)
	if err != nil {
		return err
	}
	var reply struct{ Status string }
	if err := json.Unmarshal(text, &reply); err != nil || reply.Status != "success" {
		return errors.Join(fmt.Errorf("the reply has the status %q", reply.Status), err)
	}
	return nil
}

// directVariable makes a program the one that makes the calls directly: it is the address of Okta.
const directVariable = "BENCH_DIRECT"

// memoryOfCalls returns by how much the same calls make a process grow, in KiB.
func (p plan) memoryOfCalls(ctx context.Context) (int, error) {
	okta := emulator.New(emulator.Options{})
	org := httptest.NewServer(okta)
	defer org.Close()
	names := addUsers(okta, p.large)
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.CommandContext(ctx, self)
	command.Env = []string{directVariable + "=" + org.URL, "TOKEN=" + okta.Token()}
	command.Stdin, command.Stderr = strings.NewReader(strings.Join(append([]string{addUser(okta, "first")}, names...), "\n")), os.Stderr
	text, err := command.Output()
	if err != nil {
		return 0, err
	}
	var grown int
	_, err = fmt.Sscan(string(text), &grown)
	return grown, err
}

// directIfAsked suspends the users whose logins it reads, prints by how much the process has grown since the first of
// them, in KiB, and does not return, if this process was started for it.
func directIfAsked() {
	okta := os.Getenv(directVariable)
	if okta == "" {
		return
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: functions.Concurrency}}
	header := http.Header{"Authorization": {"SSWS " + os.Getenv("TOKEN")}}
	ask := func(method, path string) (id string, err error) {
		text, err := send(context.Background(), client, method, okta+"/api/v1/users/"+path, header.Clone(), nil)
		if err != nil {
			return "", err
		}
		var user struct{ ID string }
		err = json.Unmarshal(text, &user)
		return user.ID, err
	}
	suspend := func(login string) error {
		id, err := ask(http.MethodGet, login)
		if err == nil {
			_, err = ask(http.MethodPost, id+"/lifecycle/suspend")
		}
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	var logins []string
	for lines.Scan() {
		logins = append(logins, lines.Text())
	}
	if err := suspend(logins[0]); err != nil {
		log.Fatal(err)
	}
	before := functions.PeakMemory(os.Getpid())
	var calls errgroup.Group
	calls.SetLimit(functions.Concurrency)
	for _, login := range logins[1:] {
		calls.Go(func() error { return suspend(login) })
	}
	if err := calls.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(functions.PeakMemory(os.Getpid()) - before)
	os.Exit(0)
}
