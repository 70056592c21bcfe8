# The feed of results.

mock_provider "google" {
  source = "./tests/google"
}

variables {
  prefix            = "okta"
  labels            = { app = "okta-secops", instance = "default" }
  project           = { id = "acme-security", number = "123456789012" }
  catalog           = {}
  urls              = {}
  caller_auth       = "iam"
  results_topic     = "projects/acme-security/topics/okta-results"
  dead_letter_topic = "projects/acme-security/topics/okta-dead-letter"
  instance          = { instance = "00000000-0000-0000-0000-000000000000", location = "eu" }
  log_type          = "OKTA_ACTION_RESULT"
  form              = "pubsub"
  push_endpoint     = null
  backoff           = { min = 10, max = 600 }
  retention_days    = 14
}

run "feed_has_the_full_name_of_its_log_type" {
  module {
    source = "./modules/secops"
  }

  assert {
    condition = (
      google_chronicle_feed.results[0].details[0].log_type ==
      "projects/acme-security/locations/eu/instances/00000000-0000-0000-0000-000000000000/logTypes/OKTA_ACTION_RESULT"
    )
    error_message = "the log type is named below its instance"
  }
}

run "feed_of_another_project_has_its_log_type_there" {
  module {
    source = "./modules/secops"
  }

  variables {
    instance = { instance = "11111111-1111-1111-1111-111111111111", location = "us", project = "acme-secops" }
  }

  assert {
    condition = (
      google_chronicle_feed.results[0].project == "acme-secops" &&
      google_chronicle_feed.results[0].details[0].log_type ==
      "projects/acme-secops/locations/us/instances/11111111-1111-1111-1111-111111111111/logTypes/OKTA_ACTION_RESULT"
    )
    error_message = "the feed and its log type are in the project of the instance"
  }
}

run "no_feed_without_a_log_type" {
  module {
    source = "./modules/secops"
  }

  variables {
    instance = null
    log_type = null
  }

  assert {
    condition     = length(google_chronicle_feed.results) == 0 && output.feed == null
    error_message = "without an instance there is no feed"
  }
}
