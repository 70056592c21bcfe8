package secops

import (
	"fmt"
	"slices"
	"strings"

	"example.com/okta-secops/internal/action"
)

// entityFlags are the entity types of the AI metadata in their order, with the platform's names.
var entityFlags = []struct {
	flag string
	name action.EntityType
}{
	{"address", "ADDRESS"}, {"alert", "ALERT"}, {"application", "APPLICATION"}, {"child_hash", "CHILDHASH"},
	{"child_process", "CHILDPROCESS"}, {"cluster", "CLUSTER"}, {"container", "CONTAINER"}, {"credit_card", "CREDITCARD"},
	{"cve", "CVE"}, {"cve_id", "CVEID"}, {"database", "DATABASE"}, {"deployment", "DEPLOYMENT"},
	{"destination_domain", "DESTINATIONDOMAIN"}, {"domain", "DOMAIN"}, {"email_message", "EMAILSUBJECT"}, {"event",
		"EVENT"},
	{"file_hash", "FILEHASH"}, {"file_name", "FILENAME"}, {"generic", "GENERICENTITY"}, {"host_name", action.HostEntity},
	{"ip_set", "IPSET"}, {"mac_address", "MacAddress"}, {"parent_hash", "PARENTHASH"}, {"parent_process", "PARENTPROCESS"},
	{"phone_number", "PHONENUMBER"}, {"pod", "POD"}, {"process", "PROCESS"}, {"service", "SERVICE"},
	{"source_domain", "SOURCEDOMAIN"}, {"threat_actor", "THREATACTOR"}, {"threat_campaign", "THREATCAMPAIGN"},
	{"threat_signature", "THREATSIGNATURE"}, {"url", "DestinationURL"}, {"usb", "USB"}, {"user", action.UserEntity},
}

// categoryNames are the outcome categories of the AI metadata, with their names in a package.
var categoryNames = map[action.Category]string{
	"enrich_ioc": "Enrich IOC (Indicator of Compromise)", action.EnrichesAsset: "Enrich Asset",
	"update_alert":      "Update Alert",
	"add_alert_comment": "Add Alert Comment", "create_ticket": "Create Ticket", "update_ticket": "Update Ticket",
	"add_ioc_to_blocklist": "Add IOC to Blocklist", "remove_ioc_from_blocklist": "Remove IOC from Blocklist",
	"add_ioc_to_allowlist": "Add IOC to Allowlist", "remove_ioc_from_allowlist": "Remove IOC from Allowlist",
	action.DisablesIdentity: "Disable Identity (User, Account)", action.EnablesIdentity: "Enable Identity (User, Account)",
	"contain_host": "Contain Host", "uncontain_host": "Uncontain Host",
	action.ResetsPassword:  "Reset Identity Password (User, Account)",
	action.UpdatesIdentity: "Update Identity (User, Account)",
	action.SearchesEvents:  "Search Events", "execute_command_on_the_host": "Execute Command on the Host",
	"download_file": "Download File", "send_email": "Send Email", "search_email": "Search Email",
	"delete_email": "Delete Email",
	"update_email": "Update Email", "submit_file": "Submit File", "send_message": "Send Message",
	"search_asset":          "Search Asset",
	"get_alert_information": "Get Alert Information",
}

// filters are the attributes of entities by which an action may select them.
var filters = []string{
	"identifier", "creation_time", "modification_time", "additional_properties", "case_identifier", "alert_identifier",
	"entity_type", "is_internal", "is_suspicious", "is_artifact", "is_vulnerable", "is_enriched", "is_pivot",
}

const noParameters = "There are no parameters for this action"

// entityNames returns the names of entity types as SecOps shows them.
func entityNames(types []action.EntityType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = map[action.EntityType]string{action.UserEntity: "User", action.HostEntity: "Hostname"}[t]
	}
	return names
}

// purposes returns the AI metadata of all actions, by their names.
func (i *Integration) purposes() map[string]any {
	all := map[string]any{}
	for _, a := range i.actions {
		all[a.Name] = map[string]any{
			"ai_description": a.aiDescription(), "ai_short_description": a.Summary,
			"parameters_description": a.parametersTable(), "capabilities": a.capabilities(),
			"entity_usage": a.entityUsage(), "outcome_categories": a.outcomes(),
		}
	}
	return all
}

func integrationPurpose() map[string]any {
	categories := map[string]bool{}
	for _, c := range []string{
		"siem", "edr", "network_security", "threat_intelligence", "email_security", "iam_and_identity_management",
		"cloud_security", "itsm", "vulnerability_management", "asset_inventory", "collaboration",
	} {
		categories[c] = c == "iam_and_identity_management"
	}
	return map[string]any{
		"product_categories": categories,
		"reasoning": "All actions read or change users, sessions, groups, roles, factors and risk in Okta, which is an " +
			"identity provider.",
	}
}

