"""The API as the command line uses it: found, asked, and its refusals told to a person."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final, NoReturn
from uuid import UUID

import httpx
import typer
from rich.console import Console

from gateway.accounts import Accounts
from gateway.endpoints import read_endpoints
from services.runtime.settings import Settings
from services.runtime.web import Language

EXIT_REFUSED: Final = 1
EXIT_UNREACHABLE: Final = 3
TIMEOUT_S: Final = 30.0
TRIES: Final = 3
PAGE_MAX: Final = 200
PREFIX: Final = "/api/v1"

ApiOption = Annotated[
    str | None,
    typer.Option("--api", help="Address of the platform; default: the one running here."),
]
LanguageOption = Annotated[
    str, typer.Option("--lang", help="Language of the answers: en or zh.", metavar="en|zh")
]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="A firm of the demo park: key, or part of its name. Elsewhere set NONAGON_API_KEY.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]

console = Console()
errors = Console(stderr=True)


class Api:
    """Requests that succeed, or end the program with what is wrong and a meaningful exit code."""

    def __init__(self, url: str, *, language: Language, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers: dict[str, str] = {"accept-language": language}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, params=query)

    def csv(self, path: str, **query: Any) -> Iterator[str]:
        """The lines of a list as a CSV file, all its pages one after the other under one header."""
        after: dict[str, str] = {}
        while True:
            asked = {**query, **after, "format": "csv", "limit": PAGE_MAX}
            page = self._ask("GET", path, params=asked)
            yield from page.text.splitlines(keepends=True)[1 if after else 0 :]
            following = page.headers.get("x-next-after")
            if following is None:
                return
            after = {"after": following}

    def post(self, path: str, body: object = None, *, key: UUID | None = None, **query: Any) -> Any:
        """Post; with an idempotency ``key`` a lost answer is asked for again."""
        headers = {} if key is None else {"idempotency-key": str(key)}
        tries = 1 if key is None else TRIES
        return self._ask("POST", path, tries=tries, json=body, params=query, headers=headers)

    def _ask(self, method: str, path: str, *, tries: int = TRIES, **request: Any) -> Any:
        url = self._url + PREFIX + path
        headers = self._headers | request.pop("headers", {})
        for left in reversed(range(tries)):
            try:
                response = httpx.request(
                    method, url, headers=headers, timeout=TIMEOUT_S, trust_env=False, **request
                )
            except httpx.TransportError as error:
                if left == 0:
                    self._unreachable(error)
            else:
                return self._answer(response)
        raise AssertionError("unreachable: the last try answers or exits")

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            is_file = response.headers.get("content-type", "").startswith("text/csv")
            return response if is_file else response.json()
        errors.print(f"[bold red]{response.status_code}[/] {_told(response)}")
        raise typer.Exit(EXIT_REFUSED)

    def _unreachable(self, error: httpx.TransportError) -> NoReturn:
        errors.print(f"[bold red]Cannot reach[/] {self._url}: {error}. Is the platform running?")
        raise typer.Exit(EXIT_UNREACHABLE)


def connect(url: str | None, language: str, acting: str | None = None) -> Api:
    """The API at ``url``, at ``NONAGON_API_URL``, or of the platform running here.

    It is used with ``NONAGON_API_KEY``, or as the firm of the demo park that ``acting`` names.

    Raises:
        typer.Exit: there is none, or nobody of that name.
    """
    if language not in {"en", "zh"}:
        refuse(f"--lang is en or zh, not {language!r}.")
    settings = Settings()
    running = read_endpoints(settings.state_path)
    found = url or settings.api_url or (running and running.http_url)
    if not found:
        errors.print(
            f"No platform runs on {settings.state_path}. Start one by [bold]nonagon up[/], or name"
            " one by --api or NONAGON_API_URL."
        )
        raise typer.Exit(EXIT_UNREACHABLE)
    return Api(found, language="zh" if language == "zh" else "en", token=_token(settings, acting))


def _token(settings: Settings, acting: str | None) -> str | None:
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    if acting is None:
        return None
    accounts = Accounts.read(settings.state_path)
    found = accounts.matching(acting)
    if len(found) != 1:
        known = found or accounts.by_key.values()
        names = ", ".join(one.organisation for one in known) or "nobody: no demo ran here"
        refuse(
            f"{len(found)} accounts match {acting!r}; known are: {names}."
            " On another platform set NONAGON_API_KEY."
        )
    return found[0].token


def refuse(text: str) -> NoReturn:
    """Say what is wrong with the command and end it.

    Raises:
        typer.Exit: always.
    """
    errors.print(text, markup=False)
    raise typer.Exit(2)


def print_json(document: object) -> None:
    console.print_json(data=document, ensure_ascii=False, indent=2)
    sys.stdout.flush()


def _told(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return response.text[:500]
    fields = [f"\n  {one['pointer']}: {one['message']}" for one in problem.get("errors", ())]
    return str(problem.get("detail", problem)) + "".join(fields)
