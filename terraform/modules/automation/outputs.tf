output "topics" {
  description = "Topic of each group, in full."
  value       = { for group in var.groups : group => "projects/${var.project.id}/topics/${google_pubsub_topic.group[group].name}" }
}

output "results_topic" {
  description = "Topic of results, in full."
  value       = "projects/${var.project.id}/topics/${google_pubsub_topic.results.name}"
}

output "dead_letter_topic" {
  description = "Topic of dead letters, in full."
  value       = "projects/${var.project.id}/topics/${google_pubsub_topic.dead_letter.name}"
}

output "subscriptions" {
  description = "Push subscription of each group, by name."
  value       = { for group, s in google_pubsub_subscription.push : group => s.name }
}

output "dead_letter_subscription" {
  description = "Subscription that keeps the dead letters, by name."
  value       = google_pubsub_subscription.kept["dead-letter"].name
}

output "results_subscription" {
  description = "Subscription that keeps the results, by name."
  value       = google_pubsub_subscription.kept["results"].name
}

output "push_emails" {
  description = "Service account of each push subscription, by e-mail address."
  value       = { for group, a in google_service_account.push : group => a.email }
}

output "idempotency_bucket" {
  description = "Bucket of the idempotency records."
  value       = google_storage_bucket.idempotency.name
}
