package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type deviceRiskParams struct {
	deviceParams
	Reason   string        `param:"Reason" required:"true" help:"The reason for the signal, in a few words; Okta shows it to administrators."`
	Severity severity      `param:"Severity" required:"true" help:"The risk level of the device that the signal reports: low, medium or high; critical is sent as high, and informational, informative or none as low."`
	Previous previousLevel `param:"Previous Level" help:"The risk level before; the default is one level below Severity."`
}

var sendDeviceRisk = action.Define(spec(
	"Send Device Risk Signal", "Send a signal about the risk of a device to Okta.",
	map[string]any{"Device ID": "guo8jx5vVoxfvJeLb0w4", "Reason": "Malware on the device", "Severity": "High"},
), func(ctx context.Context, x *action.Execution, p deviceRiskParams) (*action.Result, error) {
	e := ssf.RiskChange(ssf.Subject{DeviceID: string(p.Device)}, ssf.Level(p.Severity), ssf.Level(p.Previous), p.Reason)
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
