// Deployed is the program that Google's buildpack makes of the deployed source.
package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "example.com/okta-secops"
)

func main() {
	log.Fatal(funcframework.Start(os.Getenv("PORT")))
}
