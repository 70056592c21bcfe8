package oktaspec

import (
	"maps"
	"net/http"
	"regexp"
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
			for path, item := range doc.Paths.Map() {
				for _, op := range item.Operations() {
					addErrors(doc, op)
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
		Name:   "the window of an API token",
		Reason: "The pattern of the document matches P alone; Okta's published examples have P30D and PT5M.",
		amend:  func(doc *openapi3.T) { property(doc, "ApiToken", "tokenWindow").Pattern = "" },
	},
	{
		Name: "Universal Logout",
		Reason: "The document has the management API only; the operation is in Okta's OAuth specification: " +
			"https://github.com/okta/okta-management-openapi-spec/blob/master/dist/current/oauth-minimal.yaml (globalTokenRevocation).",
		amend: func(doc *openapi3.T) {
			subject := object(map[string]*openapi3.Schema{"format": str("opaque"), "id": str().WithMinLength(1)}, "format", "id")
			body := object(map[string]*openapi3.Schema{"sub_id": subject}, "sub_id").WithoutAdditionalProperties()
			addOperation(doc, http.MethodPost, "/oauth2/v1/global-token-revocation", "okta.universalLogout.manage", body).
				AddResponse(http.StatusNoContent, openapi3.NewResponse().WithDescription("No content"))
		},
	},
	{
		Name: "the risk of a user",
		Reason: "The document is of 2024.06; the operations are in the current one: " +
			"https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserRisk/ (2026.06).",
		amend: func(doc *openapi3.T) {
			in := object(map[string]*openapi3.Schema{
				"riskLevel": str("LOW", "MEDIUM", "HIGH"), "riskReason": str().WithMaxLength(500).WithPattern(`^[a-zA-Z0-9 \-,.]*$`),
			}, "riskLevel").WithoutAdditionalProperties()
			out := object(map[string]*openapi3.Schema{"riskLevel": str("NONE", "LOW", "MEDIUM", "HIGH"), "reason": str()}, "riskLevel")
			const path = "/api/v1/users/{userId}/risk"
			addOperation(doc, http.MethodGet, path, "okta.userRisk.read", nil).AddResponse(http.StatusOK, jsonOf(out))
			set := addOperation(doc, http.MethodPut, path, "okta.userRisk.manage", in)
			set.AddResponse(http.StatusOK, jsonOf(out))
			set.AddResponse(http.StatusCreated, jsonOf(out))
		},
	},
	{
		Name: "the group rules of a membership",
		Reason: "The document is of 2024.06; the operation is in the current one: " +
			"https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/#tag/Group/operation/listGroupRulesForUserInGroup (2026.06).",
		amend: func(doc *openapi3.T) {
			rule := object(map[string]*openapi3.Schema{"id": str(), "name": str(), "type": str(), "status": str()})
			addOperation(doc, http.MethodGet, "/api/v1/groups/{groupId}/users/{userId}/group-rules", "okta.groups.read", nil).
				AddResponse(http.StatusOK, jsonOf(openapi3.NewArraySchema().WithItems(rule)))
		},
	},
	{
		Name: "the devices of a user",
		Reason: "The document is of 2024.06; the operation is in the current one: " +
			"https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserResources/ (2026.06).",
		amend: func(doc *openapi3.T) {
			addOperation(doc, http.MethodGet, "/api/v1/users/{userId}/devices", "okta.users.read", nil).
				AddResponse(http.StatusOK, jsonOf(openapi3.NewArraySchema().WithItems(openapi3.NewObjectSchema())))
		},
	},
	{
		Name:   "the types of factors",
		Reason: "They are an open set: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserFactor/. The document closes it.",
		amend: func(doc *openapi3.T) {
			list := doc.Paths.Value("/api/v1/users/{userId}/factors").Get.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value
			factor := object(map[string]*openapi3.Schema{"id": str(), "factorType": str(), "status": str()}, "id", "factorType", "status")
			list.Items = openapi3.NewSchemaRef("", factor)
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

// addOperation adds an operation that the document lacks, with its path parameters, its scope, its JSON body (nil: none)
// and the errors.
func addOperation(doc *openapi3.T, method, path, scope string, body *openapi3.Schema) *openapi3.Operation {
	op := openapi3.NewOperation()
	for _, name := range pathParameter.FindAllStringSubmatch(path, -1) {
		op.AddParameter(openapi3.NewPathParameter(name[1]).WithSchema(str()))
	}
	op.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate("oauth2", scope))
	if body != nil {
		op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchema(body)}
	}
	addErrors(doc, op)
	doc.AddOperation(path, method, op)
	return op
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func object(properties map[string]*openapi3.Schema, required ...string) *openapi3.Schema {
	return openapi3.NewObjectSchema().WithProperties(properties).WithRequired(required)
}

// str returns the schema of a string, which is one of the values if there are any.
func str(values ...any) *openapi3.Schema {
	schema := openapi3.NewStringSchema()
	if len(values) > 0 {
		schema = schema.WithEnum(values...)
	}
	return schema
}

func jsonOf(schema *openapi3.Schema) *openapi3.Response {
	return openapi3.NewResponse().WithDescription("OK").WithJSONSchema(schema)
}

// addErrors declares the errors of every operation.
func addErrors(doc *openapi3.T, op *openapi3.Operation) {
	object := openapi3.NewSchemaRef("#/components/schemas/Error", doc.Components.Schemas["Error"].Value)
	for _, status := range []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusNotImplemented, http.StatusServiceUnavailable,
	} {
		if op.Responses.Status(status) == nil {
			op.AddResponse(status, openapi3.NewResponse().WithDescription("Error").WithJSONSchemaRef(object))
		}
	}
}

func property(doc *openapi3.T, schema, name string) *openapi3.Schema {
	return doc.Components.Schemas[schema].Value.Properties[name].Value
}
