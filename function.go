// Package oktasecops is the deployed source: it registers one HTTP function per group of actions. Cloud
// Functions runs this init for every deployed function, whichever is the target, so it registers only:
// settings, secrets and connections wait for the first request.
package oktasecops

import (
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"example.com/okta-secops/handlers"
	"example.com/okta-secops/internal/app"
	"example.com/okta-secops/internal/serve"
)

func init() {
	a := app.New(app.Options{Getenv: os.Getenv})
	for _, g := range handlers.Groups {
		functions.HTTP(g.Function, serve.Handler(g, handlers.Groups, a.Open(g)).ServeHTTP)
	}
}
