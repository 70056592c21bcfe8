output "name" {
  description = "Name of the function and of its Cloud Run service."
  value       = google_cloudfunctions2_function.this.name
}

output "member" {
  description = "The function's service account, as an IAM member."
  value       = "serviceAccount:${google_service_account.this.email}"
}

output "service_account" {
  description = "E-mail address of the function's service account."
  value       = google_service_account.this.email
}
