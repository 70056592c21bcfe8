// Package oktasecops is the deployed source: it registers, for each group of actions, one function for HTTP and one for
// events. Cloud Functions runs this init for every deployed function, whichever is the target, so it registers only:
// settings, secrets and connections wait for the first request.
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
	deployed = app.New(app.Options{Getenv: os.Getenv, Log: logging.New(os.Stderr, os.Getenv), Exit: os.Exit, Groups: handlers.Groups})
	for _, g := range handlers.Groups {
		functions.HTTP(g.Function, httpapi.Handler(g, handlers.Groups, deployed.Open(g)).ServeHTTP)
		// Not functions.CloudEvent: it does not show the token of whoever delivers, and reads a body of any size.
		functions.HTTP(g.EventFunction(), httpapi.EventHandler(g, handlers.Groups, deployed.Open(g)).ServeHTTP)
	}
}

// Drain lets no invocation in any more, and waits until those in flight have ended or ctx does. At SIGTERM the functions
// do so by themselves, and end the process.
func Drain(ctx context.Context) error { return deployed.Drain(ctx) }
