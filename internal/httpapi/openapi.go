package httpapi

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"example.com/okta-secops/internal/action"
	"example.com/okta-secops/internal/guardrail"
)

type object = map[string]any

// Description is the part of an OpenAPI document that depends on the deployment.
type Description struct {
	CallerAuth string // iam, oidc, apikey or none
	KeyHeader  string // of apikey: the header with the key
	Version    string // of the build
}

// OpenAPI returns the OpenAPI 3.1 document of a group. https://spec.openapis.org/oas/v3.1.0
func OpenAPI(g action.Group, d Description) map[string]any {
	paths := object{
		"/": object{"post": asJob(operation("run", "Run the action that the body names.", runStatuses, bodyOf(object{
			"allOf": []any{ref("Request")}, "required": []string{"action"},
		}), true))},
		"/actions":      object{"get": reading("catalog", "The actions of this function, with their parameters.", anObject)},
		"/guardrails":   object{"get": reading("guardrails", "The limits that apply to the caller.", ref("Guardrails"))},
		"/openapi.json": object{"get": reading("openapi", "This description.", anObject)},
		"/health":       object{"get": liveness()},
	}
	paths["/jobs/{id}"] = object{"get": jobOperation("job", "The progress of a job, and its reply in the end.", true)}
	paths["/jobs/{id}/cancel"] = object{"post": jobOperation("cancel-job", "Drop the batches that have not begun.", false)}
	schemas := sharedSchemas()
	for _, a := range g.Actions {
		id := identifier(a.Slug)
		schemas[id+"Parameters"] = parameters(a)
		item := object{"post": operation(a.Slug, a.Summary, runStatuses, bodyOf(object{
			"type": "object", "additionalProperties": false,
			"properties": requestProperties("Optional: the path names the action.", ref(id+"Parameters")),
		}), a.Mutates)}
		if a.ChangesUsers() {
			asJob(item["post"].(object))
		}
		if a.Slug == "ping" {
			item["get"] = operation("ping-get", a.Summary, pingStatuses, nil, false)
		}
		paths["/"+a.Slug] = item
	}
	components, security := object{"schemas": schemas}, []any{}
	if scheme := d.securityScheme(); scheme != nil {
		components["securitySchemes"] = object{"caller": scheme}
		security = append(security, object{"caller": []any{}})
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": g.Function, "summary": g.Summary, "version": d.Version,
			"description": "Parameter names match regardless of case, spaces, underscores and hyphens.",
			"license":     object{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{object{"url": ".", "description": "The address of the function."}},
		"security":   security,
		"paths":      paths,
		"components": components,
	}
}

// securityScheme returns the scheme of CALLER_AUTH; nil for none.
func (d Description) securityScheme() object {
	switch d.CallerAuth {
	case "apikey":
		return object{"type": "apiKey", "in": "header", "name": d.KeyHeader, "description": "A key of CALLER_KEYS_SECRET."}
	case "iam", "oidc":
		return object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A Google ID token for " +
			"the function's address."}
	}
	return nil
}

