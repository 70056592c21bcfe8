package transmitter

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"example.com/okta-secops/internal/caller"
	"example.com/okta-secops/internal/ssf"
	"example.com/okta-secops/secrets"
)

const (
	fetchTime  = 10 * time.Second
	maxFetched = 1 << 20         // bytes
	defaultAge = 5 * time.Minute // of a JWKS without max-age
)

// fetchJSON fetches a document as Okta does: without credentials, from a public https URL, as application/json. The
// error is a sentence that begins with the URL.
// https://developer.okta.com/docs/guides/configure-ssf-receiver/main/
func fetchJSON(ctx context.Context, client *http.Client, address string) (body []byte, header http.Header, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	if err := checkURL(address); err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Accept", "application/json")
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := direct.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be fetched: %w", address, err)
	}
	defer res.Body.Close()
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("%s has the status %d, not 200", address, res.StatusCode)
	case err != nil || media != "application/json":
		return nil, nil, fmt.Errorf("%s has the Content-Type %q; Okta requires application/json", address,
			res.Header.Get("Content-Type"))
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, maxFetched))
	if err != nil || !json.Valid(body) {
		return nil, nil, fmt.Errorf("%s is not complete JSON", address)
	}
	return body, res.Header, nil
}

// checkURL returns an error for a URL that Okta would not fetch. The emulator fetches http from loopback.
func checkURL(address string) error {
	if !caller.IsSecureURL(address) {
		return fmt.Errorf("%q is not an https URL", address)
	}
	return nil
}

var maxAge = regexp.MustCompile(`(?:^|[ ,])max-age=([0-9]{1,8})(?:[ ,]|$)`)

// fetchKeys fetches a JWKS, and returns how long copies of it may be used.
func fetchKeys(ctx context.Context, client *http.Client, address string) (ssf.KeySet, time.Duration, error) {
	body, header, err := fetchJSON(ctx, client, address)
	if err != nil {
		return ssf.KeySet{}, 0, err
	}
	set, err := ssf.ParseKeySet(secrets.New(string(body)))
	if err != nil {
		return set, 0, fmt.Errorf("%s: %w", address, err)
	}
	age := defaultAge
	if m := maxAge.FindStringSubmatch(header.Get("Cache-Control")); m != nil {
		seconds, _ := strconv.Atoi(m[1])
		age = time.Duration(seconds) * time.Second
	}
	return set, age, nil
}

// fetchMetadata fetches the metadata of a transmitter.
func fetchMetadata(ctx context.Context, client *http.Client, address string) (ssf.Metadata, error) {
	var m ssf.Metadata
	body, _, err := fetchJSON(ctx, client, address)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Issuer == "" || m.JWKSURI == "" {
		return m, fmt.Errorf("%s must be an object with issuer and jwks_uri", address)
	}
	return m, nil
}
