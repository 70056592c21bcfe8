# A Ping of each function at regular times. Cloud Scheduler publishes it to the topic of the group,
# and the push subscription delivers it: this needs no key of a caller, works with every
# caller_auth, and tests the delivery of messages too. Cloud Scheduler publishes as its own service
# agent, so that no account and no role is added here.

locals {
  ping_context = { requested_by = "scheduled Ping" }
  ping_window  = try(3 * var.ping.minutes, 0) # minutes
  ping_schedule = try(
    var.ping.minutes < 60 ? "*/${var.ping.minutes} * * * *" : "0 */${var.ping.minutes / 60} * * *", null
  )
}

resource "google_cloud_scheduler_job" "ping" {
  for_each = var.ping == null ? {} : var.topics

  project     = var.project
  name        = "${var.prefix}-${each.key}-ping"
  description = "Pings the function ${var.prefix}-${each.key}, so that its Okta credential stays in use."
  region      = var.region
  schedule    = local.ping_schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = each.value
    data       = base64encode(jsonencode({ action = "Ping", context = local.ping_context }))
  }
}

# The first condition needs a Ping that succeeded before, so the second reports those that never do.
resource "google_monitoring_alert_policy" "availability" {
  count = var.ping == null ? 0 : 1

  project               = var.project
  display_name          = "${var.prefix}: scheduled Pings fail or stop"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels
  user_labels           = merge(var.labels, { runbook = "availability" })

  conditions {
    display_name = "no scheduled Ping has succeeded for ${local.ping_window} minutes"

    condition_threshold {
      filter                  = "${local.requests} AND ${local.pings} AND metric.labels.status = \"success\""
      comparison              = "COMPARISON_LT"
      threshold_value         = 0.5
      duration                = "60s" # the minimum with evaluation_missing_data
      evaluation_missing_data = "EVALUATION_MISSING_DATA_ACTIVE"

      aggregations {
        alignment_period     = "${local.ping_window * 60}s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  conditions {
    display_name = "at least 3 scheduled Pings have failed in ${local.ping_window} minutes"

    condition_threshold {
      filter          = "${local.requests} AND ${local.pings} AND metric.labels.status = \"failure\""
      comparison      = "COMPARISON_GT"
      threshold_value = 2.5
      duration        = "0s"

      aggregations {
        alignment_period     = "${local.ping_window * 60}s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.service_name"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Runbook: ${local.runbooks}/availability.md"

    dynamic "links" {
      for_each = local.links["availability"]

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
