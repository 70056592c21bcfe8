# Results into SecOps, and what a playbook author pastes. HTTP V2 actions, API keys and inbound webhooks of SOAR have no
# resource in Terraform: the outputs carry them.

resource "google_chronicle_feed" "results" {
  count = var.log_type == null ? 0 : 1

  project      = coalesce(var.instance.project, var.project.id)
  location     = var.instance.location
  instance     = var.instance.instance
  display_name = "${var.prefix} results"

  details {
    feed_source_type = var.form == "pubsub" ? "HTTPS_PUSH_GOOGLE_CLOUD_PUBSUB" : "HTTPS_PUSH_WEBHOOK"
    log_type         = var.log_type

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

# The second step of the Pub/Sub form: the endpoint is known once the feed exists.
resource "google_service_account" "push" {
  count = var.push_endpoint == null ? 0 : 1

  account_id   = "${var.prefix}-feed-push"
  display_name = "${var.prefix}-feed-push: delivers results to SecOps"
  description  = "Identity of the subscription that delivers results to the feed. It may do nothing in the project."
}

resource "google_service_account_iam_member" "push_token" {
  count = var.push_endpoint == null ? 0 : 1

  service_account_id = google_service_account.push[0].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_subscription" "results" {
  count = var.push_endpoint == null ? 0 : 1

  name                       = "${var.prefix}-results-secops"
  topic                      = var.results_topic
  labels                     = var.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

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

  subscription = google_pubsub_subscription.results[0].id
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${var.project.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

locals {
  # An action whose result can be read back is decided from the current state, so that a repeat needs no key. The key of
  # any other action must differ from step to step: with the same key, the second step would get the reply to the first.
  # The functions refuse a key that still contains step_name.
  step_name = "FILL_IN_STEP_NAME"

  # Placeholders as SecOps fills them in. A parameter with a default has it; a secret is left empty.
  actions = merge([
    for group, g in var.catalog : {
      for a in g.actions : "${g.group}/${a.slug}" => {
        name   = a.name
        method = "POST"
        url    = "${var.urls[group]}/${a.slug}"
        path   = "/${a.slug}"
        headers = merge(
          { "Content-Type" = "application/json" },
          a.mutates && !a.read_back ? { "Idempotency-Key" = "[Case.Identifier]-[Alert.Identifier]-${a.slug}-${local.step_name}" } : {},
          var.caller_auth == "apikey" ? {} : { "Authorization" = "Bearer [Step1.JsonResult| \"response_data.token\"]" },
        )
        body = jsonencode({
          parameters = { for p in a.parameters : p.name => p.secret ? "" : p.default != null ? p.default : "[Event.${lower(replace(p.name, "/[^A-Za-z0-9]+/", "_"))}]" if p.required || p.default != null || length(a.entity_types) > 0 && p.type == "list" }
          entities   = length(a.entity_types) == 0 ? [] : [{ identifier = "[Entity.Identifier]", entity_type = "[Entity.Type]" }]
          context    = { case_id = "[Case.Identifier]", alert_id = "[Alert.Identifier]", environment = "[Case.Environment]" }
        })
        note = a.mutates && !a.read_back ? "Replace ${local.step_name} in the Idempotency-Key with a name that no other step of the playbook has: a step with the key of another step gets the reply to that step, and does nothing. To do it again on purpose, change the key." : ""
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
