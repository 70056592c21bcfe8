output "credentials" {
  description = "The Okta credentials' secrets, by name of the credential, as projects/P/secrets/S."
  value       = { for c in var.credentials : c => "projects/${var.project.id}/secrets/${google_secret_manager_secret.this["credential-${c}"].secret_id}" }
}

output "signing_key" {
  description = "Secret of the key that signs signals; null where there is none."
  value       = var.signing_key ? "projects/${var.project.id}/secrets/${google_secret_manager_secret.this["signing-key"].secret_id}" : null
}

output "caller_keys" {
  description = "Secret of the callers' keys; null where there are none."
  value       = var.caller_keys ? "projects/${var.project.id}/secrets/${google_secret_manager_secret.this["caller-keys"].secret_id}" : null
}

output "names" {
  description = "Names of all secrets, to each of which a person adds a version."
  value       = sort([for s in google_secret_manager_secret.this : s.secret_id])
}
