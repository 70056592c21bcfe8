package users

import (
	"context"
	"crypto/rand"
	"math/big"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/okta"
	"example.com/okta-secops/secrets"
)

type setPasswordParams struct {
	action.NamedUsers
	Password secrets.Value `param:"New Password" required:"true" secret:"true" help:"The new password, which must meet the org's password policy."`
	Random   bool          `param:"Add 10 Random Chars" default:"false" help:"Add 10 random characters to the password, different ones for each user, and return the passwords in the JSON result; off sets the password as given."`
	action.ScopeOff
}

// ReturnsSecret implements action.SecretReturner.
func (p setPasswordParams) ReturnsSecret() bool { return p.Random }

var setPassword = action.Define(action.Spec{
	Name:          "Set Password",
	Summary:       "Set the password of users without validating the existing credentials. Refused for administrators.",
	RunsOn:        action.UserEntities,
	OktaScopes:    manageScopes,
	Mutates:       true,
	Category:      action.ResetsPassword,
	NonIdempotent: true,
	SecretResults: []string{"password"},
	Example: action.Example{Parameters: map[string]any{
		"User IDs Or Logins": "alice", "New Password": "Correct-Horse-7",
	}},
}, func(ctx context.Context, x *action.Execution, p setPasswordParams) (*action.Result, error) {
	return x.EachUser(ctx, p.Users, action.UserWork{
		Words: action.Words{Changed: "Set the password of", Planned: "Would set the password of"},
		Plan: func(_ context.Context, u okta.User) (action.Plan, error) {
			plan := action.Plan{Before: action.StatusOf(u), Read: action.ReadStatus(u.ID)}
			plan.NotUndoable = passwordNotUndoable
			plan.Effects.SetsCredential, plan.Effects.ReturnsCredential = true, p.Random
			plan.Write = func(ctx context.Context, o *okta.Client) (action.WriteResult, error) {
				password := p.Password
				value := map[string]any{"set_password": true}
				if p.Random {
					text := password.Reveal() + randomChars()
					password, value["password"] = secrets.New(text), text
				}
				if err := o.SetPassword(ctx, u.ID, password); err != nil {
					return action.WriteResult{}, explainRefusal(ctx, o, u, err)
				}
				return action.WriteResult{Value: value}, nil
			}
			return plan, checkNotDeprovisioned(u)
		},
		Enrich: func(any) map[string]string { return map[string]string{"set_password": action.Bool(true)} },
	})
})

// The characters that are added to a password, without those that are easily confused, such as O
// and 0.
const (
	upperChars  = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	lowerChars  = "abcdefghijkmnpqrstuvwxyz"
	digitChars  = "23456789"
	symbolChars = "!#$%*+-=?@_"
)

// randomChars returns 10 random characters with at least one of each kind.
func randomChars() string {
	chars := []byte{pick(upperChars), pick(lowerChars), pick(digitChars), pick(symbolChars)}
	for len(chars) < 10 {
		chars = append(chars, pick(upperChars+lowerChars+digitChars+symbolChars))
	}
	for i := len(chars) - 1; i > 0; i-- {
		j := below(i + 1)
		chars[i], chars[j] = chars[j], chars[i]
	}
	return string(chars)
}

func pick(from string) byte { return from[below(len(from))] }

// below returns a uniform random number in [0, n).
func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return int(i.Int64())
}
