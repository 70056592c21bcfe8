package guardrail

// Effects is what a plan does to its target. An action declares it, and knows nothing else of
// guardrails.
type Effects struct {
	Deactivates       bool
	Suspends          bool
	EndsSessions      bool
	SetsCredential    bool // a password, or another means to sign in
	ReturnsCredential bool // a password or a link with which anybody can sign in as the user
	ResetsFactors     bool

	AssignsRoles []string // types of administrator roles that the user gains
	RemovesRoles []string // types that the user no longer holds afterwards, in any assignment
	JoinsGroups  []string // IDs
	LeavesGroups []string // IDs
}

// credential reports whether another person could sign in as the user afterwards.
func (e Effects) credential() bool {
	return e.SetsCredential || e.ReturnsCredential || e.ResetsFactors
}
