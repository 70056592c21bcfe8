"""The SecOps side of the integration: carries an action to its function, and the reply into the case."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any

from soar_sdk.ScriptResult import (
    EXECUTION_STATE_COMPLETED,
    EXECUTION_STATE_FAILED,
    EXECUTION_STATE_INPROGRESS,
    EXECUTION_STATE_TIMEDOUT,
)
from soar_sdk.SiemplifyAction import SiemplifyAction

from .okta_functions import Functions, NoReplyError, NotSentError, Reply, Settings, boolean
from .okta_jobs import PendingError, is_long, last_state, resume, submit

INTEGRATION = "OktaSecOps"
MARGIN = 10  # seconds of the platform's time for a run of the script that remain for the case
DEFAULT_TIME = 110  # seconds, if the platform gives no deadline
LAST_RUN = 60  # seconds of the platform's time for the step that a further run needs, besides the polling interval
STATE_PARAMETER = "additional_data"  # in which the platform returns the value of the run before
SCOPE_PARAMETER = "Also Run On Scope"
OPTIONS = {"Dry Run": "dry_run", "Verify": "verify"}
MAX_CONTEXT = 1000  # bytes of a value; the functions accept 1 KiB
MAX_ROWS, MAX_CELL = 500, 200  # of the table in the case wall; rows, and characters of a cell

UNKNOWN = "It is not known whether the action was carried out: check the state in Okta before you run it again."

Result = tuple[str, Any, int]


@dataclass(frozen=True)
class Action:
    """An action: its name, its group and slug, and how it behaves."""

    name: str
    path: str
    changes: bool = False  # it changes something in Okta
    once: bool = False  # a second request has another effect: a second delivery of the step must be recognised
    entity_types: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()  # the parameters that hold secrets
    users: str = ""  # the parameter with the list of users, if a long one is carried out as a job


def run(name: str, path: str, **behaviour: Any) -> None:
    """Runs an action and ends the script. The arguments are the members of Action."""
    action = Action(name, path, **behaviour)
    siemplify = SiemplifyAction()
    siemplify.script_name = f"{INTEGRATION} - {name}"
    try:
        result = _run(siemplify, action)
    except NotSentError as error:
        result = _failure(name, f"{error}. Nothing was changed.")
    except NoReplyError as error:
        reason = f"{error}."
        if action.changes:
            reason += f" {UNKNOWN}"
        result = _failure(name, reason, EXECUTION_STATE_TIMEDOUT if error.timed_out else EXECUTION_STATE_FAILED)
    siemplify.end(*result)


def run_ping(groups: tuple[str, ...], success: str, failure: str) -> None:
    """Runs Ping of each deployed group, and ends the script with one of the texts."""
    siemplify = SiemplifyAction()
    siemplify.script_name = f"{INTEGRATION} - Ping"
    connected, failed, replies = [], [], {}
    try:
        settings = _settings(siemplify)
        functions = Functions(settings, _deadline(siemplify))
        for group in settings.groups(groups):
            try:
                reply = functions.post(group, "ping", {})
                replies[group] = reply.members
                if reply.succeeded:
                    connected.append(group)
                else:
                    failed.append(f"{group}: {reply.members['output_message']}")
            except (NotSentError, NoReplyError) as error:
                failed.append(f"{group}: {error}")
    except NotSentError as error:
        failed.append(str(error))
    if replies:
        siemplify.result.add_result_json(replies)
    if failed:
        siemplify.end(failure.format(error="; ".join(failed)), False, EXECUTION_STATE_FAILED)
    else:
        warnings = [f"{group}: {text}" for group, reply in replies.items() for text in reply.get("warnings", [])]
        siemplify.end("\n".join([success.format(groups=", ".join(connected)), *warnings]), True,
                      EXECUTION_STATE_COMPLETED)


def _run(siemplify: Any, action: Action) -> Result:
    state = _state(siemplify) if action.users else None
    functions = None
    try:
        functions, body, key = _prepared(siemplify, action)
        reply = _reply(functions, action, body, key, state)
    except PendingError as pending:
        return _pending(siemplify, action, functions, str(pending), pending.state)
    except NotSentError as error:
        if not state:
            raise
        return _pending(siemplify, action, functions, f"{error}.", state)
    return _ended(siemplify, action, reply)


def _prepared(siemplify: Any, action: Action) -> tuple[Functions, dict[str, Any], str]:
    """Returns the client, the request and its idempotency key."""
    try:
        body = _request(siemplify, action.entity_types)
        key = _key(siemplify, action, body) if action.changes else ""
        return Functions(_settings(siemplify), _deadline(siemplify)), body, key
    except NotSentError:
        raise
    except Exception as error:  # of the platform
        siemplify.LOGGER.exception(error)
        raise NotSentError(f"{type(error).__name__} before the request; see the log of the step") from None


def _reply(functions: Functions, action: Action, body: dict[str, Any], key: str, state: dict[str, str] | None) -> Reply:
    group, slug = action.path.split("/")
    if state:
        return resume(functions, group, slug, body, state)
    if action.users and is_long(body, action.users):
        return submit(functions, group, slug, body, key)
    return functions.post(group, slug, body, key)


def _ended(siemplify: Any, action: Action, reply: Reply) -> Result:
    state = EXECUTION_STATE_COMPLETED if reply.succeeded or reply.partial else EXECUTION_STATE_FAILED
    return _message(siemplify, action, reply), reply.succeeded, state


def _message(siemplify: Any, action: Action, reply: Reply) -> str:
    """Writes a reply into the case, and returns the output message."""
    notes = [f"Warning: {text}" for text in reply.members.get("warnings") or []]
    if (reply.members.get("job") or {}).get("canceled"):
        notes.append('The job was canceled: users with the error "not started" were not changed by it.')
    if reply.members.get("undo_requests"):
        notes.append("The changes can be taken back: undo_requests of the JSON result holds the steps.")
    for write in (_enrich, _add_table, _add_json):
        try:
            write(siemplify, action.name, reply, notes)
        except Exception as error:  # of the platform: the action itself was carried out
            siemplify.LOGGER.exception(error)
            notes.append(f"Warning: SecOps did not store all of the result ({type(error).__name__}).")
    return "\n".join([reply.members["output_message"], *notes])


def _state(siemplify: Any) -> dict[str, str] | None:
    """Returns the state that the run before returned, None in the first run of a step. The second argument of the script
    says which run it is."""
    if len(sys.argv) < 3 or sys.argv[2] == "True":
        return None
    try:
        given = json.loads(siemplify.parameters[STATE_PARAMETER])
        name = "job" if "job" in given else "key"
        return {name: str(given[name])}
    except (KeyError, TypeError, ValueError):
        raise NoReplyError("SecOps did not return the ID of the job to this run") from None


def _pending(
    siemplify: Any, action: Action, functions: Functions | None, message: str, state: dict[str, str],
) -> Result:
    """Returns the result of a run after which the job goes on: another run follows, unless the time of the step ends
    before it."""
    total = getattr(siemplify, "async_total_duration_deadline", 0) or siemplify.execution_deadline_unix_time_ms or 0
    interval = getattr(siemplify, "async_polling_interval_in_sec", 0) or 0
    if not total or time.time() + interval + LAST_RUN < total / 1000:
        return message, json.dumps(state), EXECUTION_STATE_INPROGRESS
    group, job = action.path.split("/")[0], state.get("job")
    if not job:
        return _failure(action.name, f"{message} The time of the step has ended. {UNKNOWN}", EXECUTION_STATE_TIMEDOUT)
    reply = last_state(functions, group, job) if functions else None
    if reply and reply.status == 200:
        return _ended(siemplify, action, reply)
    if reply:
        message = _message(siemplify, action, reply) + "\nThe table has the users that are done so far. The job goes on"
    else:
        message += "\nHow many users are done is not known. The job may go on"
    message += (f" after the time of the step: GET /jobs/{job} of the function of {group} shows its state, and "
                f"POST /jobs/{job}/cancel cancels it, with the credentials of this integration.")
    return message, False, EXECUTION_STATE_TIMEDOUT


def _settings(siemplify: Any) -> Settings:
    return Settings(siemplify.get_configuration(INTEGRATION))


def _failure(name: str, reason: str, state: int = EXECUTION_STATE_FAILED) -> Result:
    return f'Error executing action "{name}". Reason: {reason}', False, state


def _deadline(siemplify: Any) -> float:
    """Returns the time in Unix seconds at which the request must have ended: the time of a run of the script. That of the
    step may be longer."""
    own = getattr(siemplify, "script_timeout_deadline", 0)
    platform = (own or siemplify.execution_deadline_unix_time_ms or 0) / 1000
    return platform - MARGIN if platform else time.time() + DEFAULT_TIME


def _request(siemplify: Any, entity_types: tuple[str, ...]) -> dict[str, Any]:
    """Returns the body of the request. The function reads an empty text as not given, and refuses an empty boolean."""
    parameters, options = {}, {}
    for name, value in siemplify.parameters.items():
        if name in OPTIONS:
            options[OPTIONS[name]] = boolean(name, value)
        elif value is not None and name != STATE_PARAMETER:
            parameters[name] = value
    body = {"parameters": parameters, "options": options, "context": _context(siemplify)}
    if entity_types and str(parameters.get(SCOPE_PARAMETER)).strip().lower() != "false":
        body["entities"] = [{"identifier": e.identifier, "entity_type": e.entity_type}
                            for e in siemplify.target_entities if e.entity_type in entity_types]
    return body


def _context(siemplify: Any) -> dict[str, str]:
    """Returns the origin of the request, for the audit."""
    given = {
        "case_id": siemplify.case_id, "alert_id": siemplify.alert_id, "playbook": siemplify.workflow_id,
        "environment": siemplify.context_data.get("environment"), "requested_by": siemplify.original_requesting_user,
    }
    return {k: str(v).encode()[:MAX_CONTEXT].decode(errors="ignore") for k, v in given.items() if v not in (None, "")}


def _key(siemplify: Any, action: Action, body: dict[str, Any]) -> str:
    """Returns the idempotency key of the request.

    A key for this script alone makes the retries after a lost response one request. For an action that must run once,
    the key is the same for a second delivery of the step of a playbook, and another one for other targets. The values
    of secrets are not part of it, because the key is stored.
    """
    if not action.once or not siemplify.workflow_instance_id:
        return f"{uuid.uuid4()}-{action.path.split('/')[1]}"
    shown = {k: v for k, v in body["parameters"].items() if k not in action.secrets}
    asked = json.dumps([shown, body.get("entities"), body["options"]], sort_keys=True)
    digest = hashlib.sha256(asked.encode()).hexdigest()[:32]
    return f"{siemplify.workflow_instance_id}-{action.path.split('/')[1]}-{digest}"


def _enrich(siemplify: Any, _name: str, reply: Reply, _notes: list[str]) -> None:
    """Writes the enrichment of the reply to the entities of the case."""
    found = {(e["identifier"], e["entity_type"]): e["enrichment"]
             for e in reply.members.get("entities") or [] if e.get("enrichment")}
    if not found:
        return
    changed = []
    for entity in siemplify.target_entities:
        values = found.get((entity.identifier, entity.entity_type))
        if values:
            entity.additional_properties.update(values)
            entity.is_enriched = True
            changed.append(entity)
    siemplify.update_entities(changed)


def _add_table(siemplify: Any, name: str, reply: Reply, notes: list[str]) -> None:
    """Adds the targets to the case wall. Results, which may hold secrets, are not in the table."""
    targets = reply.members["targets"]
    if not targets:
        return
    rows = ["Input,Outcome,Before,After,Error"]
    for target in targets[:MAX_ROWS]:
        error = (target.get("error") or {}).get("message")
        cells = (target.get("input"), target.get("outcome"), target.get("before"), target.get("after"), error)
        rows.append(",".join(_cell(c) for c in cells))
    siemplify.result.add_data_table(f"Okta - {name}", rows)
    if len(targets) > MAX_ROWS:
        notes.append(f"The table shows {MAX_ROWS} of {len(targets)} targets.")


def _cell(value: Any) -> str:
    """Returns a value as a cell. The platform splits lines and cells without regard to quotes."""
    if isinstance(value, dict):
        value = "; ".join(f"{k}: {' '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in value.items())
    return " ".join(str("" if value is None else value).replace(",", ";").split())[:MAX_CELL]


def _add_json(siemplify: Any, _name: str, reply: Reply, notes: list[str]) -> None:
    """Adds the reply as the JSON result. The platform fails a step with more than it stores: the results, then the
    targets, are left out of such a reply, because the action itself was carried out."""
    members = dict(reply.members)
    for part, empty in (("json_result", None), ("targets", []), ("entities", []), ("undo_requests", [])):
        if _fits(siemplify, members):
            break
        if members.get(part):
            members[part] = empty
            notes.append(f"Warning: {part} is not in the JSON result, which SecOps limits to "
                         f"{siemplify.max_json_result_size} MB: use fewer targets or a lower limit.")
    siemplify.result.add_result_json(members)


def _fits(siemplify: Any, members: dict[str, Any]) -> bool:
    """Reports whether the platform stores these members: it counts the JSON text in its own JSON text."""
    room = siemplify.max_json_result_size * (1 << 20) - (1 << 20)  # the table has its place besides
    return len(json.dumps(json.dumps(members))) < room
