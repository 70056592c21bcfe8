package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/test/testkit"
)

// transmitter measures how many requests for its keys the transmitter answers in a second on one core, which it shares
// with the clients.
func (p plan) transmitter(ctx context.Context, w io.Writer) error {
	s, err := testkit.Start(testkit.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = p.publicClients
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	rates := make([]float64, 0, p.reps)
	for range p.reps {
		var left atomic.Int64
		left.Store(int64(p.publicGets))
		clients, ctx := errgroup.WithContext(ctx)
		begun := time.Now()
		for range p.publicClients {
			clients.Go(func() error {
				for left.Add(-1) >= 0 {
					if err := getKeys(ctx, client, s.Transmitter+ssf.JWKSPath); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := clients.Wait(); err != nil {
			return err
		}
		rates = append(rates, float64(p.publicGets)/time.Since(begun).Seconds())
	}
	slices.Sort(rates)
	_, err = fmt.Fprintf(w, "GET %s on one core with its %d clients, %d requests, median of %d: %.0f requests/s\n\n",
		ssf.JWKSPath, p.publicClients, p.publicGets, p.reps, rates[len(rates)/2])
	return err
}

func getKeys(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}
