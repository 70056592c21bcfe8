// Package oktasecops is the deployed source: it registers one function for HTTP and one for events for each group of
// actions, and the transmitter of the signals. Cloud Functions runs init for every deployed function, so init only
// registers: settings, secrets and connections are set up at the first request.
package oktasecops

import (
	"context"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/httpapi"
	"example.com/okta-secops/internal/logging"
)

var deployed *app.App

func init() {
	deployed = app.New(app.Options{
		Getenv: os.Getenv, Log: logging.New(os.Stderr, os.Getenv), Exit: os.Exit, Groups: handlers.Groups,
	})
	functions.HTTP(httpapi.TransmitterFunction, httpapi.TransmitterHandler(deployed.OpenTransmitter()).ServeHTTP)
	for _, g := range handlers.Groups {
		functions.HTTP(g.Function, httpapi.Handler(g, handlers.Groups, deployed.Open(g)).ServeHTTP)
		// Not functions.CloudEvent: it hides the token of the push account and reads bodies of any size.
		functions.HTTP(g.EventFunction(), httpapi.EventHandler(g, handlers.Groups, deployed.Open(g)).ServeHTTP)
	}
}

// Drain refuses new requests and waits until the running ones have ended. It returns ctx's error if ctx ends first. At
// SIGTERM the functions call it and end the process.
func Drain(ctx context.Context) error { return deployed.Drain(ctx) }
