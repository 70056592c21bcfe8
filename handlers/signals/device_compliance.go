package signals

import (
	"context"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/ssf"
)

type deviceComplianceParams struct {
	deviceParams
	Compliant bool `param:"Is Compliant" default:"false" help:"The device became compliant; off means that it is not compliant any more."`
	reasonParam
}

var sendDeviceCompliance = action.Define(spec(
	"Send Device Compliance Signal", "Send a signal to Okta that a device became compliant, or not any more.",
	map[string]any{"Device ID": "guo8jx5vVoxfvJeLb0w4", "Is Compliant": false, "Reason": "The disk is not encrypted"},
), func(ctx context.Context, x *action.Execution, p deviceComplianceParams) (*action.Result, error) {
	e := ssf.DeviceCompliance(ssf.Subject{DeviceID: string(p.Device)}, p.Compliant, p.Reason)
	return send(ctx, x, p.keyParams, p.Issuer, "the signal", e, p.Timestamp)
})
