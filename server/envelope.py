"""The two forms of answers, and the one place where errors become answers.

Under `/api` every answer is `{"success", "data", "error"}`; the storage speaks
`{"statusCode", "error", "message"}`, as hosted storages do.
"""

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from server.errors import BadRequest, Refused

STORAGE_PREFIX = "/storage/"

DataT = TypeVar("DataT")


class Answer(BaseModel, Generic[DataT]):
    """A request that succeeded."""

    success: Literal[True] = True
    data: DataT
    error: None = None


class Refusal(BaseModel):
    """A request that did not succeed; `error` is one sentence."""

    success: Literal[False] = False
    data: None = None
    error: str


_STORAGE_CODES = {404: "NotFound", 405: "MethodNotAllowed", 413: "EntityTooLarge"}


def refusals(sentences: Mapping[int, str]) -> dict[int | str, dict[str, object]]:
    """What a route says in the OpenAPI document about the statuses that it refuses with."""
    return {
        status: {"model": Refusal, "description": sentence}
        for status, sentence in sentences.items()
    }


def install_error_answers(app: FastAPI) -> None:
    """Have every error of the app leave in the form of the path that it happened on."""
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)


def _answer(request: Request, status: int, code: str, message: str) -> JSONResponse:
    if request.scope["path"].startswith(STORAGE_PREFIX):
        content = {"statusCode": str(status), "error": code, "message": message}
        return JSONResponse(content, status)
    return JSONResponse(Refusal(error=message).model_dump(), status)


def _answer_refused(request: Request, error: Exception) -> JSONResponse:
    refused = cast("Refused", error)
    return _answer(request, refused.status, refused.code, str(refused))


def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    # The values themselves are not repeated: they may be private, and megabytes long.
    problems = cast("RequestValidationError", error).errors()
    sentence = "; ".join(f"{_place(problem['loc'])}: {problem['msg']}" for problem in problems)
    return _answer(request, BadRequest.status, BadRequest.code, sentence)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "body"


def _answer_http(request: Request, error: Exception) -> JSONResponse:
    plain = cast("HTTPException", error)
    code = _STORAGE_CODES.get(plain.status_code, BadRequest.code)
    answer = _answer(request, plain.status_code, code, plain.detail)
    answer.headers.update(plain.headers or {})
    return answer


def _answer_bug(request: Request, _error: Exception) -> JSONResponse:
    return _answer(request, 500, "InternalError", "the server failed; its log says why")
