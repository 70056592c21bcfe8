"""The SecOps side of the integration: carries an action to its function, and the reply into the case."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import Any

from soar_sdk.ScriptResult import EXECUTION_STATE_COMPLETED, EXECUTION_STATE_FAILED, EXECUTION_STATE_TIMEDOUT
from soar_sdk.SiemplifyAction import SiemplifyAction

from .okta_functions import Functions, NoReplyError, NotSentError, Reply, Settings, boolean

INTEGRATION = "OktaSecOps"
MARGIN = 10  # seconds of the platform's time for the step that remain for the case
DEFAULT_TIME = 110  # seconds, if the platform gives no deadline
SCOPE_PARAMETER = "Also Run On Scope"
OPTIONS = {"Dry Run": "dry_run", "Verify": "verify"}
MAX_CONTEXT = 1000  # bytes of a value; the functions accept 1 KiB
MAX_ROWS = 500  # of the table in the case wall

Result = tuple[str, bool, int]


def run(name: str, path: str, *, keyed: bool = False, entity_types: tuple[str, ...] = (),
        secrets: tuple[str, ...] = ()) -> None:
    """Runs an action and ends the script.

    path is the group and the slug. keyed is set if Okta's state does not show whether the action was carried out, so
    that a second delivery of the step must be recognised. secrets are the parameters that hold secrets.
    """
    siemplify = SiemplifyAction()
    siemplify.script_name = f"{INTEGRATION} - {name}"
    try:
        result = _run(siemplify, name, path, keyed, entity_types, secrets)
    except NotSentError as error:
        result = _failure(name, f"{error}. Nothing was changed.")
    except NoReplyError as error:
        state = EXECUTION_STATE_TIMEDOUT if error.timed_out else EXECUTION_STATE_FAILED
        result = _failure(name, f"{error}. It is not known whether the action was carried out: check the state in Okta, "
                                "then run the step again.", state)
    except Exception as error:  # of the platform, before the request
        siemplify.LOGGER.exception(error)
        result = _failure(name, f"{type(error).__name__} before the request; see the log of the step. "
                                "Nothing was changed.")
    siemplify.end(*result)


def run_ping(groups: tuple[str, ...], success: str, failure: str) -> None:
    """Runs Ping of each deployed group, and ends the script with one of the texts."""
    siemplify = SiemplifyAction()
    siemplify.script_name = f"{INTEGRATION} - Ping"
    connected, failed, replies = [], [], {}
    try:
        settings = Settings(siemplify.get_configuration(INTEGRATION))
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


def _run(siemplify: Any, name: str, path: str, keyed: bool, entity_types: tuple[str, ...],
         secrets: tuple[str, ...]) -> Result:
    group, slug = path.split("/")
    functions = Functions(Settings(siemplify.get_configuration(INTEGRATION)), _deadline(siemplify))
    body = _request(siemplify, entity_types)
    reply = functions.post(group, slug, body, _key(siemplify, slug, body, secrets) if keyed else None)
    notes = [f"Warning: {text}" for text in reply.members.get("warnings") or []]
    undo = reply.members.get("undo_requests") or []
    if undo:
        notes.append("The changes can be taken back: undo_requests of the JSON result holds the steps.")
    for write in (_enrich, _add_table, _add_json):
        try:
            write(siemplify, name, reply, notes)
        except Exception as error:  # of the platform: the action itself was carried out
            siemplify.LOGGER.exception(error)
            notes.append(f"Warning: SecOps did not store all of the result ({type(error).__name__}).")
    state = EXECUTION_STATE_COMPLETED if reply.succeeded or reply.partial else EXECUTION_STATE_FAILED
    return "\n".join([reply.members["output_message"], *notes]), reply.succeeded, state


def _failure(name: str, reason: str, state: int = EXECUTION_STATE_FAILED) -> Result:
    return f'Error executing action "{name}". Reason: {reason}', False, state


def _deadline(siemplify: Any) -> float:
    """Returns the time in Unix seconds at which the request must have ended."""
    platform = (siemplify.execution_deadline_unix_time_ms or 0) / 1000
    return platform - MARGIN if platform else time.time() + DEFAULT_TIME


def _request(siemplify: Any, entity_types: tuple[str, ...]) -> dict[str, Any]:
    """Returns the body of the request. Empty texts are left out; an empty boolean is refused by the function."""
    parameters, options = {}, {}
    for name, value in siemplify.parameters.items():
        if name in OPTIONS:
            options[OPTIONS[name]] = boolean(name, value)
        elif value is not None:
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


def _key(siemplify: Any, slug: str, body: dict[str, Any], secrets: tuple[str, ...]) -> str:
    """Returns the idempotency key: the same for a second delivery of the step, another one for other targets.

    The values of secrets are not part of it, because the key is stored. A step that runs outside a playbook has a key
    for itself: each run is another one.
    """
    instance = siemplify.workflow_instance_id or uuid.uuid4()
    shown = {k: v for k, v in body["parameters"].items() if k not in secrets}
    asked = json.dumps([shown, body.get("entities"), body["options"]], sort_keys=True)
    return f"{instance}-{slug}-{hashlib.sha256(asked.encode()).hexdigest()[:32]}"


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
    return " ".join(str("" if value is None else value).replace(",", ";").split())


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
    room = siemplify.max_json_result_size * (1 << 20) - (1 << 18)  # the table has its place besides
    return len(json.dumps(json.dumps(members))) < room
