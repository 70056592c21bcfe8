# Actions by message: topics, push subscriptions, results, dead letters, and the idempotency records
# that keep a message from taking effect twice.

locals {
  pubsub_agent = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  publishers = merge([
    for group, members in var.publishers : {
      for m in toset(members) : "${group} ${m}" => { group = group, member = m }
    }
  ]...)
}

resource "google_pubsub_topic" "group" {
  for_each = var.groups

  project      = var.project.id
  name         = "${var.prefix}-${each.key}"
  labels       = merge(var.labels, { group = each.key })
  kms_key_name = var.kms_keys.pubsub

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "results" {
  project         = var.project.id
  name            = "${var.prefix}-results"
  labels          = var.labels
  kms_key_name    = var.kms_keys.pubsub
  deletion_policy = var.deletion_policy

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "dead_letter" {
  project         = var.project.id
  name            = "${var.prefix}-dead-letter"
  labels          = var.labels
  kms_key_name    = var.kms_keys.pubsub
  deletion_policy = var.deletion_policy

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

# A topic without a subscription loses its messages.
resource "google_pubsub_subscription" "kept" {
  for_each = {
    results     = { topic = google_pubsub_topic.results.id, days = var.retention_days.results }
    dead-letter = { topic = google_pubsub_topic.dead_letter.id, days = var.retention_days.dead_letters }
  }

  project                    = var.project.id
  name                       = "${var.prefix}-${each.key}"
  topic                      = each.value.topic
  labels                     = var.labels
  message_retention_duration = "${each.value.days * 86400}s"
  deletion_policy            = var.deletion_policy

  expiration_policy {
    ttl = "" # never
  }
}

# The identity of the deliveries to one function. Its only permission is to call that function.
resource "google_service_account" "push" {
  for_each = var.groups

  project      = var.project.id
  account_id   = "${var.prefix}-${substr(each.key, 0, 9)}-push" # at most 30 characters, with an instance of 10
  display_name = "${var.prefix}-${each.key}-push: delivers messages of the topic ${var.prefix}-${each.key}"
  description  = "Identity of the push subscription. Its only permission is to call the function."
}

resource "google_service_account_iam_member" "push_token" {
  for_each = var.groups

  service_account_id = google_service_account.push[each.key].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

# No filter: Pub/Sub acknowledges messages that do not match a filter, and reports nothing.
resource "google_pubsub_subscription" "push" {
  for_each = var.groups

  project                    = var.project.id
  name                       = "${var.prefix}-${each.key}"
  topic                      = google_pubsub_topic.group[each.key].id
  labels                     = merge(var.labels, { group = each.key })
  ack_deadline_seconds       = var.subscription.ack_deadline
  message_retention_duration = "${var.subscription.retention_hours * 3600}s"

  push_config {
    push_endpoint = "${var.functions[each.key].url}/pubsub"

    oidc_token {
      service_account_email = google_service_account.push[each.key].email
      audience              = var.functions[each.key].url
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

# The permissions that Pub/Sub needs to forward messages to the dead-letter topic.
resource "google_pubsub_topic_iam_member" "dead_letter_agent" {
  project = var.project.id
  topic   = google_pubsub_topic.dead_letter.id
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letter_agent" {
  for_each = var.groups

  project      = var.project.id
  subscription = google_pubsub_subscription.push[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "results" {
  for_each = var.groups

  project = var.project.id
  topic   = google_pubsub_topic.results.id
  role    = "roles/pubsub.publisher"
  member  = var.functions[each.key].member
}

# A function publishes the batches of its jobs to its own topic.
resource "google_pubsub_topic_iam_member" "jobs" {
  for_each = var.groups

  project = var.project.id
  topic   = google_pubsub_topic.group[each.key].id
  role    = "roles/pubsub.publisher"
  member  = var.functions[each.key].member
}

resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = var.groups

  project = var.project.id
  topic   = google_pubsub_topic.dead_letter.id
  role    = "roles/pubsub.publisher"
  member  = var.functions[each.key].member
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishers

  project = var.project.id
  topic   = google_pubsub_topic.group[each.value.group].id
  role    = "roles/pubsub.publisher"
  member  = each.value.member
}

# A record holds its own expiry. The lifecycle rule only removes expired objects.
resource "google_storage_bucket" "idempotency" {
  project                     = var.project.id
  name                        = "${var.project.id}-${var.prefix}-idempotency"
  location                    = var.region
  labels                      = var.labels
  deletion_policy             = var.deletion_policy
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  dynamic "encryption" {
    for_each = var.kms_keys.storage[*]

    content {
      default_kms_key_name = encryption.value
    }
  }

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

# A function reads and writes the records below the folder of its group, and no others.
resource "google_storage_managed_folder" "idempotency" {
  for_each = var.groups

  bucket        = google_storage_bucket.idempotency.name
  name          = "${each.key}/" # IDEMPOTENCY_PREFIX
  force_destroy = true           # the records of a group that is no longer deployed stay until they expire
}

resource "google_storage_managed_folder_iam_member" "idempotency" {
  for_each = var.groups

  bucket         = google_storage_bucket.idempotency.name
  managed_folder = google_storage_managed_folder.idempotency[each.key].name
  role           = "roles/storage.objectUser"
  member         = var.functions[each.key].member
}

# The changes of the running hour, which all functions count together (max_users_per_hour). A
# function can create such an object, and cannot change or delete one.
resource "google_storage_managed_folder" "changes" {
  bucket        = google_storage_bucket.idempotency.name
  name          = "guardrails/"
  force_destroy = true
}

resource "google_storage_managed_folder_iam_member" "changes" {
  for_each = var.groups

  bucket         = google_storage_bucket.idempotency.name
  managed_folder = google_storage_managed_folder.changes.name
  role           = "roles/storage.objectCreator"
  member         = var.functions[each.key].member
}

# Without the permission to list the bucket, Cloud Storage answers 403 instead of 404 for a record
# that does not exist, and Google does not document whether the permission on a managed folder is
# enough. This role lists names, which are hashes here, and reads no record.
resource "google_storage_bucket_iam_member" "idempotency" {
  for_each = var.groups

  bucket = google_storage_bucket.idempotency.name
  role   = "roles/storage.legacyBucketReader"
  member = var.functions[each.key].member
}