// identifier returns a slug as the name of a schema: DisableUser for disable-user.
func identifier(slug string) string {
	var b strings.Builder
	for _, word := range strings.Split(slug, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func ref(schema string) object { return object{"$ref": "#/components/schemas/" + schema} }

func content(schema any) object {
	return object{"application/json": object{"schema": schema}}
}

func bodyOf(schema object) object { return object{"content": content(schema)} }

// statusTexts describe the statuses of the replies.
var statusTexts = map[int]string{
	http.StatusAccepted:              "The job runs: ask for the Location again after Retry-After seconds.",
	http.StatusNotImplemented:        "The function has no jobs.",
	http.StatusOK:                    "Success, partial success, planned, or a read that found nothing.",
	http.StatusBadRequest:            "The request is not valid; no request was sent to Okta.",
	http.StatusUnauthorized:          "The caller is not authenticated.",
	http.StatusForbidden:             "The caller may not run this action.",
	http.StatusNotFound:              "The function has no such action.",
	http.StatusMethodNotAllowed:      "The path does not support this method.",
	http.StatusConflict:              "A request with the same Idempotency-Key is running.",
	http.StatusRequestEntityTooLarge: "The body is over 1 MiB.",
	http.StatusUnsupportedMediaType:  "The body is not JSON.",
	http.StatusUnprocessableEntity: "No target was reached: not found, wrong state, refused; " +
		"or the Idempotency-Key was used for another request.",
	http.StatusTooManyRequests:     "The instance is overloaded.",
	http.StatusInternalServerError: "A defect, or the deployment is misconfigured.",
	http.StatusBadGateway: "Okta refused the credentials or their scope, its response is invalid, or it is " +
		"unknown whether a write was made.",
	http.StatusServiceUnavailable: "No target was reached; a retry can succeed.",
	http.StatusGatewayTimeout:     "The deadline passed before any target was reached.",
}

// The statuses of the operations.
var (
	runStatuses  = []int{200, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 504}
	pingStatuses = []int{200, 401, 403, 405, 422, 429, 500, 502, 503, 504}
	readStatuses = []int{401, 405, 500, 503}
	jobStatuses  = []int{200, 202, 400, 401, 404, 405, 429, 500, 501, 503}
)

// responses describes replies with these statuses.
func responses(statuses []int) object {
	all := object{}
	for _, status := range statuses {
		response := object{"description": statusTexts[status], "content": content(ref("Reply"))}
		switch status {
		case http.StatusAccepted, http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
			response["headers"] = object{"Retry-After": object{
				"description": "Seconds to wait before a retry.", "schema": object{"type": "integer", "minimum": 1},
			}}
		case http.StatusOK, http.StatusUnprocessableEntity:
			response["headers"] = object{"Idempotency-Replayed": object{
				"description": "The request was executed earlier; this run changed nothing.",
				"schema":      object{"type": "string", "const": "true"},
			}}
		}
		all[strconv.Itoa(status)] = response
	}
	return all
}

func operation(id, summary string, statuses []int, body object, mutates bool) object {
	o := object{"operationId": id, "summary": summary, "responses": responses(statuses)}
	if body != nil {
		o["requestBody"] = body
	}
	if mutates {
		o["parameters"] = []any{object{
			"name": "Idempotency-Key", "in": "header",
			"description": "One key per request: a repeat with the same key takes effect once, within 24 hours.",
			"schema":      object{"type": "string", "minLength": 1, "maxLength": maxIdempotencyKey},
		}}
	}
	return o
}

// asJob adds to an operation that it can be carried out as a job.
func asJob(o object) object {
	all := o["responses"].(object)
	for status, response := range responses([]int{http.StatusAccepted, http.StatusNotImplemented}) {
		all[status] = response
	}
	given, _ := o["parameters"].([]any)
	o["parameters"] = append(given, object{
		"name": "Prefer", "in": "header", "description": "respond-async carries the request out as a job (RFC 7240).",
		"schema": object{"type": "string"},
	})
	return o
}

// jobOperation describes an operation on a job. paged adds the first target of the reply.
func jobOperation(id, summary string, paged bool) object {
	o := operation(id, summary, jobStatuses, nil, false)
	given := []any{object{"name": "id", "in": "path", "required": true, "schema": object{"type": "string"}}}
	if paged {
		given = append(given, object{
			"name": "after", "in": "query", "description": "The number of targets to leave out: job.next of the " +
				"reply before. While the job runs: also show the targets of the batches that have ended.",
			"schema": object{"type": "integer", "minimum": 0},
		})
	}
	o["parameters"] = given
	return o
}

// anObject is the schema of a reply that is not described.
var anObject = object{"type": "object"}

func reading(id, summary string, reply object) object {
	all := responses(readStatuses)
	all["200"] = object{"description": summary, "content": content(reply)}
	return object{"operationId": id, "summary": summary, "responses": all}
}

func liveness() object {
	const summary = "Liveness; needs no authentication and does not call Okta."
	return object{"operationId": "health", "summary": summary, "security": []any{}, "responses": object{
		"200": object{"description": summary, "content": content(object{"type": "object"})},
		"405": responses([]int{405})["405"],
	}}
}

func parameters(a action.Action) object {
	properties, required := object{}, []string{}
	for _, p := range a.Params {
		properties[p.Name] = property(p, a.Mutates)
		if p.Required {
			required = append(required, p.Name)
		}
		for _, alias := range p.Aliases {
			s := property(p, a.Mutates)
			s["deprecated"] = true
			s["description"] = "Another name for " + p.Name + "."
			delete(s, "default")
			properties[alias] = s
		}
	}
	return object{
		"type": "object", "description": "Other spellings of the names are accepted too.",
		"properties": properties, "required": required,
	}
}

// property returns the schema of a parameter: its own type, and the strings that SecOps may send instead. An empty
// string counts as not given, except for a boolean of an action that mutates.
func property(p action.Param, mutates bool) object {
	text := object{"type": "string"}
	if p.Allowed != nil {
		text["description"] = "One of " + strings.Join(p.Allowed, ", ") + ", in any case."
	}
	s := object{"description": p.Description}
	switch p.Type {
	case "boolean":
		words := "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])"
		if !mutates {
			words += "?"
		}
		s["anyOf"] = []any{object{"type": "boolean"}, object{"type": "string", "pattern": words + "$"}}
	case "integer":
		number := object{"type": "integer"}
		if p.Min != nil {
			number["minimum"] = *p.Min
		}
		if p.Max != nil {
			number["maximum"] = *p.Max
		}
		s["anyOf"] = []any{number, object{"type": "string", "pattern": "^[0-9]*$"}}
	case "list":
		s["anyOf"] = []any{
			object{"type": "array", "items": text},
			object{"type": "string", "description": "Separated by commas, or a JSON array of strings."},
		}
	default:
		s["type"] = "string"
		if p.Allowed != nil {
			s["examples"] = p.Allowed
		}
	}
	if p.Secret {
		s["writeOnly"], s["format"] = true, "password"
	}
	if p.Default != nil {
		s["default"] = p.Default
	}
	return s
}

func requestProperties(actionText string, parameters object) object {
	return object{
		"action": object{"type": "string", "description": actionText}, "parameters": parameters,
		"entities": ref("Entities"), "context": ref("Context"), "options": ref("Options"),
	}
}

// sharedSchemas returns the schemas that all actions share.
func sharedSchemas() object {
	reply := schemaOf[Reply]()
	reply.Properties["json_result"] = &jsonschema.Schema{Types: []string{"object", "array", "null"}}
	return object{
		"Request": object{
			"type": "object", "additionalProperties": false,
			"properties": requestProperties("The action's name or slug.", object{"type": "object"}),
		},
		"Entities": schemaOf[[]action.Entity](),
		"Context": object{
			"type": "object", "maxProperties": maxContext, "additionalProperties": object{"type": "string"},
			"description": "For the audit: case_id, alert_id, playbook, environment, requested_by and so on.",
		},
		"Options": object{"type": "object", "additionalProperties": false, "properties": object{
			"dry_run": object{"type": "boolean", "default": false, "description": "Read and predict, without a write."},
			"verify":  object{"type": "boolean", "default": false, "description": "Read the state back after each write."},
			"if_state": object{
				"type": "object", "additionalProperties": schemaOf[map[string]any](),
				"description": "The state, by user ID, in which a user must be to be changed, as in undo_requests.",
			},
		}},
		"Reply":      reply,
		"Guardrails": schemaOf[guardrail.View](),
	}
}

// schemaOf derives a schema from a Go type whose lists are never null and whose optional members are absent rather
// than null.
func schemaOf[T any]() *jsonschema.Schema {
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[action.Outcome](): enum(action.Outcomes...),
		reflect.TypeFor[action.Status]():  enum(append(slices.Clone(action.Statuses), StatusRunning)...),

		reflect.TypeFor[guardrail.Mode]():           enum(guardrail.Enforce, guardrail.Observe),
		reflect.TypeFor[guardrail.Rule]():           enum(guardrail.Rules...),
		reflect.TypeFor[guardrail.PerAction[int]](): perAction(&jsonschema.Schema{Type: "integer"}),
		reflect.TypeFor[guardrail.PerAction[[]string]](): perAction(&jsonschema.Schema{
			Type: "array", Items: &jsonschema.Schema{Type: "string"},
		}),
		reflect.TypeFor[guardrail.PerAction[guardrail.Deactivation]](): perAction(enum(guardrail.Deactivations...)),
	}})
	if err != nil {
		panic(err) // a type that JSON cannot represent; every test builds the documents
	}
	withoutNulls(s, true)
	return s
}

// perAction returns the schema of a value, or of an object of values by slug and "default".
func perAction(value *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{value, {Type: "object", AdditionalProperties: value}}}
}

func enum[S ~string](values ...S) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, v)
	}
	return s
}

// withoutNulls removes the null type from lists and from members that are not required, and allows further members,
// so that clients accept those of later versions.
func withoutNulls(s *jsonschema.Schema, required bool) {
	if s == nil {
		return
	}
	if slices.Contains(s.Types, "null") && (!required || slices.Contains(s.Types, "array")) {
		s.Type, s.Types = strings.Join(s.Types[1:], ""), nil // null is the first of at most two
	}
	if len(s.Properties) > 0 {
		s.AdditionalProperties = nil
	}
	for name, p := range s.Properties {
		withoutNulls(p, slices.Contains(s.Required, name))
	}
	withoutNulls(s.Items, false)
}
