# Results into SecOps, and the playbook steps that call the actions. HTTP V2 actions, API keys and SOAR inbound webhooks
# have no Terraform resource, so outputs carry the steps and the sample of a result.

locals {
  # The project of the SecOps instance.
  project = try(coalesce(var.instance.project, var.project.id), null)
}

resource "google_chronicle_feed" "results" {
  count = var.log_type == null ? 0 : 1

  project      = local.project
  location     = var.instance.location
  instance     = var.instance.instance
  display_name = "${var.prefix} results"

  details {
    feed_source_type = var.form == "pubsub" ? "HTTPS_PUSH_GOOGLE_CLOUD_PUBSUB" : "HTTPS_PUSH_WEBHOOK"
    log_type = join("/", [
      "projects", local.project, "locations", var.instance.location, "instances", var.instance.instance, "logTypes", var.log_type,
    ])

    labels = { source = var.prefix }

    dynamic "https_push_google_cloud_pubsub_settings" {
      for_each = var.form == "pubsub" ? [1] : []

      content {
        split_delimiter = "\n"
      }
    }

    dynamic "https_push_webhook_settings" {
      for_each = var.form == "webhook" ? [1] : []

      content {
        split_delimiter = "\n"
      }
    }
  }
}

# The second step of the Pub/Sub form: SecOps shows the endpoint when the feed exists.
resource "google_service_account" "push" {
  count = var.push_endpoint == null ? 0 : 1

  project      = var.project.id
  account_id   = "${var.prefix}-feed-push"
  display_name = "${var.prefix}-feed-push: delivers results to SecOps"
  description  = "Identity of the subscription that delivers results to the feed. It has no permission in the project."
}

resource "google_service_account_iam_member" "push_token" {
  count = var.push_endpoint == null ? 0 : 1

  service_account_id = google_service_account.push[0].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_subscription" "results" {
  count = var.push_endpoint == null ? 0 : 1

  project                    = var.project.id
  name                       = "${var.prefix}-results-secops"
  topic                      = var.results_topic
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "${var.retention_days * 86400}s"

  push_config {
    push_endpoint = var.push_endpoint

    oidc_token {
      service_account_email = google_service_account.push[0].email
      audience              = var.push_endpoint
    }
  }

  retry_policy {
    minimum_backoff = "${var.backoff.min}s"
    maximum_backoff = "${var.backoff.max}s"
  }

  # 100 is the maximum. With the default backoff the deliveries go on for longer than a night.
  dead_letter_policy {
    dead_letter_topic     = var.dead_letter_topic
    max_delivery_attempts = 100
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_service_account_iam_member.push_token]
}

# Pub/Sub forwards to the dead-letter topic only with this permission.
resource "google_pubsub_subscription_iam_member" "dead_letter_agent" {
  count = var.push_endpoint == null ? 0 : 1

  project      = var.project.id
  subscription = google_pubsub_subscription.results[0].id
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

locals {
  # Each action as a step of HTTP V2. Body, key and outputs come from the catalog, URL and authentication from this
  # deployment.
  actions = merge([
    for group, g in var.catalog : {
      for a in g.actions : "${g.group}/${a.slug}" => {
        name   = a.name
        method = "POST"
        url    = "${var.urls[group]}/${a.slug}"
        path   = "/${a.slug}"
        headers = merge(
          { "Content-Type" = "application/json" },
          a.secops.idempotency_key == "" ? {} : { "Idempotency-Key" = a.secops.idempotency_key },
          var.caller_auth == "apikey" ? {} : { "Authorization" = "Bearer [Step1.JsonResult| \"response_data.token\"]" },
        )
        body = a.secops.body
        optional_parameters = [
          for p in a.parameters : {
            name           = p.name
            type           = p.type
            default        = p.default
            description    = p.description
            allowed_values = try(p.allowed_values, null)
          } if !p.required
        ]
        outputs = a.secops.outputs
        note    = a.secops.note
      }
    }
  ]...)

  # A result as it is published, for the mapping of an inbound webhook.
  sample = {
    action         = "Disable User"
    invocation_id  = "01J00000000000000000000000"
    status         = "partial"
    is_success     = false
    output_message = "Suspended 1 user: alice@acme.test. Not found: zed."
    script_result  = { name = "is_success", value = false }
    json_result    = { "alice@acme.test" = { status = "SUSPENDED" } }
    entities       = []
    targets = [
      {
        input  = "alice@acme.test", source = "parameter", user_id = "00u0000000000000000a", login = "alice@acme.test", outcome = "changed",
        before = { status = "ACTIVE" }, after = { status = "SUSPENDED" }, verified = false
      },
      { input = "zed", source = "parameter", outcome = "not_found", error = { code = "E0000007", message = "Not found", retryable = false } },
    ]
    warnings = []
  }
}
