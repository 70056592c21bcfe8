// Bare is a function that asks Okta for one user, on the functions framework with the clients that the deployed source
// uses.
package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/okta/okta-sdk-golang/v5/okta"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/storage/v1"
)

// clients makes the clients. It is called for no request that the measurements send, but the linker keeps them.
func clients(ctx context.Context) {
	_, _ = secretmanager.NewClient(ctx)
	_, _ = pubsub.NewTopicAdminClient(ctx)
	_, _ = storage.NewService(ctx)
	_, _ = idtoken.NewValidator(ctx)
	okta.NewAPIClient(&okta.Configuration{})
}

func serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodTrace:
		clients(r.Context())
	case http.MethodPost:
		ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, os.Getenv("OKTA_API_ROOT")+"/api/v1/users/alice@acme.test", nil)
		if err != nil {
			log.Fatal(err)
		}
		ask.Header.Set("Authorization", "SSWS "+os.Getenv("TOKEN"))
		res, err := http.DefaultClient.Do(ask)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}
}

func main() {
	functions.HTTP("bare", serve)
	log.Fatal(funcframework.Start(os.Getenv("PORT")))
}