func (a scriptAction) aiDescription() string {
	read := "Reads the parameters of the step."
	if len(a.RunsOn) > 0 {
		read = "Reads the parameters of the step, and the " + strings.Join(entityNames(a.RunsOn), " and ") +
			" entities in scope if " + action.ScopeParameter + " is on."
	}
	call := fmt.Sprintf("Sends one HTTP request, `POST /%s`, to the function of the group %s", a.Slug, a.group)
	if a.group == "" {
		call = "Sends one HTTP request, `POST /ping`, to the function of each deployed group"
	}
	if a.once {
		call += ", with an idempotency key, so that a second delivery of the step does not repeat it"
	}
	scopes := "calls no API of Okta that needs an OAuth scope"
	if len(a.OktaScopes) > 0 && a.group != "" {
		scopes = "calls the API of Okta with the OAuth scopes " + strings.Join(a.OktaScopes, ", ")
	}
	flow := []string{read, call + ". The function " + scopes + "."}
	if a.group != "" {
		flow = append(flow, "Adds the reply as JSON result, and a table of the targets to the case wall.")
	}
	if len(a.RunsOn) > 0 {
		flow = append(flow, "Adds the enrichment of the reply to the entities that were reached.")
	}
	flow = append(flow, "Ends with the output message of the function and is_success.")
	var b strings.Builder
	fmt.Fprintf(&b, "### General Description\n\n%s\n\n### Flow Description\n\n", a.Summary)
	for n, step := range flow {
		fmt.Fprintf(&b, "%d. %s\n", n+1, step)
	}
	b.WriteString("\n### Additional Notes\n\n")
	switch {
	case a.Mutates:
		b.WriteString("If only some targets were reached, the step completes with is_success false, and the table names " +
			"the outcome of each target. If no target was reached and nothing was changed, the step fails. The guardrails " +
			"of the deployment may refuse a target. Use Dry Run to see the outcome first.\n")
	case a.group == "":
		b.WriteString("The step fails if one of the functions cannot be reached or refuses the credentials.\n")
	default:
		b.WriteString("The action changes nothing in Okta.\n")
	}
	return b.String()
}

func (a scriptAction) parametersTable() string {
	list := a.parameters()
	if len(list) == 0 {
		return noParameters
	}
	rows := []string{"| Parameter | Type | Mandatory | Description |", "| --- | --- | --- | --- |"}
	for _, p := range list {
		mandatory := "No"
		if p.Mandatory {
			mandatory = "Yes"
		}
		text := strings.ReplaceAll(p.Description, "|", "\\|")
		if p.Values != nil {
			text += " One of " + strings.Join(p.Values, ", ") + "."
		}
		if p.Default != nil {
			text += fmt.Sprintf(" The default is %v.", p.Default)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", p.Name, capitalized(p.Type), mandatory, text))
	}
	return strings.Join(rows, "\n")
}

func (a scriptAction) capabilities() map[string]any {
	c := map[string]any{
		"fetches_data": !a.Mutates && a.group != "", "can_mutate_external_data": a.Mutates,
		"external_data_mutation_explanation": nil, "can_mutate_internal_data": len(a.RunsOn) > 0,
		"internal_data_mutation_explanation": nil, "can_update_entities": len(a.RunsOn) > 0,
		"can_create_insight": false, "can_modify_alert_data": false, "can_create_case_comments": false,
	}
	reasons := []string{"It creates no insights and no case comments, and does not modify alerts."}
	if a.Mutates {
		c["external_data_mutation_explanation"] = "The function changes Okta, or sends a signal to it: " + a.Summary
		reasons = append(reasons, "The function that it calls writes to Okta.")
	} else {
		reasons = append(reasons, "The function that it calls only reads from Okta.")
	}
	if len(a.RunsOn) > 0 {
		c["internal_data_mutation_explanation"] = "It adds the enrichment of the reply to the entities that were reached."
		reasons = append(reasons, "It updates the entities in scope with the enrichment of the reply.")
	}
	c["reasoning"] = strings.Join(reasons, " ")
	return c
}

func (a scriptAction) entityUsage() map[string]any {
	types := map[string]bool{}
	for _, e := range entityFlags {
		types[e.flag] = slices.Contains(a.RunsOn, e.name)
	}
	usage := map[string]any{"entity_types": types, "reasoning": "The action does not use the entities of the case."}
	for _, f := range filters {
		usage["filters_by_"+f] = f == "entity_type" && len(a.RunsOn) > 0
	}
	if len(a.RunsOn) > 0 {
		usage["reasoning"] = "The action iterates over target_entities and selects those whose entity_type is " +
			strings.Join(strings.Fields(strings.Trim(fmt.Sprint(a.RunsOn), "[]")),
				" or ") + ". It uses no other attribute to select."
	}
	return usage
}

func (a scriptAction) outcomes() map[string]any {
	out := map[string]any{}
	for name := range categoryNames {
		out[string(name)] = name == a.Category
	}
	out["reasoning"] = "The declared purpose of the action is " + string(a.Category) + ": " + a.Summary
	if a.Category == action.Uncategorized {
		out["reasoning"] = "No category has the outcome of the action: " + a.Summary
	}
	return out
}
