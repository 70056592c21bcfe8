output "actions" {
  description = "The playbook step of HTTP V2 for each action."
  value       = local.actions
}

output "webhook_sample" {
  description = "Sample of a result, for the mapping of a SOAR inbound webhook."
  value       = jsonencode(local.sample)
}

output "feed" {
  description = "Name of the feed of results; null without a feed."
  value       = one(google_chronicle_feed.results[*].id)
}

output "subscription" {
  description = "Name of the push subscription that delivers results to the feed; null: none."
  value       = one(google_pubsub_subscription.results[*].name)
}
