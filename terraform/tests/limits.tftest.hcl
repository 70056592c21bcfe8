# Limits that depend on several settings, and settings at their bounds.

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

run "functions_name_each_refused_setting" {
  command = plan
  variables {
    exceed_okta_concurrency = true
    subscription            = { ack_deadline = 530 }
    functions = {
      users     = { cpu = "0.5", memory = "1025Mi", timeout = 529 }
      groups    = { cpu = "3", concurrency = 1001, timeout = 529 }
      roles     = { memory = "512", min_instances = 2, timeout = 104 }
      sessions  = { cpu = "4", memory = "1Gi", max_instances = 0, timeout = 541 }
      providers = { memory = "8Gi", max_instances = 1.5, okta_concurrency = 36, timeout = 529 }
      signals   = { cpu = "500m", concurrency = 0, timeout = 530 }

      containment = { timeout = 529 }
      logs        = { timeout = 529 }
    }
  }
  expect_failures = [terraform_data.limits]

  assert {
    condition = local.function_problems == [
      join("", [
        "functions[\"groups\"]: cpu is \"3\", ",
        "must be \"1\", \"2\", \"4\", \"6\", \"8\" or from \"0.08\" to below \"1\".",
      ]),
      "functions[\"groups\"]: concurrency is 1001, must be a whole number from 1 to 1000.",
      "functions[\"providers\"]: memory is \"8Gi\", must be from 128Mi to 4096Mi with cpu \"1\".",
      "functions[\"providers\"]: max_instances is 1.5, must be a whole number of at least 1.",
      "functions[\"providers\"]: okta_concurrency is 36, must be a whole number from 1 to 35.",
      join("", [
        "functions[\"roles\"]: memory is \"512\", ",
        "must be a whole number with a unit of M, Mi, G or Gi, such as \"512Mi\".",
      ]),
      "functions[\"roles\"]: min_instances is 2, must be a whole number from 0 to max_instances (1).",
      join("", [
        "functions[\"roles\"]: timeout is 104, ",
        "must be at least 105 seconds: request_deadline and 5 seconds to send the response.",
      ]),
      "functions[\"sessions\"]: memory is \"1Gi\", must be from 2048Mi to 16384Mi with cpu \"4\".",
      "functions[\"sessions\"]: max_instances is 0, must be a whole number of at least 1.",
      "functions[\"sessions\"]: timeout is 541, must be a whole number of at most 540 seconds.",
      join("", [
        "functions[\"sessions\"]: timeout is 541, must be below ack_deadline in subscription (530): ",
        "otherwise Pub/Sub delivers a message again while it is processed.",
      ]),
      join("", [
        "functions[\"signals\"]: cpu is \"500m\", ",
        "must be \"1\", \"2\", \"4\", \"6\", \"8\" or from \"0.08\" to below \"1\".",
      ]),
      "functions[\"signals\"]: concurrency is 0, must be a whole number from 1 to 1000.",
      join("", [
        "functions[\"signals\"]: timeout is 530, must be below ack_deadline in subscription (530): ",
        "otherwise Pub/Sub delivers a message again while it is processed.",
      ]),
      "functions[\"users\"]: concurrency is 80, must be 1 with cpu \"0.5\": Cloud Run requires it below 1 CPU.",
      "functions[\"users\"]: memory is \"1025Mi\", must be from 128Mi to 1024Mi with cpu \"0.5\".",
    ]
    error_message = "got:\n${join("\n", local.function_problems)}"
  }
}

run "settings_at_their_bounds_are_accepted" {
  command = plan
  variables {
    exceed_okta_concurrency = true
    rotation_days           = 36500
    audit_retention_days    = 3650
    no_traffic_hours        = 23
    alerts = {
      error_percent          = 0.1, error_calls = 1, latency_percent = 99, latency_calls = 1, window_minutes = 5
      unacknowledged_minutes = 1080
    }
    request_deadline = 535
    subscription = {
      ack_deadline = 600, retention_hours = 0.17, min_backoff = 0, max_backoff = 0, max_deliveries = 100
    }
    functions = {
      users     = { cpu = "0.08", memory = "128Mi", concurrency = 1, min_instances = 1, max_instances = 1 }
      groups    = { cpu = "1", memory = "4Gi", concurrency = 1000 }
      roles     = { cpu = "2", memory = "8Gi", max_instances = 100, min_instances = 100, okta_concurrency = 35 }
      sessions  = { cpu = "4", memory = "2Gi" }
      providers = { cpu = "8", memory = "32Gi" }
      signals   = { cpu = "0.5", memory = "1Gi", concurrency = 1 }
    }
  }
}

run "too_many_okta_calls_are_refused" {
  command = plan
  variables {
    functions = { users = { max_instances = 10 } }
  }
  expect_failures = [terraform_data.limits]
}

run "too_many_okta_calls_can_be_allowed" {
  command = plan
  variables {
    functions               = { users = { max_instances = 10 } }
    exceed_okta_concurrency = true
  }
}

run "warning_for_groups_without_callers" {
  command = plan
  variables {
    invokers   = []
    functions  = { users = { invokers = ["user:analyst@acme.test"] } }
    publishers = { roles = ["serviceAccount:detections@acme.iam.gserviceaccount.com"] }
  }
  expect_failures = [check.callers]

  assert {
    condition     = local.unreachable == ["containment", "groups", "logs", "providers", "sessions", "signals"]
    error_message = "got: ${join(", ", local.unreachable)}"
  }
}

run "warning_for_invokers_without_effect" {
  command = plan
  variables {
    caller_auth             = "apikey"
    allow_public_invocation = true
  }
  expect_failures = [check.unused_invokers]
}

run "warning_for_alerts_without_channel" {
  command = plan
  variables {
    notification_channels = []
  }
  expect_failures = [check.notification_channels]
}

run "warning_for_no_traffic_with_pings" {
  command = plan
  variables {
    no_traffic_hours = 23
    ping             = {}
  }
  expect_failures = [check.no_traffic]
}

run "warning_for_signals_that_are_not_deployed" {
  command = plan
  variables {
    groups  = ["users"]
    signals = { issuer_url = "https://soc.acme.test", key_id = "soc-1" }
  }
  expect_failures = [check.signals]
}

run "warning_for_secops_without_feed" {
  command = plan
  variables {
    secops = { instance = "00000000-0000-0000-0000-000000000000", location = "eu" }
  }
  expect_failures = [check.feed]
}
