package httpapi

import (
	"strings"

	"example.com/okta-secops/internal/action"
)

type object = map[string]any

// OpenAPI describes a group in OpenAPI 3.1.
// https://spec.openapis.org/oas/v3.1.0
func OpenAPI(g action.Group) map[string]any {
	paths := object{
		"/": object{"post": operation("run", "Run the action that the body names.", bodyOf(object{
			"allOf": []any{ref("Request")}, "required": []string{"action"},
		}))},
		"/actions":      object{"get": reading("catalog", "The actions of this function, with their parameters.")},
		"/openapi.json": object{"get": reading("openapi", "This description.")},
		"/health":       object{"get": reading("health", "Liveness; needs no authentication and does not call Okta.")},
	}
	schemas := replySchemas()
	for _, a := range g.Actions {
		id := identifier(a.Slug)
		schemas[id+"Parameters"] = parameters(a)
		item := object{"post": operation(a.Slug, a.Summary, bodyOf(object{
			"type": "object", "additionalProperties": false,
			"properties": object{
				"action":     object{"type": "string", "description": "May be given; the path decides."},
				"parameters": ref(id + "Parameters"), "entities": ref("Entities"), "context": ref("Context"), "options": ref("Options"),
			},
		}))}
		if a.Slug == "ping" {
			item["get"] = operation("ping-get", a.Summary, nil)
		}
		paths["/"+a.Slug] = item
	}
	return object{
		"openapi":    "3.1.0",
		"info":       object{"title": g.Function, "summary": g.Summary, "description": "Parameter names match ignoring case, blanks, underscores and hyphens.", "version": "1.0.0"},
		"servers":    []any{object{"url": "./", "description": "The function's address."}},
		"paths":      paths,
		"components": object{"schemas": schemas},
	}
}

// identifier is a slug as the name of a schema: disable-user → DisableUser.
func identifier(slug string) string {
	var b strings.Builder
	for _, word := range strings.Split(slug, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func ref(schema string) object { return object{"$ref": "#/components/schemas/" + schema} }

func content(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func bodyOf(schema object) object { return object{"content": content(schema)} }

func operation(id, summary string, body object) object {
	responses := object{}
	for status, text := range map[string]string{
		"200": "Done, in part or in whole, planned, or a read that found nothing.",
		"400": "The request is not valid; nothing was sent to Okta.",
		"401": "The caller is not authenticated.",
		"403": "The caller is not allowed.",
		"404": "No such action here.",
		"405": "No such method here.",
		"413": "The body is over 1 MiB.",
		"415": "The body is not JSON.",
		"422": "Nothing was reached: not found, wrong state, refused.",
		"500": "A defect, or the deployment is misconfigured.",
		"502": "Okta refused the credentials or their scope, answered nonsense, or left unknown whether a write was made.",
		"503": "Nothing was reached; a later try can help. See Retry-After.",
		"504": "The deadline passed before anything was reached.",
	} {
		responses[status] = object{"description": text, "content": content(ref("Reply"))}
	}
	o := object{"operationId": id, "summary": summary, "responses": responses}
	if body != nil {
		o["requestBody"] = body
	}
	return o
}

func reading(id, summary string) object {
	return object{"operationId": id, "summary": summary, "responses": object{
		"200": object{"description": summary, "content": content(object{"type": "object"})},
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
	return object{"type": "object", "description": "Other spellings of the names are accepted too.", "properties": properties, "required": required}
}

// property is a parameter's schema: its own type, and the strings that SecOps may send instead. An empty string counts as
// not given, except for a boolean of an action that mutates.
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

// replySchemas are the schemas that all actions share.
func replySchemas() object {
	str, boolean := object{"type": "string"}, object{"type": "boolean"}
	list := func(items object) object { return object{"type": "array", "items": items} }
	outcomes := []action.Outcome{
		action.Changed, action.Unchanged, action.Accepted, action.Found, action.Planned,
		action.NotFound, action.Refused, action.WrongState, action.Failed,
	}
	outcome := object{"type": "string", "enum": outcomes}
	naming := object{"input": str, "source": object{"type": "string", "enum": []string{"parameter", "entity"}}}
	target := object{
		"also_named": list(object{"type": "object", "properties": naming}),
		"user_id":    str, "login": str, "outcome": outcome,
		"before": object{"type": "object"}, "after": object{"type": "object"},
		"verified": boolean,
		"roles":    list(object{"type": "object", "required": []string{"role", "outcome"}, "properties": object{"role": str, "outcome": outcome, "error": ref("TargetError")}}),
		"undo":     object{"type": "object", "required": []string{"action", "parameters"}, "properties": object{"action": str, "parameters": object{"type": "object"}}},
		"error":    ref("TargetError"),
	}
	for k, v := range naming {
		target[k] = v
	}
	entity := object{"identifier": str, "entity_type": str}
	return object{
		"Request": object{
			"type": "object", "additionalProperties": false,
			"properties": object{
				"action":     object{"type": "string", "description": "The action's name or slug."},
				"parameters": object{"type": "object"}, "entities": ref("Entities"), "context": ref("Context"), "options": ref("Options"),
			},
		},
		"Entities": list(object{"type": "object", "required": []string{"identifier", "entity_type"}, "properties": entity}),
		"Context":  object{"type": "object", "maxProperties": maxContext, "description": "For the record: case_id, alert_id, playbook, environment, requested_by and so on."},
		"Options": object{"type": "object", "additionalProperties": false, "properties": object{
			"dry_run": object{"type": "boolean", "default": false, "description": "Read, predict, write nothing."},
			"verify":  object{"type": "boolean", "default": false, "description": "Read again after a write."},
		}},
		"Reply": object{
			"type": "object",
			"required": []string{"action", "invocation_id", "status", "is_success", "output_message", "script_result",
				"json_result", "entities", "targets", "warnings", "replayed"},
			"properties": object{
				"action": str, "invocation_id": str,
				"status":         object{"type": "string", "enum": []action.Status{action.StatusSuccess, action.StatusPartial, action.StatusFailure, action.StatusPlanned}},
				"is_success":     boolean,
				"output_message": str,
				"script_result":  object{"type": "object", "required": []string{"name", "value"}, "properties": object{"name": str, "value": boolean}},
				"json_result":    object{"type": []string{"object", "array", "null"}},
				"entities": list(object{"type": "object", "required": []string{"identifier", "entity_type", "enrichment"}, "properties": object{
					"identifier": str, "entity_type": str, "enrichment": object{"type": "object", "additionalProperties": str},
				}}),
				"targets":  list(object{"type": "object", "required": []string{"input", "source", "outcome"}, "properties": target}),
				"warnings": list(str),
				"replayed": object{
					"type": []string{"object", "null"}, "required": []string{"invocation_id", "at"},
					"description": "The earlier run of the request, if nothing was done now.",
					"properties":  object{"invocation_id": str, "at": object{"type": []string{"string", "null"}, "format": "date-time"}},
				},
				"error": object{"type": "object", "required": []string{"code", "message", "problems"}, "properties": object{
					"code": str, "message": str, "okta_request_id": str, "retry_after_s": object{"type": "integer"},
					"problems": list(object{"type": "object", "required": []string{"parameter", "message"}, "properties": object{"parameter": str, "message": str}}),
				}},
			},
		},
		"TargetError": object{"type": "object", "required": []string{"code", "message", "retryable"}, "properties": object{
			"code": str, "message": str, "retryable": boolean, "okta_request_id": str, "retry_after_s": object{"type": "integer"},
		}},
	}
}
