package oktaspec

import (
	"maps"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Deviation is a part of Okta's document that is wrong or missing.
type Deviation struct {
	Name, Reason string
	amend        func(doc *openapi3.T)
}

// Deviations are all that are known. The document is amended by them when it is loaded.
var Deviations = []Deviation{
	{
		Name:   "the token endpoint",
		Reason: "The document has the management API only; access tokens are OAuth's (RFC 6749, sections 4.4 and 5, with RFC 7523, section 2.2).",
		amend: func(doc *openapi3.T) {
			str := openapi3.NewStringSchema
			form := openapi3.NewObjectSchema().WithProperties(map[string]*openapi3.Schema{
				"grant_type": str().WithEnum("client_credentials"), "scope": str().WithMinLength(1), "client_assertion": str().WithMinLength(1),
				"client_assertion_type": str().WithEnum("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
			}).WithRequired([]string{"grant_type", "scope", "client_assertion_type", "client_assertion"}).WithoutAdditionalProperties()
			token := openapi3.NewObjectSchema().WithProperties(map[string]*openapi3.Schema{
				"token_type": str().WithEnum("Bearer", "DPoP"), "access_token": str(), "scope": str(), "expires_in": openapi3.NewIntegerSchema(),
			}).WithRequired([]string{"token_type", "access_token", "expires_in"})
			refusal := openapi3.NewObjectSchema().WithProperties(map[string]*openapi3.Schema{"error": str(), "error_description": str()}).WithRequired([]string{"error"})
			op := openapi3.NewOperation()
			op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithSchema(form, []string{"application/x-www-form-urlencoded"})}
			op.AddResponse(http.StatusOK, openapi3.NewResponse().WithDescription("Token").WithJSONSchema(token))
			op.AddResponse(http.StatusBadRequest, openapi3.NewResponse().WithDescription("Refusal").WithJSONSchema(refusal))
			op.AddResponse(http.StatusUnauthorized, openapi3.NewResponse().WithDescription("Refusal").WithJSONSchema(refusal))
			doc.AddOperation("/oauth2/v1/token", http.MethodPost, op)
		},
	},
	{
		Name:   "errors of every endpoint",
		Reason: "The document declares some errors of each operation; the API answers any of those that Okta's list of error codes has, with the same object. A path element with / ? # [ ] \\ ; or % meets Okta's front end, which answers 400 with an HTML page.",
		amend: func(doc *openapi3.T) {
			object := openapi3.NewSchemaRef("#/components/schemas/Error", doc.Components.Schemas["Error"].Value)
			for path, item := range doc.Paths.Map() {
				for _, op := range item.Operations() {
					for _, status := range []int{
						http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests,
						http.StatusInternalServerError, http.StatusNotImplemented, http.StatusServiceUnavailable,
					} {
						if op.Responses.Status(status) == nil {
							op.AddResponse(status, openapi3.NewResponse().WithDescription("Error").WithJSONSchemaRef(object))
						}
					}
					if strings.Contains(path, "{") {
						refusal := *op.Responses.Status(http.StatusBadRequest).Value
						content := openapi3.Content{}
						maps.Copy(content, refusal.Content)
						refusal.Content = content
						content["text/html"] = openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema())
						op.AddResponse(http.StatusBadRequest, &refusal)
					}
				}
			}
		},
	},
	{
		Name:   "the description of a group",
		Reason: "A group that was made without one has null, which the document does not allow.",
		amend:  func(doc *openapi3.T) { property(doc, "GroupProfile", "description").Nullable = true },
	},
	{
		Name:   "the filters of an identity provider",
		Reason: "Those that are not set are null in Okta's published examples, which the document does not allow.",
		amend: func(doc *openapi3.T) {
			property(doc, "PolicyAccountLink", "filter").Nullable = true
			property(doc, "PolicySubject", "filter").Nullable = true
			property(doc, "PolicySubject", "matchAttribute").Nullable = true
		},
	},
	{
		Name:   "the cursor of a user's roles and groups",
		Reason: "A next link holds an opaque cursor, after, which the document declares for other lists only.",
		amend: func(doc *openapi3.T) {
			for _, path := range []string{"/api/v1/users/{userId}/roles", "/api/v1/users/{userId}/groups"} {
				op := doc.Paths.Value(path).Get
				if op.Parameters.GetByInAndName(openapi3.ParameterInQuery, "after") == nil {
					op.AddParameter(openapi3.NewQueryParameter("after").WithSchema(openapi3.NewStringSchema()))
				}
			}
		},
	},
}

func property(doc *openapi3.T, schema, name string) *openapi3.Schema {
	return doc.Components.Schemas[schema].Value.Properties[name].Value
}
