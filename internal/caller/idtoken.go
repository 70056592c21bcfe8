package caller

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"example.com/okta-secops/internal/apierr"
)

const (
	longestToken = 8 << 10         // bytes; a Google ID token has about 1 KiB
	skew         = time.Minute     // allowed clock skew
	certsTimeout = 3 * time.Second // to fetch Google's public keys, which are cached by their Cache-Control
)

// issuers are the names under which Google issues ID tokens.
var issuers = []string{"https://accounts.google.com", "accounts.google.com"}

// bearer returns the token of an Authorization header that occurs once and has the scheme of RFC
// 6750.
func bearer(h http.Header, name string) (string, bool) {
	value, ok := only(h, name)
	token, isBearer := strings.CutPrefix(value, "Bearer ")
	return token, ok && isBearer && token != "" && len(token) <= longestToken
}

// ByIDToken returns an Authenticator that accepts ID tokens that Google has signed for one of the
// audiences and one of the e-mail addresses (OpenID Connect Core 1.0, section 3.1.3.7). transport
// fetches Google's public keys.
func ByIDToken(audiences, emails []string, transport http.RoundTripper) (Authenticator, error) {
	client := &http.Client{Transport: certs{transport}, Timeout: certsTimeout}
	validator, err := idtoken.NewValidator(context.Background(), option.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("creating the validator of ID tokens: %w", err)
	}
	return byIDToken{audiences, emails, validator}, nil
}

type byIDToken struct {
	audiences, emails []string
	validator         *idtoken.Validator
}

// Authenticate implements Authenticator.
func (a byIDToken) Authenticate(r *http.Request) (identity Identity, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on some invalid tokens
			identity, err = Identity{}, unauthenticated(fmt.Errorf("the token cannot be checked: %v", p))
		}
	}()
	token, ok := bearer(r.Header, "Authorization")
	if !ok {
		return Identity{}, unauthenticated(errors.New("the request does not have exactly one header Authorization: Bearer " +
			"with a token"))
	}
	// The library also accepts the algorithms of other issuers.
	if alg, err := algorithm(token); err != nil || alg != "RS256" {
		return Identity{}, unauthenticated(errors.New("the token is not signed with RS256"))
	}
	claims, err := a.validator.Validate(r.Context(), token, "") // it can check a single audience only
	switch {
	case errors.Is(err, errNoCerts):
		return Identity{}, apierr.New(apierr.Unavailable, "caller_unverifiable",
			"the caller cannot be checked at the moment: Google's public keys cannot be fetched", err)
	case err != nil:
		return Identity{}, unauthenticated(err)
	}
	return a.check(claims)
}

// check validates the claims of a token whose signature is valid.
func (a byIDToken) check(claims *idtoken.Payload) (Identity, error) {
	email, _ := claims.Claims["email"].(string)
	verified, _ := claims.Claims["email_verified"].(bool)
	from := time.Unix(claims.IssuedAt, 0)
	if notBefore, ok := claims.Claims["nbf"].(float64); ok && int64(notBefore) > claims.IssuedAt {
		from = time.Unix(int64(notBefore), 0)
	}
	var problem string
	switch {
	case !slices.Contains(issuers, claims.Issuer):
		problem = "its issuer is not Google"
	case !slices.Contains(a.audiences, claims.Audience):
		problem = "it is for another audience"
	case time.Now().Add(skew).Before(from):
		problem = "it is not valid yet"
	case email == "" || !verified:
		problem = "it has no verified e-mail address"
	case !slices.ContainsFunc(a.emails, func(known string) bool { return lowerASCII(known) == lowerASCII(email) }):
		problem = "its e-mail address is not in the list of allowed callers"
	default:
		return Identity{Mode: OIDC, Name: lowerASCII(email)}, nil
	}
	return Identity{}, unauthenticated(errors.New("the signature of the ID token is valid, but " + problem))
}

// lowerASCII returns an e-mail address for comparison. Only ASCII letters have another case there:
// Unicode folds U+017F to s and U+212A to k, which are other addresses.
func lowerASCII(email string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, email)
}

// algorithm returns the alg of a token's header.
func algorithm(token string) (string, error) {
	header, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return "", err
	}
	var h struct {
		Alg string `json:"alg"`
	}
	err = json.Unmarshal(raw, &h)
	return h.Alg, err
}

// errNoCerts is the error of a failed fetch of the public keys: the caller may be valid.
var errNoCerts = errors.New("google's public keys cannot be fetched")

// certs returns errNoCerts if the public keys cannot be fetched.
type certs struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c certs) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCerts, err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%w: %s", errNoCerts, res.Status)
	}
	return res, nil
}

// ByPlatform returns an Authenticator that relies on Cloud Run, which has checked the token and the
// invoker role. It reads the e-mail address for the audit only.
func ByPlatform() Authenticator { return byPlatform{} }

type byPlatform struct{}

// Authenticate implements Authenticator. Cloud Run has not checked a request without a token.
func (byPlatform) Authenticate(r *http.Request) (Identity, error) {
	name := "Authorization"
	if r.Header.Get("X-Serverless-Authorization") != "" { // Cloud Run then checks this header
		name = "X-Serverless-Authorization"
	}
	value, ok := only(r.Header, name)
	_, token, hasToken := strings.Cut(value, " ")
	if !ok || !hasToken || len(token) > longestToken {
		return Identity{}, unauthenticated(errors.New("the request has no ID token; does allUsers have the invoker role?"))
	}
	identity := Identity{Mode: IAM}
	if claims, err := idtoken.ParsePayload(token); err == nil {
		identity.Name, _ = claims.Claims["email"].(string)
	}
	return identity, nil
}
