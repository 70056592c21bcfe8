# Settings that this deployment or Google refuses. A run has one of each variable, and the plan must refuse every one.

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

run "each_setting_is_refused_1" {
  command = plan
  variables {
    runbooks_url            = "docs/runbooks"                                       # must be a URL
    alerts                  = { error_percent = 0 }                                 # error percent is above 0
    ping                    = { minutes = 45 }                                      # minutes must divide the day evenly
    project                 = "Acme Security"                                       # project must be an id
    region                  = "REGION"                                              # region must be a name
    instance                = "elevenchars"                                         # must fit a service account
    labels                  = { Team = "SOC" }                                      # labels must be lower case
    source_archive          = "absent.zip"                                          # source archive must exist
    build_service_account   = "okta-build"                                          # must be an address
    egress_range            = "10.0.0.0/28"                                         # must have 64 addresses
    okta_url                = "https://acme-admin.okta.com"                         # must not be the admin console
    okta_credentials        = { user = {} }                                         # must name groups
    okta_limit_share        = 1.5                                                   # okta limit share is at most 1
    signals                 = { issuer_url = "http://soc.acme.test", key_id = "k" } # signals issuer must be https
    rotation_days           = 1.5                                                   # rotation days must be whole
    invokers                = ["allUsers"]                                          # invokers must not be public
    functions               = { users = { invokers = ["allUsers"] } }               # group invokers must not be public
    publishers              = { users = ["allAuthenticatedUsers"] }                 # publishers must not be public
    allow_public_invocation = true                                                  # is refused with iam
    caller_emails           = ["soar@acme.iam.gserviceaccount.com"]                 # are refused without oidc
    separate_caller_keys    = true                                                  # need apikey
    max_targets             = 10.5                                                  # max targets must be whole
    subscription            = { ack_deadline = 601 }                                # ack deadline is at most 600 s
    notification_channels   = ["soc@acme.test"]                                     # must be full names
    no_traffic_hours        = 24                                                    # no traffic hours are at most 23
    audit_logins            = "masked"                                              # audit logins must be known
    audit_retention_days    = 3651                                                  # is at most 3650 days
  }
  expect_failures = [
    var.runbooks_url,
    var.alerts,
    var.ping,
    var.project,
    var.region,
    var.instance,
    var.labels,
    var.source_archive,
    var.build_service_account,
    var.egress_range,
    var.okta_url,
    var.okta_credentials,
    var.okta_limit_share,
    var.signals,
    var.rotation_days,
    var.invokers,
    var.functions,
    var.publishers,
    var.allow_public_invocation,
    var.caller_emails,
    var.separate_caller_keys,
    var.max_targets,
    var.subscription,
    var.notification_channels,
    var.no_traffic_hours,
    var.audit_logins,
    var.audit_retention_days,
  ]
}

run "each_setting_is_refused_2" {
  command = plan
  variables {
    runbooks_url     = "https://git.acme.test/?file=" # runbooks url is a prefix
    alerts           = { error_calls = 2.5 }          # error calls must be whole
    ping             = { minutes = 720 }              # minutes must fit three times into a day
    project          = "acme-google-soc"              # project must not contain google
    instance         = "g00gle-eu"                    # instance must not contain google
    labels           = { goog-team = "soc" }          # labels must not begin with goog
    egress_range     = "10.0.0.1/26"                  # egress range must begin with its first address
    okta_credentials = { users = {} }                 # okta credentials must cover all groups
    rotation_days    = 36501                          # rotation days are at most 100 years
    invokers         = ["serviceAccount:soar"]        # invokers must be addresses
    publishers       = { user = [] }                  # publishers must name groups
    functions        = { user = {} }                  # functions must name groups
    subscription     = { ack_deadline = 105 }         # ack deadline must exceed request deadline
    no_traffic_hours = 0.5                            # no traffic hours must be whole
    signals          = { key_id = "k" }               # signals without publish need an issuer
  }
  expect_failures = [
    var.runbooks_url,
    var.alerts,
    var.ping,
    var.project,
    var.instance,
    var.labels,
    var.egress_range,
    var.okta_credentials,
    var.rotation_days,
    var.invokers,
    var.publishers,
    var.functions,
    var.subscription,
    var.no_traffic_hours,
    var.signals,
  ]
}

run "each_setting_is_refused_3" {
  command = plan
  variables {
    alerts           = { window_minutes = 1081 }            # window minutes are at most 18 h
    labels           = { instance = "soc" }                 # labels must not replace our own
    egress_range     = "fd20::/20"                          # egress range must be ipv4
    okta_credentials = { default = { auth = "ssws" } }      # okta credentials auth must be known
    functions        = { users = { ingress = "internal" } } # ingress must be known
    subscription     = { retention_hours = 0.16 }           # retention is at least 10 minutes
    retention_days   = { results = 32 }                     # retention is at most 31 days

    signals = { publish = true, operators = ["allUsers"] } # signals operators must be known accounts

    # a version is not a key
    kms_keys = { pubsub = "projects/acme-keys/locations/global/keyRings/okta/cryptoKeys/k/cryptoKeyVersions/1" }
  }
  expect_failures = [
    var.alerts,
    var.signals,
    var.retention_days,
    var.kms_keys,
    var.labels,
    var.egress_range,
    var.okta_credentials,
    var.functions,
    var.subscription,
  ]
}

