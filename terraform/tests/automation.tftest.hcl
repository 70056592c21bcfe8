# Messages: delivery, results, dead letters and idempotency records.

mock_provider "google" {
  source = "./tests/google"
}

run "messages_are_delivered_and_kept" {
  module {
    source = "./modules/automation"
  }

  variables {
    prefix          = "okta-emea"
    labels          = { app = "okta-secops", instance = "emea" }
    project         = { id = "acme-security", number = "123456789012" }
    region          = "europe-west3"
    groups          = ["users", "signals"]
    kms_keys        = { storage = null, pubsub = null }
    deletion_policy = "DELETE"
    retention_days  = { results = 7, dead_letters = 31 }
    publishers      = { users = ["serviceAccount:detections@acme.iam.gserviceaccount.com"] }
    subscription = {
      ack_deadline = 600, retention_hours = 20, min_backoff = 10, max_backoff = 600, max_deliveries = 20
    }
    functions = {
      users   = { url = "https://users.run.app", member = "serviceAccount:users@acme.iam.gserviceaccount.com" }
      signals = { url = "https://signals.run.app", member = "serviceAccount:signals@acme.iam.gserviceaccount.com" }
    }
  }

  assert {
    condition = alltrue([
      for g, s in google_pubsub_subscription.push :
      s.push_config[0].push_endpoint == "https://${g}.run.app/pubsub" &&
      s.push_config[0].oidc_token[0].audience == "https://${g}.run.app" &&
      s.push_config[0].oidc_token[0].service_account_email == google_service_account.push[g].email
    ])
    error_message = "Pub/Sub must deliver a group's messages to its function, as the push account, with the URL as audience"
  }

  assert {
    condition = alltrue([
      for s in google_pubsub_subscription.push :
      s.ack_deadline_seconds == 600 && s.message_retention_duration == "72000s" && s.filter == null &&
      s.retry_policy[0].minimum_backoff == "10s" && s.retry_policy[0].maximum_backoff == "600s"
    ])
    error_message = "deadline, retention and backoff must be the settings, and no message may be filtered"
  }

  assert {
    condition = alltrue([
      for s in google_pubsub_subscription.push :
      s.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.dead_letter.id &&
      s.dead_letter_policy[0].max_delivery_attempts == 20
    ])
    error_message = "a message must become a dead letter after max_deliveries"
  }

  assert {
    condition = (
      google_pubsub_topic_iam_member.dead_letter_agent.member ==
      "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com" &&
      length(google_pubsub_subscription_iam_member.dead_letter_agent) == 2
    )
    error_message = "Pub/Sub must have the permissions to forward dead letters"
  }

  assert {
    condition = (
      { for name, s in google_pubsub_subscription.kept : name => s.message_retention_duration } ==
      { results = "604800s", dead-letter = "2678400s" } &&
      alltrue([for s in google_pubsub_subscription.kept : s.expiration_policy[0].ttl == ""])
    )
    error_message = "results and dead letters must have a subscription that does not expire, with their retention"
  }

  assert {
    condition = (
      [for m in google_pubsub_topic_iam_member.publisher : "${m.role} ${m.member}"] ==
      ["roles/pubsub.publisher serviceAccount:detections@acme.iam.gserviceaccount.com"] &&
      google_pubsub_topic_iam_member.publisher["users serviceAccount:detections@acme.iam.gserviceaccount.com"].topic ==
      google_pubsub_topic.group["users"].id
    )
    error_message = "a publisher must have the permission on the topic of its group only"
  }

  assert {
    condition = (
      google_storage_bucket.idempotency.uniform_bucket_level_access &&
      google_storage_bucket.idempotency.public_access_prevention == "enforced" &&
      one(google_storage_bucket.idempotency.lifecycle_rule[0].condition).age == 2
    )
    error_message = "idempotency records must be private, and removed after 2 days"
  }

  assert {
    condition = {
      for g, m in google_storage_managed_folder_iam_member.idempotency : m.member => "${m.role} ${m.managed_folder}"
      } == {
      "serviceAccount:users@acme.iam.gserviceaccount.com"   = "roles/storage.objectUser users/"
      "serviceAccount:signals@acme.iam.gserviceaccount.com" = "roles/storage.objectUser signals/"
    }
    error_message = "a function must have access to the records of its own group only"
  }
}
