# Actions by message: topics, push subscriptions, results, dead letters, and the idempotency records that keep a message
# from taking effect twice.

locals {
  pubsub_agent = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  publishers   = merge([for group, members in var.publishers : { for m in members : "${group} ${m}" => { group = group, member = m } }]...)
}

resource "google_pubsub_topic" "group" {
  for_each = var.groups

  name   = "${var.prefix}-${each.key}"
  labels = merge(var.labels, { group = each.key })

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "results" {
  name   = "${var.prefix}-results"
  labels = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "dead_letter" {
  name   = "${var.prefix}-dead-letter"
  labels = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# A topic without a subscription loses what is published to it.
resource "google_pubsub_subscription" "kept" {
  for_each = { results = google_pubsub_topic.results.id, dead-letter = google_pubsub_topic.dead_letter.id }

  name                       = "${var.prefix}-${each.key}"
  topic                      = each.value
  labels                     = var.labels
  message_retention_duration = "604800s" # a week, for somebody to look

  expiration_policy {
    ttl = "" # never
  }
}

# Who delivers: an identity for each function, that can do nothing but call it.
resource "google_service_account" "push" {
  for_each = var.groups

  account_id   = "${var.prefix}-${each.key}-push"
  display_name = "${var.prefix}-${each.key}-push: delivers the messages of the topic ${var.prefix}-${each.key}"
  description  = "Identity of the push subscription. It may call the one function, and nothing else."
}

resource "google_service_account_iam_member" "push_token" {
  for_each = var.groups

  service_account_id = google_service_account.push[each.key].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

# No filter: a message that matches none would be acknowledged without a word.
resource "google_pubsub_subscription" "push" {
  for_each = var.groups

  name                       = "${var.prefix}-${each.key}"
  topic                      = google_pubsub_topic.group[each.key].id
  labels                     = merge(var.labels, { group = each.key })
  ack_deadline_seconds       = var.subscription.ack_deadline
  message_retention_duration = "${var.subscription.retention_hours * 3600}s"

  push_config {
    push_endpoint = "${var.functions[each.key].uri}/pubsub"

    oidc_token {
      service_account_email = google_service_account.push[each.key].email
      audience              = var.functions[each.key].audience
    }
  }

  retry_policy {
    minimum_backoff = "${var.subscription.min_backoff}s"
    maximum_backoff = "${var.subscription.max_backoff}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = var.subscription.max_deliveries
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_service_account_iam_member.push_token]
}

# What Pub/Sub itself needs to forward what it gives up.
resource "google_pubsub_topic_iam_member" "dead_letter_agent" {
  topic  = google_pubsub_topic.dead_letter.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letter_agent" {
  for_each = var.groups

  subscription = google_pubsub_subscription.push[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "results" {
  for_each = var.groups

  topic  = google_pubsub_topic.results.id
  role   = "roles/pubsub.publisher"
  member = var.functions[each.key].member
}

resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = var.groups

  topic  = google_pubsub_topic.dead_letter.id
  role   = "roles/pubsub.publisher"
  member = var.functions[each.key].member
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers

  topic  = google_pubsub_topic.group[each.value.group].id
  role   = "roles/pubsub.publisher"
  member = each.value.member
}

# A record holds its own expiry. The lifecycle rule only removes expired objects.
resource "google_storage_bucket" "idempotency" {
  name                        = "${var.project.id}-${var.prefix}-idempotency"
  location                    = var.region
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    condition {
      age = 2
    }
    action {
      type = "Delete"
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

# The whole bucket, though each function writes under its own prefix: without the right to list it, Cloud Storage answers
# for what does not exist that it is forbidden.
resource "google_storage_bucket_iam_member" "idempotency" {
  for_each = var.groups

  bucket = google_storage_bucket.idempotency.name
  role   = "roles/storage.objectUser"
  member = var.functions[each.key].member
}
