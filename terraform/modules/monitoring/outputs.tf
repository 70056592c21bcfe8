output "audit_bucket" {
  description = "Full name of the log bucket of the audit."
  value       = google_logging_project_bucket_config.audit.id
}

output "alerts" {
  description = "Alerts, by the name of their runbook."
  value = merge(
    { for name, p in google_monitoring_alert_policy.threshold : name => p.display_name },
    { for p in google_monitoring_alert_policy.no_traffic : "no-traffic" => p.display_name },
    { for p in google_monitoring_alert_policy.availability : "availability" => p.display_name },
  )
}

output "dashboard" {
  description = "URL of the dashboard."
  value       = local.dashboard_url
}
