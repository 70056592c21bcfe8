package secops

// Playbooks are the shipped playbooks: one for each use case of the product document, and a containment and its
// restoration with an approval.
var Playbooks = []Playbook{
	{
		Name: "Okta Suspend User", UseCase: "Manage user lifecycles",
		Description: "Predicts and then suspends the users of the alert, and names those that are not contained.",
		Steps: []Node{
			{Name: "Preview", Action: "Disable User", Parameters: map[string]any{"Is Deactivate": false, "Dry Run": true}},
			{Name: "Suspend", Action: "Disable User", Parameters: map[string]any{"Is Deactivate": false, "Verify": true}},
			byStatus("Suspend", "The users are suspended."),
		},
		Adapt: []string{
			"`Is Deactivate`: true deactivates the users instead, which removes their applications.",
			"The trigger: the vendor of the alert. Restrict it to the rules whose users you suspend without an approval.",
		},
	},
	{
		Name: "Okta Terminate Sessions", UseCase: "Terminate active sessions",
		Description: "Ends all sessions and tokens of the users of the alert, and shows the events in the System Log.",
		Steps: []Node{
			{Name: "Clear sessions", Action: "Clear Okta User Session", Parameters: map[string]any{"Also Run On Scope": true}},
			{Name: "Find events", Action: "Search System Log", Parameters: map[string]any{
				"Users": `[Clear sessions.JsonResult| "targets.login"]`, "Question": "sessions cleared", "Since": "1h",
			}},
			byStatus("Clear sessions", "The sessions ended."),
		},
		Adapt: []string{
			"Revoke All Access in place of Clear Okta User Session also ends sessions in applications that support it.",
			"A user can sign in again: use Okta Contain User With Approval if the password may be known.",
		},
	},
	{
		Name: "Okta Role Hygiene", UseCase: "Automate role assignments",
		Description: "Shows the administrator roles of the users of the alert, and removes the super administrator role.",
		Steps: []Node{
			{Name: "Read roles", Action: "List Roles"},
			{Name: "Preview", Action: "Unassign Role", Parameters: map[string]any{
				"Role IDs Or Names": "SUPER_ADMIN", "Also Run On Scope": true, "Dry Run": true,
			}},
			{Name: "Remove role", Action: "Unassign Role", Parameters: map[string]any{
				"Role IDs Or Names": "SUPER_ADMIN", "Also Run On Scope": true, "Verify": true,
			}},
			byStatus("Remove role", "The users do not have the role."),
		},
		Adapt: []string{
			"`Role IDs Or Names`: the roles to remove. A role that a group grants is `wrong_state`: remove the user from " +
				"the group.",
			"The guardrails refuse to remove the role of the last super administrator.",
		},
	},
	{
		Name: "Okta Share Risk Signal", UseCase: "Synchronize threat signals",
		Description: "Reports the risk of the user to Identity Threat Protection, which applies the policies of Okta.",
		Steps: []Node{
			{Name: "Send signal", Action: "Send ITP Signal", Parameters: map[string]any{
				"User Email": "[Entity.OriginalIdentifier]", "Timestamp": "[Event.StartTime]", "Reason": "[Alert.Name]",
				"Severity": "high",
			}},
			byStatus("Send signal", "Okta accepted the signal."),
		},
		Adapt: []string{
			"`User Email` takes one address: run the playbook for one entity, or put the step into a loop over the entities.",
			"`Timestamp` and `Reason`: choose the fields of your alerts in the picker. `Severity`: the level of your rule.",
			"`accepted` means that Okta has the signal; whether it applied it is in the System Log. See docs/signals.md.",
		},
	},
	{
		Name: "Okta Enrich User", UseCase: "Enrich identity context",
		Description: "Adds profile, groups, roles, factors and risk of the users of the alert to the case.",
		Steps: []Node{
			{Name: "Profile", Action: "Get User"},
			{Name: "Groups", Action: "List User Groups"},
			{Name: "Roles", Action: "List Roles"},
			{Name: "Factors", Action: "List Factors"},
			{Name: "Risk", Action: "Get User Risk"},
			{Name: "Summary", Action: caseComment, Parameters: map[string]any{
				"Comment": `Okta: [Profile.JsonResult| "output_message"] [Roles.JsonResult| "output_message"] ` +
					`[Risk.JsonResult| "output_message"]`,
			}},
		},
		Adapt: []string{
			"A step fails if Okta knows none of the users. Set **Skip step if it fails** if the playbook must go on.",
			"Investigate User in place of the five steps has all of it, and the recent sign-ins, in one call.",
		},
	},
	{
		Name: "Okta Contain User With Approval", UseCase: "Containment",
		Description: "Shows the evidence and the planned steps, asks the analyst, and then contains the users of the alert.",
		Steps: []Node{
			{Name: "Investigate", Action: "Investigate User"},
			{Name: "Preview", Action: "Contain User", Parameters: map[string]any{"Also Run On Scope": true, "Dry Run": true}},
			{Name: "Approval", Question: "Contain these users in Okta? See the result of the step Preview.", Branches: []Branch{
				{Value: "Contain", Steps: []Node{
					{Name: "Contain", Action: "Contain User", Parameters: map[string]any{
						"Also Run On Scope": true, "Verify In System Log": true,
					}},
					byStatus("Contain", "The users are contained. To restore one, use the block "+
						"Okta Restore User With Approval with the Record in undo_requests of the result."),
				}},
				{Value: "Do not contain", Steps: []Node{
					{Name: "Denied", Action: caseComment,
						Parameters: map[string]any{"Comment": "Okta: the containment was not approved."}},
				}},
			}},
		},
		Adapt: []string{
			"The assignee of the step Approval, and its time limit.",
			"`Level`: `revoke` ends the access without a suspension, `evict` also resets password and factors. See " +
				"docs/containment.md.",
		},
	},
	{
		Name: "Okta Restore User With Approval", UseCase: "Containment",
		Description: "A block that takes a containment back, after an approval. Inputs: the user, and the Record of " +
			"Contain User.",
		Inputs: []string{"User", "Record"},
		Steps: []Node{
			{Name: "Preview", Action: "Restore User", Parameters: map[string]any{
				"User IDs Or Logins": "[Input.User]", "Record": "[Input.Record]", "Dry Run": true,
			}},
			{Name: "Approval", Question: "Restore this user in Okta? See the result of the step Preview.", Branches: []Branch{
				{Value: "Restore", Steps: []Node{
					{Name: "Restore", Action: "Restore User", Parameters: map[string]any{
						"User IDs Or Logins": "[Input.User]", "Record": "[Input.Record]", "Verify": true,
					}},
					{Name: "Restored", Parameters: map[string]any{"Output": "[Restore.is_success]"}},
				}},
				{Value: "Do not restore", Steps: []Node{{Name: "Not restored", Parameters: map[string]any{"Output": "False"}}}},
			}},
		},
		Adapt: []string{
			"A Record belongs to one user: call the block once for each user.",
			"`Reset Password`: true also resets the password, if it may be known.",
		},
	},
}

// byStatus returns the decision by the status of a step: all targets were reached, only some of them, or none. After a
// step that failed a playbook goes on only if its author lets it.
func byStatus(step, success string) Node {
	comment := func(name, words string) []Node {
		return []Node{{Name: name, Action: caseComment, Parameters: map[string]any{
			"Comment": "Okta: " + words + ` [` + step + `.JsonResult| "output_message"]`,
		}}}
	}
	return Node{Name: "Outcome", Field: `[` + step + `.JsonResult| "status"]`, Branches: []Branch{
		{Value: "success", Steps: comment("Done", success)},
		{Value: "partial", Steps: comment("Partly done", "not all targets were reached. The table of the step names each.")},
		{Steps: comment("Not done", "no target was reached.")},
	}}
}
