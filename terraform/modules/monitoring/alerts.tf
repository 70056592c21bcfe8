# Alerts, each with its runbook.

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
  count         = "metric.type = \"run.googleapis.com/request_count\""
  failed        = "${local.count} AND metric.labels.response_code_class = \"5xx\""
  times         = "metric.type = \"run.googleapis.com/request_latencies\""
  logged        = "metric.type = \"logging.googleapis.com/user/"
  credentials   = "${local.logged}${google_logging_metric.credentials.name}\""
  guardrails    = "${local.logged}${google_logging_metric.guardrails.name}\""
  containment   = "${local.logged}${google_logging_metric.containment.name}\""
  rate_limited  = "${local.logged}${google_logging_metric.rate_limited.name}\""
  remaining     = "${local.logged}${google_logging_metric.okta_remaining.name}\""
  jobs          = "${local.logged}${google_logging_metric.jobs.name}\""
  pings         = "${local.logged}${try(google_logging_metric.pings[0].name, "")}\""

  # The links of each alert. Without runbooks_url the address of the runbooks is unknown, and the
  # dashboard of the deployment is the page that opens.
  dashboard_url = join("", [
    "https://console.cloud.google.com/monitoring/dashboards/builder/",
    "${basename(google_monitoring_dashboard.this.id)}?project=${var.project}",
  ])
  links = {
    for key in concat(keys(local.thresholds), ["no-traffic", "availability"]) : key => concat(
      var.runbooks_url == "" ? [] : [{ display_name = "Runbook", url = "${local.runbooks}/${key}.md" }],
      [{ display_name = "Dashboard of ${var.prefix}", url = local.dashboard_url }],
    )
  }

  # The key of each alert is the name of its runbook: docs/runbooks/<key>.md. volume is the number of
  # calls in the window that the alert needs in addition, so that one call at night does not fire it.
  window = "${var.alerts.window_minutes * 60}s"
  thresholds = {
    errors = {
      name        = "more than ${var.alerts.error_percent} % of calls end with a 5xx"
      severity    = "ERROR"
      filter      = "${local.requests} AND ${local.failed}"
      denominator = "${local.requests} AND ${local.count}"
      threshold   = var.alerts.error_percent / 100
      duration    = "0s"
      period      = local.window
      aligner     = "ALIGN_RATE"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
      volume      = { of = "calls that end with a 5xx", filter = local.failed, at_least = var.alerts.error_calls }
    }
    latency = {
      name        = "95 % of calls take longer than ${var.alerts.latency_percent} % of their deadline"
      severity    = "WARNING"
      filter      = "${local.requests} AND ${local.times}"
      denominator = null
      threshold   = var.request_deadline * 1000 * var.alerts.latency_percent / 100
      duration    = "0s"
      period      = local.window
      aligner     = "ALIGN_PERCENTILE_95"
      reducer     = "REDUCE_MAX"
      by          = ["resource.label.service_name"]
      volume      = { of = "calls", filter = local.count, at_least = var.alerts.latency_calls }
    }
    dead-letters = {
      name        = "there are dead letters"
      severity    = "ERROR"
      filter      = "${local.subscription} = \"${var.dead_letters}\" AND ${local.backlog}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = []
      volume      = null
    }
    unacknowledged = {
      name        = "a message has waited for more than ${var.alerts.unacknowledged_minutes} minutes"
      severity    = "ERROR"
      filter      = "${local.subscription} = monitoring.regex.full_match(\"${local.subscriptions}\") AND ${local.age}"
      denominator = null
      threshold   = var.alerts.unacknowledged_minutes * 60
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = ["resource.label.subscription_id"]
      volume      = null
    }
    secret-rotation = var.rotation == null ? null : {
      name        = "a secret is due for rotation"
      severity    = "WARNING"
      filter      = "${local.subscription} = \"${var.rotation}\" AND ${local.backlog}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_MAX"
      reducer     = "REDUCE_MAX"
      by          = []
      volume      = null
    }
    guardrails = {
      name        = "guardrails refuse changes"
      severity    = "WARNING"
      filter      = "${local.revision} AND ${local.guardrails}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
      volume      = null
    }
    containment = {
      name        = "a user is not contained, or only partly"
      severity    = "CRITICAL"
      filter      = "${local.revision} AND ${local.containment}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
      volume      = null
    }
    credentials = {
      name        = "Okta refuses the credentials or their scope"
      severity    = "CRITICAL"
      filter      = "${local.revision} AND ${local.credentials}"
      denominator = null
      threshold   = 0
      duration    = "0s"
      period      = "300s"
      aligner     = "ALIGN_SUM"
      reducer     = "REDUCE_SUM"
      by          = ["resource.label.service_name"]
      volume      = null
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = { for key, alert in local.thresholds : key => alert if alert != null }

  project               = var.project
  display_name          = "${var.prefix}: ${each.value.name}"
  combiner              = each.value.volume == null ? "OR" : "AND_WITH_MATCHING_RESOURCE"
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
        alignment_period     = each.value.period
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.by
      }

      dynamic "denominator_aggregations" {
        for_each = each.value.denominator == null ? [] : [1]

        content {
          alignment_period     = each.value.period
          per_series_aligner   = each.value.aligner
          cross_series_reducer = each.value.reducer
          group_by_fields      = each.value.by
        }
      }
    }
  }

  # The API has no comparison for "at least". An aligned number of calls can have a fraction.
  dynamic "conditions" {
    for_each = each.value.volume[*]

    content {
      display_name = "at least ${conditions.value.at_least} ${conditions.value.of}"

      condition_threshold {
        filter          = "${local.requests} AND ${conditions.value.filter}"
        comparison      = "COMPARISON_GT"
        threshold_value = conditions.value.at_least - 0.5
        duration        = each.value.duration

        aggregations {
          alignment_period     = each.value.period
          per_series_aligner   = "ALIGN_DELTA"
          cross_series_reducer = "REDUCE_SUM"
          group_by_fields      = each.value.by
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Runbook: ${local.runbooks}/${each.key}.md"

    dynamic "links" {
      for_each = local.links[each.key]

      content {
        display_name = links.value.display_name
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "no_traffic" {
  count = var.no_traffic_hours > 0 ? 1 : 0

  project               = var.project
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

    dynamic "links" {
      for_each = local.links["no-traffic"]

      content {
        display_name = links.value.display_name
        url          = links.value.url
      }
    }
  }
}
