# Secrets without values, and the permission of each function to read its own. A person adds the
# values as versions, so that they are not in Terraform's state.

locals {
  secrets = merge(
    { for c in var.credentials : "credential-${c}" => "Okta credential (${c})" },
    var.signing_key ? { "signing-key" = "key that signs risk signals" } : {},
    var.publication != null ? { "public-keys" = "public keys of the signals, which the transmitter publishes" } : {},
    { for name in var.caller_keys : name => "API keys of callers" },
    var.guardrails.secret ? { guardrails = "policy of the guardrails" } : {},
  )

  # One entry per function and secret.
  reads = merge(concat([
    for group, r in var.readers : merge(
      r.credential == null ? {} : {
        "${group}-credential" = { secret = "credential-${r.credential}", member = r.member }
      },
      r.signing_key ? { "${group}-signing-key" = { secret = "signing-key", member = r.member } } : {},
      r.caller_keys == null ? {} : { "${group}-caller-keys" = { secret = r.caller_keys, member = r.member } },
      var.guardrails.secret ? { "${group}-guardrails" = { secret = "guardrails", member = r.member } } : {},
    )
    ], [
    var.publication == null ? {} : { transmitter = { secret = "public-keys", member = var.publication.reader } }
  ])...)

  # Operators of the keys add versions, and see which exist. They cannot read the private key.
  key_operators = merge([
    for member in var.key_operators : merge(
      { "${member} signing-key" = { secret = "signing-key", member = member, role = "secretVersionManager" } },
      var.publication == null ? {} : {
        "${member} public-keys"       = { secret = "public-keys", member = member, role = "secretVersionManager" }
        "${member} reads public-keys" = { secret = "public-keys", member = member, role = "secretAccessor" }
      },
    )
  ]...)

  # As the functions refer to them: projects/P/secrets/S.
  path = {
    for key, s in google_secret_manager_secret.this : key => "projects/${var.project.id}/secrets/${s.secret_id}"
  }

  reminds = var.rotation_days > 0
}

resource "google_secret_manager_secret" "this" {
  for_each = local.secrets

  project         = var.project.id
  secret_id       = "${var.prefix}-${each.key}"
  labels          = var.labels
  annotations     = { purpose = each.value }
  deletion_policy = var.deletion_policy

  replication {
    dynamic "auto" {
      for_each = length(var.locations) == 0 ? [1] : []

      content {
        dynamic "customer_managed_encryption" {
          for_each = values(var.kms_keys)

          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }

    dynamic "user_managed" {
      for_each = length(var.locations) == 0 ? [] : [1]

      content {
        dynamic "replicas" {
          for_each = sort(var.locations)

          content {
            location = replicas.value

            dynamic "customer_managed_encryption" {
              for_each = lookup(var.kms_keys, replicas.value, null)[*]

              content {
                kms_key_name = customer_managed_encryption.value
              }
            }
          }
        }
      }
    }
  }

  dynamic "topics" {
    for_each = google_pubsub_topic.rotation[*].id

    content {
      name = topics.value
    }
  }

  dynamic "rotation" {
    for_each = local.reminds && !contains(["guardrails", "public-keys"], each.key) ? [1] : [] # they do not expire

    content {
      next_rotation_time = timeadd(plantimestamp(), "${var.rotation_days * 24}h")
      rotation_period    = "${var.rotation_days * 86400}s"
    }
  }

  lifecycle {
    ignore_changes = [rotation[0].next_rotation_time] # Secret Manager advances it
  }

  depends_on = [google_pubsub_topic_iam_member.secret_manager]
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.reads

  project   = var.project.id
  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}

resource "google_secret_manager_secret_iam_member" "key_operator" {
  for_each = local.key_operators

  project   = var.project.id
  secret_id = google_secret_manager_secret.this[each.value.secret].id
  role      = "roles/secretmanager.${each.value.role}"
  member    = each.value.member
}

# They add versions of the policy, and cannot read it.
resource "google_secret_manager_secret_iam_member" "guardrails_writer" {
  for_each = var.guardrails.writers

  project   = var.project.id
  secret_id = google_secret_manager_secret.this["guardrails"].id
  role      = "roles/secretmanager.secretVersionAdder"
  member    = each.key
}

resource "google_pubsub_topic" "rotation" {
  count = local.reminds ? 1 : 0

  project      = var.project.id
  name         = "${var.prefix}-secret-rotation"
  labels       = var.labels
  kms_key_name = var.topic_kms_key
}

# Keeps the reminders until an operator acknowledges them; an alert notifies the operator. Secret
# Manager also publishes other events, such as new versions, which the filter drops.
resource "google_pubsub_subscription" "rotation" {
  count = local.reminds ? 1 : 0

  project                    = var.project.id
  name                       = "${var.prefix}-secret-rotation"
  topic                      = google_pubsub_topic.rotation[0].id
  labels                     = var.labels
  filter                     = "attributes.eventType = \"SECRET_ROTATE\""
  message_retention_duration = "2678400s" # 31 days, the maximum

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "secret_manager" {
  count = local.reminds ? 1 : 0

  project = var.project.id
  topic   = google_pubsub_topic.rotation[0].id
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${var.project.number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
}
