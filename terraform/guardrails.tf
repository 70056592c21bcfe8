# The policy of the guardrails as the functions read it (GUARDRAILS).

locals {
  role_types = [
    "SUPER_ADMIN", "ORG_ADMIN", "APP_ADMIN", "USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN",
    "REPORT_ADMIN", "READ_ONLY_ADMIN", "API_ACCESS_MANAGEMENT_ADMIN", "WORKFLOWS_ADMIN",
    "ACCESS_CERTIFICATIONS_ADMIN", "ACCESS_REQUESTS_ADMIN",
  ]
  changing_actions = flatten([
    for g in jsondecode(file("${path.module}/catalog.json")) : [for a in g.actions : a.slug if a.mutates]
  ])
  guardrail_rules = {
    always_on = ["last_super_admin", "own_identity", "admin_credentials"]
    others = [
      "protected", "assignable_roles", "denied_actions", "deactivate", "max_targets_per_call", "max_users_per_hour",
      "freeze",
    ]
  }

  # The policy, without the types of the variable. Absent attributes are null, or absent too.
  guardrail_policy = jsondecode(var.guardrails == null ? jsonencode({
    assignable_roles   = [for r in local.role_types : r if !contains(["SUPER_ADMIN", "ORG_ADMIN"], r)]
    max_users_per_hour = 100
  }) : jsonencode(var.guardrails))
  guardrail_actions = try(local.guardrail_policy.per_action, {})
  guardrail_entries = try([for p in local.guardrail_policy.protected : p], [])

  # Every limit of the policy: the general ones, those of actions and those of callers.
  guardrail_limits = concat(
    [{ at = "", limits = local.guardrail_policy }],
    [for slug, l in local.guardrail_actions : { at = "per_action ${slug}: ", limits = l }],
    [
      for name, l in try({ for name, l in local.guardrail_policy.callers : name => l }, {}) :
      { at = "callers ${name}: ", limits = l }
    ],
  )
  guardrail_problems = concat(
    [
      for slug in concat(
        keys(local.guardrail_actions),
        flatten([for p in local.guardrail_entries : try([for a in p.actions : a], [])]),
        flatten([for l in local.guardrail_limits : try([for a in l.limits.denied_actions : a], [])]),
      ) : "${slug} is not an action that changes something: ${join(", ", local.changing_actions)}"
      if !contains(local.changing_actions, slug)
    ],
    [
      for role in concat(
        flatten([for l in local.guardrail_limits : try([for r in l.limits.assignable_roles : r], [])]),
        flatten([for p in local.guardrail_entries : try([for r in p.roles : r if r != "any"], [])]),
      ) : "${role} is not a role type: ${join(", ", local.role_types)}"
      if !contains(concat(local.role_types, ["CUSTOM"]), role)
    ],
    [
      for l in local.guardrail_limits : "${l.at}deactivate is ${l.limits.deactivate}, must be allow, suspend_instead or deny"
      if !contains(["allow", "suspend_instead", "deny"], try(coalesce(l.limits.deactivate), "allow"))
    ],
    flatten([
      for l in local.guardrail_limits : [
        for name in ["max_targets_per_call", "max_users_per_hour"] : "${l.at}${name} must be a whole number from 0"
        if try(l.limits[name] < 0 || floor(l.limits[name]) != l.limits[name], false)
      ]
    ]),
    [
      for p in local.guardrail_entries : "protected ${p.id}: give users, groups, roles or profile"
      if p.users == null && p.groups == null && p.roles == null && p.profile == null
    ],
    [
      for mode in [try(coalesce(local.guardrail_policy.mode), "enforce")] : "mode is ${mode}, must be enforce or observe"
      if !contains(["enforce", "observe"], mode)
    ],
    [
      for rule in try([for r in local.guardrail_policy.disabled_rules : r], []) :
      "${rule} is not a rule that is always on: ${join(", ", local.guardrail_rules.always_on)}"
      if !contains(local.guardrail_rules.always_on, rule)
    ],
    [
      for rule in try([for r in local.guardrail_policy.override.rules : r], []) : "override: ${rule} is not a rule"
      if !contains(concat(local.guardrail_rules.always_on, local.guardrail_rules.others), rule)
    ],
  )

  # The limits that differ by action: JSON has an object of values by slug.
  guardrail_per_action = {
    for name in ["assignable_roles", "deactivate", "max_targets_per_call", "max_users_per_hour"] : name => {
      for slug, l in local.guardrail_actions : slug => l[name] if l[name] != null
    }
  }
  guardrail_members = [
    for name in setunion(keys(local.guardrail_policy), keys(local.guardrail_per_action)) : {
      name = name
      json = length(try(local.guardrail_per_action[name], {})) == 0 ? jsonencode(try(local.guardrail_policy[name], null)) : jsonencode(merge(
        { for v in [local.guardrail_policy[name]] : "default" => v if v != null }, local.guardrail_per_action[name]
      ))
    } if name != "per_action"
  ]

  # Null attributes are removed. A null at the end of an object leaves a comma.
  guardrails_json = "{${join(",", [
    for m in local.guardrail_members :
    "${jsonencode(m.name)}:${replace(replace(m.json, "/\"[a-z_]+\":null,?/", ""), "/,}/", "}")}" if m.json != "null"
  ])}}"
}
