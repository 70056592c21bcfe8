// Bare is a function that does nothing, on the functions framework with the clients that the deployed source uses.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	okta "github.com/okta/okta-sdk-golang/v5/okta"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/storage/v1"
)

// clients makes the clients; nothing calls it, but the linker keeps them.
func clients(ctx context.Context) {
	_, _ = secretmanager.NewClient(ctx)
	_, _ = pubsub.NewTopicAdminClient(ctx)
	_, _ = storage.NewService(ctx)
	_, _ = idtoken.NewValidator(ctx)
	okta.NewAPIClient(&okta.Configuration{})
}

func main() {
	functions.HTTP("bare", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodTrace {
			clients(r.Context())
		}
	})
	log.Fatal(funcframework.Start(os.Getenv("PORT")))
}
