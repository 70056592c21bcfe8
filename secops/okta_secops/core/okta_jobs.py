"""Long lists of users: a run of the script submits a job, and the runs after it read its state until it has ended."""

from __future__ import annotations

import time
from typing import Any

from .okta_functions import Functions, NoReplyError, NotSentError, Reply

# A job costs the analyst some seconds, and perhaps a polling interval of the step. A call with so few users ends within
# the time that a function has, also with the actions that send the most requests for each user.
SHORT_LIST = 20
POLLS = 4  # reads of the state in one run of the script: a short job ends in the run that submits it
POLL_AFTER = 5.0  # seconds between them
PAGED = ("targets", "entities", "undo_requests", "not_undoable")

# Refusals of a function before anything is begun: the same request as a call does nothing twice.
NOT_A_JOB = {
    "jobs_not_configured": "The function has no jobs (JOBS_TOPIC is not set): the list was sent as one call.",
    "secret_in_job": "The result has secrets, which a job would store: the list was sent as one call.",
}


class PendingError(Exception):
    """The job has not ended, or its state was not received. The next run of the script goes on from state."""

    def __init__(self, message: str, state: dict[str, str]) -> None:
        super().__init__(message)
        self.state = state


def is_long(body: dict[str, Any], parameter: str) -> bool:
    """Reports whether a request may name more than SHORT_LIST users. A comma in quotes counts as one between names."""
    texts = [str(body["parameters"].get(parameter, "")), *(e["identifier"] for e in body.get("entities", []))]
    return sum(text.count(",") + 1 for text in texts if text.strip()) > SHORT_LIST


def submit(functions: Functions, group: str, slug: str, body: dict[str, Any], key: str) -> Reply:
    """Submits a job and returns its whole reply, or the reply to a request that is refused. A request that cannot be a
    job is sent as a call."""
    reply = functions.post(group, slug, body, key, as_job=True)
    if reply.code in NOT_A_JOB:
        called = functions.post(group, slug, body, key)
        called.members["warnings"] = [*called.members.get("warnings", []), NOT_A_JOB[reply.code]]
        return called
    if reply.code == "job_not_started":  # a part of it may be: the same request with this key goes on with it
        raise PendingError(reply.reason, {"key": key})
    if reply.status not in (200, 202) or "job" not in reply.members:
        return reply
    job = reply.members["job"]["id"]
    whole = _follow(functions, group, job, reply)
    if reply.status == 200:
        note = f"The job {job} was submitted before with the same Idempotency-Key: nothing was begun now."
        whole.members["warnings"] = [*whole.members.get("warnings", []), note]
    return whole


def resume(functions: Functions, group: str, slug: str, body: dict[str, Any], state: dict[str, str]) -> Reply:
    """Returns the whole reply of the job of an earlier run."""
    if "job" in state:
        return _follow(functions, group, state["job"], _read(functions, group, state["job"]))
    try:
        reply = functions.post(group, slug, body, state["key"], as_job=True)
    except (NotSentError, NoReplyError) as error:
        raise PendingError(f"{error}.", state) from None
    if reply.code == "job_not_started":
        raise PendingError(reply.reason, state)
    return _follow(functions, group, reply.members.get("job", {}).get("id", ""), reply)


def last_state(functions: Functions, group: str, job: str) -> Reply | None:
    """Returns the whole reply of a job that has ended, the first targets that are done of one that runs, and None if
    the state is not received."""
    try:
        reply = functions.get(group, f"jobs/{job}?after=0")
        return _whole(functions, group, job, reply) if reply.status in (200, 202) else None
    except (NotSentError, NoReplyError, PendingError):
        return None


def _read(functions: Functions, group: str, job: str, after: int = 0) -> Reply:
    """Returns the state of a job. An error that a later request may not have is a PendingError."""
    try:
        reply = functions.get(group, f"jobs/{job}" + (f"?after={after}" if after else ""))
    except (NotSentError, NoReplyError) as error:
        raise PendingError(f"{error}.", {"job": job}) from None
    if reply.status >= 500 or reply.status in (409, 429):
        raise PendingError(reply.reason, {"job": job})
    return reply


def _follow(functions: Functions, group: str, job: str, reply: Reply) -> Reply:
    """Reads the state of a job until it has ended, and returns the whole reply."""
    for _ in range(POLLS):
        if reply.status != 202 or not functions.time_for(POLL_AFTER):
            break
        time.sleep(POLL_AFTER)
        reply = _read(functions, group, job)
    if reply.status == 202:
        raise PendingError(reply.members["output_message"], {"job": job})
    if reply.status != 200:
        raise NoReplyError(f"the job {job} cannot be followed: {reply.reason}")
    return _whole(functions, group, job, reply)


def _whole(functions: Functions, group: str, job: str, reply: Reply) -> Reply:
    """Returns the reply with the pages that follow, if the job has ended."""
    members = page = reply.members
    while reply.status == 200 and (after := page.get("job", {}).pop("next", None)):
        more = _read(functions, group, job, after)
        if more.status != 200:
            raise PendingError(more.reason, {"job": job})
        page = more.members
        for name in PAGED:
            if page.get(name):
                members[name] = [*(members.get(name) or []), *page[name]]
        if page.get("json_result"):
            members["json_result"] = {**(members.get("json_result") or {}), **page["json_result"]}
    return reply
