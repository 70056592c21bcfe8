output "topics" {
  description = "Full name of the topic of each group."
  value = {
    for group in var.groups : group => "projects/${var.project.id}/topics/${google_pubsub_topic.group[group].name}"
  }
}

output "results_topic" {
  description = "Full name of the topic of results."
  value       = "projects/${var.project.id}/topics/${google_pubsub_topic.results.name}"
}

output "dead_letter_topic" {
  description = "Full name of the dead-letter topic."
  value       = "projects/${var.project.id}/topics/${google_pubsub_topic.dead_letter.name}"
}

output "subscriptions" {
  description = "Name of the push subscription of each group."
  value       = { for group, s in google_pubsub_subscription.push : group => s.name }
}

output "dead_letter_subscription" {
  description = "Name of the subscription that keeps the dead letters."
  value       = google_pubsub_subscription.kept["dead-letter"].name
}

output "results_subscription" {
  description = "Name of the subscription that keeps the results."
  value       = google_pubsub_subscription.kept["results"].name
}

output "push_emails" {
  description = "E-mail address of the service account of each push subscription."
  value       = { for group, a in google_service_account.push : group => a.email }
}

output "idempotency_bucket" {
  description = "Bucket of the idempotency records."
  value       = google_storage_bucket.idempotency.name
}
