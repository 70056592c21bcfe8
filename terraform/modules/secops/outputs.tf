output "actions" {
  description = "Each action as a step of the HTTP V2 integration: method, address, path, headers and body to paste, and a note on the text to replace first."
  value       = local.actions
}

output "webhook_sample" {
  description = "Sample of a result, for the mapping of a SOAR inbound webhook."
  value       = jsonencode(local.sample)
}

output "feed" {
  description = "The feed of results, by name; null where there is none."
  value       = one(google_chronicle_feed.results[*].id)
}

output "subscription" {
  description = "Name of the push subscription that delivers results to the feed; null: none."
  value       = one(google_pubsub_subscription.results[*].name)
}
