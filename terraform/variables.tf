# A minimal terraform.tfvars has project, region, okta_url and caller_auth.

variable "project" {
  description = "Project that everything is deployed to, by its id."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be the id of a project, such as acme-security."
  }
}

variable "region" {
  description = "Region of the functions, the buckets and the log bucket, such as europe-west3."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region, such as europe-west3."
  }
}

variable "instance" {
  description = "Name of this deployment where several Okta orgs share a project. It is part of every name and a label of everything; empty for the only one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{0,8}[a-z0-9])?$", var.instance))
    error_message = "instance must be 2 to 10 lower-case letters, digits and hyphens, beginning with a letter, or empty."
  }
}

variable "labels" {
  description = "Further labels of everything that has labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "groups" {
  description = "Groups of actions to deploy, each a function of its own: those of catalog.json."
  type        = set(string)
  default     = ["users", "groups", "roles", "sessions", "providers", "signals"]
  nullable    = false

  validation {
    condition     = length(var.groups) > 0 && length(setsubtract(var.groups, keys(jsondecode(file("${path.module}/catalog.json"))))) == 0
    error_message = "groups must be some of users, groups, roles, sessions, providers and signals."
  }
}

# Okta

variable "okta_url" {
  description = "URL of the Okta org without a path, such as https://acme.okta.com; not the Admin Console's (OKTA_API_ROOT)."
  type        = string

  validation {
    condition     = can(regex("^https://[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]/?$", var.okta_url)) && !can(regex("-admin\\.okta", var.okta_url))
    error_message = "okta_url must be the org's URL without a path, such as https://acme.okta.com, and not the Admin Console's."
  }
}

variable "okta_credentials" {
  description = <<-EOT
    How the functions sign in to Okta, by group; "default" is for the groups that are not named. auth is api_token, or oauth
    with the client_id and key_id of a service app. Each entry has a secret of its own, whose value a person adds. One
    service app for each group is the strongest form: then no function can do what another's actions need.
  EOT
  type = map(object({
    auth      = optional(string, "api_token")
    client_id = optional(string)
    key_id    = optional(string)
  }))
  default  = { default = {} }
  nullable = false

  validation {
    condition     = alltrue([for c in values(var.okta_credentials) : contains(["api_token", "oauth"], c.auth)])
    error_message = "auth in okta_credentials must be api_token or oauth."
  }

  validation {
    condition     = alltrue([for c in values(var.okta_credentials) : (c.auth == "oauth") == (c.client_id != null && c.key_id != null)])
    error_message = "oauth in okta_credentials needs client_id and key_id, and api_token takes neither."
  }

  validation {
    condition     = length(setsubtract(keys(var.okta_credentials), concat(["default"], tolist(var.groups)))) == 0
    error_message = "okta_credentials has an entry that is neither default nor one of groups."
  }

  validation {
    condition = contains(keys(var.okta_credentials), "default") || alltrue([
      for name, g in jsondecode(file("${path.module}/catalog.json")) : contains(keys(var.okta_credentials), name) if g.needs_okta && contains(var.groups, name)
    ])
    error_message = "okta_credentials must have an entry for each group that calls Okta with credentials, or default."
  }
}

variable "okta_limit_share" {
  description = "Share of each of Okta's rate limits to use at full speed; what is left is spread until the limit resets (OKTA_LIMIT_SHARE)."
  type        = number
  default     = 0.5

  validation {
    condition     = var.okta_limit_share > 0 && var.okta_limit_share <= 1
    error_message = "okta_limit_share must be above 0, up to 1."
  }
}

variable "exceed_okta_concurrency" {
  description = "Allow more than 35 calls to Okta at once over all functions: Okta bounds an org's calls at once (75 for most), and leaves none to others who use them all."
  type        = bool
  default     = false
}

variable "signals" {
  description = "Signing of risk signals by the function of signals: the issuer that is registered in Okta, and the key id in its JWKS. null: each call brings its own key."
  type        = object({ issuer_url = string, key_id = string })
  default     = null

  validation {
    condition     = var.signals == null || can(regex("^https://", var.signals.issuer_url))
    error_message = "issuer_url in signals must be an https URL, as registered in Okta."
  }
}

# Callers

variable "caller_auth" {
  description = "How callers are authenticated (CALLER_AUTH): iam by Cloud Run, oidc by an ID token that the function checks, apikey by a key that the function checks."
  type        = string

  validation {
    condition     = contains(["iam", "oidc", "apikey"], var.caller_auth)
    error_message = "caller_auth must be iam, oidc or apikey."
  }
}

