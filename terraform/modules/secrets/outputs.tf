output "credentials" {
  description = "Secret of each Okta credential, as projects/P/secrets/S."
  value       = { for c in var.credentials : c => local.path["credential-${c}"] }
}

output "signing_key" {
  description = "Secret of the key that signs signals, as projects/P/secrets/S; null: none."
  value       = lookup(local.path, "signing-key", null)
}

output "public_keys" {
  description = "Secret of the public keys of the signals, as projects/P/secrets/S; null: none."
  value       = lookup(local.path, "public-keys", null)
}

output "caller_keys" {
  description = "Secrets of caller keys, by name, as projects/P/secrets/S."
  value       = { for name in var.caller_keys : name => local.path[name] }
}

output "names" {
  description = "Names of all secrets. A person adds a version to each."
  value       = sort([for s in google_secret_manager_secret.this : s.secret_id])
}

output "rotation_subscription" {
  description = "Name of the subscription that keeps the reminders to rotate; null: no reminders."
  value       = one(google_pubsub_subscription.rotation[*].name)
}

output "guardrails" {
  description = "Secret of the policy of the guardrails; null: there is none."
  value       = lookup(local.path, "guardrails", null)
}
