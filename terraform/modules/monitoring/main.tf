# Alerts, each with its runbook, and a log bucket for the audit.

locals {
  runbooks      = var.runbooks_url == "" ? "docs/runbooks" : trimsuffix(var.runbooks_url, "/")
  services      = join("|", var.services)
  subscriptions = join("|", var.subscriptions)
  age           = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
  backlog       = "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
  subscription  = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id"
  revision      = "resource.type = \"cloud_run_revision\""
  requests      = "${local.revision} AND resource.labels.service_name = ${local.any_service}"
  any_service   = "monitoring.regex.full_match(\"${local.services}\")"
  refused       = "logging.googleapis.com/user/${google_logging_metric.credentials.name}"
  count         = "metric.type = \"run.googleapis.com/request_count\""

  # The key of each alert is the name of its runbook: docs/runbooks/<key>.md.
  thresholds = {
    errors = {
      name        = "more than 5 % of calls end with a 5xx"
      severity    = "ERROR"
      filter      = "${local.requests} AND ${local.count} AND metric.labels.response_code_class = \"5xx\""
      denominator = "${local.requests} AND ${local.count}"
      threshold   = 0.05
      duration    = "300s"
      aligner     = "ALIGN_RATE"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
    }
    latency = {
      name        = "95 % of calls take longer than half of their deadline"
      severity    = "WARNING"
      filter      = "${local.requests} AND metric.type = \"run.googleapis.com/request_latencies\""
      denominator = null
      threshold   = var.request_deadline * 1000 / 2
      duration    = "600s"
      aligner     = "ALIGN_PERCENTILE_95"
      reducer     = "REDUCE_MAX"
      by          = ["resource.label.service_name"]
    }
    dead-letters = {
      name        = "there are dead letters"
      severity    = "ERROR"
      filter      = "${local.subscription} = \"${var.dead_letters}\" AND ${local.backlog}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = []
    }
    unacknowledged = {
      name        = "a message has waited for more than 15 minutes"
      severity    = "ERROR"
      filter      = "${local.subscription} = monitoring.regex.full_match(\"${local.subscriptions}\") AND ${local.age}"
      denominator = null
      threshold   = 900
      duration    = "0s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = ["resource.label.subscription_id"]
    }
    secret-rotation = var.rotation == null ? null : {
      name        = "a secret is due for rotation"
      severity    = "WARNING"
      filter      = "${local.subscription} = \"${var.rotation}\" AND ${local.backlog}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = []
    }
    guardrails = {
      name        = "guardrails refuse changes"
      severity    = "WARNING"
      filter      = "${local.revision} AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.guardrails.name}\""
      denominator = null
      threshold   = 0
      duration    = "0s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
    }
    containment = {
      name        = "a user is not contained, or only partly"
      severity    = "CRITICAL"
      filter      = "${local.revision} AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.containment.name}\""
      denominator = null
      threshold   = 0
      duration    = "0s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
    }
    credentials = {
      name        = "Okta refuses the credentials or their scope"
      severity    = "CRITICAL"
      filter      = "${local.revision} AND metric.type = \"${local.refused}\""
      denominator = null
      threshold   = 0
      duration    = "0s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
    }
  }
}

# Log entries about credentials that Okta refuses. Audit entries have a lower severity and do not
# count twice.
resource "google_logging_metric" "credentials" {
  name        = "${var.prefix}-credential-failures"
  description = "Calls that Okta refused for the credentials, their scope or their admin role."
  filter      = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name=~"^(${local.services})$"
    severity>=WARNING
    jsonPayload.error_code=~"^(E0000004|E0000005|E0000006|E0000011|E0000015|invalid_client|invalid_scope|unauthorized_client|invalid_issuer|invalid_key|authentication_failed)$"
  EOT

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# Calls of which a guardrail refused at least one target. Dry runs do not count.
resource "google_logging_metric" "guardrails" {
  name        = "${var.prefix}-guardrail-refusals"
  description = "Calls with a target that a guardrail refused."
  filter      = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name=~"^(${local.services})$"
    labels.log_type="audit"
    jsonPayload.audit.kind="invocation"
    jsonPayload.audit.dry_run=false
    jsonPayload.audit.targets.error_code=~"^guardrail_"
  EOT

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

# Calls of Contain User of which at least one target is not contained. Dry runs do not count.
resource "google_logging_metric" "containment" {
  name        = "${var.prefix}-containment-failures"
  description = "Calls of Contain User with a target that is not contained, or only partly."
  filter      = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name=~"^(${local.services})$"
    labels.log_type="audit"
    jsonPayload.audit.kind="invocation"
    jsonPayload.audit.dry_run=false
    jsonPayload.audit.action="Contain User"
    jsonPayload.audit.status=~"^(partial|failure)$"
  EOT

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = { for key, alert in local.thresholds : key => alert if alert != null }

  display_name          = "${var.prefix}: ${each.value.name}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels
  user_labels           = merge(var.labels, { runbook = each.key })

  conditions {
    display_name = each.value.name

    condition_threshold {
      filter             = each.value.filter
      denominator_filter = each.value.denominator
      comparison         = "COMPARISON_GT"
      threshold_value    = each.value.threshold
      duration           = each.value.duration

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.by
      }

      dynamic "denominator_aggregations" {
        for_each = each.value.denominator == null ? [] : [1]

        content {
          alignment_period     = "300s"
          per_series_aligner   = each.value.aligner
          cross_series_reducer = each.value.reducer
          group_by_fields      = each.value.by
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Runbook: ${local.runbooks}/${each.key}.md"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "no_traffic" {
  count = var.no_traffic_hours > 0 ? 1 : 0

  display_name          = "${var.prefix}: no call and no message for ${var.no_traffic_hours} h"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.notification_channels
  user_labels           = merge(var.labels, { runbook = "no-traffic" })

  conditions {
    display_name = "no call and no message"

    condition_absent {
      filter   = "${local.requests} AND ${local.count}"
      duration = "${var.no_traffic_hours * 3600}s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Runbook: ${local.runbooks}/no-traffic.md"
  }
}

# The audit of all calls. A locked bucket cannot be shortened or deleted early, not even by the
# operator.
resource "google_logging_project_bucket_config" "audit" {
  project        = var.project
  location       = var.region
  bucket_id      = "${var.prefix}-audit"
  description    = "Audit of the Okta functions: calls, and writes to Okta before and after."
  retention_days = var.audit.retention_days
  locked         = var.audit.locked
}

resource "google_logging_project_sink" "audit" {
  name                   = "${var.prefix}-audit"
  description            = "Routes the audit of the Okta functions to its bucket."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.audit.id}"
  unique_writer_identity = true
  filter                 = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name=~"^(${local.services})$"
    labels.log_type="audit"
  EOT
}