variable "invokers" {
  description = "Who may call the functions by Cloud Run's check, as IAM members such as serviceAccount:soar@acme.iam.gserviceaccount.com."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.invokers : can(regex("^(serviceAccount|user|group|principal|principalSet):", m))])
    error_message = "invokers must be IAM members such as serviceAccount:soar@acme.iam.gserviceaccount.com; nobody is let in who has no name (allUsers, allAuthenticatedUsers)."
  }
}

variable "allow_public_invocation" {
  description = "Let everyone reach the functions, which then check callers by themselves. Needed with oidc, and with apikey for callers who have no Google identity (the HTTP V2 integration of SecOps); refused with iam."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.allow_public_invocation || var.caller_auth != "iam"
    error_message = "allow_public_invocation goes with caller_auth oidc or apikey only: with iam nobody else would check callers."
  }

  validation {
    condition     = var.allow_public_invocation || var.caller_auth != "oidc"
    error_message = "caller_auth oidc needs allow_public_invocation: Cloud Run takes the signature off the token that it checks, so the function could not check it again."
  }
}

variable "caller_emails" {
  description = "oidc: service accounts that may call, by e-mail address (CALLER_EMAILS)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (var.caller_auth == "oidc") == (length(var.caller_emails) > 0)
    error_message = "caller_emails goes with caller_auth oidc, which needs it."
  }
}

# Functions

variable "functions" {
  description = "What differs from the standard for the function of a group: memory, cpu, requests at once in an instance, timeout in seconds, instances, calls to Okta at once in an instance, ingress."
  type = map(object({
    memory           = optional(string)
    cpu              = optional(string)
    concurrency      = optional(number)
    timeout          = optional(number)
    min_instances    = optional(number)
    max_instances    = optional(number)
    okta_concurrency = optional(number)
    ingress          = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), var.groups)) == 0
    error_message = "functions has an entry that is not one of groups."
  }

  validation {
    condition     = alltrue([for f in values(var.functions) : contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], coalesce(f.ingress, "ALLOW_ALL"))])
    error_message = "ingress in functions must be ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB or ALLOW_INTERNAL_ONLY."
  }

  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.okta_concurrency, 1) >= 1 && coalesce(f.okta_concurrency, 1) <= 35])
    error_message = "okta_concurrency in functions must be from 1 to 35."
  }
}

variable "request_deadline" {
  description = "Time for one request, in seconds (REQUEST_DEADLINE). SecOps waits 120 s for a reply."
  type        = number
  default     = 100

  validation {
    condition     = var.request_deadline >= 1 && var.request_deadline <= 535
    error_message = "request_deadline must be from 1 to 535 seconds: 5 s below the timeout of the functions."
  }
}

variable "max_targets" {
  description = "Most targets of one call that changes something (MAX_TARGETS). A call that reads takes at most 10 times as many names."
  type        = number
  default     = 100

  validation {
    condition     = var.max_targets >= 1 && var.max_targets <= 10000
    error_message = "max_targets must be from 1 to 10,000."
  }
}

variable "source_archive" {
  description = "Source of the functions, as go run ./tools/source-archive makes it."
  type        = string
  default     = "source.zip"
}

variable "build_service_account" {
  description = "Service account that builds the functions, by e-mail address; null: the project's default one. docs/deploy.md makes one that can do nothing else."
  type        = string
  default     = null

  validation {
    condition     = var.build_service_account == null || can(regex("^[^@]+@[^@]+\\.iam\\.gserviceaccount\\.com$", var.build_service_account))
    error_message = "build_service_account must be the e-mail address of a service account."
  }
}

variable "enable_apis" {
  description = "Enable the APIs that the deployment needs. Off where somebody else does."
  type        = bool
  default     = true
}

variable "static_egress" {
  description = "Call Okta from one static address, for a network zone in Okta: a network with direct egress, a router and NAT of its own."
  type        = bool
  default     = false
}

variable "egress_range" {
  description = "Range of the subnetwork of static_egress; a function takes up to 4 addresses an instance."
  type        = string
  default     = "10.132.0.0/26"

  validation {
    condition     = can(cidrhost(var.egress_range, 0)) && tonumber(split("/", var.egress_range)[1]) <= 26
    error_message = "egress_range must be a range of at least /26, such as 10.132.0.0/26."
  }
}

# Secrets

variable "rotation_days" {
  description = "Days between reminders to rotate a secret, published to a topic of their own; 0: none."
  type        = number
  default     = 90

  validation {
    condition     = var.rotation_days >= 0 && floor(var.rotation_days) == var.rotation_days
    error_message = "rotation_days must be a whole number of days, or 0."
  }
}

