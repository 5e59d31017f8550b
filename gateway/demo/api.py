"""The public API as the demo uses it: answers are documents, refusals are exceptions."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

TIMEOUT_S: Final = 15.0
PREFIX: Final = "/api/v1"
PAGE_MAX: Final = 200


class ApiRefusedError(Exception):
    """The platform answered with a problem document."""

    def __init__(self, *, method: str, path: str, response: httpx.Response) -> None:
        self.status = response.status_code
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        self.code = str(problem.get("code", ""))
        detail = problem.get("detail", response.text[:300])
        super().__init__(f"{method} {path}: {self.status} {detail}")


class DemoApi:
    """A blocking client of one platform, for one account or for anybody."""

    def __init__(self, client: httpx.Client, token: str | None = None) -> None:
        self._client = client
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}

    @classmethod
    def at(cls, base_url: str) -> Self:
        return cls(
            httpx.Client(
                base_url=base_url + PREFIX, timeout=TIMEOUT_S, headers={"accept-language": "en"}
            )
        )

    def with_token(self, token: str) -> Self:
        """The same platform for whoever holds ``token``."""
        return type(self)(self._client, token)

    def get(self, path: str, **query: Any) -> Any:
        """The document at ``path``.

        Raises:
            ApiRefusedError: any answer but success.
        """
        return self._ask("GET", path, params=query, headers=self._headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Create; the same ``key`` creates once.

        Raises:
            ApiRefusedError: any answer but success.
        """
        headers = {} if key is None else {"idempotency-key": key}
        return self._ask("POST", path, json=body, headers=self._headers | headers)

    def put(self, path: str, body: Any = None) -> Any:
        """Put.

        Raises:
            ApiRefusedError: any answer but success.
        """
        return self._ask("PUT", path, json=body, headers=self._headers)

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        response = self._client.request(method, path, **request)
        if not response.is_success:
            raise ApiRefusedError(method=method, path=path, response=response)
        return response.json() if response.content else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
