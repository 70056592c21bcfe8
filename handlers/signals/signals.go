// Package signals is the group of actions that send risk signals over the Shared Signals Framework.
package signals

import "example.com/okta-secops/internal/action"

// Group is the function OktaSignals.
var Group = action.Group{
	Name:     "signals",
	Function: "OktaSignals",
	Summary:  "Send Identity Threat Protection (ITP) risk signals to Okta.",
	Signs:    true,
	Actions: []action.Action{
		sendRisk, sendDeviceRisk, sendSessionRevoked, sendIPChange, sendDeviceCompliance, sendIdentifierChanged,
	},
}
