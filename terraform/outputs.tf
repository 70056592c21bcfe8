output "functions" {
  description = "Each function: its address, its service account, and the least Okta scopes that its service app needs."
  value = {
    for name, f in module.function : name => {
      name = f.name, uri = f.uri, service_account = f.service_account, okta_scopes = local.catalog[name].oauth_scopes
    }
  }
}

output "invoke" {
  description = "A call of each function, for somebody who may make it."
  value = {
    for name, f in module.function : name => var.caller_auth == "apikey" ? "curl -H \"X-Api-Key: $KEY\" ${f.uri}/ping" : "curl -H \"Authorization: Bearer $(gcloud auth print-identity-token --audiences=${f.uri})\" ${f.uri}/ping"
  }
}

output "secrets" {
  description = "Secrets to which a person adds a version before the first call."
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
  description = "Log bucket of the audit."
  value       = module.monitoring.audit_bucket
}

output "alerts" {
  description = "Alerts, by the name of their runbook in docs/runbooks."
  value       = module.monitoring.alerts
}

output "secops_actions" {
  description = "Each action as a step of the HTTP V2 integration of SecOps, to paste, and a note on the text to replace first."
  value       = module.secops.actions
}

output "soar_webhook_sample" {
  description = "Sample of a result, for the mapping of a SOAR inbound webhook."
  value       = module.secops.webhook_sample
}