# Pub/Sub

variable "publishers" {
  description = "Who may have the actions of a group carried out by message, by group, as IAM members."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.publishers), var.groups)) == 0
    error_message = "publishers has an entry that is not one of groups."
  }

  validation {
    condition     = alltrue([for m in flatten(values(var.publishers)) : can(regex("^(serviceAccount|user|group|principal|principalSet):", m))])
    error_message = "publishers must be IAM members; nobody publishes who has no name."
  }
}

variable "subscription" {
  description = "How messages are delivered: seconds to acknowledge in, hours that they are kept, backoff in seconds, and deliveries after which a message is a dead letter as it is."
  type = object({
    ack_deadline    = optional(number, 600)
    retention_hours = optional(number, 20)
    min_backoff     = optional(number, 10)
    max_backoff     = optional(number, 600)
    max_deliveries  = optional(number, 20)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.subscription.ack_deadline <= 600 && var.subscription.ack_deadline > var.request_deadline + 5
    error_message = "ack_deadline in subscription must be at most 600 s, and above request_deadline and 5 s: or a message is delivered again while it is carried out."
  }

  validation {
    condition     = var.subscription.retention_hours < 24
    error_message = "retention_hours in subscription must be below 24: after that a message is no longer known to have been carried out."
  }

  validation {
    condition     = var.subscription.max_deliveries >= 5 && var.subscription.max_deliveries <= 100
    error_message = "max_deliveries in subscription must be from 5 to 100."
  }
}

# Operations

variable "notification_channels" {
  description = "Notification channels of the alerts, by name (projects/P/notificationChannels/N)."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "runbooks_url" {
  description = "Address of docs/runbooks, to which the alerts link; empty: they name the file."
  type        = string
  default     = ""
  nullable    = false
}

variable "no_traffic_hours" {
  description = "Hours without any call or message after which an alert asks whether callers can still reach the functions, up to 23; 0: no such alert."
  type        = number
  default     = 0

  validation {
    condition     = var.no_traffic_hours >= 0 && var.no_traffic_hours <= 23
    error_message = "no_traffic_hours must be from 0 to 23."
  }
}

variable "audit_logins" {
  description = "How the audit names users: plain, or hashed (AUDIT_LOGINS)."
  type        = string
  default     = "plain"

  validation {
    condition     = contains(["plain", "hashed"], var.audit_logins)
    error_message = "audit_logins must be plain or hashed."
  }
}

variable "audit_retention_days" {
  description = "Days that the audit is kept in its log bucket."
  type        = number
  default     = 400

  validation {
    condition     = var.audit_retention_days >= 1 && var.audit_retention_days <= 3650
    error_message = "audit_retention_days must be from 1 to 3650."
  }
}

variable "lock_audit" {
  description = "Lock the retention of the audit: nobody can shorten it or delete the bucket before its entries have aged. It cannot be unlocked."
  type        = bool
  default     = true
}

# SecOps

variable "secops" {
  description = "SecOps instance that takes the results: its id, its location (us, eu, …) and, if another, its project. null: no feed."
  type        = object({ instance = string, location = string, project = optional(string) })
  default     = null
}

variable "secops_log_type" {
  description = "ID of the log type of the results, such as OKTA_ACTION_RESULT; it must exist in SecOps. With it Terraform makes the feed; the second step is secops_push_endpoint."
  type        = string
  default     = null

  validation {
    condition     = var.secops_log_type == null || can(regex("^[A-Z0-9_]+$", var.secops_log_type))
    error_message = "secops_log_type must be the ID of a log type alone, such as OKTA_ACTION_RESULT: upper-case letters, digits and underscores. Terraform builds the full name from secops."
  }

  validation {
    condition     = var.secops_log_type == null || var.secops != null
    error_message = "secops_log_type needs secops."
  }
}

variable "secops_feed" {
  description = "Form of the feed: pubsub, where a push subscription of ours delivers with an ID token, or webhook, where a sender of yours does with the feed's key."
  type        = string
  default     = "pubsub"

  validation {
    condition     = contains(["pubsub", "webhook"], var.secops_feed)
    error_message = "secops_feed must be pubsub or webhook."
  }
}

variable "secops_push_endpoint" {
  description = "Endpoint that SecOps shows for the feed once it exists. With it results are delivered there."
  type        = string
  default     = null

  validation {
    condition     = var.secops_push_endpoint == null || (var.secops_log_type != null && var.secops_feed == "pubsub" && can(regex("^https://", var.secops_push_endpoint)))
    error_message = "secops_push_endpoint must be an https URL, and needs secops_log_type and the pubsub form of the feed."
  }
}