run "each_setting_is_refused_4" {
  command = plan
  variables {
    alerts           = { latency_percent = 100 }              # latency percent is below 100
    labels           = { for i in range(61) : "l${i}" => "" } # labels are limited to 64
    okta_credentials = { default = { auth = "oauth" } }       # okta credentials oauth needs its ids
    subscription     = { retention_hours = 24 }               # retention ends before idempotency records expire
    retention_days   = { dead_letters = 0 }                   # retention is at least 1 day
    secret_locations = ["eu"]                                 # secret locations must be regions
  }
  expect_failures = [
    var.alerts,
    var.retention_days,
    var.secret_locations,
    var.labels,
    var.okta_credentials,
    var.subscription,
  ]
}

run "each_setting_is_refused_5" {
  command = plan
  variables {
    alerts         = { latency_calls = 0 } # latency calls are at least 1
    subscription   = { max_backoff = 601 } # backoff is at most 600 s
    retention_days = { results = 1.5 }     # retention days must be whole

    # the key of the buckets must be in their region
    kms_keys = { storage = "projects/acme-keys/locations/europe-west1/keyRings/okta/cryptoKeys/k" }
  }
  expect_failures = [
    var.alerts,
    var.retention_days,
    var.kms_keys,
    var.subscription,
  ]
}

run "each_setting_is_refused_6" {
  command = plan
  variables {
    alerts       = { unacknowledged_minutes = 4 } # unacknowledged minutes are at least 5
    subscription = { min_backoff = -1 }           # backoff is not negative

    # without secret locations the key must be in global
    kms_keys = { secrets = ["projects/acme-keys/locations/europe-west3/keyRings/okta/cryptoKeys/k"] }
  }
  expect_failures = [
    var.alerts,
    var.kms_keys,
    var.subscription,
  ]
}

run "each_setting_is_refused_7" {
  command = plan
  variables {
    subscription = { min_backoff = 60, max_backoff = 30 } # min backoff is at most max backoff

    # a location has one key
    kms_keys = {
      secrets = [for name in ["a", "b"] : "projects/acme-keys/locations/global/keyRings/okta/cryptoKeys/${name}"]
    }
  }
  expect_failures = [
    var.kms_keys,
    var.subscription,
  ]
}

run "each_setting_is_refused_8" {
  command = plan
  variables {
    subscription     = { max_deliveries = 4 }           # max deliveries are at least 5
    secret_locations = ["europe-west3", "europe-west4"] # each must have a key, or none

    kms_keys = { secrets = ["projects/acme-keys/locations/europe-west3/keyRings/okta/cryptoKeys/k"] }
  }
  expect_failures = [
    var.kms_keys,
    var.subscription,
  ]
}

run "each_setting_is_refused_9" {
  command = plan
  variables {
    subscription = { max_deliveries = 101 } # max deliveries are at most 100
  }
  expect_failures = [
    var.subscription,
  ]
}

run "groups_must_exist" {
  command = plan
  variables {
    groups = ["user"]
  }
  expect_failures = [
    var.groups,
  ]
}

run "caller_auth_must_be_known" {
  command = plan
  variables {
    caller_auth = "none"
  }
  expect_failures = [
    var.caller_auth,
  ]
}

run "oidc_needs_public_invocation" {
  command = plan
  variables {
    caller_auth   = "oidc"
    caller_emails = ["soar@acme.iam.gserviceaccount.com"]
    invokers      = []
  }
  expect_failures = [
    var.allow_public_invocation,
  ]
}

run "apikey_needs_public_invocation" {
  command = plan
  variables {
    caller_auth = "apikey"
    invokers    = []
  }
  expect_failures = [
    var.allow_public_invocation,
  ]
}

run "caller_emails_are_required_with_oidc" {
  command = plan
  variables {
    caller_auth             = "oidc"
    allow_public_invocation = true
    invokers                = []
  }
  expect_failures = [
    var.caller_emails,
  ]
}

run "request_deadline_is_limited" {
  command = plan
  variables {
    request_deadline = 536
  }
  expect_failures = [
    var.request_deadline,
  ]
}

run "ack_deadline_is_at_least_10_s" {
  command = plan
  variables {
    subscription     = { ack_deadline = 9 }
    request_deadline = 1
  }
  expect_failures = [
    var.subscription,
  ]
}
