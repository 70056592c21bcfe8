# The dashboard: calls, Okta's limits, refusals, messages and jobs.

locals {
  by_service      = ["resource.label.service_name"]
  by_subscription = ["resource.label.subscription_id"]
  service         = "$${resource.labels.service_name}"
  queue           = "$${resource.labels.subscription_id}"
  status          = "$${metric.labels.status}"

  charts = concat(
    [
      { title = "Calls", series = [{ filter = local.count, legend = local.service }] },
      { title = "Calls that end with a 5xx", series = [{ filter = local.failed, legend = local.service }] },
      {
        title = "Time of a call: 50 % and 95 %"
        series = [
          for p in ["50", "95"] : {
            filter  = local.times
            aligner = "ALIGN_PERCENTILE_${p}"
            reducer = "REDUCE_MAX"
            legend  = "${p} % ${local.service}"
          }
        ]
      },
      {
        title  = "Calls that met an Okta rate limit (429)"
        series = [{ filter = local.rate_limited, legend = local.service }]
      },
      {
        title = "Lowest percentage left of an Okta rate limit, in 95 % of calls"
        series = [
          { filter = local.remaining, aligner = "ALIGN_PERCENTILE_05", reducer = "REDUCE_MIN", legend = local.service },
        ]
      },
      { title = "Calls with a change that a guardrail refused", series = [{ filter = local.guardrails, legend = local.service }] },
      {
        title = "Contain User with a user who is not contained; refused credentials"
        series = [
          { filter = local.containment, legend = "not contained: ${local.service}" },
          { filter = local.credentials, legend = "credentials: ${local.service}" },
        ]
      },
      {
        title = "Jobs that ended"
        series = [
          { filter = local.jobs, by = ["resource.label.service_name", "metric.label.status"], legend = "${local.service} ${local.status}" },
        ]
      },
      {
        title = "Dead letters"
        series = [{
          resource = "${local.subscription} = \"${var.dead_letters}\""
          filter   = local.backlog
          aligner  = "ALIGN_MAX"
          reducer  = "REDUCE_MAX"
          by       = local.by_subscription
          legend   = local.queue
        }]
      },
      {
        title = "Age of the oldest message, in seconds"
        series = [{
          resource = "${local.subscription} = monitoring.regex.full_match(\"${local.subscriptions}\")"
          filter   = local.age
          aligner  = "ALIGN_MAX"
          reducer  = "REDUCE_MAX"
          by       = local.by_subscription
          legend   = local.queue
        }]
      },
    ],
    var.ping == null ? [] : [{
      title = "Scheduled Pings"
      series = [
        { filter = local.pings, by = ["resource.label.service_name", "metric.label.status"], legend = "${local.service} ${local.status}" },
      ]
    }],
  )
}

# Google does not store zero values and empty lists. They would be a change in each plan.
resource "google_monitoring_dashboard" "this" {
  project = var.project
  dashboard_json = jsonencode({
    displayName = "${var.prefix}: response actions for Okta"
    mosaicLayout = {
      columns = 12
      tiles = [
        for i, chart in local.charts : merge(
          i % 2 == 0 ? {} : { xPos = 6 },
          i < 2 ? {} : { yPos = 4 * floor(i / 2) },
          {
            width  = 6
            height = 4
            widget = {
              title = chart.title
              xyChart = {
                dataSets = [
                  for s in chart.series : {
                    plotType       = "LINE"
                    legendTemplate = s.legend
                    timeSeriesQuery = {
                      timeSeriesFilter = {
                        filter = "${try(s.resource, local.requests)} AND ${s.filter}"
                        aggregation = {
                          alignmentPeriod    = "300s"
                          perSeriesAligner   = try(s.aligner, "ALIGN_DELTA")
                          crossSeriesReducer = try(s.reducer, "REDUCE_SUM")
                          groupByFields      = try(s.by, local.by_service)
                        }
                      }
                    }
                  }
                ]
              }
            }
          },
        )
      ]
    }
  })
}
