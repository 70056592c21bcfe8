locals {
  # The service account that the suggested command of each function impersonates: one that may call the function.
  caller = {
    for name in keys(local.catalog) : name => var.caller_auth == "oidc" ? var.caller_emails[0] : try(
      [
        for m in concat(var.invokers, local.functions[name].invokers) : trimprefix(m, "serviceAccount:")
        if startswith(m, "serviceAccount:")
      ][0],
      "SERVICE_ACCOUNT",
    )
  }

  # Cloud Run checks a token unless the functions are public; with oidc the function checks it.
  takes_token = !var.allow_public_invocation || var.caller_auth == "oidc"
  call_headers = {
    for name, account in local.caller : name => concat(
      local.takes_token ? [join(" ", [
        "Authorization: Bearer $(gcloud auth print-identity-token --impersonate-service-account=${account}",
        "--include-email --audiences=${local.url[name]})",
      ])] : [],
      var.caller_auth == "apikey" ? ["X-Api-Key: $KEY"] : [],
    )
  }
}

output "functions" {
  description = "Name, URL and service account of each function, and the Okta scopes that its service app needs for actions, their optional parts and guardrails."
  value = {
    for name, f in module.function : name => {
      name            = f.name
      uri             = local.url[name]
      service_account = f.service_account
      okta_scopes     = sort(distinct(concat(local.catalog[name].oauth_scopes, local.catalog[name].optional_scopes, local.catalog[name].guardrail_scopes)))
    }
  }
}

output "invoke" {
  description = <<-EOT
    Command that pings each function. It impersonates a service account of invokers or caller_emails; SERVICE_ACCOUNT
    stands for one if invokers has none. The operator needs roles/iam.serviceAccountOpenIdTokenCreator on that account.
  EOT
  value = {
    for name, headers in local.call_headers : name =>
    "curl ${join(" ", [for h in headers : "-H \"${h}\""])} ${local.url[name]}/ping"
  }
}

output "secrets" {
  description = "Secrets that need a version before the first call."
  value       = module.secrets.names
}

output "topics" {
  description = "Topic of each group."
  value       = module.automation.topics
}

output "results_subscription" {
  description = "Subscription from which results can be pulled."
  value       = module.automation.results_subscription
}

output "dead_letter_subscription" {
  description = "Subscription from which dead letters can be pulled."
  value       = module.automation.dead_letter_subscription
}

output "egress_address" {
  description = "Static address for a network zone in Okta; null without static_egress."
  value       = one(module.egress[*].address)
}

output "audit_bucket" {
  description = "Log bucket of the audit records."
  value       = module.monitoring.audit_bucket
}

output "alerts" {
  description = "Alert policies, by the name of their runbook in docs/runbooks."
  value       = module.monitoring.alerts
}

output "dashboard" {
  description = "URL of the dashboard in the console."
  value       = module.monitoring.dashboard
}

output "secops_actions" {
  description = <<-EOT
    Each action as a step of the HTTP V2 integration of SecOps: method, URL, path, headers and body to paste, the
    optional parameters, and a note on the values to replace. A later step reads an output as
    [STEP.JsonResult| "response_data.status"]. In a path, <target> stands for a target as the request names it. Dots
    separate the members of a path: for a name with a dot, such as an e-mail address, use the paths below
    response_data.targets.
  EOT
  value       = module.secops.actions
}

output "secops_integration" {
  description = "Parameters of an instance of the response integration Okta SecOps: see docs/secops.md."
  value = {
    "API Root"       = "https://${local.prefix}-{group}-${data.google_project.this.number}.${var.region}.run.app"
    "Authentication" = var.caller_auth == "apikey" ? "API key" : "Workload identity"
    "Groups"         = join(", ", keys(local.catalog))
  }
}

output "soar_webhook_sample" {
  description = "Sample of a result, for the mapping of a SOAR inbound webhook."
  value       = module.secops.webhook_sample
}
