"""The HTTP side of the integration: settings, authentication, and one request to a function with its retries."""

from __future__ import annotations

import errno
import http.client
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any, NoReturn

API_KEY = "API key"
SERVICE_ACCOUNT = "Service account JSON"
WORKLOAD_IDENTITY = "Workload identity"
AUTHENTICATIONS = (API_KEY, SERVICE_ACCOUNT, WORKLOAD_IDENTITY)

STATUSES = ("success", "partial", "failure", "planned", "running")
# The function did nothing yet, and asks for the same request again: a duplicate runs, a limit, Okta or a store is down.
RETRIED = (409, 429, 503)
ATTEMPTS = 5
MAX_REPLY = 32 << 20  # bytes; the functions stop at 10 MB of results
CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class NotSentError(Exception):
    """The request did not reach a function: nothing was changed. passing is set if a retry can succeed."""

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


class NoReplyError(Exception):
    """The request was sent, and its reply was not received: it is not known whether the action was carried out."""

    def __init__(self, reason: str, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


@dataclass
class Reply:
    """A reply of a function: the HTTP status and the JSON object."""

    status: int
    members: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return self.status == 200 and self.members["is_success"] is True

    @property
    def partial(self) -> bool:
        return self.status == 200 and self.members["status"] == "partial"

    @property
    def code(self) -> str:
        """The code of the error, "" without one."""
        return (self.members.get("error") or {}).get("code", "")

    @property
    def reason(self) -> str:
        """The message of the error, or of the reply without one."""
        return (self.members.get("error") or {}).get("message") or self.members["output_message"]


def text_of(settings: dict[str, Any], name: str) -> str:
    """Returns a parameter without blanks around it, "" if it is missing."""
    value = settings.get(name)
    return "" if value is None else str(value).strip()


def boolean(name: str, value: Any) -> bool:
    """Returns a boolean that the platform gives as a boolean or as text. An empty value is not one."""
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise NotSentError(f"{name} is {json.dumps(value, default=str)}, must be true or false")
    return text == "true"


@dataclass
class Settings:
    """The parameters of an instance of the integration."""

    values: dict[str, Any] = field(repr=False)

    def groups(self, known: tuple[str, ...]) -> list[str]:
        """Returns the groups whose functions are deployed."""
        names = [n.strip().lower() for n in text_of(self.values, "Groups").split(",") if n.strip()]
        unknown = [n for n in names if n not in known]
        if unknown:
            raise NotSentError(f"Groups holds {json.dumps(unknown[0])}, must be of {', '.join(known)}")
        return names or list(known)

    def root(self, group: str) -> str:
        """Returns the URL of the function of a group, without a slash at its end."""
        own = f"{group.capitalize()} API Root"
        name = own if text_of(self.values, own) else "API Root"
        root = text_of(self.values, name).rstrip("/")
        if not root:
            raise NotSentError("API Root is empty, must be the URL of the functions with {group} for the group, "
                               f"such as https://okta-{{group}}-123456789012.europe-west1.run.app; or fill in {own}")
        if name == "API Root":
            if "{group}" not in root:
                raise NotSentError(f"API Root is {root}, must hold {{group}}, which stands for the group; "
                                   f"or fill in {own}")
            root = root.replace("{group}", group)
        try:
            url = urllib.parse.urlsplit(root)
            host, _ = url.hostname or "", url.port
        except ValueError:
            raise NotSentError(f"{name} is not a URL") from None
        local = host in ("localhost", "127.0.0.1", "::1")
        plain = re.fullmatch(r"[A-Za-z0-9.:/\[\]_-]+", root)
        if not host or not plain or not (url.scheme == "https" or url.scheme == "http" and local):
            shown = root if plain else "not valid"  # it may hold a password
            raise NotSentError(f"{name} is {shown}, must be an https URL without user, query or fragment")
        return root

    @property
    def authentication(self) -> str:
        given = text_of(self.values, "Authentication") or API_KEY
        for known in AUTHENTICATIONS:
            if given.lower() == known.lower():
                return known
        raise NotSentError(f"Authentication is {given}, must be one of {', '.join(AUTHENTICATIONS)}")

    @property
    def verify_ssl(self) -> bool:
        return boolean("Verify SSL", self.values.get("Verify SSL", True))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it would carry the key to another host, and turn the POST into a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Functions:
    """Sends requests to the functions of an instance.

    deadline is the time in Unix seconds after which no request begins and no response is awaited.
    """

    def __init__(self, settings: Settings, deadline: float) -> None:
        self.settings = settings
        self.deadline = deadline
        self._tokens: dict[str, Any] = {}
        context = ssl.create_default_context()
        if not settings.verify_ssl:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))

    def post(self, group: str, slug: str, body: dict[str, Any], key: str = "", as_job: bool = False) -> Reply:
        """Sends a request to an action, and again while the function asks for it and the time allows it."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        if as_job:
            headers["Prefer"] = "respond-async"
        return self._exchange("POST", group, slug, headers, json.dumps(body).encode())

    def get(self, group: str, path: str) -> Reply:
        """Reads from a function, again as post does."""
        return self._exchange("GET", group, path, {})

    def _exchange(self, method: str, group: str, path: str, own: dict[str, str], data: bytes | None = None) -> Reply:
        url = f"{self.settings.root(group)}/{path}"
        in_doubt: NoReplyError | None = None
        for attempt in range(1, ATTEMPTS + 1):
            headers = {"Accept": "application/json"} | own | self._credentials(group)
            request = urllib.request.Request(url, data=data, headers=headers, method=method)
            wait = float(1 << attempt)
            try:
                reply, wait = self._send(request, wait)
            except NotSentError as error:
                if not error.passing or not self._retries(wait, attempt):
                    raise in_doubt or error from None
            except NoReplyError as error:
                in_doubt = error
                if error.timed_out or not self._retries(wait, attempt):
                    raise
            else:
                if reply.status not in RETRIED or not self._retries(wait, attempt):
                    return self._checked(reply, in_doubt)
            time.sleep(wait)
        raise AssertionError("unreachable")

    @staticmethod
    def _checked(reply: Reply, in_doubt: NoReplyError | None) -> Reply:
        """A refusal of a repeat does not show the result of the first request, whose response was lost."""
        if in_doubt and reply.status not in (200, 202, 422, 502):
            raise NoReplyError(f"{in_doubt}; repeated, the function replied {reply.status}: "
                               f"{reply.members.get('output_message', '')}")
        return reply

    def time_for(self, wait: float) -> bool:
        """Reports whether a request can be sent after this wait, in seconds."""
        return time.time() + wait + 1 < self.deadline

    def _retries(self, wait: float, attempt: int) -> bool:
        return attempt < ATTEMPTS and self.time_for(wait)

    def _send(self, request: urllib.request.Request, wait: float) -> tuple[Reply, float]:
        """Sends one request. Returns the reply, and the seconds to wait before a retry."""
        left = self.deadline - time.time()
        if left < 1:
            raise NotSentError("the time of the step ended before the request was sent")
        url = request.full_url.partition("?")[0]
        try:
            with self._opener.open(request, timeout=left) as response:
                return self._read(response, response.status), wait
        except urllib.error.HTTPError as error:
            with error:
                after = error.headers.get("Retry-After", "")
                wait = float(after) if after.isdecimal() and len(after) < 6 else wait
                return self._read(error, error.code), max(wait, 1.0)
        except urllib.error.URLError as error:
            raise self._failure(url, error.reason) from None
        except (NotSentError, NoReplyError):
            raise
        except Exception as error:  # while the response was awaited
            raise self._lost(url, error) from None

    @staticmethod
    def _lost(url: str, reason: Any) -> NoReplyError:
        if isinstance(reason, TimeoutError):
            return NoReplyError(f"{url} did not reply in the time of the step", timed_out=True)
        return NoReplyError(f"the connection to {url} ended before the reply ({type(reason).__name__})")

    def _failure(self, url: str, reason: Any) -> Exception:
        """Returns the error of a connection or of the sending of a request. Some prove that it was not sent."""
        if isinstance(reason, ssl.SSLCertVerificationError):
            return NotSentError(f"the TLS certificate of {url} is not trusted: {reason.verify_message}")
        if isinstance(reason, ssl.SSLError):
            return NotSentError(f"{url} does not speak TLS as expected ({reason.reason}): check API Root")
        if isinstance(reason, (ConnectionRefusedError, socket.gaierror)) \
                or getattr(reason, "errno", None) in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return NotSentError(f"{url} cannot be reached ({reason}): check API Root", passing=True)
        return self._lost(url, reason)

    def _read(self, response: Any, status: int) -> Reply:
        """Reads a reply, which must be one of the functions: a proxy's or a login page is not."""
        body = bytearray()
        try:
            while chunk := response.read1(1 << 16):
                body += chunk
                if len(body) > MAX_REPLY:
                    raise NoReplyError(f"the reply is larger than {MAX_REPLY >> 20} MB")
                if time.time() > self.deadline:
                    raise NoReplyError("the reply did not end in the time of the step", timed_out=True)
        except TimeoutError:
            raise NoReplyError("the reply did not end in the time of the step", timed_out=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise NoReplyError(f"the reply ended early ({type(error).__name__})") from None
        try:
            members = json.loads(body)
        except ValueError:
            members = None
        if not isinstance(members, dict) or members.get("status") not in STATUSES \
                or not isinstance(members.get("is_success"), bool) \
                or not isinstance(members.get("output_message"), str) \
                or not isinstance(members.get("targets"), list):
            _foreign(status)
        return Reply(status, members)

    def _credentials(self, group: str) -> dict[str, str]:
        """Returns the header that authenticates a request to a group."""
        values, how = self.settings.values, self.settings.authentication
        if how != API_KEY:
            return {"Authorization": f"Bearer {self._id_token(self.settings.root(group), how)}"}
        key, header = text_of(values, "API Key"), text_of(values, "API Key Header") or "X-Api-Key"
        if not key.isascii() or not key.isprintable():
            raise NotSentError("API Key holds characters that a header cannot hold")
        if not re.fullmatch(r"[A-Za-z0-9-]+", header):
            raise NotSentError(f"API Key Header is {json.dumps(header)}, must be the name of a header")
        return {header: key} if key else {}

    def _id_token(self, audience: str, how: str) -> str:
        """Returns an ID token of Google for the audience. google.auth keeps it for its lifetime and renews it."""
        try:
            from google.auth.transport.requests import Request
        except ImportError:
            raise NotSentError(f"Authentication is {how}, which needs the Python package google-auth with requests: "
                               "use an API key instead") from None
        try:
            if audience not in self._tokens:
                self._tokens[audience] = self._token_source(audience, how)
            credentials = self._tokens[audience]
            if not credentials.valid:
                credentials.refresh(Request())
            return credentials.token
        except NotSentError:
            raise
        except Exception as error:  # google.auth has many; its texts hold no secrets, but may hold responses
            raise NotSentError(f"Google issued no ID token for {audience} ({type(error).__name__}): "
                               f"check {how} and its permissions") from None

    def _token_source(self, audience: str, how: str) -> Any:
        if how == SERVICE_ACCOUNT:
            from google.oauth2 import service_account

            text = text_of(self.settings.values, "Service Account JSON")
            try:
                info = json.loads(text)
            except ValueError:
                raise NotSentError("Service Account JSON is empty or not JSON, must be a key file") from None
            return service_account.IDTokenCredentials.from_service_account_info(info, target_audience=audience)
        import google.auth
        from google.auth import impersonated_credentials

        email = text_of(self.settings.values, "Workload Identity Email")
        if "@" not in email:
            raise NotSentError("Workload Identity Email is empty, must be the service account that calls the functions")
        source, _ = google.auth.default(scopes=[CLOUD_SCOPE])
        target = impersonated_credentials.Credentials(source, target_principal=email, target_scopes=[CLOUD_SCOPE])
        return impersonated_credentials.IDTokenCredentials(target, target_audience=audience, include_email=True)


def _foreign(status: int) -> NoReturn:
    """Raises the error of a response that is not one of the functions."""
    if status == 429:
        raise NotSentError("the server replied 429, and not as a function does: too many requests", passing=True)
    if status in (301, 302, 303, 307, 308, 401, 403, 404, 405):
        raise NotSentError(f"the server replied {status}, and not as a function does: check API Root and the credentials")
    raise NoReplyError(f"the server replied {status}, and not as a function does")
