# Refused settings that no single variable can judge, and warnings about a deployment that would
# apply but be of no use.

locals {
  # Concurrent calls to Okta of all functions together.
  okta_calls = sum([for f in values(local.functions) : f.max_instances * f.okta_concurrency])

  # CPUs; -1 if Cloud Run refuses the number.
  cpu = {
    for name, f in local.functions : name => try(
      contains([1, 2, 4, 6, 8], tonumber(f.cpu)) || tonumber(f.cpu) >= 0.08 && tonumber(f.cpu) < 1
      ? tonumber(f.cpu) : -1,
      -1
    )
  }

  # Memory in MiB; 0 if it is not written as Google expects it.
  memory_units = { M = 1000000, Mi = 1048576, G = 1000000000, Gi = 1073741824 }
  memory = {
    for name, f in local.functions : name => try(
      tonumber(regex("^([1-9][0-9]*)(M|Mi|G|Gi)$", f.memory)[0]) *
      local.memory_units[regex("^([1-9][0-9]*)(M|Mi|G|Gi)$", f.memory)[1]] / 1048576, 0
    )
  }

  # MiB that Cloud Run accepts with each number of CPUs.
  # https://docs.cloud.google.com/run/docs/configuring/services/cpu
  memory_of_cpus = { 1 = [128, 4096], 2 = [128, 8192], 4 = [2048, 16384], 6 = [4096, 24576], 8 = [4096, 32768] }
  memory_range = {
    for name, cpu in local.cpu : name => try(
      local.memory_of_cpus[tostring(cpu)], cpu < 0 ? [128, 32768] : [128, cpu < 0.5 ? 512 : 1024]
    )
  }

  function_problems = flatten([
    for name, f in local.functions : [
      for problem in [
        {
          found = local.cpu[name] < 0
          text = join("", [
            "cpu is ${jsonencode(f.cpu)}, must be \"1\", \"2\", \"4\", \"6\", \"8\" or from \"0.08\" to below \"1\"",
          ])
        },
        {
          found = local.cpu[name] > 0 && local.cpu[name] < 1 && f.concurrency > 1
          text = join("", [
            "concurrency is ${f.concurrency}, must be 1 with cpu ${jsonencode(f.cpu)}: Cloud Run requires it below ",
            "1 CPU",
          ])
        },
        {
          found = f.concurrency < 1 || f.concurrency > 1000 || floor(f.concurrency) != f.concurrency
          text  = "concurrency is ${f.concurrency}, must be a whole number from 1 to 1000"
        },
        {
          found = local.memory[name] == 0
          text = join("", [
            "memory is ${jsonencode(f.memory)}, must be a whole number with a unit of M, Mi, G or Gi, such as ",
            "\"512Mi\"",
          ])
        },
        {
          found = local.memory[name] != 0 && (
            local.memory[name] < local.memory_range[name][0] || local.memory[name] > local.memory_range[name][1]
          )
          text = join("", [
            "memory is ${jsonencode(f.memory)}, must be from ${local.memory_range[name][0]}Mi to ",
            "${local.memory_range[name][1]}Mi with cpu ${jsonencode(f.cpu)}",
          ])
        },
        {
          found = f.max_instances < 1 || floor(f.max_instances) != f.max_instances
          text  = "max_instances is ${f.max_instances}, must be a whole number of at least 1"
        },
        {
          found = f.min_instances < 0 || f.min_instances > f.max_instances || floor(f.min_instances) != f.min_instances
          text = join("", [
            "min_instances is ${f.min_instances}, must be a whole number from 0 to max_instances ",
            "(${f.max_instances})",
          ])
        },
        {
          found = f.okta_concurrency < 1 || f.okta_concurrency > 35 || floor(f.okta_concurrency) != f.okta_concurrency
          text  = "okta_concurrency is ${f.okta_concurrency}, must be a whole number from 1 to 35"
        },
        {
          found = f.timeout > 540 || floor(f.timeout) != f.timeout
          text  = "timeout is ${f.timeout}, must be a whole number of at most 540 seconds"
        },
        {
          found = f.timeout < var.request_deadline + 5
          text = join("", [
            "timeout is ${f.timeout}, must be at least ${var.request_deadline + 5} seconds: request_deadline and ",
            "5 seconds to send the response",
          ])
        },
        {
          found = f.timeout >= var.subscription.ack_deadline
          text = join("", [
            "timeout is ${f.timeout}, must be below ack_deadline in subscription ",
            "(${var.subscription.ack_deadline}): otherwise Pub/Sub delivers a message again while it is processed",
          ])
        },
      ] : "functions[\"${name}\"]: ${problem.text}." if problem.found
    ]
  ])

  # Groups that no caller can reach and no publisher can send messages to.
  unreachable = [
    for name, f in local.functions : name
    if var.caller_auth == "iam" && length(concat(var.invokers, f.invokers, lookup(var.publishers, name, []))) == 0
  ]
}

resource "terraform_data" "limits" {
  lifecycle {
    precondition {
      condition     = length(local.guardrail_problems) == 0
      error_message = "guardrails: ${join("; ", local.guardrail_problems)}."
    }

    precondition {
      condition     = length(local.function_problems) == 0
      error_message = join("\n", local.function_problems)
    }

    precondition {
      condition = var.exceed_okta_concurrency || local.okta_calls <= 35
      error_message = join("", [
        "The functions together may make ${local.okta_calls} concurrent calls to Okta (max_instances x ",
        "okta_concurrency), more than 35: lower these values in functions, or set exceed_okta_concurrency = true.",
      ])
    }
  }
}

check "callers" {
  assert {
    condition = length(local.unreachable) == 0
    error_message = join("", [
      "caller_auth is iam, and no caller is allowed for: ${join(", ", local.unreachable)}. Set invokers, invokers ",
      "of the group in functions, or publishers.",
    ])
  }
}

check "unused_invokers" {
  assert {
    condition = (
      var.caller_auth == "iam" ||
      length(flatten([var.invokers, [for f in values(local.functions) : f.invokers]])) == 0
    )
    error_message = join("", [
      "invokers has no effect: with caller_auth ${var.caller_auth} Cloud Run admits every request, and the function ",
      "authenticates the caller. Remove invokers, or use caller_auth iam.",
    ])
  }
}

check "notification_channels" {
  assert {
    condition     = length(var.notification_channels) > 0
    error_message = "notification_channels is empty: alerts and reminders to rotate secrets notify no person."
  }
}

check "no_traffic" {
  assert {
    condition     = var.no_traffic_hours == 0 || var.ping == null
    error_message = "no_traffic_hours has no effect with ping: each Ping is a message. Remove one of them."
  }
}

check "signals" {
  assert {
    condition     = var.signals == null || contains(var.groups, "signals")
    error_message = "signals has no effect: groups does not contain signals."
  }
}

check "feed" {
  assert {
    condition     = var.secops == null || var.secops_log_type != null
    error_message = "secops is set, but no feed is created: set secops_log_type."
  }

  assert {
    condition     = var.secops_log_type == null || var.secops_feed != "pubsub" || var.secops_push_endpoint != null
    error_message = "The feed receives no results until secops_push_endpoint is set to the endpoint that SecOps shows."
  }
}
