package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// registry resolves tags over the OCI distribution API (/v2/), without credentials.
type registry struct {
	client *http.Client
	// scheme is https unless a test sets it.
	scheme string
}

// manifestTypes are the media types that a tag may refer to. The index comes first, so that a
// digest covers all platforms.
var manifestTypes = []string{
	"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
}

// maxManifest is the size that registries must accept for a manifest (OCI distribution
// specification).
const maxManifest = 4 << 20

// host returns the registry's host and the path of the repository there. A name whose first element
// is not a host is on Docker Hub.
func (r reference) host() (host, path string) {
	first, rest, found := strings.Cut(r.name, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first, rest
	}
	if !found {
		return "registry-1.docker.io", "library/" + r.name
	}
	return "registry-1.docker.io", r.name
}

// digest returns the digest of the manifest that the image's tag refers to (GET
// /v2/NAME/manifests/TAG). It is computed from the manifest, and compared with the one that the
// registry names.
func (g registry) digest(ctx context.Context, image reference) (string, error) {
	host, path := image.host()
	scheme := g.scheme
	if scheme == "" {
		scheme = "https"
	}
	address := fmt.Sprintf("%s://%s/v2/%s/manifests/%s", scheme, host, path, url.PathEscape(image.tag))
	response, body, err := g.get(ctx, address, "")
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		var token string
		if token, err = g.token(ctx, response.Header.Get("WWW-Authenticate")); err == nil {
			response, body, err = g.get(ctx, address, token)
		}
	}
	if err != nil {
		return "", fmt.Errorf("asking %s for the digest of %s: %w", host, image, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking %s for the digest of %s: status %s: check the name and the tag",
			host, image, response.Status)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	if named := response.Header.Get("Docker-Content-Digest"); named != "" && named != digest {
		return "", fmt.Errorf("%s names the digest %s for %s, and sent the manifest %s", host, named, image, digest)
	}
	if !json.Valid(body) {
		return "", fmt.Errorf("%s sent a response for %s that is not a manifest: check any proxy on the way", host, image)
	}
	return digest, nil
}

func (g registry) get(ctx context.Context, address, token string) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header["Accept"] = manifestTypes
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := g.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxManifest+1))
	if err == nil && len(body) > maxManifest {
		err = fmt.Errorf("the response is larger than %d bytes", maxManifest)
	}
	return response, body, err
}

var challengeParameter = regexp.MustCompile(`(\w+)="([^"]*)"`)

// token gets an anonymous token for a Bearer challenge.
func (g registry) token(ctx context.Context, challenge string) (string, error) {
	scheme, rest, _ := strings.Cut(challenge, " ")
	query, realm := url.Values{}, ""
	for _, m := range challengeParameter.FindAllStringSubmatch(rest, -1) {
		if m[1] == "realm" {
			realm = m[2]
		} else {
			query.Set(m[1], m[2])
		}
	}
	if !strings.EqualFold(scheme, "Bearer") || realm == "" {
		return "", fmt.Errorf("the registry asks for credentials (%q)", challenge)
	}
	response, body, err := g.get(ctx, realm+"?"+query.Encode(), "")
	if err != nil {
		return "", err
	}
	var reply struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &reply); err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s gave no token: status %s", realm, response.Status)
	}
	if reply.Token == "" {
		reply.Token = reply.AccessToken
	}
	return reply.Token, nil
}
