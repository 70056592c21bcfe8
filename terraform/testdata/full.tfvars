# All optional features, in a named instance.
project     = "acme-security"
region      = "europe-west3"
instance    = "emea"
okta_url    = "https://acme.okta.com"
caller_auth = "apikey"
labels      = { team = "secops" }

allow_public_invocation = true
separate_caller_keys    = true
lock_audit              = true
okta_credentials = {
  default = {}
  users   = { auth = "oauth", client_id = "0oa1users", key_id = "k1" }
}
signals               = { publish = true, operators = ["group:soc@acme.test"] }
static_egress         = true
build_service_account = "okta-build@acme-security.iam.gserviceaccount.com"
publishers            = { users = ["serviceAccount:detections@acme-security.iam.gserviceaccount.com"] }
notification_channels = ["projects/acme-security/notificationChannels/1"]
no_traffic_hours      = 23
ping                  = { minutes = 360 }
audit_only_in_bucket  = true
secops                = { instance = "00000000-0000-0000-0000-000000000000", location = "eu" }
secops_log_type       = "OKTA_ACTION_RESULT"
secops_push_endpoint  = "https://eu-chronicle.googleapis.com/feeds/1:importPushLogs"
