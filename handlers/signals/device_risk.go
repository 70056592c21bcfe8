package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type deviceRiskParams struct {
	deviceParams
	riskParams
}

var sendDeviceRisk = action.Define(spec(
	"Send Device Risk Signal", "Send a signal about the risk of a device to Okta.",
	map[string]any{"Device ID": "guo8jx5vVoxfvJeLb0w4", "Reason": "Malware on the device", "Severity": "High"},
), func(ctx context.Context, x *action.Execution, p deviceRiskParams) (*action.Result, error) {
	e := p.change(ssf.Subject{DeviceID: string(p.Device)})
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
