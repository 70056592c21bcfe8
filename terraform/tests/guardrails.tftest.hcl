# The policy of the guardrails.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  project               = "acme-security"
  region                = "europe-west3"
  okta_url              = "https://acme.okta.com"
  caller_auth           = "iam"
  source_archive        = "catalog.json" # any file
  invokers              = ["serviceAccount:soar@acme.iam.gserviceaccount.com"]
  notification_channels = ["projects/acme-security/notificationChannels/1"]
}

run "guardrails_and_secret_are_refused_together" {
  command = plan
  variables {
    guardrails        = {}
    guardrails_secret = true
  }
  expect_failures = [var.guardrails_secret]
}

run "guardrails_writers_need_the_secret" {
  command = plan
  variables {
    guardrails_writers = ["group:secops@example.com"]
  }
  expect_failures = [var.guardrails_writers]
}

run "guardrails_name_each_problem" {
  command = plan
  variables {
    guardrails = {
      protected            = [{ id = "p", reason = "r", roles = ["GOD"], actions = ["get-user"] }, { id = "q", reason = "r" }]
      denied_actions       = ["disable-users"]
      deactivate           = "never"
      max_targets_per_call = -1
      max_users_per_hour   = 1.5
      mode                 = "off"
      disabled_rules       = ["freeze"]
      override             = { until = "2026-01-01T00:00:00Z", rules = ["all"], reason = "r" }
      callers              = { soar = { assignable_roles = ["ADMIN"] } }
    }
  }
  expect_failures = [terraform_data.limits]

  assert {
    condition     = length(local.guardrail_problems) == 11
    error_message = "the problems are ${jsonencode(local.guardrail_problems)}"
  }
}

run "scopes_of_guardrails_are_listed" {
  assert {
    condition = (
      contains(output.functions["users"].okta_scopes, "okta.roles.read") &&
      !contains(output.functions["logs"].okta_scopes, "okta.roles.read")
    )
    error_message = "the scopes are ${jsonencode(output.functions)}"
  }
}
